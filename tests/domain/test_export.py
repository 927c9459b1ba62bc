"""What an export may have, and what a spreadsheet is shown of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.export import COLUMNS, Kind, check_filters, chosen_columns, file_name, safe_cell
from ringback.errors import Invalid


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1-555", "'+1-555"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        ("+14155550100", "+14155550100"),
        ("-12.5", "-12.5"),
        ("+", "'+"),
        ("+1\n", "'+1\n"),
        ("Ada = Bob", "Ada = Bob"),
        ("", ""),
    ],
)
def test_text_that_would_be_a_formula_is_text(text, cell):
    """An apostrophe stands before it; phone numbers and other numbers stay as they are."""
    assert safe_cell(text) == cell


@given(st.text())
def test_cell_never_begins_a_formula(text):
    """What is left as it was begins harmlessly, or is a plain number."""
    cell = safe_cell(text)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not cell or (cell[0] not in "=@\t\r\n" and (cell[0] not in "+-" or cell[1:].replace(".", "").isdigit()))


def test_columns_are_those_that_are_named_in_their_order():
    """None is all."""
    assert [column.name for column in chosen_columns(Kind.CALLS, ["status", "id"])] == ["status", "id"]
    assert chosen_columns(Kind.CALLS, None) == list(COLUMNS[Kind.CALLS])


def test_columns_that_there_are_not_are_refused():
    """With those that there are; and so is one that is named twice."""
    with pytest.raises(Invalid) as refused:
        chosen_columns(Kind.DECISIONS, ["id", "price", "id"])
    first, second = refused.value.lines
    assert first.startswith("columns has price, which decisions do not have; they have id, call_id")
    assert second == "columns has id twice"


def test_filters_of_another_kind_are_refused():
    """What would narrow nothing is a mistake."""
    check_filters(Kind.ATTEMPTS, ["from", "status", "end_reason"])
    with pytest.raises(Invalid) as refused:
        check_filters(Kind.DECISIONS, ["campaign_id", "status", "rule"])
    assert refused.value.lines == ["status does not narrow an export of decisions; leave it out, or use rule"]


def test_file_is_named_for_its_export():
    """With the ending of its form."""
    assert file_name("exp_1", "csv") == "exp_1.csv"
