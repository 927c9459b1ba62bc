import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.do_not_call import names_of, parse_listed, span
from ringback.domain.phone import NumberFault


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+1 415 555 2671", "+14155552671"),
        ("+1900*", "+1900*"),
        (" +1 (900) * ", "+1900*"),
        ("1900*", "+1900*"),
        ("+4*", "+4*"),
    ],
)
def test_numbers_and_their_beginnings_are_read(text, number):
    """As people and queries write them."""
    assert parse_listed(text) == number


@pytest.mark.parametrize("text", ["*", "+*", "+0*", "+19**", "+1a*", "+1234567890123456*", "12", "+1900* x"])
def test_what_is_neither_is_a_fault(text):
    """A star alone would forbid the world."""
    assert parse_listed(text) is NumberFault.INVALID


def test_a_national_number_needs_its_region():
    """As for leads."""
    assert parse_listed("(415) 555-2671", "US") == "+14155552671"


DIGITS = st.text("0123456789", min_size=1, max_size=14).map(lambda digits: "+1" + digits)


@given(DIGITS, DIGITS)
def test_a_span_holds_what_its_entry_forbids_and_nothing_else(number, other):
    """For whole numbers and for beginnings of any length; the names of a number are the entries that forbid it."""
    for entry in (number, number + "*"):
        least, most = span(entry)
        forbids = other == number or (entry.endswith("*") and other.startswith(number))
        assert (least <= other <= most) is forbids
        assert (entry in names_of(other)) is forbids
