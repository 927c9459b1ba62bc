"""The nodes' figure: what two nodes do on one database beside what one does, and where the processors' time goes."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil

from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from bench.machine import cpu_sec
from bench.ours import ended_attempts, node_process, rate, until
from bench.world import World, fill_queue, new_world, tidy
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, Database, connect

LEAST_TIMES = Limit(1.3)
DRAIN_SEC = 10.0
EXPLAINED = """## Nodes

Real nodes, `ringback node`, on one database: in turns one of them and two of them, each time begun anew. All leads are
due, and the simulator is without delay. Where two do not do twice as much, the table of where the processors' time goes
says why: `all` is what the whole machine used, of as many cores as it has, this bench and anybody else included."""


@dataclass(frozen=True, slots=True)
class Round:
    """What so many nodes did: attempts a second, and cores in use by the nodes, the server and everybody."""

    per_sec: float
    nodes_cores: float
    server_cores: float
    all_cores: float


async def measure(context: Context) -> list[Figure]:
    """One node and two nodes in turn."""
    leads, rounds, warm_sec, sec = (30_000, 1, 0.0, 0.5) if context.quick else (600_000, 3, 2.0, 12.0)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        now = SystemClock().now()
        world = await new_world(database, now)
        with context.step(f"{leads:,} leads"):
            await fill_queue(database, world, leads, now)
            async with database.connection() as db:
                await tidy(db)
        found: list[list[Round]] = []
        with context.step(f"one node and two nodes, {sec:.0f} s a round", 2 * rounds) as done:
            for _ in range(rounds):
                pair = []
                for names in (("a",), ("a", "b")):
                    pair.append(await _round(context, database, world, names, warm_sec, sec))
                    done()
                found.append(pair)
    finally:
        await database.close()
    return _figures([pair[0] for pair in found], [pair[1] for pair in found])


async def _round(
    context: Context, database: Database, world: World, names: Sequence[str], warm_sec: float, sec: float
) -> Round:
    """Run these nodes; count once each has had its time to get its share of the permits."""

    async def ended() -> int:
        return await ended_attempts(database, world)

    async with AsyncExitStack() as running:
        before = await ended()
        pids = [await running.enter_async_context(node_process(context.dsn, name, DRAIN_SEC)) for name in names]
        await until(ended, before + 1)
        await asyncio.sleep(warm_sec)
        nodes, server, everybody, watch = _used(pids), cpu_sec(context.server_pid), _all_used(), Stopwatch()
        per_sec = await rate(ended, sec)
        used = (_used(pids) - nodes, cpu_sec(context.server_pid) - server, _all_used() - everybody)
        took = watch.sec()
    return Round(per_sec, *(part / took for part in used))


def _used(pids: Sequence[int]) -> float:
    return sum(cpu_sec(pid) for pid in pids)


def _all_used() -> float:
    """CPU seconds that the machine has used since it was started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.steal - times.guest - times.guest_nice)


def _figures(one: list[Round], two: list[Round]) -> list[Figure]:
    rates, both = [r.per_sec for r in one], [r.per_sec for r in two]
    return [
        Figure(
            "nodes: attempts a second by two on one database",
            middle([b / a for a, b in zip(rates, both, strict=True)]),
            "times one node",
            LEAST_TIMES,
            f"one: {amount(middle(rates))} attempts/s, two: {amount(middle(both))} attempts/s",
            f"one {spread(rates)}; two {spread(both)}",
        ),
        _cores("the nodes", [r.nodes_cores for r in one], [r.nodes_cores for r in two]),
        _cores("PostgreSQL", [r.server_cores for r in one], [r.server_cores for r in two]),
        _cores(f"all, of {psutil.cpu_count()}", [r.all_cores for r in one], [r.all_cores for r in two]),
    ]


def _cores(who: str, one: list[float], two: list[float]) -> Figure:
    return Figure(f"nodes: cores in use with two, {who}", middle(two), "cores", peer=f"with one: {amount(middle(one))}")
