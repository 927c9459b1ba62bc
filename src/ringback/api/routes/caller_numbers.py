"""/v1/caller-numbers: the numbers that calls are made from, where those have caps of their own."""

from ringback.api import examples
from ringback.api.fields import Fields, caller_number, pace, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_caller
from ringback.ids import CALLER_NUMBER
from ringback.store.callers import change_caller, create_caller, delete_caller, find_caller, list_callers
from ringback.store.keys import Scope

_CAPS = {"max_concurrent_calls": whole(0, 1_000_000, optional=True), "dials_per_sec": pace(None)}
NEW = Fields(number=caller_number(required=True), **_CAPS)
CHANGES = Fields(**_CAPS)
LIST = list_fields(CALLER_NUMBER)
_WORD = "caller number"


async def post_caller_number(api: Api, ask: Ask) -> Answer:
    """Register a caller number."""
    body, caller_id = ask.body, api.ids.new(ask.now)
    caps = (body["max_concurrent_calls"], body["dials_per_sec"])
    async with api.database.transaction() as db:
        await create_caller(db, ask.workspace_no, caller_id, body["number"], *caps, ask.now)
        made = show_caller(found(await find_caller(db, ask.workspace_no, caller_id), _WORD))
        await ask.changing(CALLER_NUMBER, caller_id).note(db, None, made)
    return Answer(made, 201)


async def get_caller_numbers(api: Api, ask: Ask) -> Answer:
    """The caller numbers."""
    async with api.database.connection() as db:
        listing = await list_callers(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, CALLER_NUMBER, "caller_id", show_caller))


async def get_caller_number(api: Api, ask: Ask) -> Answer:
    """One caller number."""
    caller_id = path_id(ask, CALLER_NUMBER)
    async with api.database.connection() as db:
        return Answer(show_caller(found(await find_caller(db, ask.workspace_no, caller_id), _WORD)))


async def patch_caller_number(api: Api, ask: Ask) -> Answer:
    """Change the caps that were sent. Another number is another caller number."""
    async with api.database.transaction() as db:
        caller = found(await find_caller(db, ask.workspace_no, path_id(ask, CALLER_NUMBER)), _WORD)
        changed = show_caller(found(await change_caller(db, caller, ask.body), _WORD))
        await ask.changing(CALLER_NUMBER, caller["caller_id"]).note(db, show_caller(caller), changed)
    return Answer(changed)


async def delete_caller_number(api: Api, ask: Ask) -> Answer:
    """Take it off the list and its caps away. Calls from it go on."""
    async with api.database.transaction() as db:
        caller = found(await find_caller(db, ask.workspace_no, path_id(ask, CALLER_NUMBER)), _WORD)
        found(await delete_caller(db, caller, ask.now) or None, _WORD)
        await ask.changing(CALLER_NUMBER, caller["caller_id"]).note(db, show_caller(caller))
    return Answer(None, 204)


_PATH = "/v1/caller-numbers"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("caller_number_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Register a caller number: its caps bind every dial that is placed from it.",
        post_caller_number,
        body=NEW,
        status=201,
        example=examples.CALLER,
        codes=("caller_number_exists",),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "The caller numbers.",
        get_caller_numbers,
        query=LIST,
        example=examples.listed(examples.CALLER),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CALLS_READ,
        "One caller number.",
        get_caller_number,
        example=examples.CALLER,
        codes=_NOT_FOUND,
    ),
    Operation(
        "PATCH",
        _ONE,
        Scope.CALLS_WRITE,
        "Change a caller number's caps.",
        patch_caller_number,
        body=CHANGES,
        example=examples.CALLER,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CALLS_WRITE,
        "Delete a caller number and its caps. Calls from it go on.",
        delete_caller_number,
        status=204,
        codes=(*_NOT_FOUND, "caller_number_in_pool"),
    ),
)
