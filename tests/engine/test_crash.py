import random
from contextlib import suppress

import pytest
from tests.engine.faults import Died, mortal
from tests.engine.invariants import check_all, most_at_once
from tests.world import LIVELY, NOON, drive
from whenever import TimeDelta

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
        await db.execute("TRUNCATE attempts, queue, tallies, nodes")
        await db.execute("UPDATE campaigns SET status = 'running', finished_at = NULL")
        await db.execute("UPDATE calls SET final_status = NULL, final_reason = NULL, finished_at = NULL")
        await db.execute("INSERT INTO queue SELECT workspace_no, call_id, campaign_no, 0, 1, created_at FROM calls")


@pytest.mark.slow
async def test_a_node_may_die_at_every_step(make_world):
    """After each statement, each commit and each placing of a campaign: restarted, it is as if nothing had been."""
    world = await make_world(**PLAN)
    last = 0
    while True:
        last += 1
        engine, steps = await mortal(world, last)
        if await runs(world, engine):
            break
        assert steps.count == last
        await finishes(world)
        await forget(world)
    assert last > 40
    await check_all(world)


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
