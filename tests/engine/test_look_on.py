"""A node looks on from where it left off, and back now and then, so that nothing is passed over for good."""

from tests.engine.duties import another_campaign, begun, dial, end
from tests.world import NOON, some_leads
from whenever import TimeDelta

LONG_AGO = NOON - TimeDelta(minutes=5)
LOOK_BACK = TimeDelta(seconds=10)
REDIALS = {"max_attempts": 3, "after": {"busy": ["1s"]}}


async def backdate(world, count=1):
    """Some of what waits was due long ago: it was imported late, or another node passed it over."""
    last = [row["call_id"] for row in await world.queue()][-count:]
    await world.value("UPDATE queue SET due_at = $1 WHERE call_id = ANY ($2)", LONG_AGO, last)


async def waiting_since(world):
    """When what waits was due."""
    return {row["due_at"] for row in await world.queue()}


async def test_what_was_due_before_is_found_by_the_look_back(make_world):
    """Within ten seconds; until then the node goes on with what lies ahead, and does not walk over what it took."""
    world = await make_world(leads=12)
    engine = await begun(world, claim_batch=3)
    assert [await dial(engine) for _ in range(2)] == [3, 6]
    await backdate(world)
    assert await dial(engine) == 9
    assert LONG_AGO in await waiting_since(world)
    world.clock.advance_to(world.clock.now() + LOOK_BACK)
    assert await dial(engine) == 12
    assert await world.queue() == []


async def test_what_another_node_held_and_let_go_is_dialled(make_world):
    """Its claim was rolled back after this one had gone past it."""
    world = await make_world(leads=6)
    engine = await begun(world)
    async with world.database.transaction() as db:
        first = "SELECT call_id FROM queue ORDER BY due_at LIMIT 1"
        await db.fetch("SELECT FROM queue WHERE call_id = $1 FOR UPDATE", await db.fetchval(first))
        assert await dial(engine) == 5
    world.clock.advance_to(world.clock.now() + LOOK_BACK)
    assert await dial(engine) == 6


async def test_leads_that_come_with_a_time_that_is_over_wait_for_no_more_than_a_look_back(make_world):
    """While their campaign has others that are due, and at once where it has none."""
    world = await make_world(leads=4)
    engine = await begun(world, claim_batch=2)
    await dial(engine)
    await world.add_leads(some_leads(2, first=50), now=LONG_AGO)
    assert await dial(engine) == 4
    assert await waiting_since(world) == {LONG_AGO, LONG_AGO + TimeDelta(microseconds=1)}
    world.clock.advance_to(world.clock.now() + LOOK_BACK)
    assert await dial(engine) == 6


async def test_each_lane_is_looked_on_by_itself(make_world):
    """What was taken of one campaign hides nothing of another, nor first dials any redials."""
    world = await make_world(leads=2, retry=REDIALS)
    engine = await begun(world)
    assert await dial(engine) == 2
    await another_campaign(world, 3)
    assert await dial(engine) == 5
    await end(engine)
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=2))
    assert await dial(engine) == 5
    assert await world.queue() == []


async def test_a_dial_that_is_taken_back_is_due_again_at_once(make_world):
    """By the node that took it back, though it is past it."""
    world = await make_world(leads=3)
    engine = await begun(world, lease_sec=10)
    await engine.dialler.run_once()
    world.clock.advance_to(NOON + TimeDelta(seconds=11))
    await engine.placer.run_once()
    assert len(await world.queue()) == 3
    await engine.node.lease.run_once()
    assert await dial(engine) == 3


async def test_nothing_that_is_due_is_passed_over(make_world):
    """Row after row, in batches of three, with others' times in between."""
    world = await make_world(leads=30)
    engine = await begun(world, claim_batch=3)
    for n in range(6):
        await dial(engine)
        if n % 2:
            await backdate(world, 2)
    for _ in range(8):
        world.clock.advance_to(world.clock.now() + LOOK_BACK)
        await dial(engine)
    assert len(engine.node.hand.live) == 30
