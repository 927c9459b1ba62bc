"""The caps' figure: by how many calls a cap of 5 is overshot when 64 nodes race for it."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from bench.figures import Context, Figure, Limit, Stopwatch, middle
from bench.ours import SETTINGS, build_engine
from bench.world import SQL, fill_queue, new_world
from ringback.clock import SystemClock
from ringback.engine.engine import Engine
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect

MOST_OVER = Limit(0, most=True)
CAP, CYCLES = 5, 2
LEASE_SEC = 3600.0
CONNECTIONS = {"max_connections": "120"}

EXPLAINED = """## Caps

Each claimer is a node of its own with a connection of its own: the real dialling duty and the real permits. In a trial
there is a new workspace with a cap of 5 on the workspace, the campaign and the trunk alike, and more due leads than
claimers. All claim at once; then the attempts that are live are counted, placed and settled, each node hands back the
permits that others wait for, and all claim once more. The server allows more connections here than an installation's
does."""


async def measure(context: Context) -> list[Figure]:
    """Let them race, trial by trial."""
    claimers, trials = (8, 2) if context.quick else (64, 100)
    live, times = [], []
    async with AsyncExitStack() as opened:
        database = await connect(context.dsn, size=2, settings=API_SETTINGS)
        opened.push_async_callback(database.close)
        engines = [await _claimer(context, opened, number) for number in range(claimers)]
        with context.step(f"{claimers} claimers race for a cap of {CAP}", trials) as done:
            for _ in range(trials):
                watch = Stopwatch()
                live.append(await _trial(database, engines))
                times.append(watch.sec())
                done()
    assert min(live) > 0, "there was a trial in which nobody dialled"
    over = [max(0, count - CAP) for count in live]
    return [
        Figure(
            f"caps: calls above a cap of {CAP}, {claimers} claimers, {trials} trials",
            max(over),
            "calls",
            MOST_OVER,
            rounds=f"up at most: {min(live)} to {max(live)}",
        ),
        Figure("caps: a trial", middle(times), "s"),
    ]


async def _claimer(context: Context, opened: AsyncExitStack, number: int) -> Engine:
    database = await connect(context.dsn, size=1, settings=ENGINE_SETTINGS)
    opened.push_async_callback(database.close)
    engine = build_engine(database, replace(SETTINGS, name=f"claimer-{number}", lease_sec=LEASE_SEC))
    await engine.node.lease.run_once()
    return engine


async def _trial(database: Database, engines: list[Engine]) -> int:
    """The most calls that were up after a race."""
    now = SystemClock().now()
    world = await new_world(database, now, cap=CAP)
    await fill_queue(database, world, CYCLES * len(engines), now)
    most = 0
    for _ in range(CYCLES):
        await asyncio.gather(*(engine.dialler.run_once() for engine in engines))
        async with database.connection() as db:
            most = max(most, await db.fetchval(SQL["live_attempts"], world.workspace_no))
        await asyncio.gather(*(engine.placer.run_once() for engine in engines))
        await asyncio.gather(*(engine.settler.run_once() for engine in engines))
        await asyncio.gather(*(engine.node.permits.run_once() for engine in engines))
    async with database.connection() as db:
        await db.execute(SQL["pause"], world.workspace_no)
    return most
