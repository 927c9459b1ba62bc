"""Run the bench: `python -m bench [--only PART]... [--quick] [--profile]`.

A whole run takes three quarters of an hour, writes docs/benchmarks.md, and wants 15 GB of disk for a while; a third of
it is the part `backlog`, which holds a snapshot open for ten minutes. It ends with 1 where a figure misses its limit.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import backlog, caps, engine, history, lateness, leads, memory, nodes
from bench.databases import ask, fresh_database
from bench.figures import HEADINGS, Context, Figure
from bench.machine import Machine, Noise, this_machine
from bench.peers import measure as peers
from ringback.clock import SystemClock
from ringback.store.embedded import EmbeddedPostgres

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
WIDE = 320


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bench.

    Attributes:
        measure: finds its figures, on a server and a database of its own.
        explained: its section of the page.
        settings: of the server, where they are not quite those of an installation.
    """

    measure: Callable[[Context], Awaitable[list[Figure]]]
    explained: str
    settings: Mapping[str, str] | None = None


PARTS: MappingProxyType[str, Part] = MappingProxyType(
    {
        "engine": Part(engine.measure, engine.EXPLAINED),
        "peers": Part(peers.measure, peers.EXPLAINED),
        "nodes": Part(nodes.measure, nodes.EXPLAINED),
        "lateness": Part(lateness.measure, lateness.EXPLAINED),
        "backlog": Part(backlog.measure, backlog.EXPLAINED),
        "memory": Part(memory.measure, memory.EXPLAINED),
        "caps": Part(caps.measure, caps.EXPLAINED, caps.CONNECTIONS),
        "leads": Part(leads.measure, leads.EXPLAINED),
        "history": Part(history.measure, history.EXPLAINED),
    }
)


def main() -> int:
    """Measure what was asked for; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument(
        "--only", choices=list(PARTS), action="append", help="measure this part (and others named so), and no page"
    )
    options.add_argument("--quick", action="store_true", help="small sizes: shows that the bench works, not how fast")
    options.add_argument("--profile", action="store_true", help="also print where the engine's own time goes")
    chosen = options.parse_args()
    names = [name for name in PARTS if chosen.only is None or name in chosen.only]
    if "peers" in names and not chosen.quick and peers.missing():
        options.error(f"{', '.join(peers.missing())} are not installed: `make bench` does it")
    machine, figures = _run(names, chosen.quick, chosen.profile)
    _show(machine, figures, judged=not chosen.quick)
    if not chosen.quick and not chosen.only:
        PAGE.write_text(page(machine, figures), encoding="utf-8")
        print(f"wrote docs/{PAGE.name}")
    return int(not chosen.quick and any(figure.holds() is False for figure in figures))


def _run(names: Sequence[str], quick: bool, profile: bool) -> tuple[Machine, list[Figure]]:
    noise, about = Noise(), Machine()
    figures: list[Figure] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        for name in names:
            noise.listen()
            machine, found = _run_part(name, progress, quick, profile)
            about = about or machine
            figures += found
    noise.listen()
    return (*about, noise.row()), figures


def _run_part(name: str, progress: Progress, quick: bool, profile: bool) -> tuple[Machine, list[Figure]]:
    """A part on a server of its own: what one part wrote is not there to be vacuumed in the next."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    folder.chmod(0o755)  # the server may run as another user, who has to pass through
    server = EmbeddedPostgres(folder / "data", settings=PARTS[name].settings or {})
    try:
        dsn = server.start()
        assert server.pid is not None
        return asyncio.run(_measure(name, Context(dsn, server.pid, progress, quick, profile)))
    finally:
        server.stop()
        shutil.rmtree(folder)


async def _measure(name: str, server: Context) -> tuple[Machine, list[Figure]]:
    machine = this_machine(await ask(server.dsn, "SHOW server_version"), SystemClock().now())
    async with fresh_database(server.dsn, name) as fresh:
        return machine, await PARTS[name].measure(replace(server, dsn=fresh))


def page(machine: Machine, figures: Sequence[Figure]) -> str:
    """docs/benchmarks.md of a whole run."""
    rows = [figure.cells(judged=True) for figure in figures]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows))
    explained = "\n\n".join(part.explained for part in PARTS.values())
    on = "\n".join(f"- {name}: {value}" for name, value in machine)
    return f"""# Benchmarks

<!-- Made by `make bench`: run it again instead of editing. -->

Each figure stands beside its limit, or beside the least that could do the same, measured in the same run on the same
server. Where rounds are listed, ours and the peer's took turns, and the figure is the median of the rounds.

{on}

{table}

{explained}
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
