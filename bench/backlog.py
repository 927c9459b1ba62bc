"""The backlog's figure: what a claim costs with ten million calls waiting, and under an old snapshot as well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from whenever import TimeDelta

from bench.databases import fresh_database
from bench.figures import Context, Figure, Limit, amount, middle, spread
from bench.ours import Times, engine_at_work, until
from bench.world import World, fill_queue, new_world, tidy
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, Database, connect

MOST_TIMES = Limit(1.3, most=True)
LATER, BEGIN = TimeDelta(hours=24), TimeDelta(seconds=1)
A_FILL, FILLERS = 500_000, 2
EXPLAINED = """## Backlog

Two databases on one server, alike but for the number of calls that wait for tomorrow. In turns, a node of its own dials
what falls due in even spacing, each call once, over the simulator without delay; the figure is the time of a claim from
its look at the queue to its commit, and compares medians. Then, on the larger one, a transaction of the isolation level
REPEATABLE READ that has read the queue is held open while the same load goes on: what the engine takes out of the queue
meanwhile cannot be vacuumed away. Compared are the claims of the last minute of it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many calls wait in the small and in the large database, and the load."""

    small: int
    large: int
    per_sec: int
    rounds: int
    round_sec: float
    snapshot_sec: float
    last_sec: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """A database with its calls that wait."""

    dsn: str
    database: Database
    world: World


@dataclass(frozen=True, slots=True)
class Load:
    """So many dials a second, for so long; only the last seconds count. The leads begin with the `first` number."""

    first: int
    per_sec: int
    sec: float
    last_sec: float


async def measure(context: Context) -> list[Figure]:
    """Fill both, then dial on them in turns; then on the larger one under an old snapshot."""
    quick, full = Sizes(500, 5_000, 100, 1, 0.5, 1.0, 0.5), Sizes(10_000, 10_000_000, 400, 3, 20.0, 600.0, 60.0)
    sizes = quick if context.quick else full
    async with (
        fresh_database(context.dsn, "small") as small_dsn,
        _filled(context, small_dsn, sizes.small) as small,
        _filled(context, context.dsn, sizes.large) as large,
    ):
        rounds: list[tuple[float, float]] = []
        with context.step(f"claims of {sizes.per_sec} dials/s due", 2 * sizes.rounds) as done:
            for number in range(sizes.rounds):
                pair = []
                for backlog in (small, large):
                    pair.append(await _claim_ms(backlog, _load(sizes, number)))
                    done()
                rounds.append((pair[0], pair[1]))
        with context.step(f"the same, an old snapshot open for {sizes.snapshot_sec / 60:.0f} min"):
            last = Load(2 * sizes.large, sizes.per_sec, sizes.snapshot_sec, sizes.last_sec)
            async with _old_snapshot(large.dsn):
                aged = await _claim_ms(large, last)
    return _figures(rounds, aged, sizes)


def _load(sizes: Sizes, number: int) -> Load:
    """The load of a round, with leads that no other round has."""
    first = sizes.large + number * round(sizes.per_sec * sizes.round_sec)
    return Load(first, sizes.per_sec, sizes.round_sec, sizes.round_sec)


@asynccontextmanager
async def _filled(context: Context, dsn: str, waiting: int) -> AsyncIterator[Backlog]:
    database = await connect(dsn, size=2, settings=API_SETTINGS)
    now = SystemClock().now()
    world = await new_world(database, now, max_attempts=1)
    await fill_waiting(context, database, world, waiting)
    yield Backlog(dsn, database, world)
    await database.close()


async def fill_waiting(context: Context, database: Database, world: World, waiting: int) -> None:
    """Let so many calls of a world wait for tomorrow."""
    later, firsts = SystemClock().now() + LATER, range(0, waiting, A_FILL)
    todo = iter(firsts)
    with context.step(f"{waiting:,} calls that wait", len(firsts) + 1) as done:

        async def fill() -> None:
            for first in todo:
                await fill_queue(database, world, min(A_FILL, waiting - first), later, first=first)
                done()

        async with asyncio.TaskGroup() as fillers:
            for _ in range(FILLERS):
                fillers.create_task(fill())
        async with database.connection() as db:
            await tidy(db)


async def _claim_ms(backlog: Backlog, load: Load) -> float:
    """The median claim of a node under a load, over its last seconds."""
    times, dials = Times(), round(load.per_sec * load.sec)
    begin, gap_micros = SystemClock().now() + BEGIN, 1_000_000 // load.per_sec
    await fill_queue(backlog.database, backlog.world, dials, begin, first=load.first, gap_micros=gap_micros)

    async def claims() -> int:
        return len(times.claim_ms)

    async with engine_at_work(backlog.dsn, times):
        await asyncio.sleep(BEGIN.total("seconds") + load.sec - load.last_sec)
        before = await claims()
        await asyncio.sleep(load.last_sec)
        await until(claims, 1)
    return middle(times.claim_ms[before:] or times.claim_ms)


@asynccontextmanager
async def _old_snapshot(dsn: str) -> AsyncIterator[None]:
    """A transaction that has read the queue, held open for as long as the block runs."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetch("SELECT FROM queue LIMIT 1")
        yield
    await connection.close()


def _figures(rounds: list[tuple[float, float]], aged: float, sizes: Sizes) -> list[Figure]:
    small, large = [s for s, _ in rounds], [b for _, b in rounds]
    what = f"backlog: a claim at {sizes.large:,} waiting"
    unit = f"times that at {sizes.small:,}"
    peer = f"at {sizes.small:,}: {amount(middle(small))} ms"
    return [
        Figure(
            what,
            middle([b / s for s, b in rounds]),
            unit,
            MOST_TIMES,
            f"{peer}, at {sizes.large:,}: {amount(middle(large))} ms",
            f"{spread(small)} ms; {spread(large)} ms",
        ),
        Figure(
            f"{what}, an old snapshot open for {sizes.snapshot_sec / 60:.0f} min",
            aged / middle(small),
            unit,
            MOST_TIMES,
            f"{peer}, under the snapshot: {amount(aged)} ms",
        ),
    ]
