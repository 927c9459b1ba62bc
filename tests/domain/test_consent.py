"""Consent: as it is written, and whom it keeps from being dialled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.consent import UNSAID, Consent, check_consent, parse_consent, parse_moment, withheld_without
from ringback.domain.decision import Rule, Withheld, held_by_time
from ringback.domain.retry import DEFAULT_POLICY, Bounds, ends_at
from ringback.errors import Invalid

NOON = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (None, None),
        (" ", None),
        ("2026-03-02T12:00:00Z", NOON),
        (" 2026-03-02 13:00:00+01:00 ", NOON),
        ("2026-03-03", NOON - HOUR * 2),
        ("2026-03-03T02:00:00", NOON),
        ("2026-03-03 02:00", NOON),
    ],
)
def test_times_and_dates_are_read(text, at):
    """A date alone, or a time without an offset, is the earliest instant that it can mean anywhere."""
    assert parse_moment(text, "consent_at") == at


@given(st.dates(), st.integers(-14 * 60, 14 * 60))
def test_a_date_is_never_later_than_it_begins_anywhere(day, offset_min):
    """Whatever the offset of the place: fourteen hours is the most that there is."""
    read = parse_moment(day.isoformat(), "consent_at")
    assert read <= Instant.from_utc(day.year, day.month, day.day) - TimeDelta(minutes=offset_min)


@pytest.mark.parametrize("raw", ["soon", "01.03.2026", "2026-02-30", "20260301", "1772000000", 5, True, []])
def test_what_is_no_time_is_refused(raw):
    """With a right example."""
    with pytest.raises(Invalid) as refused:
        parse_consent({"consent_at": raw, "consent_expires_at": "x"})
    lines = [
        f"{field} must be a time or a date, such as '2026-03-01T10:00:00Z' or '2026-03-01'"
        for field in ("consent_at", "consent_expires_at")
    ]
    assert refused.value.lines == lines


def test_a_consent_has_a_begin_and_an_end_or_either():
    """It ends after it begins."""
    given, over = "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"
    assert parse_consent({}) == UNSAID
    assert parse_consent({"consent_at": given}) == Consent(NOON)
    assert parse_consent({"consent_expires_at": over}) == Consent(None, NOON + HOUR)
    assert parse_consent({"consent_at": given, "consent_expires_at": over}) == Consent(NOON, NOON + HOUR)
    for late in (given, "2026-03-02"):
        with pytest.raises(Invalid, match="consent_expires_at must be later than consent_at, such as"):
            parse_consent({"consent_at": given, "consent_expires_at": late})


@pytest.mark.parametrize(
    ("consent", "is_right"),
    [
        (UNSAID, True),
        (Consent(NOON + HOUR), True),
        (Consent(None, NOON + HOUR), True),
        (Consent(NOON - HOUR, NOON + HOUR), True),
        (Consent(None, NOON), False),
        (Consent(NOON + HOUR, NOON + HOUR), False),
    ],
)
def test_a_consent_that_is_over_is_refused(consent, is_right):
    """So is one that is over before it begins."""
    if is_right:
        check_consent(consent, NOON)
        return
    with pytest.raises(Invalid, match="must be later than now"):
        check_consent(consent, NOON)


def test_without_a_consent_nobody_is_dialled_where_one_is_required():
    """Nor before it is given; the call is cancelled, which is not an opt-out."""
    assert withheld_without(NOON, NOON) is None
    none, early = withheld_without(None, NOON), withheld_without(NOON + HOUR, NOON)
    assert none == Withheld("consent", None, {"why": "no_consent", "consent_at": None})
    assert early.inputs["consent_at"] == "2026-03-02T13:00:00.000Z"
    assert none.final == early.final == ("cancelled", "cancelled")


@given(st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9))
def test_no_dial_at_or_after_the_end_of_a_consent(campaign, consent):
    """A call ends with it where nothing ends it before, and then it is expired."""
    whens = [None if hours is None else NOON + HOUR * hours for hours in (campaign, consent)]
    end = ends_at(whens[0], NOON, DEFAULT_POLICY, whens[1])
    assert end == min((at for at in whens if at is not None), default=None)
    bounds = Bounds((), ("UTC",), end)
    if whens[1] is not None:
        assert bounds.first_dial(whens[1]) is None
    if end is not None and end <= NOON:
        assert held_by_time(bounds, Rule.CONSENT, NOON, ()).final == ("expired", "expired")
