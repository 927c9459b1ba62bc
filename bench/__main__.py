"""Run the bench: `python -m bench [--only engine|leads|history] [--quick] [--profile]`.

A whole run takes a few minutes and writes docs/benchmarks.md. It ends with 1 where a figure misses its limit.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import engine, history, leads
from bench.figures import HEADINGS, Context, Figure
from bench.machine import Machine, Noise, this_machine
from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, connect
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.migrate import migrate

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
WIDE = 320
PARTS: MappingProxyType[str, Callable[[Context], Awaitable[list[Figure]]]] = MappingProxyType(
    {"engine": engine.measure, "leads": leads.measure, "history": history.measure}
)


def main() -> int:
    """Measure what was asked for; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--only", choices=list(PARTS), help="measure one part, and leave the page as it is")
    options.add_argument("--quick", action="store_true", help="small sizes: shows that the bench works, not how fast")
    options.add_argument("--profile", action="store_true", help="also print where the engine's own time goes")
    chosen = options.parse_args()
    machine, figures = _run([chosen.only] if chosen.only else list(PARTS), chosen.quick, chosen.profile)
    _show(machine, figures, judged=not chosen.quick)
    if not chosen.quick and not chosen.only:
        PAGE.write_text(page(machine, figures), encoding="utf-8")
        print(f"wrote docs/{PAGE.name}")
    return int(not chosen.quick and any(figure.holds() is False for figure in figures))


def _run(parts: Sequence[str], quick: bool, profile: bool) -> tuple[Machine, list[Figure]]:
    folder = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    folder.chmod(0o755)  # the server may run as another user, who has to pass through
    server = EmbeddedPostgres(folder / "data")
    try:
        server.start()
        assert server.pid is not None
        return asyncio.run(_measure(server.dsn, server.pid, parts, quick, profile))
    finally:
        server.stop()
        shutil.rmtree(folder)


async def _measure(
    dsn: str, server_pid: int, parts: Sequence[str], quick: bool, profile: bool
) -> tuple[Machine, list[Figure]]:
    machine, noise = this_machine(await _ask(dsn, "SHOW server_version"), SystemClock().now()), Noise()
    figures: list[Figure] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        for part in parts:
            noise.listen()
            async with _fresh_database(dsn, part) as fresh:
                figures += await PARTS[part](Context(fresh, server_pid, progress, quick, profile))
    noise.listen()
    return (*machine, noise.row()), figures


@asynccontextmanager
async def _fresh_database(dsn: str, name: str) -> AsyncIterator[str]:
    """A database of one part's own, gone afterwards, so that no part pays for another one's rows."""
    head, _, query = dsn.partition("?")
    fresh = f"{head.rsplit('/', 1)[0]}/{name}?{query}"
    await _ask(dsn, f'CREATE DATABASE "{name}"')
    try:
        database = await connect(fresh, size=1, settings=API_SETTINGS)
        await migrate(database, SystemClock().now())
        await database.close()
        yield fresh
    finally:
        await _ask(dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _ask(dsn: str, statement: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


def page(machine: Machine, figures: Sequence[Figure]) -> str:
    """docs/benchmarks.md of a whole run."""
    rows = [figure.cells(judged=True) for figure in figures]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows))
    on = "\n".join(f"- {name}: {value}" for name, value in machine)
    return f"""# Benchmarks

<!-- Made by `make bench`: run it again instead of editing. -->

Each figure stands beside its limit, or beside the least that could do the same, measured in the same run on the same
server. Where rounds are listed, ours and the peer's took turns, and the figure is the median of the rounds.

{on}

{table}

{engine.EXPLAINED}

{leads.EXPLAINED}

{history.EXPLAINED}
"""


def _show(machine: Machine, figures: Sequence[Figure], judged: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    about = Table("machine", "", box=None)
    for row in machine:
        about.add_row(*row)
    table = Table(*HEADINGS)
    for figure in figures:
        table.add_row(*figure.cells(judged))
    console.print(about, table)


if __name__ == "__main__":
    sys.exit(main())
