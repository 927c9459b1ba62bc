"""/v1/workspaces: the tenants of this installation, for its operator."""

from ringback.api import examples_workspaces as examples
from ringback.api.fields import Fields, text, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.show import Json, show_time
from ringback.errors import Forbidden
from ringback.ids import WORKSPACE, show
from ringback.store.database import Connection, Record
from ringback.store.founding import DEFAULT_CAP, found_workspace, is_operators
from ringback.store.keys import Scope
from ringback.store.workspaces import find_workspace, list_workspaces

NEW = Fields(name=text(required=True), max_concurrent_calls=whole(0, 1_000_000, default=DEFAULT_CAP, optional=True))
LIST = list_fields(WORKSPACE)


async def post_workspace(api: Api, ask: Ask) -> Answer:
    """Make a workspace, and show the secrets of its first keys, this once."""
    if not ask.key.live:
        raise Forbidden("test_key", "a test key cannot make live keys, which a workspace begins with")
    async with api.database.transaction() as db:
        await _require_operator(db, ask)
        chance, cap = api.settings.chance, ask.body["max_concurrent_calls"]
        made = await found_workspace(db, ask.body["name"], cap, api.ids, chance, ask.now)
        shown = show_listed_workspace(await find_workspace(db, made.workspace_no))
        await ask.changing(WORKSPACE, made.workspace_id).note(db, None, shown)
    return Answer({"workspace": shown, "live_key": made.live_key, "test_key": made.test_key}, 201)


async def get_workspaces(api: Api, ask: Ask) -> Answer:
    """The workspaces, and nothing of what is in them."""
    async with api.database.connection() as db:
        await _require_operator(db, ask)
        listing = await list_workspaces(db, part_of(ask.query))
    return Answer(list_body(listing, ask.query, WORKSPACE, "workspace_id", show_listed_workspace))


async def _require_operator(db: Connection, ask: Ask) -> None:
    if not await is_operators(db, ask.workspace_no):
        raise Forbidden("not_operator", "this takes a key of the first workspace, which `ringback init` made")


def show_listed_workspace(row: Record) -> Json:
    """A workspace as its operator sees it."""
    return {
        "id": show(WORKSPACE, row["workspace_id"]),
        "name": row["name"],
        "max_concurrent_calls": row["max_concurrent_calls"],
        "created_at": show_time(row["created_at"]),
    }


_PATH = "/v1/workspaces"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.ADMIN,
        "Make a workspace with its first keys, for the operator alone. Their secrets are in this answer only.",
        post_workspace,
        body=NEW,
        status=201,
        example=examples.NEW_WORKSPACE,
        codes=("not_operator", "test_key", "workspace_exists"),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.ADMIN,
        "The workspaces of this installation, for its operator alone.",
        get_workspaces,
        query=LIST,
        example=examples.listed(examples.LISTED_WORKSPACE),
        codes=("not_operator",),
    ),
)
