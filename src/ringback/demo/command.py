"""`ringback demo`: sets the stage, runs the campaign with a progress bar, and prints its report."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from whenever import Instant

from ringback.demo.report import Report, make_report
from ringback.demo.run import BEGINS, Demo, run_demo
from ringback.demo.show import show_report
from ringback.errors import Invalid
from ringback.store.embedded import EmbeddedPostgres

EXAMPLES = Path("examples") / "leads.csv"


def run(leads: int, days: int, seed: int, file: Path | None, data: Path | None, *, as_json: bool) -> None:
    """Run the demo on a database of its own, which is gone afterwards unless `data` says where to keep it.

    Raises:
        Invalid: the file is not there or has too few leads, or `data` holds a database already.
    """
    console = Console()
    with _leads_file(file) as path, _folder(data) as folder, EmbeddedPostgres(folder) as postgres:
        report = asyncio.run(_run(postgres.dsn, Demo(path, leads, days, seed), quiet=as_json))
    if as_json:
        console.print_json(data=report.as_json())
        return
    show_report(report, console)
    if data is not None:
        console.print(f"The database is kept in {data}.")


async def _run(dsn: str, demo: Demo, *, quiet: bool) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bars:
        task = bars.add_task(f"dialling {demo.leads:,} leads", total=demo.days * 86_400, day="")

        def moved(at: Instant, _: Instant) -> None:
            done = (at - BEGINS).total("seconds")
            bars.update(task, completed=done, day=f"day {int(done // 86_400) + 1} of {demo.days}")

        database, ran = await run_demo(dsn, demo, moved)
        try:
            return await make_report(database, demo, ran)
        finally:
            await database.close()


@contextmanager
def _leads_file(file: Path | None) -> Iterator[Path]:
    """The leads that were asked for, or those that come with Ringback."""
    checkout = Path(__file__).parents[3] / EXAMPLES
    if file is not None:
        yield file
    elif checkout.exists():
        yield checkout
    else:
        with as_file(files("ringback") / "examples" / "leads.csv") as packaged:
            if not packaged.exists():
                raise Invalid(["the example leads are not installed; give a file of your own by --file"])
            yield packaged


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        if data.exists() and any(data.iterdir()):
            raise Invalid([f"--data {data} is not empty; the demo wants a new directory"])
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="ringback-demo-"))
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
