"""Caller numbers in the store: which calls a number's limit binds, and what is left when it goes."""

import asyncio
import json
from uuid import UUID

import pytest
from tests.world import NOON
from whenever import Instant

from ringback.domain.limits import LaneKey
from ringback.errors import Conflict
from ringback.store.attempts import Withdrawal, withdraw
from ringback.store.callers import change_caller, create_caller, delete_caller, find_caller
from ringback.store.calls import NewCall, create_call
from ringback.store.queue import Intent, Take, due_lanes, intend, take_due

NUMBER, OTHER = "+14155550100", "+14155550101"
POLICY = json.dumps({"max_attempts": 2, "after": {"no-answer": ["10m"]}})


@pytest.fixture
async def world(make_world):
    """A world without leads."""
    return await make_world()


async def call_from(world, number, n=1):
    """A single call from a number, due at noon."""
    async with world.database.transaction() as db:
        zone_set_no = await db.fetchval(
            "INSERT INTO zone_sets (zones) VALUES ('{UTC}') ON CONFLICT (zones) DO UPDATE SET zones = excluded.zones "
            "RETURNING zone_set_no"
        )
        columns = (UUID(int=n), world.trunk_no, None, f"+1415555{n:04}", number, None, zone_set_no, "{}", POLICY, NOON)
        place = {"calling_window": None, "region": None, "zone_source": "lead"}
        await create_call(db, NewCall(world.workspace_no, *columns, **place))


async def register(world, number=NUMBER, *, cap=1, n=100):
    """Register a number; returns its number in the store."""
    async with world.database.transaction() as db:
        return await create_caller(db, world.workspace_no, UUID(int=n), number, cap, None, NOON)


async def found(world, n=100):
    """A caller number by its id."""
    async with world.database.connection() as db:
        return await find_caller(db, world.workspace_no, UUID(int=n))


async def delete(world, caller):
    """Delete a caller number; returns whether there was one."""
    async with world.database.transaction() as db:
        return await delete_caller(db, caller, NOON)


async def bound(world):
    """What waits, by the number in the store that it is bound by."""
    return {row["call_id"].int: row["caller_no"] for row in await world.queue()}


async def test_new_call_is_bound_by_the_number_it_shows(world):
    """One from a number that is not registered, or from none, is bound by no number."""
    caller_no = await register(world)
    for n, number in enumerate((NUMBER, OTHER, None)):
        await call_from(world, number, n)
    assert await bound(world) == {0: caller_no, 1: 0, 2: 0}


async def test_registering_binds_what_waits(make_world):
    """Single calls that show the number; a campaign's leads are bound by the number that the campaign has."""
    world = await make_world(leads=2)
    await world.rows("UPDATE campaigns SET from_number = $1", NUMBER)
    for n, number in enumerate((NUMBER, OTHER, None)):
        await call_from(world, number, n)
    before = await bound(world)
    caller_no = await register(world)
    assert await bound(world) == {**before, 0: caller_no}


async def test_number_of_another_workspace_binds_nothing(world):
    """Neither what waits nor what comes."""
    stranger = await world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) "
        "SELECT gen_random_uuid(), 'other', created_at FROM workspaces RETURNING workspace_no"
    )
    await call_from(world, NUMBER, 1)
    async with world.database.transaction() as db:
        await create_caller(db, stranger, UUID(int=100), NUMBER, 1, None, NOON)
    await call_from(world, NUMBER, 2)
    assert await bound(world) == {1: 0, 2: 0}


async def test_of_two_that_register_a_number_at_once_one_does(world):
    """The other is told that it is there, and nothing of it is kept."""
    results = await asyncio.gather(register(world, n=1), register(world, n=2), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert [fault.code for fault in refused] == ["caller_number_exists"]
    assert await world.value("SELECT count(*) FROM caller_numbers") == 1
    assert await world.value("SELECT count(*) FROM limits WHERE kind = 'caller'") == 1


async def test_deleted_number_binds_nothing_and_hides_nothing(world):
    """What waits under it stays due, under a limit that is there and has no cap: a missing one would allow nothing."""
    caller_no = await register(world)
    await call_from(world, NUMBER)
    assert await delete(world, await found(world))
    async with world.database.connection() as db:
        lanes = {lane.key for lane in await due_lanes(db)}
    assert lanes == {LaneKey(world.workspace_no, 0, world.trunk_no, caller_no)}
    [limit] = await world.rows("SELECT * FROM limits WHERE kind = 'caller'")
    assert (limit["ref_no"], limit["max_concurrent_calls"], limit["dials_per_sec"]) == (caller_no, None, None)


async def test_number_that_comes_back_counts_what_is_up_from_before(world):
    """It has its old number in the store, which attempts are counted by, and the caps that it is given now."""
    caller_no = await register(world, cap=1)
    await delete(world, await found(world))
    await call_from(world, NUMBER)
    assert await register(world, cap=5, n=101) == caller_no
    assert await found(world) is None
    assert (await found(world, 101))["max_concurrent_calls"] == 5
    assert await bound(world) == {1: caller_no}


async def test_number_that_somebody_else_deleted_is_not_changed(world):
    """Whoever comes second finds nothing: its caps stay lifted."""
    await register(world)
    caller = await found(world)
    assert await delete(world, caller)
    assert not await delete(world, caller)
    async with world.database.transaction() as db:
        assert await change_caller(db, caller, {"max_concurrent_calls": 9}) is None
    assert await world.value("SELECT max_concurrent_calls FROM limits WHERE kind = 'caller'") is None


async def test_dial_that_is_taken_back_waits_under_its_number(world):
    """An intent made before the number was registered is bound by it when it waits again."""
    await call_from(world, NUMBER)
    world.clock.advance_to(NOON)
    everything = Take(world.workspace_no, 0, world.trunk_no, 0, 1, 1, Instant.MIN, Instant.MIN)
    intent = Intent(world.workspace_no, UUID(int=1), 1, UUID(int=9), 0, world.trunk_no, 0, 1, NUMBER)
    async with world.database.transaction() as db:
        assert len(await take_due(db, [everything], NOON)) == 1
        await intend(db, [intent], 0, NOON)
    caller_no = await register(world)
    async with world.database.connection() as db:
        await withdraw(db, [Withdrawal(world.workspace_no, UUID(int=1), 1, UUID(int=9), NOON)], NOON)
    assert await bound(world) == {1: caller_no}
