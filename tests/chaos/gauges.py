"""What a long run is watched for: the memory of its processes, and the sizes and dead rows of its tables."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import psutil
from tests.chaos.watch import GONE

MB = 1_000_000
HISTORY = ("calls", "attempts")
"""Tables that keep what happened, and grow with it."""
SMALL = ("queue", "grants", "limits", "tallies", "nodes")
SIZES = """
SELECT relname, pg_total_relation_size(relid) AS size, n_live_tup AS alive, n_dead_tup AS dead
FROM pg_stat_user_tables WHERE relname = ANY ($1::text[])
"""
MEMORY_GROWTH, MEMORY_ROOM_MB = 1.15, 10.0
SIZE_GROWTH, SIZE_ROOM_MB = 1.5, 4.0
ROWS_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at all gauges.

    Attributes:
        minutes: since the beginning.
        dials: up to now.
        spared_mb: memory of the node that is never killed.
        others_mb: the most of any other node.
        tables: (size in MB, live rows, dead rows) by table, as PostgreSQL's statistics have them.
    """

    minutes: float
    dials: int
    spared_mb: float
    others_mb: float
    tables: Mapping[str, tuple[float, int, int]]


@dataclass(slots=True)
class Gauges:
    """Reads all gauges every so often.

    Attributes:
        readings: up to now.
    """

    readings: list[Reading] = field(default_factory=list)

    async def read_on(
        self, dsn: str, pids: Callable[[], list[int | None]], dials: Callable[[], int], every_sec: float
    ) -> None:
        """Read until cancelled.

        Args:
            dsn: the database.
            pids: of the nodes, the spared one last.
            dials: up to now.
            every_sec: between two readings.
        """
        began = time.monotonic()
        while True:
            with suppress(*GONE):
                tables = await _tables(dsn)
                *others, spared = [_memory_mb(pid) for pid in pids()]
                minutes = (time.monotonic() - began) / 60
                self.readings.append(Reading(minutes, dials(), spared, max(others, default=0.0), tables))
            await asyncio.sleep(every_sec)

    def grown(self) -> Iterator[str]:
        """What has grown from the second quarter of the readings to the last: the first is for warming up."""
        quarter = len(self.readings) // 4
        if quarter < 2:
            return
        early, late = self.readings[quarter : 2 * quarter], self.readings[-quarter:]
        before, after = _middle([r.spared_mb for r in early]), _middle([r.spared_mb for r in late])
        if after > before * MEMORY_GROWTH + MEMORY_ROOM_MB:
            yield f"the memory of a node grew from {before:.0f} to {after:.0f} MB"
        for table in SMALL:
            before, after = (_middle([r.tables[table][0] for r in part if table in r.tables]) for part in (early, late))
            if after > before * SIZE_GROWTH + SIZE_ROOM_MB:
                yield f"{table} grew from {before:.1f} to {after:.1f} MB"

    def table(self) -> str:
        """The readings in Markdown, thinned out."""
        step = max(len(self.readings) // ROWS_SHOWN, 1)
        names = (*SMALL, *HISTORY)
        head = ["minute", "dials", "spared node MB", "other nodes MB", *(f"{n} MB (live, dead rows)" for n in names)]
        rows = [_cells(reading, names) for reading in self.readings[::step]]
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["--:"] * len(head), *rows))


def _cells(reading: Reading, names: Sequence[str]) -> list[str]:
    sizes = [reading.tables.get(name, (0.0, 0, 0)) for name in names]
    return [
        f"{reading.minutes:.1f}",
        f"{reading.dials:,}",
        f"{reading.spared_mb:.0f}",
        f"{reading.others_mb:.0f}",
        *(f"{size:.1f} ({alive:,}, {dead:,})" for size, alive, dead in sizes),
    ]


async def _tables(dsn: str) -> dict[str, tuple[float, int, int]]:
    connection = await asyncpg.connect(dsn, timeout=2, command_timeout=10)
    try:
        rows = await connection.fetch(SIZES, [*SMALL, *HISTORY])
    finally:
        connection.terminate()
    return {row["relname"]: (row["size"] / MB, row["alive"], row["dead"]) for row in rows}


def _memory_mb(pid: int | None) -> float:
    with suppress(psutil.NoSuchProcess):
        return 0.0 if pid is None else float(psutil.Process(pid).memory_info().rss) / MB
    return 0.0


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
