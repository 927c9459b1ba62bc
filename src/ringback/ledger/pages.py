"""Pages: the records of a packet as a PDF, to be read by people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from ringback.ledger.packet import COLUMNS

SHOWN = {
    "entry": ("entry", 0, 62),
    "date": ("date", 84, 0),
    "time": ("time (UTC)", 138, 0),
    "calling_number": ("calling number", 198, 0),
    "called_number": ("called number", 276, 0),
    "disposition": ("disposition", 358, 0),
    "end_reason": ("end reason", 416, 0),
    "duration_sec": ("sec", 0, 560),
    "attempt": ("attempt", 0, 606),
    "call": ("call", 630, 0),
}
"""Which columns, their headings, where they begin, and where the digits of a number end; in points."""

WIDTH, HEIGHT = landscape(A4)
TOP, LINE, ROWS = HEIGHT - 92, 12.5, 34
"""Where the first row stands, what lies between two, and how many a page has."""


def write_pages(path: Path, about: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a PDF.

    Args:
        path: the file.
        about: lines above the table of each page, in ASCII as the rows are: the fonts that every reader has know
            little else.
        rows: in the order of COLUMNS.
    """
    # the same rows give the same bytes: no time and no chance in them
    canvas: Any = Canvas(str(path), pagesize=(WIDTH, HEIGHT), invariant=1)
    canvas.setTitle(about[0])
    pages = -(-len(rows) // ROWS)
    for number, part in enumerate(_parts(rows), 1):
        _head(canvas, about, f"page {number} of {pages}")
        for at, row in enumerate(part):
            _row(canvas, row, TOP - LINE * at)
        canvas.showPage()
    canvas.save()


def _parts(rows: Sequence[Sequence[str]]) -> list[Sequence[Sequence[str]]]:
    return [rows[at : at + ROWS] for at in range(0, len(rows), ROWS)]


def _head(canvas: Any, about: Sequence[str], page: str) -> None:
    canvas.setFont("Helvetica-Bold", 13)
    canvas.drawString(34, HEIGHT - 40, about[0])
    canvas.setFont("Helvetica", 9)
    for at, line in enumerate(about[1:]):
        canvas.drawString(34, HEIGHT - 55 - 11 * at, line)
    canvas.drawRightString(WIDTH - 34, HEIGHT - 40, page)
    canvas.drawString(
        34, 24, "These pages are for reading. What proves them is in the packet: ringback ledger verify FILE"
    )
    canvas.setFont("Helvetica-Bold", 8.5)
    for title, left, right in SHOWN.values():
        canvas.drawRightString(right, TOP + 15, title) if right else canvas.drawString(left, TOP + 15, title)
    canvas.line(34, TOP + 11, WIDTH - 34, TOP + 11)
    canvas.setFont("Helvetica", 8.5)


def _row(canvas: Any, row: Sequence[str], height: float) -> None:
    for name, (_, left, right) in SHOWN.items():
        text = row[COLUMNS.index(name)]
        if right:
            canvas.drawRightString(right, height, text)
        else:
            canvas.drawString(left, height, text)
