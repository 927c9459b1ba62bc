"""/v1/api-keys: who may ask, and what for."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from whenever import TimeDelta

from ringback.api import examples
from ringback.api.fields import Fields, instant, one_of, some_of, text, truth
from ringback.api.networks import networks
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import Json, show_key
from ringback.errors import Conflict, Forbidden, Invalid
from ringback.ids import KEY
from ringback.store.database import Connection, Record
from ringback.store.keys import (
    Bounds,
    Scope,
    create_key,
    hold_key,
    list_keys,
    make_secret,
    replace_key,
    revoke_key,
)

ENDS = {"now": TimeDelta(), "in-24h": TimeDelta(hours=24)}
"""When a key ends whose place another one takes."""

NEW = Fields(
    name=text(required=True),
    scopes=some_of(Scope),
    live=truth(default=True),
    expires_at=instant(),
    networks=networks(),
)
ROTATION = Fields(old_key_ends=one_of(tuple(ENDS), required=True), expires_at=instant())
LIST = list_fields(KEY)


async def post_key(api: Api, ask: Ask) -> Answer:
    """Make a key and show its secret, this once."""
    _check_live(ask, ask.body["live"])
    _check_expiry(ask)
    bounds = Bounds(ask.body["expires_at"], ask.body["networks"])
    async with api.database.transaction() as db:
        key_id, shown, secret = await _new_key(api, ask, db, ask.body, bounds)
        await ask.changing(KEY, key_id).note(db, None, shown)
    return Answer({**shown, "secret": secret}, 201)


async def get_keys(api: Api, ask: Ask) -> Answer:
    """The keys, revoked ones too."""
    async with api.database.connection() as db:
        listing = await list_keys(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, KEY, "key_id", show_key))


async def rotate_key(api: Api, ask: Ask) -> Answer:
    """Make a key that may do what this one may, and end this one: on other nodes within two seconds."""
    key_id = path_id(ask, KEY)
    _check_expiry(ask)
    async with api.database.transaction() as db:
        old = found(await hold_key(db, ask.workspace_no, key_id), "api key")
        _check_live(ask, old["live"])
        _check_good(ask, old)
        networks_too = None if old["networks"] is None else tuple(old["networks"])
        bounds = Bounds(ask.body["expires_at"] or old["expires_at"], networks_too)
        new_id, shown, secret = await _new_key(api, ask, db, old, bounds)
        await replace_key(db, ask.workspace_no, key_id, new_id, ask.now + ENDS[ask.body["old_key_ends"]], ask.now)
        ended = show_key(found(await hold_key(db, ask.workspace_no, key_id), "api key"))
        await ask.changing(KEY, key_id).note(db, show_key(old), ended)
    api.keys.forget(key_id)
    return Answer({**shown, "secret": secret}, 201)


async def delete_key(api: Api, ask: Ask) -> Answer:
    """Revoke a key: on this node at once, on others within two seconds."""
    key_id = path_id(ask, KEY)
    async with api.database.transaction() as db:
        old = found(await hold_key(db, ask.workspace_no, key_id), "api key")
        _check_live(ask, old["live"])
        await revoke_key(db, ask.workspace_no, key_id, ask.now)
        revoked = show_key(found(await hold_key(db, ask.workspace_no, key_id), "api key"))
        await ask.changing(KEY, key_id).note(db, show_key(old), revoked)
    api.keys.forget(key_id)
    return Answer(None, 204)


async def _new_key(
    api: Api, ask: Ask, db: Connection, like: Mapping[str, Any] | Record, bounds: Bounds
) -> tuple[UUID, Json, str]:
    """Make a key of this name, with these scopes. Returns its id, what is always shown of it, and its secret."""
    secret = make_secret(api.ids.new(ask.now), like["live"], api.settings.chance)
    row = await create_key(db, ask.workspace_no, secret, like["name"], like["scopes"], ask.now, bounds)
    return secret.key_id, show_key(row), secret.text


def _check_live(ask: Ask, live: bool) -> None:
    if live and not ask.key.live:
        raise Forbidden("test_key", "a test key cannot make, replace or revoke a live one")


def _check_expiry(ask: Ask) -> None:
    if ask.body["expires_at"] is not None and ask.body["expires_at"] <= ask.now:
        raise Invalid(["expires_at must be a time to come, such as '2031-01-01T00:00:00Z', or null for never"])


def _check_good(ask: Ask, key: Record) -> None:
    """Refuse to have a key replaced that is no good any more, or was replaced: two would take its place."""
    expired = key["expires_at"] is not None and key["expires_at"] <= ask.now
    if key["revoked_at"] is not None or key["replaced_by"] is not None or expired:
        raise Conflict("api_key_over", "this API key is revoked, replaced or expired: make a new one")


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
        codes=("older_release_lives", "test_key"),
    ),
    Operation("GET", _PATH, Scope.ADMIN, "The API keys.", get_keys, query=LIST, example=examples.listed(examples.KEY)),
    Operation(
        "POST",
        f"{_PATH}/{{id}}/rotate",
        Scope.ADMIN,
        "Make an API key that takes the place of this one, which ends now or in 24 hours.",
        rotate_key,
        body=ROTATION,
        status=201,
        example={**examples.KEY, "secret": examples.SECRET},
        codes=("api_key_not_found", "api_key_over", "older_release_lives", "test_key"),
    ),
    Operation(
        "DELETE",
        f"{_PATH}/{{id}}",
        Scope.ADMIN,
        "Revoke an API key.",
        delete_key,
        status=204,
        codes=("api_key_not_found", "test_key"),
    ),
)
