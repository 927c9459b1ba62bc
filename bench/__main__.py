"""Run the bench: `python -m bench [--only PART]... [--quick] [--profile]`.

Each part writes its section of docs/benchmarks.md. A whole run takes an hour, and wants 15 GB of disk for a while; a
quarter of it is the part `backlog`, which holds a snapshot open for ten minutes. It ends with 1 where a figure misses
its limit.
"""

import argparse
import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import (
    backlog,
    caps,
    compare,
    engine,
    export,
    history,
    lateness,
    leads,
    ledger,
    memory,
    nodes,
    plan,
    rules,
    sip,
    webhooks,
)
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


class Run(NamedTuple):
    """What a part found, and on which machine."""

    machine: Machine
    figures: list[Figure]


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
        "export": Part(export.measure, export.EXPLAINED),
        "rules": Part(rules.measure, rules.EXPLAINED),
        "ledger": Part(ledger.measure, ledger.EXPLAINED),
        "compare": Part(compare.measure, compare.EXPLAINED),
        "plan": Part(plan.measure, plan.EXPLAINED),
        "webhooks": Part(webhooks.measure, webhooks.EXPLAINED),
        "sip": Part(sip.measure, sip.EXPLAINED),
    }
)


def main() -> int:
    """Measure what was asked for; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--only", choices=list(PARTS), action="append", help="measure this part (and others named so)")
    options.add_argument("--quick", action="store_true", help="small sizes: shows that the bench works, not how fast")
    options.add_argument("--profile", action="store_true", help="also print where the engine's own time goes")
    chosen = options.parse_args()
    names = [name for name in PARTS if chosen.only is None or name in chosen.only]
    if "peers" in names and not chosen.quick and peers.missing():
        options.error(f"{', '.join(peers.missing())} are not installed: `make bench` does it")
    held = True
    for name, run in _runs(names, chosen.quick, chosen.profile):
        _show(run, judged=not chosen.quick)
        if not chosen.quick:
            PAGE.write_text(page({name: run}, PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""), "utf-8")
            print(f"wrote {name} into docs/{PAGE.name}")
            held = held and all(figure.holds() is not False for figure in run.figures)
    return int(not held)


def _runs(names: Sequence[str], quick: bool, profile: bool) -> Iterator[tuple[str, Run]]:
    """Each part's run as soon as it is over, so that a bench that is cut short keeps what it has found."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress,
        _server(names) if quick else nullcontext() as shared,
    ):
        for name in names:
            noise = Noise()
            noise.listen()
            with nullcontext(shared) if shared else _server([name]) as server:
                machine, figures = _run_part(name, server, progress, quick, profile)
            noise.listen()
            yield name, Run((*machine, noise.row()), figures)


@contextmanager
def _server(names: Iterable[str]) -> Iterator[EmbeddedPostgres]:
    """A server for these parts; what is judged has one of its own, with nothing of another part left to be vacuumed."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    folder.chmod(0o755)  # the server may run as another user, who has to pass through
    settings = {name: value for part in names for name, value in (PARTS[part].settings or {}).items()}
    server = EmbeddedPostgres(folder / "data", settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _run_part(
    name: str, server: EmbeddedPostgres, progress: Progress, quick: bool, profile: bool
) -> tuple[Machine, list[Figure]]:
    """A part on a database of its own."""
    assert server.pid is not None
    return asyncio.run(_measure(name, Context(server.dsn, server.pid, progress, quick, profile)))


async def _measure(name: str, server: Context) -> tuple[Machine, list[Figure]]:
    machine = this_machine(await ask(server.dsn, "SHOW server_version"), SystemClock().now())
    async with fresh_database(server.dsn, name) as fresh:
        return machine, await PARTS[name].measure(replace(server, dsn=fresh))


def page(runs: Mapping[str, Run], before: str) -> str:
    """docs/benchmarks.md with the sections of these runs, and those of the parts that were run before."""
    sections = dict(_SECTION.findall(before)) | {name: _section(name, run) for name, run in runs.items()}
    return _HEAD + "".join(f"\n<!-- part: {name} -->\n{sections[name]}" for name in PARTS if name in sections)


_SECTION = re.compile(r"<!-- part: (\w+) -->\n(.*?\n)(?=\n<!-- part: |\Z)", re.DOTALL)
_HEAD = """# Benchmarks

<!-- Made by `make bench`: run it again instead of editing. -->

Each figure stands beside its limit, or beside the least that could do the same, measured in the same run on the same
server. Where rounds are listed, ours and the peer's took turns, and the figure is the median of the rounds.
"""


def _section(name: str, run: Run) -> str:
    rows = [figure.cells(judged=True) for figure in run.figures]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows))
    on = "\n".join(f"- {what}: {value}" for what, value in run.machine)
    return f"{PARTS[name].explained}\n\n{table}\n\n{on}\n"


def _show(run: Run, judged: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    about = Table("machine", "", box=None)
    for row in run.machine:
        about.add_row(*row)
    table = Table(*HEADINGS)
    for figure in run.figures:
        table.add_row(*figure.cells(judged))
    console.print(about, table)


if __name__ == "__main__":
    sys.exit(main())
