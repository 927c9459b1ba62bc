"""What a file is, by its content and not by its name, and its rows."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from ringback.errors import TooLarge, UnknownFileType
from ringback.intake.delimited import Row, read_delimited
from ringback.intake.text import is_utf16
from ringback.intake.workbook import MAX_FILE, read_workbook

BLOCK = 256 * 1024
"""Bytes that are read at once."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NOT_TABLES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"{\\rtf", b"<", b"\xef\xbb\xbf<")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_MOST_CONTROLS = 1 / 20


def read_rows(source: BinaryIO | Path) -> Iterator[Row]:
    """The rows of a CSV, XLSX or XLS file, the header first, each with its number as a spreadsheet shows it.

    Text is read in blocks and may be of any size, from a pipe too. A quoted cell may hold line breaks; a row is then
    more than one line, and still one row.

    Raises:
        Invalid: the file is empty, damaged or needs a password.
        TooLarge: a workbook over its limit.
        UnknownFileType: anything else.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield from read_rows(file)
        return
    head = _read(source, BLOCK)
    if head.startswith((_ZIP, _OLE)):
        yield from read_workbook(head + _rest_of_workbook(source, MAX_FILE - len(head)))
    elif _is_text(head):
        yield from read_delimited(chain([head] if head else [], iter(lambda: source.read(BLOCK), b"")))
    else:
        raise UnknownFileType("unknown_file_type", "the file is neither CSV nor XLSX nor XLS")


def _read(source: BinaryIO, size: int) -> bytes:
    """So many bytes, or all there are: a pipe hands over less at a time."""
    content = bytearray()
    while len(content) < size and (block := source.read(size - len(content))):
        content += block
    return bytes(content)


def _rest_of_workbook(source: BinaryIO, most: int) -> bytes:
    rest = _read(source, most + 1)
    if len(rest) > most:
        raise TooLarge(
            "file_too_large", f"a workbook may have {MAX_FILE >> 20} MiB; send it as CSV, which has no limit"
        )
    return rest


def _is_text(head: bytes) -> bool:
    if is_utf16(head):
        return True
    controls = len(head) - len(head.translate(None, delete=_CONTROLS))
    return not head.lstrip().startswith(_NOT_TABLES) and controls <= len(head) * _MOST_CONTROLS
