"""The memory figure: what a real node holds with ten million calls waiting and five thousand up."""

import asyncio
from dataclasses import dataclass

from bench.backlog import fill_waiting
from bench.figures import Context, Figure, Limit
from bench.machine import peak_memory_mb
from bench.ours import node_process, until
from bench.world import CAP, SQL, World, fill_queue, new_world
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, Database, connect

MOST_MB = Limit(250, most=True)
LONGEST_SEC = 300.0
TALKERS = {
    **{"seed": 7, "speed": 1, "answer_rates": [1] * 24, "mean_talk_sec": 600},
    **dict.fromkeys(("never_share", "busy_share", "voicemail_share", "invalid_share", "failure_share"), 0),
}
"""People who all pick up and talk for ten minutes, so that many calls are up at once."""

EXPLAINED = """## Memory

The process of a node, as `ringback serve` starts it, dials calls that are all picked up and last ten minutes, until as
many are up as the cap allows; for as long as it is watched then, each call that ends is followed by another. All others
wait for tomorrow. The figure is the peak of its resident memory from its start to then."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """So many calls wait, so many are up, and the node is watched for so long."""

    waiting: int
    live: int
    sec: float


async def measure(context: Context) -> list[Figure]:
    """Fill, let a node dial until the cap is reached, and watch it."""
    sizes = Sizes(5_000, 50, 1.0) if context.quick else Sizes(10_000_000, CAP, 30.0)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        world = await new_world(database, SystemClock().now(), max_attempts=1, cap=sizes.live, people=TALKERS)
        await fill_waiting(context, database, world, sizes.waiting)
        await fill_queue(database, world, 2 * sizes.live, SystemClock().now(), first=sizes.waiting)
        peak_mb, live = await _watch(context, database, world, sizes)
    finally:
        await database.close()
    return [
        Figure(
            f"memory: a node, {sizes.waiting:,} calls waiting and {sizes.live:,} up, at most", peak_mb, "MB", MOST_MB
        ),
        Figure("memory: calls up at the end", live, "calls"),
    ]


async def _watch(context: Context, database: Database, world: World, sizes: Sizes) -> tuple[float, int]:
    """The node's peak, and the calls that are up at the end."""

    async def live() -> int:
        async with database.connection() as db:
            return int(await db.fetchval(SQL["live_attempts"], world.workspace_no))

    with context.step(f"{sizes.live:,} calls up"):
        async with node_process(context.dsn, "bench", drain_sec=0) as pid:
            await until(live, sizes.live, LONGEST_SEC)
            await asyncio.sleep(sizes.sec)
            return peak_memory_mb(pid), await live()
