"""Our engine at work: in this process, where its duties can be timed, or as the real process of a node."""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Stopwatch
from bench.world import SQL, World, at_work
from ringback import wiring
from ringback.clock import SystemClock
from ringback.config import DATABASE_URL, Settings
from ringback.engine.dial import Dialler
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.settle import Settler
from ringback.errors import RingbackError
from ringback.event_log import LogAndCount
from ringback.processes import NODE, READY, child_command
from ringback.store.database import Database

SETTINGS = EngineSettings()
DRAIN_SEC = 60.0
LONGEST_SEC = 120.0
LOOK_SEC = 0.02


@dataclass(slots=True)
class Times:
    """How long each step of a duty took that found something to do, in milliseconds."""

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


def build_engine(database: Database, settings: EngineSettings = SETTINGS) -> Engine:
    """A node's engine as an installation has it.

    Args:
        database: made by `wiring.engine_database`.
        settings: how it works.
    """
    return wiring.build_engine(
        database,
        SystemClock(),
        random.Random(2),
        folder=Path("/nonexistent"),
        publish=LogAndCount(),
        settings=settings,
    )


@asynccontextmanager
async def engine_at_work(
    dsn: str, times: Times | None = None, settings: EngineSettings = SETTINGS
) -> AsyncIterator[None]:
    """A node in this process for as long as the block runs; it ends with its live calls ended.

    Args:
        dsn: the database.
        times: where its claims and settlements are noted.
        settings: how it works.
    """
    database = await wiring.engine_database(dsn)
    wiring.collect_seldom()
    engine, stop = build_engine(database, settings), asyncio.Event()
    if times is not None:
        engine.dialler = TimedDialler(engine, times.claim_ms)
        engine.settler = TimedSettler(engine, times.settle_ms)
    async with at_work(asyncio.create_task(engine.run(stop, DRAIN_SEC)), stop):
        yield
    await database.close()


@asynccontextmanager
async def node_process(dsn: str, name: str, drain_sec: float) -> AsyncIterator[int]:
    """A real node, as `ringback serve` starts it, for as long as the block runs; yields its process id.

    Args:
        dsn: the database.
        name: the node's.
        drain_sec: how long its live calls may go on at the end.
    """
    with tempfile.TemporaryDirectory(prefix="ringback-bench-node-") as folder:
        process = await asyncio.create_subprocess_exec(
            *child_command(NODE, Settings(Path(folder), node_name=name, drain_sec=drain_sec)),
            env={**os.environ, DATABASE_URL: dsn},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            said = await process.stdout.readline()
            assert said.decode().strip() == READY, f"the node {name} did not start"
            yield process.pid
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def ended_attempts(database: Database, world: World) -> int:
    """How many attempts of a world have ended."""
    async with database.connection() as db:
        return int(await db.fetchval(SQL["ended_attempts"], world.workspace_no))


async def until(ask: Callable[[], Awaitable[int]], count: int, longest_sec: float = LONGEST_SEC) -> int:
    """Wait until the answer is so many; returns how many it is.

    Raises:
        RingbackError: it was not within `longest_sec`.
    """
    watch = Stopwatch()
    while (now := await ask()) < count:
        if watch.sec() > longest_sec:
            raise RingbackError(f"only {now:,} of {count:,} within {longest_sec:.0f} s")
        await asyncio.sleep(LOOK_SEC)
    return now


async def rate(ask: Callable[[], Awaitable[int]], sec: float) -> float:
    """By how much the answer grows in a second, measured over so many, and until it has grown at all."""
    first, watch = await ask(), Stopwatch()
    await asyncio.sleep(sec)
    last = await until(ask, first + 1)
    return (last - first) / watch.sec()


async def _timed(run_once: Callable[[], Awaitable[int]], times_ms: list[float]) -> int:
    watch = Stopwatch()
    moved = await run_once()
    if moved:
        times_ms.append(1000 * watch.sec())
    return moved
