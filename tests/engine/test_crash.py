import random
from contextlib import suppress

import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.duties import MOMENT, begun, dial, end, work
from tests.engine.faults import Died, mortal
from tests.engine.invariants import check_all, most_at_once
from tests.in_part import each
from tests.world import LIVELY, NOON, drive
from whenever import TimeDelta

from ringback.carriers.carrier import NeverPlaced
from ringback.clock import VirtualClock
from ringback.engine.virtual import run_virtual

DAY = TimeDelta(hours=24)
CAP = 2
PLAN = {
    "leads": 3,
    "caps": (None, CAP, None),
    "retry": {"max_attempts": 2, "after": {"no-answer": ["1m"], "busy": ["1m"], "voicemail": ["1m"], "failed": ["1m"]}},
    "billing": {"per_minute_micros": 12_345},
    "simulator": LIVELY,
}


async def runs(world, engine):
    """Run a node until it dies; returns whether it came to the end of the campaign alive."""
    try:
        await run_virtual(engine, world.clock, NOON + DAY, lambda _: None, TimeDelta(seconds=1))
    except Died:
        return False
    finally:
        await engine.node.trunks.close()
        world.clock = VirtualClock(world.clock.now() + TimeDelta(milliseconds=1))
    return True


async def finishes(world):
    """Another node, which lives, brings the campaign to its end."""
    await drive(await world.engine(), world.clock, NOON + DAY)
    assert await world.status() == "completed"
    assert all(call["final_status"] for call in await world.calls())
    await check_all(world)
    assert await most_at_once(world) <= CAP


async def forget(world):
    """Back to the beginning: the same campaign and leads, as they were before the first dial."""
    (world.folder / "dials.jsonl").unlink(missing_ok=True)
    world.clock = VirtualClock(NOON)
    world.engines.clear()
    while world.opened:
        await world.opened.pop().close()
    async with world.database.transaction() as db:
        await db.execute("TRUNCATE attempts, queue, tallies, nodes, grants")
        await db.execute("UPDATE limits SET dials_freed_at = NULL")
        await db.execute("UPDATE campaigns SET status = 'running', finished_at = NULL")
        await db.execute("UPDATE calls SET final_status = NULL, final_reason = NULL, finished_at = NULL")
        await db.execute("INSERT INTO queue SELECT workspace_no, call_id, campaign_no, 0, 1, created_at FROM calls")


@pytest.mark.slow
async def test_a_node_may_die_at_every_step(make_world):
    """After each statement, each commit and each placing of a campaign: restarted, it is as if nothing had been."""
    world = await make_world(**PLAN)
    last = 0
    while True:
        last += each(7)
        engine, steps = await mortal(world, last)
        if await runs(world, engine):
            break
        assert steps.count == last
        await finishes(world)
        await forget(world)
    assert last > 40
    await check_all(world)


async def asks(one, two):
    """A node that has nothing waits for permits, gets them, and dials."""
    await two.node.lease.run_once()
    await dial(two)
    one.node.clock.advance_to(one.node.clock.now() + TimeDelta(seconds=1.2))
    await one.node.permits.run_once()
    for _ in range(2):
        one.node.clock.advance_to(one.node.clock.now() + MOMENT)
        await dial(two)
    await two.node.permits.run_once()


async def gives_back(one, two):
    """A node that has all gives half of it back while it goes on dialling."""
    await two.node.lease.run_once()
    await end(one)
    await dial(two)
    await end(two, 3)
    await dial(one)
    for _ in range(2):
        one.node.clock.advance_to(one.node.clock.now() + MOMENT)
        await dial(one)
        await two.node.permits.run_once()
    await dial(two)


@pytest.mark.slow
@pytest.mark.parametrize("story", [asks, gives_back])
async def test_a_node_may_die_at_every_step_of_moving_permits(make_world, story):
    """Asking or giving back: they never hold more than the cap, and who survives has all of it in the end."""
    cap, last = 4, 0
    world = await make_world(leads=30, caps=(None, cap, None), dials_per_sec=1000)
    held = "SELECT coalesce(max(held), 0)::int FROM (SELECT sum(calls) AS held FROM grants GROUP BY kind) g"
    while True:
        last += each(5)
        one = await begun(world, "one", lease_sec=10)
        two, steps = await mortal(world, last, "two", lease_sec=10, seed=last)
        use(two, Puppet(world.clock))
        if story is asks:
            assert await work(world, one, rounds=2) == [cap]
            await end(one)
        with suppress(Died):
            await story(one, two)
        assert await world.value(held) <= cap
        await two.node.trunks.close()
        await rescued(world, one)
        assert len(one.node.hand.live) == cap == await world.value(held)
        if steps.count < last:
            break
        await forget(world)
    assert last > 20


async def rescued(world, one):
    """The other node is dead; this one lives on, explains what that left, and has all to itself."""
    use(one, Puppet(world.clock)).knows = NeverPlaced()
    one.node.trunks._known.clear()
    for _ in range(2):
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=6))
        await one.node.lease.run_once()
        await one.rescuer.run_once()
    for _ in range(3):
        world.clock.advance_to(
            world.clock.now() + TimeDelta(seconds=1)
        )  # a pace that was given back is used after that
        await work(world, one)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_nodes_may_die_again_and_again(make_world, seed):
    """Each after a few steps, in its rescue too, and not always of the same name."""
    chance = random.Random(seed)
    world = await make_world(**PLAN)
    for _ in range(8):
        name = chance.choice(["a", "a", "b"])
        engine, _ = await mortal(world, chance.randint(1, 40), name, lease_sec=10, seed=chance.randrange(99))
        with suppress(Died):
            await drive(engine, world.clock, NOON + DAY)
        await engine.node.trunks.close()
        world.clock = VirtualClock(world.clock.now() + TimeDelta(milliseconds=1))
    await finishes(world)
