"""/v1/caller-pools: caller numbers that stand in for one another."""

from collections.abc import Mapping
from typing import Any

from ringback.api import examples
from ringback.api.fields import Field, Fields, caller_number, identifier, text, truth
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import Json
from ringback.api.show_pools import show_listed_pool, show_pool
from ringback.domain.callers import MOST_NUMBERS, parse_rate, parse_rest
from ringback.errors import Impossible, Invalid
from ringback.ids import POOL
from ringback.store.caller_pools import (
    PoolPlan,
    change_pool,
    cool_down_of,
    create_pool,
    delete_pool,
    find_pool,
    hold_pool,
    list_pools,
    read_members,
    set_numbers,
    take_pool,
)
from ringback.store.database import Connection, Record
from ringback.store.keys import Scope
from ringback.store.older import check_no_older

CHOICE = {"from_number": caller_number(), "caller_pool_id": identifier(POOL, optional=True)}
"""What a campaign or a single call is dialled from: one of them, or neither for the trunk's own number."""

_NUMBER = caller_number(required=True)
_WORD = "caller pool"


def _parse_numbers(raw: Any, name: str) -> list[str]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_NUMBERS:
        raise Invalid([f"{name} must be a list of 1 to {MOST_NUMBERS} E.164 numbers, such as ['+14155550100']"])
    faults = []
    for place, number in enumerate(raw):
        try:
            _NUMBER.read(number, f"{name}[{place}]")
        except Invalid as fault:
            faults += fault.lines
    if faults:
        raise Invalid(faults)
    return list(dict.fromkeys(raw))


_NUMBERS_SCHEMA = {"type": "array", "minItems": 1, "maxItems": MOST_NUMBERS, "items": _NUMBER.schema}
_RULES = {
    "local_presence": truth(True),
    "dials_per_number": Field(parse_rate, {"type": "string", "examples": ["100 per 1d"]}, null=None),
    "rest": Field(parse_rest, {"type": "string", "examples": ["2d"]}, null=None),
}
NEW = Fields(name=text(required=True), numbers=Field(_parse_numbers, _NUMBERS_SCHEMA, required=True), **_RULES)
CHANGES = Fields(name=text(), numbers=Field(_parse_numbers, _NUMBERS_SCHEMA), **_RULES)
LIST = list_fields(POOL)


async def post_caller_pool(api: Api, ask: Ask) -> Answer:
    """Make a pool; numbers that are not registered are, without caps."""
    pool_id, plan = api.ids.new(ask.now), _plan(ask.body)
    async with api.database.transaction() as db:
        await check_no_older(db, "caller pools", ask.now)
        pool_no = await create_pool(db, ask.workspace_no, pool_id, plan, ask.now)
        await set_numbers(db, (ask.workspace_no, pool_no), ask.body["numbers"], api.ids, ask.now)
        made = await _shown(db, ask, found(await find_pool(db, ask.workspace_no, pool_id), _WORD))
        await ask.changing(POOL, pool_id).note(db, None, made)
    return Answer(made, 201)


async def get_caller_pools(api: Api, ask: Ask) -> Answer:
    """The pools, without their numbers."""
    async with api.database.connection() as db:
        listing = await list_pools(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, POOL, "pool_id", show_listed_pool))


async def get_caller_pool(api: Api, ask: Ask) -> Answer:
    """One pool with its numbers, and which of them rest."""
    async with api.database.connection() as db:
        return Answer(await _shown(db, ask, found(await find_pool(db, ask.workspace_no, path_id(ask, POOL)), _WORD)))


async def patch_caller_pool(api: Api, ask: Ask) -> Answer:
    """Change what was sent; `numbers` replaces those that it has."""
    pool_id = path_id(ask, POOL)
    async with api.database.transaction() as db:
        pool = found(await hold_pool(db, ask.workspace_no, pool_id), _WORD)
        before = await _shown(db, ask, pool)
        await change_pool(db, pool, _plan({**_written(pool), **ask.body}))
        if "numbers" in ask.body:
            await set_numbers(db, (ask.workspace_no, pool["pool_no"]), ask.body["numbers"], api.ids, ask.now)
        changed = await _shown(db, ask, found(await find_pool(db, ask.workspace_no, pool_id), _WORD))
        await ask.changing(POOL, pool_id).note(db, before, changed)
    return Answer(changed)


async def delete_caller_pool(api: Api, ask: Ask) -> Answer:
    """Delete a pool that nothing goes by. Its numbers stay registered."""
    async with api.database.transaction() as db:
        pool = found(await hold_pool(db, ask.workspace_no, path_id(ask, POOL)), _WORD)
        before = await _shown(db, ask, pool)
        await delete_pool(db, pool, ask.now)
        await ask.changing(POOL, pool["pool_id"]).note(db, before)
    return Answer(None, 204)


async def chosen_caller(db: Connection, ask: Ask, body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of what a body says its calls are dialled from; naming one takes the other's place.

    Args:
        db: a connection, in the transaction that makes the change: the pool is not deleted before its end.
        ask: the request.
        body: what was sent of CHOICE.

    Raises:
        Invalid: both are given.
        Impossible: `unknown_caller_pool`.
        Conflict: `older_release_lives`.
    """
    pool_id, number = body.get("caller_pool_id"), body.get("from_number")
    if pool_id is not None and number is not None:
        raise Invalid(["from_number and caller_pool_id are both given: leave one out, for a pool has its own numbers"])
    if pool_id is not None:
        await check_no_older(db, "caller pools", ask.now)
        pool_no = await take_pool(db, ask.workspace_no, pool_id)
        if pool_no is None:
            raise Impossible("unknown_caller_pool", "caller_pool_id names no caller pool of this workspace")
        return {"from_number": None, "caller_pool_no": pool_no}
    named = {"from_number": number} if "from_number" in body else {}
    return {**named, "caller_pool_no": None} if number is not None or "caller_pool_id" in body else named


def _plan(body: Mapping[str, Any]) -> PoolPlan:
    rate, rest = body["dials_per_number"], body["rest"]
    if rest is not None and rate is None:
        raise Invalid(["rest goes with dials_per_number, such as '100 per 1d'"])
    return PoolPlan(body["name"], body["local_presence"], rate and rate._replace(rest_sec=rest))


def _written(pool: Record) -> dict[str, Any]:
    """What a PATCH does not send."""
    rule = cool_down_of(pool)
    return {
        "name": pool["name"],
        "local_presence": pool["local_presence"],
        "dials_per_number": rule,
        "rest": rule and rule.rest_sec,
    }


async def _shown(db: Connection, ask: Ask, pool: Record) -> Json:
    return show_pool(pool, await read_members(db, [(ask.workspace_no, pool["pool_no"])]), ask.now)


_PATH = "/v1/caller-pools"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("caller_pool_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Make a caller pool: numbers that stand in for one another.",
        post_caller_pool,
        body=NEW,
        status=201,
        example=examples.CALLER_POOL,
        codes=("caller_number_in_pool", "older_release_lives"),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "The caller pools.",
        get_caller_pools,
        query=LIST,
        example=examples.listed(examples.LISTED_POOL),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CALLS_READ,
        "One caller pool with its numbers, and until when which of them rest.",
        get_caller_pool,
        example=examples.CALLER_POOL,
        codes=_NOT_FOUND,
    ),
    Operation(
        "PATCH",
        _ONE,
        Scope.CALLS_WRITE,
        "Change a caller pool; `numbers` replaces those that it has.",
        patch_caller_pool,
        body=CHANGES,
        example=examples.CALLER_POOL,
        codes=(*_NOT_FOUND, "caller_number_in_pool"),
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CALLS_WRITE,
        "Delete a caller pool that nothing goes by. Its numbers stay registered.",
        delete_caller_pool,
        status=204,
        codes=(*_NOT_FOUND, "caller_pool_in_use"),
    ),
)
