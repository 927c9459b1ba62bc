"""The lateness figure: how long after its due time a dial is placed while a million others wait."""

import asyncio
import statistics
from dataclasses import dataclass

from whenever import TimeDelta

from bench.figures import Context, Figure, Limit
from bench.ours import ended_attempts, engine_at_work, until
from bench.world import SQL, World, fill_queue, new_world, tidy
from ringback.clock import SystemClock, seconds
from ringback.store.database import API_SETTINGS, Database, connect

MOST_P50, MOST_P99 = Limit(50, most=True), Limit(250, most=True)
LATER = TimeDelta(hours=24)
EXPLAINED = """## Lateness

All calls wait from the beginning: most are due tomorrow, the others in even spacing within the next half minute. A
node of its own dials them over the simulator without delay, each once. A call's lateness is the time at which the trunk
was asked (`called_at`) less the time at which it was due; both are kept by the same clock."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """So many calls wait; so many dials a second fall due for so long, the first so long after the filling."""

    waiting: int
    per_sec: int
    sec: int
    begin_sec: float


async def measure(context: Context) -> list[Figure]:
    """Fill, note when each dial is due, let a node dial, and compare."""
    sizes = Sizes(2_000, 100, 1, 0.5) if context.quick else Sizes(1_000_000, 300, 30, 10.0)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        now = SystemClock().now()
        world = await new_world(database, now, max_attempts=1)
        with context.step(f"{sizes.waiting:,} calls that wait"):
            await fill_queue(database, world, sizes.waiting, now + LATER)
            async with database.connection() as db:
                await tidy(db)
        with context.step(f"{sizes.per_sec} dials/s for {sizes.sec} s"):
            found = await _dial(context, database, world, sizes)
    finally:
        await database.close()
    return _figures(found, sizes)


async def _dial(context: Context, database: Database, world: World, sizes: Sizes) -> list[float]:
    """Milliseconds from due to placed, of each dial."""
    dials, begin = sizes.per_sec * sizes.sec, SystemClock().now() + seconds(sizes.begin_sec)
    await fill_queue(database, world, dials, begin, first=sizes.waiting, gap_micros=1_000_000 // sizes.per_sec)
    async with database.connection() as db:
        due = await db.fetch(SQL["due_until"], world.workspace_no, world.campaign_no, begin + LATER / 2)
    assert len(due) == dials, f"{len(due)} dials fall due and not {dials}"

    async def ended() -> int:
        return await ended_attempts(database, world)

    async with engine_at_work(context.dsn):
        await asyncio.sleep(sizes.sec)
        await until(ended, dials)
    async with database.connection() as db:
        called = {row["call_id"]: row["called_at"] for row in await db.fetch(SQL["called"], world.workspace_no)}
    return [(called[row["call_id"]] - row["due_at"]).total("milliseconds") for row in due]


def _figures(late_ms: list[float], sizes: Sizes) -> list[Figure]:
    assert min(late_ms) >= 0, "a dial was placed before it was due"
    what = f"lateness: {sizes.per_sec} dials/s due, {sizes.waiting:,} calls waiting"
    parts = statistics.quantiles(late_ms, n=100)
    return [
        Figure(f"{what}, median", parts[49], "ms", MOST_P50),
        Figure(f"{what}, 99 of 100 within", parts[98], "ms", MOST_P99),
        Figure(f"{what}, the latest", max(late_ms), "ms"),
    ]
