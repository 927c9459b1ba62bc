import os
import threading
import zipfile
from datetime import date, datetime, time
from io import BytesIO

import openpyxl
import pytest
from tests.intake.xls import workbook as xls_workbook

from ringback.errors import Invalid, TooLarge, UnknownFileType
from ringback.intake import text, workbook
from ringback.intake.files import BLOCK, read_rows

TABLE = [(1, ["phone", "name"]), (2, ["+14155550100", "José"])]
CSV = "phone,name\r\n+14155550100,José\r\n"


def rows(content):
    """The rows of a file with this content."""
    return list(read_rows(BytesIO(content)))


def xlsx(*lines, state="visible"):
    """A workbook with these lines; where they are hidden, a second sheet is shown."""
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    book.active.sheet_state = state
    if state != "visible":
        book.create_sheet("shown").append(["phone"])
        book.active = 1
    file = BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("utf-16"),
        CSV.encode("utf-16-be").join([b"\xfe\xff", b""]),
        CSV.encode("cp1252"),
        CSV.replace("\r\n", "\n").encode(),
        CSV.replace("\r\n", "\r").encode(),
        CSV.removesuffix("\r\n").encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", "|").encode(),
        CSV.replace(",", ", ").encode(),
        ("sep=;\r\n" + CSV.replace(",", ";")).encode(),
    ],
)
def test_text_is_read_whatever_its_encoding_line_ends_and_delimiter(content):
    """UTF-8 and UTF-16 with a byte-order mark, Windows-1252, CRLF, LF, CR, and four delimiters."""
    assert rows(content) == TABLE


def test_an_xlsx_is_read_by_its_content():
    """Whatever the file is called."""
    assert rows(xlsx(*(cells for _, cells in TABLE))) == TABLE


def test_an_xls_is_read_by_its_content():
    """The format of old; its numbers are floats."""
    assert rows(xls_workbook([["phone", "name"], [14155550100, "José"]])) == [
        (1, ["phone", "name"]),
        (2, ["14155550100", "José"]),
    ]


def test_an_xlsx_that_is_a_renamed_csv_is_read_as_csv(tmp_path):
    """The name counts for nothing."""
    path = tmp_path / "leads.xlsx"
    path.write_bytes(CSV.encode())
    assert list(read_rows(path)) == TABLE


def test_cells_of_a_workbook_become_text():
    """Whole numbers without a point, dates in ISO 8601, and truth values as JSON writes them."""
    line = [14155550100, 0.5, True, date(2026, 3, 1), datetime(2026, 3, 1, 9, 30), time(9, 30)]  # noqa: DTZ001 # cells have no zone
    expected = ["14155550100", "0.5", "true", "2026-03-01", "2026-03-01T09:30:00", "09:30:00"]
    assert rows(xlsx(line)) == [(1, expected)]


def test_rows_of_a_workbook_keep_the_numbers_that_a_spreadsheet_shows():
    """Rows above the table and blank ones are counted."""
    assert [number for number, _ in rows(xlsx([], [], ["phone"], [], ["1"]))] == [3, 5]


def test_a_hidden_sheet_is_passed_over():
    """The first sheet that a person sees is the one that is meant."""
    assert rows(xlsx(["secret"], state="hidden")) == [(1, ["phone"])]


def test_blank_lines_are_counted_and_left_out():
    """Rows keep their numbers."""
    assert rows(b"\n\nphone,name\n\n,\n1,2\n") == [(3, ["phone", "name"]), (6, ["1", "2"])]


def test_a_quoted_cell_may_hold_line_breaks_delimiters_and_quotes():
    """Such a row is several lines and one row."""
    assert rows(b'phone,note\r\n1,"two\r\nlines, ""quoted"""\r\n2,x\r\n') == [
        (1, ["phone", "note"]),
        (2, ["1", 'two\r\nlines, "quoted"']),
        (3, ["2", "x"]),
    ]


def test_a_delimiter_inside_a_quoted_header_is_not_taken_for_the_files_own():
    """The header's bare characters decide."""
    assert rows(b'phone;"a,b,c"\n1;2\n') == [(1, ["phone", "a,b,c"]), (2, ["1", "2"])]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n  \n"])
def test_an_empty_file_is_refused_with_its_own_code(content):
    """Nothing, a byte-order mark alone, and blank lines."""
    with pytest.raises(Invalid) as refused:
        rows(content)
    assert refused.value.code == "empty_file"


def test_an_empty_sheet_is_an_empty_file():
    """As for text."""
    with pytest.raises(Invalid) as refused:
        rows(xlsx())
    assert refused.value.code == "empty_file"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\nplain",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"\x1f\x8b\x08",
        b"<html><table>",
        b"\xef\xbb\xbf<?xml version='1.0'?>",
        bytes(range(256)) * 40,
        "phone,name\n".encode("utf-16-le"),  # nothing says that this is text
    ],
)
def test_any_other_type_is_refused(content):
    """PDF, pictures, archives, HTML and bytes of no known kind."""
    with pytest.raises(UnknownFileType) as refused:
        rows(content)
    assert refused.value.code == "unknown_file_type"


def test_a_zip_archive_that_is_no_workbook_is_refused():
    """An archive, or a document of another program."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("leads.csv", CSV)
    with pytest.raises(UnknownFileType):
        rows(file.getvalue())


@pytest.mark.parametrize("damage", [lambda content: content[:2000], lambda content: content[:-30]])
def test_a_damaged_workbook_is_refused_with_what_to_do(damage):
    """Half an upload is no table."""
    with pytest.raises(Invalid) as refused:
        rows(damage(xlsx(["phone"], ["1"])))
    assert refused.value.code == "unreadable_file"


def test_a_damaged_xls_is_refused_with_what_to_do():
    """The OLE mark and nothing behind it."""
    with pytest.raises(Invalid, match="save it as CSV") as refused:
        rows(xls_workbook([["phone"]])[:1600])
    assert refused.value.code == "unreadable_file"


def test_a_workbook_with_a_password_is_refused_with_what_to_do():
    """Such an XLSX is hidden whole inside an OLE file; such an XLS looks like a damaged one."""
    with pytest.raises(Invalid, match="save it without one") as refused:
        rows(xls_workbook([["phone"]], stream="EncryptedPackage"))
    assert refused.value.code == "password_protected"
    with pytest.raises(Invalid, match="damaged or needs a password") as refused:
        rows(xls_workbook([["phone"]], password=True))
    assert refused.value.code == "unreadable_file"


def test_a_workbook_whose_sheets_are_all_hidden_is_empty():
    """Nobody meant what nobody can see."""
    with pytest.raises(Invalid, match="no visible sheet"):
        rows(xls_workbook([["phone"]], hidden=True))


def test_an_ole_file_that_is_no_workbook_is_refused():
    """A document of another program."""
    with pytest.raises(UnknownFileType):
        rows(xls_workbook([["phone"]], stream="WordDocument"))


def test_a_workbook_over_its_limit_is_refused(monkeypatch):
    """It would be held whole in memory."""
    monkeypatch.setattr("ringback.intake.files.MAX_FILE", BLOCK + 10)
    with pytest.raises(TooLarge) as refused:
        rows(b"PK\x03\x04" + os.urandom(BLOCK + 10))
    assert refused.value.code == "file_too_large"


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    """A zip archive may be a thousand times smaller than what it holds."""
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 1000)
    with pytest.raises(TooLarge):
        rows(xlsx(["phone"]))


def test_text_is_read_from_a_pipe():
    """A source that hands over a little at a time and cannot be wound back."""
    reading, writing = os.pipe()
    body = ("phone,name\n" + "+14155550100,José\n" * 20_000).encode()

    def write():
        with os.fdopen(writing, "wb") as file:
            file.write(body)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0) as file:
        found = list(read_rows(file))
    writer.join()
    assert len(found) == 20_001
    assert found[-1] == (20_001, ["+14155550100", "José"])


def test_the_first_bytes_outside_ascii_decide_the_encoding_wherever_they_are():
    """Windows-1252 shows itself only after many plain rows."""
    body = b"phone,name\n" + b"1,plain\n" * 100_000 + "2,José\n".encode("cp1252")
    assert rows(body)[-1] == (100_002, ["2", "José"])


def test_one_bad_byte_in_a_utf8_file_spoils_its_own_row_only():
    """The row carries a character that cannot be stored; the others are as they were."""
    body = "phone,name\n1,José\n2,Ann\n3,Zoë\n".encode().replace(b"Ann", b"A\xffn")
    assert rows(body) == [(1, ["phone", "name"]), (2, ["1", "José"]), (3, ["2", "A\udcffn"]), (4, ["3", "Zoë"])]


def test_a_row_that_is_too_long_is_given_up_and_the_next_one_read(monkeypatch):
    """Its rest is never taken for a row, wherever the blocks end."""
    monkeypatch.setattr(text, "MAX_RECORD", 1000)
    long = b"1," + b"x" * (3 * BLOCK)
    assert rows(b"phone,note\n" + long + b",9\n2,y\n") == [(1, ["phone", "note"]), (2, None), (3, ["2", "y"])]
    assert rows(b"phone,note\n" + b"1," + b"y" * 2000 + b"\n2,y\n") == [
        (1, ["phone", "note"]),
        (2, None),
        (3, ["2", "y"]),
    ]


def test_a_quotation_mark_that_is_never_closed_costs_a_stretch_and_not_the_file():
    """Reading goes on behind the limit of a cell."""
    body = b'phone,note\n1,"open\n' + b"2,fine\n" * 40_000
    found = rows(body)
    assert (2, None) in found
    assert found[-1][1] == ["2", "fine"]


def test_a_header_that_is_too_long_is_refused(monkeypatch):
    """It names no columns."""
    monkeypatch.setattr(text, "MAX_RECORD", 1000)
    with pytest.raises(Invalid, match="first row is too long"):
        rows(b"x" * 2000 + b"\n")
