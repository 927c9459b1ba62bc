import csv
import json
from io import BytesIO, StringIO

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.intake.xls import workbook as xls_workbook

from ringback.errors import Invalid, UnknownFileType
from ringback.intake import leads as intake
from ringback.intake.leads import MAX_VALUE, Lead, read_leads
from ringback.intake.report import MESSAGES, Report

PACIFIC = ("America/Los_Angeles",)


def read(content, region=None):
    """All leads and all rejected rows of a file."""
    return gathered(read_leads(BytesIO(content if isinstance(content, bytes) else content.encode()), region))


def gathered(chunks):
    """The leads and the rejected rows of all chunks."""
    chunks = list(chunks)
    return [lead for chunk in chunks for lead in chunk.leads], [bad for chunk in chunks for bad in chunk.rejects]


def test_a_row_becomes_a_lead():
    """phone_number, name, timezone and region are known; every other column is a variable."""
    leads, rejects = read("phone_number,name,timezone,region,due\n+14155550100, Ann ,America/Denver,de-by,12.50\n")
    assert rejects == []
    assert leads == [
        Lead(
            row=2,
            e164="+14155550100",
            zones=("America/Denver",),
            own_zone="America/Denver",
            name="Ann",
            variables='{"due":"12.50"}',
            country="DE",
            region="DE-BY",
        )
    ]


def test_without_a_zone_of_its_own_a_lead_has_the_zones_of_its_number():
    """And without a name it has none."""
    leads, _ = read("phone_number,name\n+14155550100,\n")
    assert leads == [Lead(2, "+14155550100", PACIFIC, None, None, "{}", "US")]


def test_good_rows_are_taken_and_bad_ones_come_back_grouped():
    """No row ever costs the file."""
    table = "phone,timezone\n+14155550100,\n12,\n,\n+14155550101,Mars/Olympus\n+442079460958,\nabc,\nx 12,Europe/Rome\n"
    leads, rejects = read(table)
    report = Report()
    report.reject_all(rejects)
    assert [lead.row for lead in leads] == [2, 6]
    assert [(r["code"], r["rows"], r["examples"]) for r in report.to_dict()["reasons"]] == [
        ("invalid_phone_number", [3, 7, 8], ["12", "abc", "x 12"]),
        ("unknown_timezone", [5], ["Mars/Olympus"]),
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_header():
    """As Excel writes UTF-8."""
    leads, _ = read("phone_number,name\n+14155550100,José\n".encode("utf-8-sig"))
    assert leads[0].name == "José"


def test_a_quoted_line_break_is_part_of_a_variable():
    """The row after it has the next number."""
    leads, _ = read('phone,note\n+14155550100,"two\nlines"\n+14155550101,x\n')
    assert [(lead.row, lead.variables) for lead in leads] == [(2, '{"note":"two\\nlines"}'), (3, '{"note":"x"}')]


def test_a_plus_swallowed_by_a_spreadsheet_is_put_back():
    """In text, and in a column of numbers that was read as floats."""
    book, file = openpyxl.Workbook(), BytesIO()
    for cell in ("phone", 14155550100, 14155550101.0, "14155550102"):
        book.active.append([cell])
    book.save(file)
    numbers = [14155550100, 14155550101, 14155550102]
    for content in (
        "phone\n14155550100\n14155550101.0\n1.4155550102E10\n",
        file.getvalue(),
        xls_workbook([["phone"], *([float(number)] for number in numbers)]),
    ):
        leads, rejects = read(content)
        assert rejects == []
        assert [lead.e164 for lead in leads] == [f"+{number}" for number in numbers]


def test_national_numbers_take_the_default_region():
    """In any case of letters; a number with a plus needs none."""
    leads, _ = read("phone\n020 7946 0958\n+14155550100\n", "gb")
    assert [lead.e164 for lead in leads] == ["+442079460958", "+14155550100"]


def test_duplicates_inside_a_file_reach_the_store_with_their_rows():
    """The store alone knows what the campaign has, so it is the judge of both kinds."""
    leads, rejects = read("phone\n+14155550100\n(415) 555-0100\n", "US")
    assert rejects == []
    assert [(lead.row, lead.e164) for lead in leads] == [(2, "+14155550100"), (3, "+14155550100")]


@pytest.mark.parametrize(
    "header", ["Phone Number", "phone-number", " PHONE_NUMBER ", '"phone\nnumber"', *intake.PHONE_ALIASES]
)
def test_the_column_of_numbers_goes_by_several_names(header):
    """In any case, with spaces or hyphens."""
    leads, _ = read(f"plan,{header}\nplus,+14155550100\n")
    assert (leads[0].e164, leads[0].variables) == ("+14155550100", '{"plan":"plus"}')


def test_phone_number_comes_before_its_aliases():
    """The other columns are variables then."""
    leads, _ = read("mobile,phone,phone_number\n1,2,+14155550100\n")
    assert (leads[0].e164, leads[0].variables) == ("+14155550100", '{"mobile":"1","phone":"2"}')


def test_headers_that_are_doubled_or_empty_get_names_of_their_own():
    """No cell is lost; empty headers at the end are spreadsheet dust."""
    leads, rejects = read("phone,plan,plan,,name,name,,\n+14155550100,a,b,c,Ann,Bob,,\n")
    assert rejects == []
    assert leads[0].name == "Ann"
    assert json.loads(leads[0].variables) == {"plan": "a", "plan_2": "b", "column_4": "c", "name_2": "Bob"}


def test_a_file_without_a_column_of_numbers_is_refused_with_the_columns_it_has():
    """The line says what was looked for and what was found."""
    with pytest.raises(Invalid, match=r"must name a column phone_number .*; it has: first_name, plan"):
        read("First Name,Plan\nAnn,plus\n")


@pytest.mark.parametrize("content", [",,,\n", '"",""\n\n', "x" * 200_000 + ",phone\n1,2\n"])
def test_a_first_row_without_names_is_refused(content):
    """Empty cells, and one that is too long to be read."""
    with pytest.raises(Invalid, match="it has: no names"):
        read(content)


def test_too_many_columns_are_refused():
    """Each of them would be a variable of every lead."""
    with pytest.raises(Invalid, match="may have 1000 columns; the first row names 1002"):
        read("phone" + ",x" * 1001)


def test_a_header_alone_is_no_lead_and_no_error():
    """An export of an empty list."""
    assert read("phone_number,name\n") == ([], [])


def test_an_empty_file_is_refused():
    """There is nothing that could be meant."""
    with pytest.raises(Invalid) as refused:
        read(b"")
    assert refused.value.code == "empty_file"


def test_an_unknown_default_region_is_refused_at_once():
    """Before a byte of the file is read."""
    with pytest.raises(Invalid, match="default_region"):
        read_leads(BytesIO(b""), "Narnia")


def test_a_short_row_has_empty_cells_and_a_long_one_is_rejected():
    """Empty cells beyond the header are not too many."""
    leads, rejects = read("phone,plan,due\n+14155550100\n+14155550101,a,b,,\n+14155550102,a,b,,c\n")
    assert [lead.variables for lead in leads] == ['{"plan":"","due":""}', '{"plan":"a","due":"b"}']
    assert rejects == [("too_many_columns", 4, "c")]


@pytest.mark.parametrize("cell", [b"a\x00b", b"a\xffb"])
def test_a_row_with_a_nul_or_bytes_that_are_no_text_is_rejected(cell):
    """PostgreSQL cannot store it; the rows around it are fine."""
    table = "phone,name,note\n+14155550100,José,é\n+14155550101,Ann,CELL\n+14155550102,CELL,x\n+14155550103,Zoë,ö\n"
    leads, rejects = read(table.encode().replace(b"CELL", cell))
    assert [lead.row for lead in leads] == [2, 5]
    assert rejects == [("unreadable_row", 3, "+14155550101"), ("unreadable_row", 4, "+14155550102")]


def test_a_value_over_64_kib_is_rejected_with_its_column():
    """Several long ones under the limit are fine."""
    fine, long = "x" * MAX_VALUE, "y" * (MAX_VALUE + 1)
    leads, rejects = read(f"phone,a,b\n+14155550100,{fine},{fine}\n+14155550101,z,{long}\n+14155550102,z,{long * 3}\n")
    assert [lead.row for lead in leads] == [2]
    assert rejects == [("value_too_long", 3, "b"), ("value_too_long", 4, "")]


def test_a_region_that_is_none_is_refused():
    """Whatever else the column may mean."""
    leads, rejects = read("phone,region\n+14155550100,West\n+14155550101,\n+14155550102,XX-1\n")
    assert [lead.row for lead in leads] == [3]
    assert rejects == [("unknown_region", 2, "West"), ("unknown_region", 4, "XX-1")]


def test_a_number_without_a_zone_may_have_one_in_its_row():
    """Without one it becomes a lead of whom no zone is known; a text that names none is refused."""
    leads, rejects = read("phone,timezone\n+80012345678,\n+80012345678,Europe/Bern\n+80012345678,Europe/Zurich\n")
    assert [(lead.zones, lead.country) for lead in leads] == [((), None), (("Europe/Zurich",), None)]
    assert rejects == [("unknown_timezone", 3, "Europe/Bern")]


def test_leads_come_in_chunks_of_consecutive_rows(monkeypatch):
    """Each says how far it goes."""
    monkeypatch.setattr(intake, "CHUNK_ROWS", 3)
    body = "phone\n" + "+14155550100\nbad\n" * 4
    chunks = list(read_leads(BytesIO(body.encode())))
    assert [(len(chunk.leads), len(chunk.rejects), chunk.last_row) for chunk in chunks] == [
        (2, 1, 4),
        (1, 2, 7),
        (1, 1, 9),
    ]


def test_a_chunk_of_long_variables_ends_early(monkeypatch):
    """A chunk's memory is bounded by its text as well as by its rows."""
    monkeypatch.setattr(intake, "CHUNK_CHARACTERS", 1000)
    chunks = list(read_leads(BytesIO(b"phone,note\n" + b"+14155550100,%s\n" % (b"x" * 600) * 5)))
    assert [len(chunk.leads) for chunk in chunks] == [2, 2, 1]


def test_a_path_is_opened_and_closed(tmp_path):
    """ResourceWarnings are errors here."""
    path = tmp_path / "leads.csv"
    path.write_text("phone\n+14155550100\n")
    assert len(gathered(read_leads(path))[0]) == 1


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n"), max_size=20)


@settings(deadline=None)
@given(
    st.lists(st.tuples(cells, cells), max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read_back(pairs, delimiter, line_end):
    """Every variable comes back as it was."""
    file = StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("phone", "a", "b"), *(("+14155550100", *pair) for pair in pairs)])
    leads, rejects = read(file.getvalue().encode())
    assert rejects == []
    assert [tuple(json.loads(lead.variables).values()) for lead in leads] == pairs


@settings(deadline=None)
@given(st.binary(max_size=200).map(b"phone,name\n+14155550100,".__add__))
def test_no_bytes_break_it(content):
    """A file that is taken at all gives leads or rejected rows."""
    try:
        _, rejects = read(content)
    except (Invalid, UnknownFileType):
        return
    assert all(bad.code in MESSAGES for bad in rejects)
