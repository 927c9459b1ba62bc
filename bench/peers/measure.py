"""The peers' figure: attempts a second of our engine beside the same work on three job queues, in turns."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import asyncpg

from bench.databases import empty_database, fresh_database
from bench.figures import Context, Figure, Limit, amount, middle, spread
from bench.ours import ended_attempts, engine_at_work, rate, until
from bench.world import fill_queue, new_world, tidy
from ringback import wiring
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, connect

ROOT = Path(__file__).parents[2]
LEAST_TIMES: MappingProxyType[str, float] = MappingProxyType({"pgqueuer": 4, "procrastinate": 20, "dbos": 20})
LEADS: MappingProxyType[str, int] = MappingProxyType(
    {"ours": 150_000, "pgqueuer": 30_000, "procrastinate": 5_000, "dbos": 5_000}
)
"""As many as each has work of for a round. A longer queue slows the peers, and not us."""

EXPLAINED = """## Peers

The same work on three job queues for PostgreSQL: a job (or workflow) for each attempt, which dials the same simulated
people, keeps the same history, and has the next attempt of an unanswered call queued for its time by the same policy.
Each is set up as its own documentation recommends for throughput (`bench/peers/` says how, file by file), on the same
server with its settings, in one process with as many connections as a node of ours has. They do less than we do: no
intent before the dial, no caps, no calling window of a campaign's, no sums, no end of the call. An attempt counts when
its row of history is committed. In a round each has a fresh queue, of as many leads as it can dial meanwhile."""


def missing() -> list[str]:
    """The peers that are not installed."""
    return [name for name in LEAST_TIMES if importlib.util.find_spec(name) is None]


async def measure(context: Context) -> list[Figure]:
    """Ours and each peer in turn, those left out that are not installed."""
    peers = [name for name in LEAST_TIMES if name not in missing()]
    rounds, sec = (1, 1.0) if context.quick else (3, 10.0)
    found: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
    with context.step(f"engine and {len(peers)} job queues, {sec:.0f} s a round", rounds * len(found)) as done:
        for number in range(rounds):
            for name, rates in found.items():
                leads = LEADS[name] // 5 if context.quick else LEADS[name]
                turn = (
                    _ours(context, number, leads, sec) if name == "ours" else _peer(context, name, number, leads, sec)
                )
                rates.append(await turn)
                done()
    return [_figure(name, found["ours"], found[name]) for name in peers]


async def _ours(context: Context, number: int, leads: int, sec: float) -> float:
    async with fresh_database(context.dsn, f"ours_{number}") as dsn:
        database = await connect(dsn, size=2, settings=API_SETTINGS)
        now = SystemClock().now()
        world = await new_world(database, now)
        await fill_queue(database, world, leads, now)
        async with database.connection() as db:
            await tidy(db)

        async def ended() -> int:
            return await ended_attempts(database, world)

        async with engine_at_work(dsn):
            await until(ended, 1)
            per_sec = await rate(ended, sec)
        await database.close()
    return per_sec


async def _peer(context: Context, name: str, number: int, leads: int, sec: float) -> float:
    async with empty_database(context.dsn, f"{name}_{number}") as dsn:
        filling = await _process(name, "fill", dsn, leads)
        assert await filling.wait() == 0, f"the queue of {name} was not filled"
        connection = await asyncpg.connect(dsn)
        await tidy(connection)

        async def kept() -> int:
            return int(await connection.fetchval("SELECT count(*) FROM history"))

        async with _working(name, dsn):
            await until(kept, 1)
            per_sec = await rate(kept, sec)
        await connection.close()
    return per_sec


@asynccontextmanager
async def _working(name: str, dsn: str) -> AsyncIterator[None]:
    """A peer's worker for as long as the block runs."""
    process = await _process(name, "work", dsn, wiring.ENGINE_CONNECTIONS)
    assert process.stdin is not None
    try:
        yield
        assert process.returncode is None, f"{name} has ended by itself"
    finally:
        process.stdin.close()
        await process.wait()


async def _process(name: str, task: str, dsn: str, number: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "bench.peers", name, task, dsn, str(number)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )


def _figure(name: str, ours: list[float], peer: list[float]) -> Figure:
    times = [one / other for one, other in zip(ours, peer, strict=True)]
    return Figure(
        f"peers: attempts a second, against {name} {version(name)}",
        middle(times),
        f"times {name}",
        Limit(LEAST_TIMES[name]),
        f"{name}: {amount(middle(peer))} attempts/s, ours {amount(middle(ours))}",
        f"ours {spread(ours)}; {name} {spread(peer)}",
    )
