"""Values of the store as they stand in a file."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ringback.domain.export import Column, Type, safe_cell

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_SHIFTS = range(120, -1, -10)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

Values = Sequence[Any]
"""A column of a batch of rows."""


def show_ids(prefix: str, values: Values) -> list[str | None]:
    """Ids in their public form, as `ids.show` has it, for many at a time: ten bits give two characters."""
    known: dict[UUID | None, str | None] = {None: None}
    return [known[value] if value in known else known.setdefault(value, _show(prefix, value)) for value in values]


def _show(prefix: str, value: UUID) -> str:
    bits = value.int
    return f"{prefix}_{''.join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])}"


def show_times(values: Values) -> list[str | None]:
    """Microseconds since 2000-01-01 as RFC 3339 in UTC with milliseconds."""
    return [None if value is None else _show_time(value) for value in values]


def _show_time(micros: int) -> str:
    return f"{(_BEGINNING + timedelta(microseconds=micros)).isoformat(timespec='milliseconds')[:-6]}Z"


def as_text(column: Column) -> Callable[[Values], Values]:
    """What turns the values of a column into what JSON has of them; whole numbers stay."""
    if column.type is Type.ID:
        return lambda values: show_ids(column.prefix, values)
    return show_times if column.type is Type.TIME else lambda values: values


def as_cells(column: Column) -> Callable[[Values], Values]:
    """The same for cells of a spreadsheet: what is somebody's text begins no formula."""
    if column.type not in (Type.TEXT, Type.JSON):
        return as_text(column)
    return lambda values: [None if value is None else safe_cell(value) for value in values]
