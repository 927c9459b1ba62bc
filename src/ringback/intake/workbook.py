"""Excel workbooks, XLSX and XLS, as rows of text. The library holds a workbook whole, so its size is limited."""

import datetime
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ringback.errors import Invalid, TooLarge, UnknownFileType
from ringback.intake.delimited import Row

MAX_FILE = 100 * 1024 * 1024
"""Bytes of a workbook as it is uploaded."""

MAX_UNPACKED = 1024 * 1024 * 1024
"""Bytes of a workbook as its zip archive unpacks."""

_ENCRYPTED, _BOOKS = (
    "EncryptedPackage".encode("utf-16-le"),
    ("Workbook".encode("utf-16-le"), "Book\0".encode("utf-16-le")),
)
Cell = int | float | str | bool | datetime.time | datetime.date | datetime.timedelta


def read_workbook(content: bytes) -> Iterator[Row]:
    """The rows of the first visible sheet, the header first. Blank rows are counted and left out.

    Raises:
        Invalid: `empty_file`, `password_protected` or `unreadable_file`.
        TooLarge: it unpacks to more than MAX_UNPACKED.
        UnknownFileType: a zip archive or an OLE file that is no workbook.
    """
    if content.startswith(b"PK"):
        _check_archive(content)
    else:
        _check_ole(content)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(content)) as book:
            yield from _rows(book)
    except CalamineError as fault:
        # What calamine says of an XLS with a password is that it does not know the format.
        line = f"the workbook is damaged or needs a password ({fault}); save it as CSV"
        raise Invalid([line], code="unreadable_file") from None


def _check_archive(content: bytes) -> None:
    try:
        with ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
    except BadZipFile:
        raise Invalid(["the workbook is damaged; save it again"], code="unreadable_file") from None
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise UnknownFileType("unknown_file_type", "this is a zip archive and no XLSX workbook; send CSV, XLSX or XLS")
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise TooLarge("file_too_large", f"the workbook unpacks to more than {MAX_UNPACKED >> 20} MiB; send it as CSV")


def _check_ole(content: bytes) -> None:
    """An XLSX with a password is an OLE file too; the names of what is inside tell (MS-CFB, section 2.6.1)."""
    if _ENCRYPTED in content:
        raise Invalid(["the workbook needs a password; save it without one"], code="password_protected")
    if not any(name in content for name in _BOOKS):
        raise UnknownFileType("unknown_file_type", "this is no workbook; send CSV, XLSX or XLS")


def _rows(book: CalamineWorkbook) -> Iterator[Row]:
    sheet = book.get_sheet_by_name(_first_sheet(book))
    if sheet.start is None:
        raise Invalid(["the first sheet is empty: its first row must name the columns"], code="empty_file")
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell) for cell in row]
        if any(cells):
            yield number, cells


def _first_sheet(book: CalamineWorkbook) -> str:
    for sheet in book.sheets_metadata:
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet:
            return sheet.name
    raise Invalid(["the workbook has no visible sheet"], code="empty_file")


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell.replace("\x00", "\udc00")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.time | datetime.date):
        return cell.isoformat()
    return str(cell)
