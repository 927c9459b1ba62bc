"""`ringback export`: has a file made, waits for it, and fetches it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn

from ringback.domain.export import ExportState, Format, Kind
from ringback.errors import Invalid, OurError
from ringback.remote.client import Client

PATH = "/v1/exports"
POLL_SEC = 0.5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Attributes:
        kind: what a row is.
        out: the file.
        file_format: None for the one that the file's ending says.
        columns: their names, None for all.
        filters: as the API takes them.
        keep: whether the export stays on the server.
        as_json: whether what came of it is told as JSON.
    """

    kind: Kind
    out: Path
    file_format: Format | None
    columns: list[str] | None
    filters: dict[str, str]
    keep: bool
    as_json: bool


def export(url: str, key: str, wish: Wish) -> None:
    """Have it made, fetch it, and say what came of it. Ctrl-C ends it, on the server too.

    Raises:
        Invalid: the file's ending says no format, or the server takes something for wrong.
        OurError: it cannot be made.
    """
    client = Client(url, key)
    asked = {"kind": wish.kind, "format": _format(wish), "columns": wish.columns, **wish.filters}
    made = client.post(PATH, asked)
    one = f"{PATH}/{made['id']}"
    try:
        with _progress() as progress:
            made = _wait(client, one, progress)
            _fetch(client, made, wish.out, progress)
    finally:
        if not wish.keep:
            client.delete(one)
    if wish.as_json:
        Console().print_json(data=made | {"file": str(wish.out)})
    else:
        line = f"{wish.out}: {made['rows']:,} {wish.kind}, {made['bytes']:,} bytes"
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def _format(wish: Wish) -> Format:
    if wish.file_format is not None:
        return wish.file_format
    ending = wish.out.suffix.removeprefix(".").lower()
    if ending not in list(Format):
        raise Invalid([f"{wish.out} does not end in .csv, .jsonl or .parquet: give --format csv"])
    return Format(ending)


def _progress() -> Progress:
    """On standard error, for standard output may be read by a program."""
    parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]}"))
    return Progress(*parts, DownloadColumn(), console=Console(stderr=True), transient=True)


def _wait(client: Client, path: str, progress: Progress) -> Any:
    task = progress.add_task("making", total=None, rows="")
    while True:
        made = client.get(path)
        if made["status"] == ExportState.FAILED:
            raise OurError(f"the export failed: {made['error']}")
        expected = max(made["rows_expected"] or 0, made["rows"])
        progress.update(task, completed=made["rows"], total=expected or None, rows=f"{made['rows']:,} rows")
        if made["status"] == ExportState.DONE:
            progress.remove_task(task)
            return made
        time.sleep(POLL_SEC)


def _fetch(client: Client, made: Any, out: Path, progress: Progress) -> None:
    """To a file beside it first: what is under its name is whole."""
    task = progress.add_task("fetching", total=made["bytes"], rows="")
    draft = out.with_name(f"{out.name}.part")
    try:
        with draft.open("wb") as file:
            client.download(made["file_url"], file, lambda count: progress.advance(task, count))
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
