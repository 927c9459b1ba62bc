"""The engine's figure: attempts a second from the intent to the outcome, beside what PostgreSQL alone can do."""

import asyncio
import cProfile
import pstats
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from bench.machine import cpu_sec
from bench.ours import LOOK_SEC, SETTINGS, Times, ended_attempts, engine_at_work, until
from bench.world import SQL, World, at_work, fill_queue, new_world, tidy
from ringback import wiring
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect

LEAST, LEAST_SHARE = Limit(10_000), Limit(0.35)
PROFILED = 30
EXPLAINED = """## Engine

A node of its own with the settings of an installation dials on the simulator without delay (speed 0): due leads are
claimed and their intents committed, then each is placed, decided on, priced, and its outcome, its redial and the sums
committed. An attempt counts when its outcome is durable. All leads are due from the first moment on, and redials come
due a second after the dial before them. The figure is that of all rounds together: all attempts by all their time. The
bare peer makes the same changes to the same tables in PostgreSQL alone, with a statement to claim and one to settle: no
rules, no caps, no simulator, no rows that leave the server."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done: so many leads, and so many rounds of so many seconds."""

    leads: int
    rounds: int
    our_sec: float
    bare_sec: float


@dataclass(slots=True)
class Round:
    """What one round found; milliseconds of CPU are for a thousand attempts."""

    attempts: int
    sec: float
    python_ms: float
    postgres_ms: float
    times: Times = field(default_factory=Times)

    @property
    def per_sec(self) -> float:
        """Attempts a second."""
        return self.attempts / self.sec


async def measure(context: Context) -> list[Figure]:
    """The engine and its bare peer in turn, on the same server."""
    sizes = Sizes(20_000, 1, 0.5, 0.1) if context.quick else Sizes(1_000_000, 3, 20.0, 6.0)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        ours, bare = await _worlds(context, database, sizes)
        rounds, peers = [], []
        with context.step(f"engine and bare SQL, {sizes.our_sec:.0f} s a round", 2 * sizes.rounds) as done:
            for _ in range(sizes.rounds):
                rounds.append(await _engine_round(context, database, ours, sizes.our_sec))
                done()
                peers.append(await _bare_round(context, bare, sizes.bare_sec))
                done()
        await _check(database, ours)
        await _check(database, bare)
        if context.profile:
            await _engine_round(context, database, ours, sizes.our_sec, cProfile.Profile())
    finally:
        await database.close()
    return _figures(rounds, peers, sizes)


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
    context: Context, database: Database, world: World, sec: float, profile: cProfile.Profile | None = None
) -> Round:
    """Run a node of its own, and count for so many seconds from its first ended attempt on."""
    times = Times()

    async def ended() -> int:
        return await ended_attempts(database, world)

    with profile or nullcontext():
        async with engine_at_work(context.dsn, times):
            await until(ended, await ended() + 1)
            found = await _counted(context, ended, sec)
    if profile is not None:
        context.progress.stop()
        pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILED)
    found.times = times
    return found


async def _bare_round(context: Context, world: World, sec: float) -> Round:
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
        await until(ended, 1)
        found = await _counted(context, ended, sec)
    await database.close()
    return found


async def _claim_and_settle(
    database: Database, world: World, stop: asyncio.Event, counts: list[int], number: int
) -> None:
    key, clock, redials, misses = (world.workspace_no, world.campaign_no), SystemClock(), False, 0
    async with database.connection() as db:
        while not stop.is_set():
            if misses > 1:
                await asyncio.sleep(LOOK_SEC)
            redials = not redials
            batch = (world.trunk_no, SETTINGS.claim_batch, clock.now(), redials)
            taken = await db.fetchrow(SQL["bare_claim"], *key, *batch)
            misses = 0 if taken["dials"] else misses + 1
            if misses:
                continue
            await db.execute(SQL["bare_settle"], *key, taken["call_ids"], taken["ordinals"], clock.now())
            counts[number] += taken["dials"]


async def _counted(context: Context, ended: Callable[[], Awaitable[int]], sec: float) -> Round:
    """What is done in so many seconds, and the CPU that it takes, ours and the server's."""
    first, python, postgres, watch = await ended(), time.process_time(), cpu_sec(context.server_pid), Stopwatch()
    await asyncio.sleep(sec)
    count = await until(ended, first + 1) - first
    took, used = watch.sec(), (time.process_time() - python, cpu_sec(context.server_pid) - postgres)
    return Round(count, took, used[0] * 1e6 / count, used[1] * 1e6 / count)


async def _check(database: Database, world: World) -> None:
    """What was counted is there, and no call was lost: a rate of anything else would mean nothing."""
    async with database.connection() as db:
        summed, kept = [
            await db.fetchval(SQL[name], world.workspace_no) for name in ("ended_attempts", "kept_attempts")
        ]
        lost = await db.fetchval(SQL["lost_calls"], world.workspace_no)
    assert summed == kept, f"the sums tell of {summed} attempts and {kept} are kept"
    assert lost == 0, f"{lost} calls are lost"


def _figures(rounds: list[Round], peers: list[Round], sizes: Sizes) -> list[Figure]:
    rates, bare = [r.per_sec for r in rounds], [r.per_sec for r in peers]
    pairs = [ours / peer for ours, peer in zip(rates, bare, strict=True)]
    claims, settles = [t for r in rounds for t in r.times.claim_ms], [t for r in rounds for t in r.times.settle_ms]
    batches = f"batches of at most {SETTINGS.claim_batch}"
    sec = sum(r.sec for r in rounds)
    return [
        Figure(
            f"engine: attempts from intent to outcome, {sizes.leads:,} leads due, over {sec:.0f} s",
            sum(r.attempts for r in rounds) / sec,
            "attempts/s",
            LEAST,
            f"bare SQL, {wiring.ENGINE_CONNECTIONS} connections, {batches}: {amount(middle(bare))} attempts/s",
            f"ours {spread(rates)}; bare {spread(bare)}",
        ),
        Figure("engine: share of the bare SQL", middle(pairs), "of bare", LEAST_SHARE, rounds=spread(pairs)),
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
