"""An engine as it runs in earnest: its loops side by side, on the machine's clock."""

import asyncio
from contextlib import asynccontextmanager

from tests.engine.carriers import Puppet, use
from tests.engine.invariants import check_all, most_at_once, most_in_a_second
from tests.postgres import THROWAWAY, in_database, scratch_folder
from tests.world import LIVELY, NOBODY_ANSWERS, a_world

from ringback.carriers.carrier import Ended
from ringback.clock import SystemClock
from ringback.domain.outcome import EndReason
from ringback.events import CampaignsFinished, Claimed, DutyFailed, Rescued, Settled, Withdrawn
from ringback.store.embedded import EmbeddedPostgres

QUICK = {"lease_sec": 10.0, "idle_sec": 0.01, "rescue_sec": 0.05, "finish_sec": 0.05, "retry_sec": 0.02}
AT_ONCE = {**LIVELY, "speed": 0}
POLICY = {"max_attempts": 3, "after": {"no-answer": ["1s"], "busy": ["1s"], "voicemail": ["1s"], "failed": ["1s"]}}
ONCE = {"max_attempts": 1, "after": {}}


@asynccontextmanager
async def running(world, name="a", *, drain_sec=5.0, carrier=None, **settings):
    """An engine at work inside the block; stopped, and its end waited for, at the end of it."""
    engine = await world.engine(name, clock=SystemClock(), check_clock=True, **(QUICK | settings))
    if carrier is not None:
        use(engine, carrier)
    stop = asyncio.Event()
    task = asyncio.create_task(engine.run(stop, drain_sec))
    task.add_done_callback(lambda _: world.news.set())
    try:
        yield engine, stop
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


def dials(world, kind) -> int:
    """How many dials the events of one kind are about."""
    return sum(event.dials for event in heard(world, kind))


def heard(world, kind):
    """The events of one kind."""
    return [event for event in world.events if isinstance(event, kind)]


async def test_a_campaign_runs_to_its_end(make_world):
    """Redials and all, by itself."""
    world = await make_world(leads=40, retry=POLICY, simulator=AT_ONCE, caps=(None, 10, None))
    async with running(world):
        await world.until(lambda: heard(world, CampaignsFinished))
    assert {call["final_status"] is None for call in await world.calls()} == {False}
    assert heard(world, DutyFailed) == []
    await check_all(world)


async def test_two_nodes_share_a_campaign(make_world):
    """Its caps and its pace are kept by both together."""
    plan = {"retry": ONCE, "simulator": {**LIVELY, "speed": 200.0}, "caps": (None, 6, None)}
    world = await make_world(leads=60, dials_per_sec=40, **plan)
    async with running(world, "one", claim_batch=4), running(world, "two", claim_batch=4):
        await world.until(lambda: heard(world, CampaignsFinished))
    assert len({row["node_no"] for row in await world.attempts()}) == 2
    # an intent's time is that of the look before the lock, so on a clock that moves the dial's own time counts
    assert await most_at_once(world, "called_at") <= 6
    # a loop that is late for a moment makes up for it: by as much as is claimed ahead of its instant
    assert most_in_a_second(world.dials()) <= 40 * 1.1 + 1
    await check_all(world)


async def test_a_node_that_stops_lets_its_calls_end(make_world):
    """It dials no more, takes back what it has not placed, settles what ends, and then gives its lease up."""
    world = await make_world(leads=5, dials_per_sec=15)
    puppet = Puppet(SystemClock())
    async with running(world, carrier=puppet) as (engine, stop):
        await world.until(lambda: dials(world, Claimed) >= 2)
        stop.set()
        await until_idle(lambda: dials(world, Claimed) == len(puppet.placed) + dials(world, Withdrawn))
        placed = len(puppet.placed)
        assert placed < 5
        for dial in puppet.placed:
            engine.node.hand.hear(Ended(dial.attempt_id, SystemClock().now(), EndReason.USER_BUSY))
    assert len(puppet.placed) == placed
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"] * placed
    assert len(await world.queue()) == 5 - placed
    assert await world.value("SELECT count(*) FROM nodes WHERE lease_until > $1", SystemClock().now()) == 0


async def until_idle(condition) -> None:
    """Let the other tasks run until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.to_thread(int)


async def test_calls_that_outlast_the_drain_are_left_to_the_next_node(make_world):
    """It finds them up, and settles them when they are over."""
    world = await make_world(leads=3, simulator={**NOBODY_ANSWERS, "speed": 20.0})
    async with running(world, drain_sec=0.01):
        await world.until(lambda: heard(world, Claimed))
        await until_idle(lambda: len(world.dials()) == 3)
    live = [row for row in await world.attempts() if row["ended_at"] is None]
    async with running(world):
        await world.until(lambda: heard(world, CampaignsFinished))
    assert len(live) == sum(event.settled for event in heard(world, Rescued))
    assert len(world.dials()) == 3
    await check_all(world)


async def test_connections_may_break_at_any_moment(make_world, postgres):
    """All of them, time and again: nothing is dialled twice and nothing is lost."""
    world = await make_world(leads=150, simulator=AT_ONCE, retry=ONCE, dials_per_sec=200)
    kill = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    async with running(world, claim_batch=5, settle_batch=5):
        for _ in range(12):
            before = len(heard(world, Settled))
            await world.until(lambda before=before: len(heard(world, Settled)) > before + 1 or done(world))
            async with world.database.connection() as db:
                await db.fetchval(kill)
        await world.until(lambda: done(world))
    assert heard(world, DutyFailed)
    assert len(world.dials()) == 150
    await check_all(world)


def done(world) -> bool:
    """Whether the campaign has come to its end."""
    return bool(heard(world, CampaignsFinished))


async def test_a_database_that_goes_away_is_waited_for(tmp_path):
    """No dial is placed without it; when it is back, all goes on by itself."""
    server = EmbeddedPostgres(scratch_folder() / "data", settings=THROWAWAY)
    try:
        postgres = in_database(server.start(), "postgres")
        async with a_world(postgres, tmp_path, leads=120, retry=ONCE, simulator=AT_ONCE, dials_per_sec=100) as world:
            async with running(world):
                await world.until(lambda: len(heard(world, Settled)) >= 3)
                server.stop()
                await world.until(lambda: {"dial", "lease"} <= {event.duty for event in heard(world, DutyFailed)})
                placed, failed = len(world.dials()), len(heard(world, DutyFailed))
                await world.until(lambda: len(heard(world, DutyFailed)) > failed + 20)
                assert len(world.dials()) == placed < 120
                server.start()
                await world.until(lambda: done(world))
            assert len(world.dials()) == 120
            await check_all(world)
    finally:
        server.stop()


async def test_intents_that_wait_for_their_instant_are_taken_back_by_a_node_that_stops(make_world):
    """The pace would have let them go a moment later."""
    world = await make_world(leads=4, dials_per_sec=12)
    async with running(world, carrier=Puppet(SystemClock()), drain_sec=0.2):
        await world.until(lambda: heard(world, Claimed))
    assert len(await world.attempts()) + len(await world.queue()) == 4
    assert dials(world, Withdrawn) <= 2
