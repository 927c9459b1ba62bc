"""Makes an export: reads rows, writes them to a file under a name of its own, and says how far it is."""

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import TimeDelta

from ringback.clock import Clock
from ringback.config import EXPORTS
from ringback.domain.export import Format, Kind, chosen_columns
from ringback.exporting.files import Write, opened
from ringback.store import exports
from ringback.store.database import Database, Record
from ringback.store.export_rows import about_how_many, read_rows
from ringback.store.exports import Beginning

BATCH = 20_000
"""Rows that are in memory at a time, three times over."""

LEASE = TimeDelta(seconds=60)
BEAT_SEC = 2.0


class Lost(Exception):
    """The export was deleted, or another server makes it: what was written here is of no use."""


class Means(NamedTuple):
    """What it takes to make exports.

    Attributes:
        jobs: where exports are asked for.
        rows: where they are read.
        clock: tells the time.
        folder: the data directory.
    """

    jobs: Database
    rows: Database
    clock: Clock
    folder: Path


def place_of(folder: Path, workspace_no: int, export_id: UUID, file_format: str) -> Path:
    """Where the file of an export is in a data directory."""
    return folder / EXPORTS / str(workspace_no) / f"{export_id.hex}.{file_format}"


def draft_of(folder: Path, beginning: Beginning) -> Path:
    """Where it is written: whoever began it before writes to another file."""
    within = folder / EXPORTS / str(beginning.workspace_no)
    return within / f"{beginning.export_id.hex}.{beginning.begun}.part"


async def make(means: Means, beginning: Beginning) -> None:
    """Make one. What it is refused is written down; of what breaks off a new beginning is made elsewhere.

    Raises:
        DatabaseUnavailable: it is begun anew when the database is back.
    """
    async with means.jobs.connection() as db:
        order = await exports.find_order(db, beginning)
    if order is None:
        return
    draft = draft_of(means.folder, beginning)
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        await _make(means, beginning, order, draft)
    except Lost:
        return
    except OSError as fault:
        async with means.jobs.connection() as db:
            why = f"the file could not be written on {order['server']}: {fault.strerror}"
            await exports.fail(db, beginning, why, means.clock.now())
    finally:
        draft.unlink(missing_ok=True)


async def _make(means: Means, beginning: Beginning, order: Record, draft: Path) -> None:
    kind, file_format = Kind(order["kind"]), Format(order["format"])
    columns = chosen_columns(kind, order["columns"])
    places = [_places(kind)[column.name] for column in columns]
    report = _Report(means, beginning, draft)
    beating = asyncio.create_task(report.keep(kind, order))
    try:
        with opened(draft, file_format, columns, places) as write:
            await _write(means, order, kind, write, report, beating)
    finally:
        beating.cancel()
        await asyncio.wait({beating})
    path = place_of(means.folder, order["workspace_no"], order["export_id"], order["format"])
    size = await asyncio.to_thread(_settle, draft, path)
    async with means.jobs.connection() as db:
        kept = await exports.finish(db, beginning, report.rows, size, means.clock.now())
    if not kept:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _write(
    means: Means, order: Record, kind: Kind, write: Write, report: "_Report", beating: asyncio.Task[None]
) -> None:
    filters = msgspec.json.decode(order["filters"])
    writing: asyncio.Future[None] | None = None
    async with aclosing(read_rows(means.rows, order["workspace_no"], kind, filters, BATCH)) as batches:
        async for rows in batches:
            if writing is not None:
                await writing  # these rows were fetched meanwhile
            if beating.done():
                beating.result()
            writing = asyncio.ensure_future(asyncio.to_thread(write, rows))
            report.rows += len(rows)
    if writing is not None:
        await writing


def _places(kind: Kind) -> dict[str, int]:
    return {column.name: place for place, column in enumerate(chosen_columns(kind, None))}


def _settle(draft: Path, path: Path) -> int:
    """Give the file its name, when it is there after a power cut too; returns its size."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    draft.replace(path)
    return size


class _Report:
    """How far an export is, as its row says it every other second."""

    def __init__(self, means: Means, beginning: Beginning, draft: Path) -> None:
        self.rows = 0
        self._means, self._beginning, self._draft = means, beginning, draft

    async def keep(self, kind: Kind, order: Record) -> None:
        """Say it for ever.

        Raises:
            Lost: nobody wants it from here any more.
        """
        async with self._means.jobs.connection() as db:
            filters = msgspec.json.decode(order["filters"])
            expected: int | None = await about_how_many(db, order["workspace_no"], kind, filters)
        while True:
            until, size = self._means.clock.now() + LEASE, self._size()
            async with self._means.jobs.connection() as db:
                goes_on = await exports.note_progress(db, self._beginning, self.rows, size, expected, until)
            if not goes_on:
                raise Lost
            await asyncio.sleep(BEAT_SEC)

    def _size(self) -> int:
        return self._draft.stat().st_size if self._draft.exists() else 0
