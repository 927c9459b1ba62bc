"""The engine's figure: attempts a second from the intent to the outcome, beside what PostgreSQL alone can do."""

import asyncio
import cProfile
import pstats
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from bench.machine import cpu_sec
from bench.world import SQL, World, at_work, fill_queue, new_world, tidy
from ringback import wiring
from ringback.clock import SystemClock
from ringback.engine.dial import Dialler
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.settle import Settler
from ringback.errors import RingbackError
from ringback.events import LogAndCount
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect

LEAST = Limit(3_000)
LONGEST_SEC = 60.0
LOOK_SEC = 0.02
PROFILED = 30
SETTINGS = EngineSettings()
EXPLAINED = """## Engine

A node of its own with the settings of an installation dials on the simulator without delay (speed 0): due leads are
claimed and their intents committed, then each is placed, decided on, priced, and its outcome, its redial and the sums
committed. An attempt counts when its outcome is durable. The bare peer makes the same changes to the same tables in
PostgreSQL alone, with a statement to claim and one to settle: no rules, no simulator, no rows that leave the server."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done: so many leads, and so many rounds of so many attempts."""

    leads: int
    attempts: int
    rounds: int


@dataclass(slots=True)
class Round:
    """What one round found."""

    per_sec: float
    python_ms: float
    postgres_ms: float
    claim_ms: list[float] = field(default_factory=list)
    settle_ms: list[float] = field(default_factory=list)


class TimedDialler(Dialler):
    """A Dialler that notes how long each claim took."""

    def __init__(self, engine: Engine, times_ms: list[float]) -> None:
        super().__init__(engine.node, SETTINGS.claim_batch)
        self._times_ms = times_ms

    async def run_once(self) -> int:
        """Claim, and note the time of a claim that took something."""
        return await _timed(super().run_once, self._times_ms)


class TimedSettler(Settler):
    """A Settler that notes how long each settlement took."""

    def __init__(self, engine: Engine, times_ms: list[float]) -> None:
        super().__init__(engine.node, SETTINGS.settle_batch)
        self._times_ms = times_ms

    async def run_once(self) -> int:
        """Settle, and note the time of a settlement that ended something."""
        return await _timed(super().run_once, self._times_ms)


async def measure(context: Context) -> list[Figure]:
    """The engine and its bare peer in turn, on the same server."""
    sizes = Sizes(600, 400, 1) if context.quick else Sizes(200_000, 75_000, 3)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        ours, bare = await _worlds(context, database, sizes)
        rounds, peers = [], []
        with context.step(f"engine and bare SQL, {sizes.attempts:,} attempts a round", 2 * sizes.rounds) as done:
            for _ in range(sizes.rounds):
                rounds.append(await _engine_round(context, database, ours, sizes.attempts))
                done()
                peers.append(await _bare_round(context, bare, sizes.attempts))
                done()
        await _check(database, ours)
        await _check(database, bare)
        if context.profile:
            await _engine_round(context, database, ours, sizes.attempts, cProfile.Profile())
    finally:
        await database.close()
    return _figures(rounds, peers)


async def _worlds(context: Context, database: Database, sizes: Sizes) -> tuple[World, World]:
    now = SystemClock().now()
    with context.step(f"{sizes.leads:,} leads, twice"):
        # the peer's campaign is only a draft: our engine must not dial it
        ours, bare = await new_world(database, now), await new_world(database, now, status="draft")
        await fill_queue(database, ours, sizes.leads, now)
        await fill_queue(database, bare, sizes.leads, now)
        async with database.connection() as db:
            await tidy(db)
    return ours, bare


async def _engine_round(
    context: Context, database: Database, world: World, attempts: int, profile: cProfile.Profile | None = None
) -> Round:
    """Run a node of its own until so many attempts have ended in the database."""
    ours = await wiring.engine_database(context.dsn)
    engine = wiring.build_engine(
        ours,
        SystemClock(),
        random.Random(2),
        folder=Path("/nonexistent"),
        publish=LogAndCount(),
        settings=SETTINGS,
    )
    found = Round(0.0, 0.0, 0.0)
    engine.dialler = TimedDialler(engine, found.claim_ms)
    engine.settler = TimedSettler(engine, found.settle_ms)
    stop = asyncio.Event()

    async def ended() -> int:
        async with database.connection() as db:
            return int(await db.fetchval(SQL["ended_attempts"], world.workspace_no))

    with profile or nullcontext():
        async with at_work(asyncio.create_task(engine.run(stop, LONGEST_SEC)), stop):
            await _until(ended, await ended() + 1)
            found.per_sec, found.python_ms, found.postgres_ms = await _rate(context, ended, attempts)
    await ours.close()
    if profile is not None:
        context.progress.stop()
        pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILED)
    return found


async def _bare_round(context: Context, world: World, attempts: int) -> Round:
    """The same changes of rows by as many connections, each claiming and settling in turn."""
    size = wiring.ENGINE_CONNECTIONS
    database = await connect(context.dsn, size=size, settings=ENGINE_SETTINGS)
    stop, counts = asyncio.Event(), [0] * size

    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(size):
                tasks.create_task(_claim_and_settle(database, world, stop, counts, number))

    async def ended() -> int:
        return sum(counts)

    async with at_work(asyncio.create_task(work()), stop):
        await _until(ended, 1)
        found = Round(*await _rate(context, ended, attempts))
    await database.close()
    return found


async def _claim_and_settle(
    database: Database, world: World, stop: asyncio.Event, counts: list[int], number: int
) -> None:
    key, clock = (world.workspace_no, world.campaign_no), SystemClock()
    async with database.connection() as db:
        while not stop.is_set():
            taken = await db.fetchrow(SQL["bare_claim"], *key, world.trunk_no, SETTINGS.claim_batch, clock.now())
            if not taken["dials"]:
                await asyncio.sleep(LOOK_SEC)
                continue
            await db.execute(SQL["bare_settle"], *key, taken["call_ids"], taken["ordinals"], clock.now())
            counts[number] += taken["dials"]


async def _rate(context: Context, ended: Callable[[], Awaitable[int]], attempts: int) -> tuple[float, float, float]:
    """Attempts a second, and milliseconds of CPU for a thousand of them, ours and the server's."""
    first, python, postgres, watch = await ended(), time.process_time(), cpu_sec(context.server_pid), Stopwatch()
    last = await _until(ended, first + attempts)
    sec, count = watch.sec(), last - first
    used = time.process_time() - python, cpu_sec(context.server_pid) - postgres
    return count / sec, used[0] * 1e6 / count, used[1] * 1e6 / count


async def _until(ended: Callable[[], Awaitable[int]], count: int) -> int:
    """Wait until so many attempts have ended; returns how many have.

    Raises:
        RingbackError: they did not within LONGEST_SEC.
    """
    watch = Stopwatch()
    while (now := await ended()) < count:
        if watch.sec() > LONGEST_SEC:
            raise RingbackError(f"only {now:,} of {count:,} attempts ended within {LONGEST_SEC:.0f} s")
        await asyncio.sleep(LOOK_SEC)
    return now


async def _timed(run_once: Callable[[], Awaitable[int]], times_ms: list[float]) -> int:
    watch = Stopwatch()
    moved = await run_once()
    if moved:
        times_ms.append(1000 * watch.sec())
    return moved


async def _check(database: Database, world: World) -> None:
    """What was counted is there, and no call was lost: a rate of anything else would mean nothing."""
    async with database.connection() as db:
        summed, kept = [
            await db.fetchval(SQL[name], world.workspace_no) for name in ("ended_attempts", "kept_attempts")
        ]
        lost = await db.fetchval(SQL["lost_calls"], world.workspace_no)
    assert summed == kept, f"the sums tell of {summed} attempts and {kept} are kept"
    assert lost == 0, f"{lost} calls are lost"


def _figures(rounds: list[Round], peers: list[Round]) -> list[Figure]:
    rates, bare = [r.per_sec for r in rounds], [r.per_sec for r in peers]
    pairs = [ours / peer for ours, peer in zip(rates, bare, strict=True)]
    claims, settles = [t for r in rounds for t in r.claim_ms], [t for r in rounds for t in r.settle_ms]
    batches = f"batches of at most {SETTINGS.claim_batch}"
    return [
        Figure(
            "engine: attempts from intent to outcome",
            middle(rates),
            "attempts/s",
            LEAST,
            f"bare SQL, {wiring.ENGINE_CONNECTIONS} connections, {batches}: {amount(middle(bare))} attempts/s",
            f"ours {spread(rates)}; bare {spread(bare)}",
        ),
        Figure("engine: share of the bare SQL", middle(pairs), "of bare", rounds=spread(pairs)),
        Figure(f"engine: a claim in {batches}, to its commit", middle(claims), "ms"),
        Figure(f"engine: a settlement in {batches}, to its commit", middle(settles), "ms"),
        Figure(
            "engine: CPU of its own process for 1,000 attempts",
            middle([r.python_ms for r in rounds]),
            "ms",
            peer=f"bare: {amount(middle([r.python_ms for r in peers]))} ms",
        ),
        Figure(
            "engine: CPU of PostgreSQL for 1,000 attempts",
            middle([r.postgres_ms for r in rounds]),
            "ms",
            peer=f"bare: {amount(middle([r.postgres_ms for r in peers]))} ms",
        ),
    ]
