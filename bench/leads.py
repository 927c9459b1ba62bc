"""The import's figures: a file of leads, in time and in memory, beside a bare COPY of the same rows."""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from bench.machine import peak_memory_mb
from bench.world import SQL, new_world, tidy
from ringback.clock import SystemClock
from ringback.ids import Ids
from ringback.intake.leads import read_leads
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.leads import import_leads

ROOT = Path(__file__).parent.parent
CONNECTIONS = 3
MOST_CSV_SEC, MOST_XLSX_SEC, MOST_MB = Limit(30, most=True), Limit(10, most=True), Limit(300, most=True)
COPIED = {
    "calls": ("call_id", "to_number", "name", "zone_set_no", "variables", "created_at", "campaign_no", "trunk_no"),
    "queue": ("call_id", "campaign_no", "trunk_no", "attempt", "due_at"),
}
"""The tables and columns that an import fills, besides workspace_no."""

EXPLAINED = """## Import

A fresh process reads the file, checks each number, finds its time zones and the first hour at which it may be dialled,
and stores lead and queue row, all in one transaction; its peak of resident memory is its own. The numbers are valid,
distinct and from all regions of the world, a fifth of the leads names its own time zone, and each has three variables.
The bare peer is COPY, in the binary format, of the very rows that the import had made, on empty tables too."""


@dataclass(frozen=True, slots=True)
class Import:
    """What one import came to."""

    sec: float
    created: int
    rejected: int
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Tables:
    """A database in which one import is tried after the other."""

    dsn: str
    database: Database
    folder: Path


async def measure(context: Context) -> list[Figure]:
    """A large CSV and a large workbook, each in turn with the bare COPY of its rows."""
    csv_rows, xlsx_rows, rounds = (3_000, 1_000, 1) if context.quick else (1_000_000, 100_000, 2)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        with tempfile.TemporaryDirectory(prefix="ringback-leads-") as folder:
            tables = Tables(context.dsn, database, Path(folder))
            csv, xlsx = tables.folder / "leads.csv", tables.folder / "leads.xlsx"
            with context.step(f"write {csv_rows:,} leads as CSV and {xlsx_rows:,} as XLSX"):
                await asyncio.gather(_write(csv, csv_rows), _write(xlsx, xlsx_rows))
            with context.step(f"import {csv_rows:,} leads from CSV, and COPY them", 2 * rounds) as done:
                from_csv = [await _round(tables, csv, csv_rows, done) for _ in range(rounds)]
            with context.step(f"import {xlsx_rows:,} leads from XLSX, and COPY them", 2 * rounds) as done:
                from_xlsx = [await _round(tables, xlsx, xlsx_rows, done) for _ in range(rounds)]
    finally:
        await database.close()
    return [
        *_figures(f"CSV of {csv_rows:,} leads", from_csv, MOST_CSV_SEC, MOST_MB),
        *_figures(f"XLSX of {xlsx_rows:,} leads", from_xlsx, MOST_XLSX_SEC, None),
    ]


async def _write(path: Path, rows: int) -> None:
    script = ROOT / "scripts" / "make_examples.py"
    await _python(str(script), "--rows", str(rows), "--out", str(path))


async def _round(tables: Tables, file: Path, rows: int, done: Callable[[], None]) -> tuple[Import, float]:
    """One import and one COPY of what it made, each into empty tables."""
    await _empty(tables.database)
    world = await new_world(tables.database, SystemClock().now(), status="draft")
    told = await _python("-m", "bench.leads", tables.dsn, str(file), str(world.workspace_no), str(world.campaign_no))
    done()
    found = Import(**json.loads(told))
    assert (found.created, found.rejected) == (rows, 0), f"{rows} rows became {found}"
    copied = await _copy(tables, world.workspace_no)
    done()
    return found, copied


async def _empty(database: Database) -> None:
    async with database.connection() as db:
        await db.execute(SQL["empty"])
        await tidy(db)


async def _copy(tables: Tables, workspace_no: int) -> float:
    """Seconds for the same rows by COPY."""
    columns = {name: ["workspace_no", *names] for name, names in COPIED.items()}
    files = {name: str(tables.folder / f"{name}.copy") for name in columns}
    async with tables.database.connection() as db:
        for name in columns:
            await db.copy_from_query(SQL[f"made_{name}"], workspace_no, output=files[name], format="binary")
    await _empty(tables.database)
    watch = Stopwatch()
    async with tables.database.transaction() as db:
        for name, filled in columns.items():
            await db.copy_to_table(name, source=files[name], columns=filled, format="binary")
    return watch.sec()


async def _python(*arguments: str) -> str:
    """Run Python in a process of its own; returns what it printed."""
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    assert process.returncode == 0, f"python {' '.join(arguments)} failed"
    return told.decode()


def _figures(what: str, rounds: list[tuple[Import, float]], most_sec: Limit, most_mb: Limit | None) -> list[Figure]:
    sec, peaks, bare = [i.sec for i, _ in rounds], [i.peak_mb for i, _ in rounds], [copied for _, copied in rounds]
    return [
        Figure(
            f"import: {what}",
            middle(sec),
            "s",
            most_sec,
            f"bare COPY of the same rows: {amount(middle(bare))} s",
            f"ours {spread(sec)}; bare {spread(bare)}",
        ),
        Figure(f"import: {what}, resident memory at most", max(peaks), "MB", most_mb),
    ]


async def _import(dsn: str, file: Path, workspace_no: int, campaign_no: int) -> Import:
    database = await connect(dsn, size=CONNECTIONS, settings=API_SETTINGS)
    ids, now, watch = Ids(random.SystemRandom()), SystemClock().now(), Stopwatch()
    report = await import_leads(database, workspace_no, campaign_no, read_leads(file), ids, now)
    sec = watch.sec()
    await database.close()
    return Import(sec, report.created, report.rejected, peak_memory_mb())


if __name__ == "__main__":
    ended = asyncio.run(_import(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    print(json.dumps({name: getattr(ended, name) for name in Import.__dataclass_fields__}))
