"""Entries of the do-not-call list from files and from the API's JSON: good rows are taken, the others come back."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from whenever import Instant

from ringback.domain.do_not_call import Entry, parse_listed
from ringback.domain.phone import NumberFault, parse_region
from ringback.intake.files import read_rows
from ringback.intake.leads import CHUNK_ROWS, PHONE, name_columns
from ringback.intake.report import Reject, reject

NOTE, EXPIRES_AT = "note", "expires_at"
LONGEST_NOTE = 200


class EntryChunk(NamedTuple):
    """Some consecutive rows, read.

    Attributes:
        entries: the good ones.
        rejects: the bad ones.
    """

    entries: list[Entry]
    rejects: list[Reject]


def read_entries(source: BinaryIO | Path, default_region: str | None = None) -> Iterator[EntryChunk]:
    """The entries of a CSV, XLSX or XLS file, in chunks; its columns are found as those of leads are.

    Args:
        source: the file; it is read on as the chunks are asked for.
        default_region: ISO 3166 code for numbers in national form.

    Raises:
        Invalid, TooLarge, UnknownFileType: as for leads.
    """
    return _chunks(_from_rows(source, parse_region(default_region)))


def entries_from_json(
    numbers: Sequence[Any], note: str | None, expires_at: Instant | None, default_region: str | None = None
) -> Iterator[EntryChunk]:
    """The entries of a JSON list of numbers; a row is a place in that list, from 1."""
    region = parse_region(default_region)
    return _chunks(_from_item(row, item, note, expires_at, region) for row, item in enumerate(numbers, 1))


def _chunks(results: Iterable[Entry | Reject]) -> Iterator[EntryChunk]:
    chunk = EntryChunk([], [])
    for result in results:
        if isinstance(result, Entry):
            chunk.entries.append(result)
        else:
            chunk.rejects.append(result)
        if len(chunk.entries) + len(chunk.rejects) >= CHUNK_ROWS:
            yield chunk
            chunk = EntryChunk([], [])
    if chunk.entries or chunk.rejects:
        yield chunk


def _from_item(row: int, item: Any, note: str | None, expires_at: Instant | None, region: str | None) -> Entry | Reject:
    if not isinstance(item, str):
        return reject("wrong_type", row, str(item))
    number = parse_listed(item, region)
    return reject(number.value, row, item) if isinstance(number, NumberFault) else Entry(number, note, expires_at)


def _from_rows(source: BinaryIO | Path, region: str | None) -> Iterator[Entry | Reject]:
    rows = read_rows(source)
    _, header = next(rows, (1, None))
    columns = name_columns(header or [])
    for row, cells in rows:
        if cells is None:
            yield reject("value_too_long", row, "")
        elif beyond := [cell for cell in cells[len(columns) :] if cell]:
            yield reject("too_many_columns", row, beyond[0])
        else:
            yield _from_cells(row, dict(zip_longest(columns, cells[: len(columns)], fillvalue="")), region)


def _from_cells(row: int, cells: dict[str, str], region: str | None) -> Entry | Reject:
    note, until = cells.get(NOTE, "").strip(), cells.get(EXPIRES_AT, "").strip()
    if len(note) > LONGEST_NOTE:
        return reject("value_too_long", row, note)
    if "\0" in note or not note.isprintable():
        return reject("unreadable_row", row, cells[PHONE])
    try:
        expires_at = Instant.parse_iso(until) if until else None
    except ValueError:
        return reject("invalid_time", row, until)
    return _from_item(row, cells[PHONE], note or None, expires_at, region)
