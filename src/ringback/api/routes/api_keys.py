"""/v1/api-keys: who may ask, and what for."""

from ringback.api import examples
from ringback.api.fields import Fields, some_of, text, truth
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_key
from ringback.errors import Forbidden
from ringback.ids import KEY
from ringback.store.keys import Scope, create_key, list_keys, make_secret, revoke_key

NEW = Fields(name=text(required=True), scopes=some_of(Scope), live=truth(default=True))
LIST = list_fields(KEY)


async def post_key(api: Api, ask: Ask) -> Answer:
    """Make a key and show its secret, this once."""
    if ask.body["live"] and not ask.key.live:
        raise Forbidden("test_key", "a test key cannot make a live one")
    secret = make_secret(api.ids.new(ask.now), ask.body["live"], api.settings.chance)
    async with api.database.connection() as db:
        row = await create_key(db, ask.workspace_no, secret, ask.body["name"], ask.body["scopes"], ask.now)
    return Answer({**show_key(row), "secret": secret.text}, 201)


async def get_keys(api: Api, ask: Ask) -> Answer:
    """The keys, revoked ones too."""
    async with api.database.connection() as db:
        listing = await list_keys(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, KEY, "key_id", show_key))


async def delete_key(api: Api, ask: Ask) -> Answer:
    """Revoke a key: on this node at once, on others within two seconds."""
    key_id = path_id(ask, KEY)
    async with api.database.connection() as db:
        found(await revoke_key(db, ask.workspace_no, key_id, ask.now) or None, "api key")
    api.keys.forget(key_id)
    return Answer(None, 204)


_PATH = "/v1/api-keys"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.ADMIN,
        "Make an API key. Its secret is in this answer and nowhere else.",
        post_key,
        body=NEW,
        status=201,
        example={**examples.KEY, "secret": examples.SECRET},
        codes=("test_key",),
    ),
    Operation("GET", _PATH, Scope.ADMIN, "The API keys.", get_keys, query=LIST, example=examples.listed(examples.KEY)),
    Operation(
        "DELETE",
        f"{_PATH}/{{id}}",
        Scope.ADMIN,
        "Revoke an API key.",
        delete_key,
        status=204,
        codes=("api_key_not_found",),
    ),
)
