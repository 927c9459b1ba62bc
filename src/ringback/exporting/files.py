"""The files of exports: each takes rows as they come, and keeps none."""

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, BinaryIO

import msgspec
from arro3.core import Array, DataType, RecordBatch, RecordBatchReader, Schema
from arro3.core import Field as ArrowField
from arro3.io import write_parquet

from ringback.domain.export import Column, Format, Type
from ringback.exporting.cells import as_cells, as_text
from ringback.store.export_rows import EPOCH_SEC

Rows = Sequence[Sequence[Any]]
Write = Callable[[Rows], None]
"""Puts some rows into the file."""

ROW_GROUP = 131_072
COMPRESSION = "zstd(1)"
_EPOCH_MICROS = EPOCH_SEC * 1_000_000
_encode = msgspec.json.Encoder().encode


@contextmanager
def opened(path: Path, file_format: Format, columns: Sequence[Column], places: Sequence[int]) -> Iterator[Write]:
    """A file that rows are written to; whole when the block is left without an error.

    Args:
        path: the file.
        file_format: its form.
        columns: of the file.
        places: where in a row each of them is.
    """
    make = {Format.CSV: _csv, Format.JSONL: _json_lines, Format.PARQUET: _parquet}[file_format]
    with open(path, "wb", opener=_private) as file, make(file, columns, places) as write:
        yield write


def _private(path: str, flags: int) -> int:
    """People's numbers: for the server's own user alone."""
    return os.open(path, flags, 0o600)


@contextmanager
def _csv(file: BinaryIO, columns: Sequence[Column], places: Sequence[int]) -> Iterator[Write]:
    show = [as_cells(column) for column in columns]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text)  # RFC 4180, its line ends too
    writer.writerow([column.name for column in columns])

    def write(rows: Rows) -> None:
        writer.writerows(zip(*_columns(rows, places, show), strict=True))

    yield write
    text.flush()
    text.detach()


@contextmanager
def _json_lines(file: BinaryIO, columns: Sequence[Column], places: Sequence[int]) -> Iterator[Write]:
    show = [_as_json(column) for column in columns]
    names = [column.name for column in columns]

    def write(rows: Rows) -> None:
        lines = [_encode(dict(zip(names, row, strict=True))) for row in zip(*_columns(rows, places, show), strict=True)]
        file.write(b"\n".join(lines) + b"\n")

    yield write


def _as_json(column: Column) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if column.type is Type.JSON:
        return lambda values: [None if value is None else msgspec.Raw(value.encode()) for value in values]
    return as_text(column)


def _columns(
    rows: Rows, places: Sequence[int], show: Sequence[Callable[[Sequence[Any]], Sequence[Any]]]
) -> list[Sequence[Any]]:
    whole = list(zip(*rows, strict=True))
    return [turn(whole[place]) for place, turn in zip(places, show, strict=True)]


_ARROW = {Type.WHOLE: DataType.int64(), Type.TIME: DataType.timestamp("us", tz="UTC")}


@contextmanager
def _parquet(file: BinaryIO, columns: Sequence[Column], places: Sequence[int]) -> Iterator[Write]:
    """The library takes rows from an iterator: one batch waits while it writes the one before, in a thread."""
    schema = Schema([ArrowField(column.name, _ARROW.get(column.type, DataType.string())) for column in columns])
    batches: Queue[RecordBatch | None] = Queue(1)
    faults: list[BaseException] = []
    thread = Thread(target=_write_parquet, args=(file, schema, batches, faults), daemon=True)
    thread.start()

    def write(rows: Rows) -> None:
        whole = list(zip(*rows, strict=True))
        arrays = [_array(column, whole[place]) for column, place in zip(columns, places, strict=True)]
        if faults:
            raise faults[0]
        batches.put(RecordBatch.from_arrays(arrays, schema=schema))

    try:
        yield write
    finally:
        batches.put(None)
        thread.join()
    if faults:
        raise faults[0]


def _write_parquet(
    file: BinaryIO, schema: Schema, batches: "Queue[RecordBatch | None]", faults: list[BaseException]
) -> None:
    left = iter(batches.get, None)
    try:
        reader = RecordBatchReader.from_batches(schema, left)
        write_parquet(reader, file, compression=COMPRESSION, max_row_group_size=ROW_GROUP)
    except Exception as fault:  # noqa: BLE001 # a thread's end: who writes is told of whatever it was
        faults.append(fault)
        for _ in left:
            pass


def _array(column: Column, values: Sequence[Any]) -> Array:
    if column.type is Type.WHOLE:
        return Array(values, type=DataType.int64())
    if column.type is Type.TIME:
        micros = [None if value is None else value + _EPOCH_MICROS for value in values]
        return Array(micros, type=DataType.int64()).cast(_ARROW[Type.TIME])
    return Array(as_text(column)(values), type=DataType.string())
