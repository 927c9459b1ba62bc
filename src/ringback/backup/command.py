"""`ringback backup` and `ringback restore`: with a bar on standard error, and the result on standard output."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ringback.backup.manifest import Manifest
from ringback.backup.programs import Moved
from ringback.backup.restore import Restored, restore_backup
from ringback.backup.take import take_backup
from ringback.config import Settings


def backup(settings: Settings, to: Path, *, as_json: bool) -> None:
    """Take a backup into a new folder and say what is in it."""
    with _bar(quiet=as_json) as moved:
        manifest = take_backup(settings, to, moved)
    size = sum(entry.size for entry in manifest.files)
    said = {"backup": str(to), "bytes": size, **_of(manifest)}
    if as_json:
        Console().print_json(data=said)
        return
    rows = manifest.rows
    _say(
        f"{to}: {size / 1e6:,.1f} MB, {rows['calls']:,} calls, {rows['attempts']:,} attempts, as of {manifest.made_at}"
    )
    _say(f"Restore it with:\n  ringback restore --data NEW_DIR {to}")


def restore(settings: Settings, source: Path, *, as_json: bool) -> None:
    """Make a data directory of a backup, and say what will not be dialled before somebody says so."""
    with _bar(quiet=as_json) as moved:
        restored = restore_backup(settings, source, moved)
    halted = restored.halted
    if as_json:
        found = {"paused_campaigns": halted.paused, "cancelled_calls": halted.cancelled, "live_attempts": halted.live}
        Console().print_json(data={"data": str(settings.data), **_of(restored.manifest), **found})
        return
    for line in _told(settings.data, restored):
        _say(line)


def _told(data: Path, restored: Restored) -> Iterator[str]:
    made_at, halted = restored.manifest.made_at, restored.halted
    yield f"{data} is as it was at {made_at}; what was dialled since is not in it."
    if halted.paused:
        yield f"Paused, {len(halted.paused)}: {', '.join(halted.paused)}. Resume each once you know that nobody is"
        yield "dialled again who was reached after that time."
    if halted.cancelled:
        yield f"Cancelled, {halted.cancelled:,}: single calls that were not over, for nothing could have paused them."
    if halted.live:
        yield f"Live at that time, {halted.live:,}: the server asks their trunks what became of them when it starts."
    yield f"Next:\n  ringback serve --data {data}"


def _of(manifest: Manifest) -> dict[str, Any]:
    return {
        "made_at": manifest.made_at,
        "ringback": manifest.ringback,
        "schema": manifest.db_schema,
        "rows": manifest.rows,
    }


def _say(line: str) -> None:
    Console().print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Moved]:
    """A bar by rows; SIGTERM is taken as Ctrl-C meanwhile, so that nothing is left half."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bars:
        task = bars.add_task("starting", total=None)
        yield lambda what, done, total: bars.update(task, description=what, completed=done, total=total or None)
