"""Dials from a caller pool: which number each goes from, its caps, its rest, and what becomes of who has to wait."""

import asyncio
from collections import Counter
from dataclasses import replace

from tests.engine.duties import begun, dial, end, work
from tests.engine.faults import mortal
from tests.engine.pools import NUMBERS, a_pool
from tests.rows import single_call
from tests.world import NOON, single_connection
from whenever import TimeDelta

from ringback.domain.callers import CoolDown, Member, Pool
from ringback.domain.limits import Room
from ringback.domain.outcome import EndReason
from ringback.engine.callers import Scale, pool_rooms
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.caller_pools import PoolNow
from ringback.wiring import explainer

REDIALS = {"max_attempts": 3, "after": {"busy": ["10m"]}}
ROTATES = {**REDIALS, "caller_number": "rotate"}
DAY = TimeDelta(hours=24)
NEARBY = ("+14155550100", "+14155550101", "+14155550102")
"""In the area of a world's leads."""


async def numbers_of(world):
    """From which number each attempt goes, by call and ordinal."""
    return {(row["call_id"], row["attempt"]): row["from_number"] for row in await world.attempts()}


async def test_dials_take_turns_from_nearby(make_world):
    """Leads are called from the numbers of their area, evenly: the trunk is told it, and the store keeps it."""
    world = await make_world(leads=30)
    await a_pool(world, (*NEARBY, *NUMBERS[1:]))
    engine = await begun(world)
    await dial(engine)
    assert Counter((await numbers_of(world)).values()) == dict.fromkeys(NEARBY, 10)
    asked = {attempt.dial.from_number for attempt in engine.node.hand.live.values()}
    assert asked == set(NEARBY)
    known = dict(await world.rows("SELECT number, caller_no FROM caller_numbers"))
    assert all(row["caller_no"] == known[row["from_number"]] for row in await world.attempts())


async def redial(world, engine):
    """Every call is busy and dialled again after its interval."""
    await end(engine)
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=10))
    await engine.node.lease.run_once()
    await dial(engine)


async def test_a_redial_comes_from_the_same_number(make_world):
    """The lead may have seen it, and saved it."""
    world = await make_world(leads=20, retry=REDIALS)
    await a_pool(world, NEARBY)
    engine = await begun(world)
    await dial(engine)
    await redial(world, engine)
    numbers = await numbers_of(world)
    assert len(numbers) == 40
    assert all(number == numbers[call_id, 1] for (call_id, _), number in numbers.items())


async def test_a_policy_may_want_another_number_for_each_redial(make_world):
    """`caller_number: rotate` takes another than that of the attempt before."""
    world = await make_world(leads=20, retry=ROTATES)
    await a_pool(world, NEARBY)
    engine = await begun(world)
    await dial(engine)
    await redial(world, engine)
    numbers = await numbers_of(world)
    assert len(numbers) == 40
    assert all(number != numbers[call_id, 1] for (call_id, n), number in numbers.items() if n == 2)


async def test_another_number_is_taken_where_one_is_at_its_cap(make_world):
    """A cap of one number holds up no dial that another can take; where all are full, calls wait without a decision."""
    world = await make_world(leads=30)
    await a_pool(world, NEARBY, caps=(2, 3, 4))
    engine = await begun(world)
    await dial(engine)
    assert Counter((await numbers_of(world)).values()) == dict(zip(NEARBY, (2, 3, 4), strict=True))
    assert await dial(engine) == 9
    assert len(await world.queue()) == 21
    assert not await world.rows("SELECT FROM decisions")
    await end(engine, 4)
    assert await dial(engine) == 9


def test_a_pool_bounds_a_claim_only_where_it_has_less_than_that_takes():
    """Slots that are not scarce are not shared out by what is up."""
    members, rule = tuple(Member(n, f"+1415555010{n}") for n in range(3)), CoolDown(20, 86_400)
    free, few = (
        PoolNow((1, n), Pool("pool", members, True, cool_down), {}) for n, cool_down in enumerate((None, rule))
    )
    caps = {free.limit_of(member): (None, None) for member in members}
    pools = {pool.key: replace(pool, caps=caps) for pool in (free, few)}
    bounded = {batch: pool_rooms(pools, {}, Scale(batch, NOON, TimeDelta())) for batch in (60, 61)}
    assert bounded == {60: {}, 61: {few.limit: Room(slots=60)}}


async def explained(world, tmp_path):
    """The binding constraint of a call that waits."""
    [row, *_] = await world.queue()
    async with world.database.connection() as db:
        explain = explainer(Shelf(), Sealer(tmp_path, None))
        said = await explain.call(db, row["workspace_no"], row["call_id"], world.clock.now())
    [one] = [one for one in said.constraints if one.binding]
    return one.kind, dict(one.detail)


async def test_a_full_pool_is_what_a_call_is_said_to_wait_for(make_world, tmp_path):
    """Its slots or its pace are those of all numbers that do not rest; one that has room is enough."""
    world = await make_world(leads=9)
    await a_pool(world, NEARBY, caps=(1, 2, None), cool_down=CoolDown(3, 86_400))
    engine = await begun(world)
    assert await dial(engine) == 6
    assert await explained(world, tmp_path) == ("slot", {"limit": "caller_pool", "up": 3, "cap": 3})
    await world.value("UPDATE limits SET max_concurrent_calls = NULL, dials_per_sec = 0.5 WHERE kind = 'caller'")
    kind, detail = await explained(world, tmp_path)
    assert (kind, detail["limit"], detail["cap"], detail["last_second"]) == ("rate", "caller_pool", 1.0, 3)
    await world.value("UPDATE limits SET dials_per_sec = NULL WHERE kind = 'caller'")
    await engine.node.permits.run_once()
    assert await dial(engine) == 9


async def test_nodes_share_the_caps_of_the_numbers(make_world):
    """Two nodes dial from one pool: together they keep to each number's cap."""
    world = await make_world(leads=60)
    await a_pool(world, NEARBY, caps=(4, 4, None))
    engines = [await begun(world, name) for name in "ab"]
    await work(world, *engines, rounds=8)
    up = Counter((await numbers_of(world)).values())
    assert up[NEARBY[0]] == up[NEARBY[1]] == 4
    assert up.total() == 60


async def test_a_single_call_takes_a_number_of_its_pool(make_world):
    """It waits in a lane of the pool, and its redial comes from the same number."""
    world = await make_world(leads=1)
    pool_no = await a_pool(world, NEARBY)
    call_id = await single_call(world)
    await world.value("UPDATE calls SET caller_pool_no = $1 WHERE campaign_no = 0", pool_no)
    await world.value("UPDATE queue SET caller_no = -$1::integer WHERE campaign_no = 0", pool_no)
    engine = await begun(world)
    await dial(engine)
    await end(engine, reason=EndReason.USER_DID_NOT_PICK_UP)
    [row] = await world.queue()
    assert (row["attempt"], row["caller_no"]) == (2, -pool_no)
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=10))
    await engine.node.lease.run_once()
    await dial(engine)
    numbers = await numbers_of(world)
    assert numbers[call_id, 1] == numbers[call_id, 2] in NEARBY


async def test_a_number_rests_after_its_dials_and_leads_wait_for_that(make_world):
    """Two numbers with five dials a day: ten leads are dialled, the others wait with the reason until the next day."""
    world = await make_world(leads=16)
    await a_pool(world, NEARBY[:2], cool_down=CoolDown(5, 86_400))
    engine = await begun(world)
    await dial(engine)
    began = world.clock.now()
    assert await dial(engine) == 10
    decided = await world.rows("SELECT rule, next_at, inputs::jsonb ->> 'numbers' AS numbers FROM decisions")
    assert {tuple(row) for row in decided} == {("caller_rest", began + DAY, "2")}
    assert len(decided) == 6
    assert {row["due_at"] for row in await world.queue()} == {began + DAY}
    await end(engine)
    world.clock.advance_to(began + DAY)
    await engine.node.lease.run_once()
    await dial(engine)
    assert Counter((await numbers_of(world)).values()) == dict.fromkeys(NEARBY[:2], 8)


async def test_nodes_never_dial_a_number_more_than_it_may(make_world):
    """Eight nodes claim at once from a pool of three numbers with seven dials a day: 21 dials, seven each."""
    world = await make_world(leads=200)
    await a_pool(world, NEARBY, cool_down=CoolDown(7, 86_400))
    engines = [await begun(world, f"n{n}", claim_batch=5, database=await single_connection(world)) for n in range(8)]
    for _ in range(6):
        await asyncio.gather(*(engine.dialler.run_once() for engine in engines))
    assert Counter((await numbers_of(world)).values()) == dict.fromkeys(NEARBY, 7)
    counts = await world.rows("SELECT dials, began_at FROM caller_pool_numbers")
    assert [row["dials"] for row in counts] == [7] * 3
    assert all(row["began_at"] > NOON for row in counts)


async def test_a_dial_that_is_taken_back_is_not_counted(make_world):
    """It was never placed: the number has it left, and it goes out from there the next time."""
    world = await make_world(leads=6)
    await a_pool(world, NEARBY[:1], cool_down=CoolDown(4, 86_400))
    engine = await begun(world)
    await engine.dialler.run_once()
    engine.node.hand.unplaced.extend(list(engine.node.hand.live.values())[:3])
    await engine.placer.withdraw("for a test")
    assert await world.value("SELECT dials FROM caller_pool_numbers") == 1
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=11))
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    assert len(await world.attempts()) == await world.value("SELECT dials FROM caller_pool_numbers") == 4


async def statements_of_a_claim(world):
    """How many statements and commits a claim takes that dials all leads."""
    world.clock.advance_to(NOON + TimeDelta(milliseconds=1))
    engine, steps = await mortal(world, 0)
    await engine.node.lease.run_once()
    before = steps.count
    assert await engine.dialler.run_once() == 5
    return steps.count - before


async def test_a_pool_costs_a_claim_one_statement(make_world):
    """Whether or not its numbers rest; a campaign without a pool pays nothing."""
    plain, pooled, counted = [await make_world(leads=5) for _ in range(3)]
    await a_pool(pooled, NEARBY)
    await a_pool(counted, NEARBY, cool_down=CoolDown(9, 86_400))
    without = await statements_of_a_claim(plain)
    assert [await statements_of_a_claim(world) for world in (pooled, counted)] == [without + 1] * 2


async def test_a_pool_that_has_lost_its_numbers_dials_nobody(make_world):
    """Nothing is dialled from a number that nobody named; a from_number of the campaign goes before its pool."""
    world = await make_world(leads=3)
    await a_pool(world, NEARBY)
    await world.value("UPDATE caller_pool_numbers SET pool_no = NULL")
    engine = await begun(world)
    assert await dial(engine) == 0
    await world.value("UPDATE campaigns SET caller_pool_no = 4711")  # which is not there
    world.clock.advance_to(world.clock.now() + TimeDelta(hours=1))
    await engine.node.lease.run_once()
    assert await dial(engine) == 0
    assert {row["rule"] for row in await world.rows("SELECT rule FROM decisions")} == {"caller_rest"}
    await world.value("UPDATE campaigns SET from_number = '+12025550100'")
    world.clock.advance_to(world.clock.now() + TimeDelta(hours=1))
    await engine.node.lease.run_once()
    await dial(engine)
    assert set((await numbers_of(world)).values()) == {"+12025550100"}
