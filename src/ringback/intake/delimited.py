"""CSV, and whatever else separates cells by a character, as rows."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from ringback.errors import Invalid
from ringback.intake.text import Lines, RowTooLong

Row = tuple[int, list[str] | None]
"""A row's number, from 1, and its cells; None where the row is too long to be read."""

DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"?')
_DIRECTIVE = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)


def read_delimited(blocks: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a text file, the header first. Blank rows are counted and left out.

    Args:
        blocks: the file's bytes, in pieces of any size.

    Raises:
        Invalid: `empty_file`: there is nothing but blank lines.
    """
    lines = Lines(blocks)
    number, header = _first_line(lines)
    if directive := _DIRECTIVE.fullmatch(header):
        # Spreadsheets write and hide this line, so it has no number.
        reader = csv.reader(lines, delimiter=directive[1], skipinitialspace=True)
    else:
        reader = csv.reader(chain([header], lines), delimiter=_delimiter(header), skipinitialspace=True)
    while True:
        number += 1
        lines.taken = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, RowTooLong):
            yield number, None
            continue
        if any(cells):
            yield number, cells


def _first_line(lines: Lines) -> tuple[int, str]:
    """How many blank lines there are before the first other one, and that one."""
    try:
        for blank, line in enumerate(lines):
            if line.strip():
                return blank, line
    except RowTooLong:
        raise Invalid(["the first row is too long to name the columns"]) from None
    raise Invalid(["the file is empty: the first row must name the columns"], code="empty_file")


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=_QUOTED.sub("", header).count)
