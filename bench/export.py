"""The export figure: ten million attempts to Parquet, by the process that a server starts for it."""

import asyncio
import os
import random
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from bench.figures import Context, Figure, Limit
from bench.history import ATTEMPTS_A_CALL, FILLERS, fill
from bench.machine import peak_memory_mb
from bench.world import World, new_world
from ringback.clock import SystemClock
from ringback.config import DATABASE_URL
from ringback.domain.export import COLUMNS, Format, Kind
from ringback.exporting.make import place_of
from ringback.ids import Ids
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.exports import Beginning, Wanted, claim, create_export, find_export
from ringback.wiring import export_command

MOST_SEC = Limit(120, most=True)
MOST_MB = Limit(300, most=True)
BEGINNING = Instant.from_utc(2026, 3, 1, hour=10)
EXPLAINED = f"""## Export

All columns of all attempts of a workspace, {ATTEMPTS_A_CALL} of each call, written to a file by the process that a
server starts for it, from its start to its end, and the peak of that process's resident memory. PostgreSQL is on the
same cores."""


async def measure(context: Context) -> list[Figure]:
    """Fill the tables, and export them in each form."""
    calls, a_fill = (400, 100) if context.quick else (2_000_000, 20_000)
    database = await connect(context.dsn, size=FILLERS, settings=API_SETTINGS)
    try:
        world = await new_world(database, BEGINNING)
        await fill(context, database, world, calls, a_fill)
        figures = []
        with tempfile.TemporaryDirectory(prefix="ringback-bench-export-") as folder:
            for form in (Format.PARQUET, Format.CSV, Format.JSONL):
                with context.step(f"export {calls * ATTEMPTS_A_CALL:,} attempts as {form}"):
                    figures += await _export(context.dsn, database, world, form, Path(folder))
    finally:
        await database.close()
    return figures


async def _export(dsn: str, database: Database, world: World, form: Format, folder: Path) -> list[Figure]:
    export_id, clock = Ids(random.SystemRandom()).new(BEGINNING), SystemClock()
    now = clock.now()
    columns = [column.name for column in COLUMNS[Kind.ATTEMPTS]]
    wanted = Wanted(Kind.ATTEMPTS, form, {}, columns, now + TimeDelta(hours=1))
    async with database.connection() as db:
        await create_export(db, world.workspace_no, export_id, wanted, now, UUID(int=1))
        beginning = await claim(db, "bench", now, now + TimeDelta(minutes=1), 1)
    assert beginning is not None
    began = time.perf_counter()
    most = await _run(dsn, beginning, folder)
    sec = time.perf_counter() - began
    async with database.connection() as db:
        row = await find_export(db, world.workspace_no, export_id, now)
    assert row is not None
    assert row["status"] == "done", row["error"]
    path = place_of(folder, world.workspace_no, export_id, form)
    what, size = f"export: {row['rows']:,} attempts as {form}", path.stat().st_size
    path.unlink()
    judged = form is Format.PARQUET
    return [
        Figure(what, sec, "s", MOST_SEC if judged else None),
        Figure(f"{what}, resident memory at most", most, "MB", MOST_MB),
        Figure(f"{what}, a row", size / row["rows"], "bytes"),
    ]


async def _run(dsn: str, beginning: Beginning, folder: Path) -> float:
    """Have it made; returns the most memory, in MB, that its process had."""
    child = await asyncio.create_subprocess_exec(
        *export_command(folder), stdin=asyncio.subprocess.PIPE, env={**os.environ, DATABASE_URL: dsn}
    )
    assert child.stdin is not None
    child.stdin.write(msgspec.json.encode(beginning) + b"\n")
    child.stdin.close()
    most = 0.0
    while child.returncode is None:
        with suppress(StopIteration, FileNotFoundError):  # it has just ended
            most = max(most, peak_memory_mb(child.pid))
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), 0.05)
    assert child.returncode == 0
    return most
