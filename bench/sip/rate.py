"""How soon after its intent is a dial on its way? A real node dials real calls, as fast as they fall due."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.sip.messages import Call
from tests.sip.numbers import Manner
from tests.sip.scenario import Pace
from tests.sip.sipp import HOST, Sipp, sipp
from whenever import Instant

from bench.figures import Context, Figure, Limit, amount
from bench.ours import ended_attempts, node_process, until
from bench.sip.cores import Cores, below, one
from bench.world import SQL, World, fill_queue, new_world
from ringback import ids
from ringback.clock import SystemClock, seconds
from ringback.store.database import API_SETTINGS, Database, connect

MOST_P99 = Limit(100, most=True)
LEAST_RATE, LEAST_RINGING = Limit(198), Limit(950)
RING_SEC = 5
LONGEST_SEC = 240.0
BEGIN_SEC = 8.0
"""From the filling to the first due dial: the node is up by then."""
SETTINGS = {
    **{"host": HOST, "net_interface": HOST, "from_number": "+14155550100", "ring_timeout_sec": RING_SEC},
    **{"most_workers": 4, "max_calls_per_worker": 400},
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one run found.

    Attributes:
        late_ms: from each intent to its INVITE at the far end.
        per_sec: dials a second, from the first to the last.
        ringing: phones that rang at a time at most.
        others: dials that the far end saw more or less than once.
        cores: who used how much of the CPU meanwhile.
    """

    late_ms: list[float]
    per_sec: float
    ringing: int
    others: int
    cores: str = ""


async def measure(context: Context, folder: Path) -> list[Figure]:
    """Leads that fall due in even spacing; then as many that are all due at once."""
    dials, per_sec = (200, 50) if context.quick else (12_000, 200)
    even = await _run(context, folder / "even", dials, per_sec, gap_micros=1_000_000 // per_sec)
    at_once = await _run(context, folder / "at-once", dials, per_sec, gap_micros=1)
    return [
        *_figures(f"dial rate: {per_sec} dials/s fall due", even),
        *_figures(f"dial rate: {dials:,} due at once, {per_sec} dials/s allowed", at_once),
    ]


async def _run(context: Context, folder: Path, dials: int, per_sec: int, gap_micros: int) -> Found:
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        with context.step(f"{dials:,} dials, {per_sec}/s"), sipp(folder / "sipp", pace=Pace(linger=1_000)) as far_end:
            world = await _world(database, far_end, dials, per_sec, gap_micros)

            async def ended() -> int:
                return await ended_attempts(database, world)

            async with node_process(context.dsn, "bench", drain_sec=0) as node:
                await until(ended, 1, LONGEST_SEC)
                cores = Cores(
                    {
                        "node": one(node),
                        "its workers": below(node),
                        "PostgreSQL": below(context.server_pid),
                        "SIPp": one(far_end.process.pid),
                    }
                )
                await until(ended, dials, LONGEST_SEC)
                used = cores.words()
            return replace(await _compare(database, world, far_end), cores=used)
    finally:
        await database.close()


async def _world(database: Database, far_end: Sipp, dials: int, per_sec: int, gap_micros: int) -> World:
    """A campaign over a trunk to SIPp, of people who ring until the ring timeout."""
    now = SystemClock().now()
    world = await new_world(database, now, max_attempts=1)
    settings = {**SETTINGS, "port": far_end.port, "dials_per_sec_per_worker": max(per_sec // 4, 1)}
    async with database.connection() as db:
        await db.execute(SQL["make_sip"], world.workspace_no, json.dumps(settings))
    await fill_queue(database, world, dials, now + seconds(BEGIN_SEC), gap_micros=gap_micros)
    async with database.connection() as db:
        await db.execute(SQL["give_manners"], world.workspace_no, Manner.RINGS.value)
    return world


async def _compare(database: Database, world: World, far_end: Sipp) -> Found:
    """Each intent beside its INVITE."""
    async with database.connection() as db:
        rows = await db.fetch(SQL["intents"], world.workspace_no)
    intents = {ids.show(ids.ATTEMPT, row["attempt_id"]): _unix(row["intent_at"]) for row in rows}
    calls = far_end.calls()
    asked = {call.attempt: call.asked_at for call in calls}
    others = len(calls) - len(asked) + len(asked.keys() ^ intents.keys())
    late_ms = [1000 * (asked[attempt] - at) for attempt, at in intents.items() if attempt in asked]
    took = max(asked.values()) - min(asked.values())
    return Found(late_ms, (len(asked) - 1) / took, _most_at_once(calls), others)


def _most_at_once(calls: Sequence[Call]) -> int:
    """How many rang at a time: from its 180 to the CANCEL."""
    steps: list[tuple[float, int]] = []
    for call in calls:
        rings = [m.at for m in call.messages if m.status == 180]
        ends = [m.at for m in call.messages if m.start.startswith("CANCEL ")]
        if rings and ends:
            steps += [(rings[0], 1), (ends[0], -1)]
    up = most = 0
    for _, step in sorted(steps):
        up += step
        most = max(most, up)
    return most


def _unix(at: Instant) -> float:
    return at.timestamp(unit="nanosecond") / 1e9


def _figures(what: str, found: Found) -> list[Figure]:
    parts = statistics.quantiles(found.late_ms, n=1000, method="inclusive")
    spread = ", ".join(f"{name} {amount(parts[at])}" for name, at in (("p50", 499), ("p95", 949), ("p99.9", 998)))
    return [
        Figure(f"{what}, 99 of 100 INVITEs after their intent within", parts[989], "ms", MOST_P99, rounds=spread),
        Figure(f"{what}, INVITEs a second", found.per_sec, "dials/s", LEAST_RATE, rounds=found.cores),
        Figure(f"{what}, phones ringing at a time", found.ringing, "phones", LEAST_RINGING),
        Figure(f"{what}, dials that SIPp had other than once", found.others, "dials", Limit(0, most=True)),
    ]
