import pytest
from tests.domain.named import Named
from whenever import Date, Instant

from ringback.domain.hours import (
    CallingHours,
    HoursRule,
    calling_window,
    daily,
    either,
    hours_on,
    shut_on_holidays,
)
from ringback.domain.retry import Bounds
from ringback.domain.window import Shut, ZoneSource, next_open, shut_by

SHUT: tuple[()] = ()
MON, FRI, SAT, SUN = Date("2026-06-01"), Date("2026-06-05"), Date("2026-06-06"), Date("2026-06-07")
OFFICE = (((540, 750), (840, 1200)),) * 5 + ((((600, 1440)),), SHUT)
LATE = (((1320, 1560),),) * 7


def spans(hours, day, holidays=None):
    """The spans of a date."""
    return hours_on(hours, day, holidays).spans


@pytest.mark.parametrize(("day", "expected"), [(MON, OFFICE[0]), (FRI, OFFICE[0]), (SAT, ((600, 1440),)), (SUN, SHUT)])
def test_each_weekday_has_its_own_spans(day, expected):
    """Several a day, up to 24:00, or none."""
    assert spans(CallingHours(OFFICE), day) == expected


def test_a_span_past_midnight_goes_on_into_the_next_date():
    """From 22:00 to 02:00 every night."""
    assert spans(CallingHours(LATE), MON) == ((0, 120), (1320, 1440))
    assert spans(daily(1320, 1560), MON) == ((0, 120), (1320, 1440))


def test_spans_that_touch_are_one():
    """What runs past midnight joins what begins at midnight."""
    week = (((1200, 1500),), ((0, 30), (60, 90), (80, 100)), *((SHUT,) * 5))
    assert spans(CallingHours(week), MON.next_day()) == ((0, 100),)


def test_the_first_date_of_all_has_no_day_before():
    """The calendar begins on a Monday, and has no evening before."""
    assert spans(daily(1320, 1560), Date.MIN) == ((1320, 1440),)


def test_an_exception_says_all_the_hours_of_its_date():
    """Also what would have run on from the evening before; its own late hours go on into the next date."""
    hours = CallingHours(LATE, ((MON, ((540, 780),)), (SAT, ((1380, 1500),))))
    assert spans(hours, MON) == ((540, 780),)
    assert spans(hours, MON.next_day()) == ((1320, 1440),)
    assert spans(hours, SUN) == ((0, 60), (1320, 1440))


def test_a_date_that_is_shut_is_shut_from_midnight_to_midnight():
    """Nor does anything run on from it."""
    hours = CallingHours(LATE, ((SAT, SHUT),))
    assert spans(hours, SAT) == SHUT
    assert spans(hours, SUN) == ((1320, 1440),)
    assert hours_on(hours, SAT, None).why == "exception 2026-06-06"


def test_holidays_are_shut_where_the_hours_say_so():
    """An exception goes before a holiday, and a holiday before the week."""
    holidays = Named(((MON, "Whit Monday"), (FRI, "Bridge Day")))
    hours = CallingHours(OFFICE, ((FRI, ((600, 660),)),), shut_on_holidays=True)
    assert hours_on(hours, MON, holidays) == (SHUT, "holiday: Whit Monday")
    assert spans(hours, FRI, holidays) == ((600, 660),)
    assert spans(hours, MON.next_day(), holidays) == OFFICE[1]
    assert spans(CallingHours(OFFICE), MON, holidays) == OFFICE[0]


def test_where_holidays_are_not_known_a_day_may_be_one():
    """Hours that shut on holidays are shut where nobody can tell which days are some."""
    hours = CallingHours(OFFICE, ((FRI, ((600, 660),)),), shut_on_holidays=True)
    assert hours_on(hours, MON, None) == (SHUT, "unknown_holidays")
    assert spans(hours, FRI) == ((600, 660),)


WINDOW = calling_window(CallingHours(OFFICE, ((MON, SHUT),), shut_on_holidays=True))
STATE = HoursRule("evening", "us-fl", "2026-01", daily(480, 1200))
HOLIDAYS = Named(((FRI, "Founders' Day"),))


@pytest.mark.parametrize(
    ("at", "zones", "expected"),
    [
        ("2026-06-02T15:00:00Z", ("America/New_York",), None),
        ("2026-06-02T03:00:00Z", (), ("calling_window", None, None, None, None, "unknown_zone")),
        ("2026-06-02T03:00:00Z", ("Mars/Base",), ("calling_window", None, None, "Mars/Base", None, "unknown_zone")),
        ("2026-06-01T15:00:00Z", ("UTC",), ("calling_window", None, None, "UTC", "T15:00", "exception 2026-06-01")),
        ("2026-06-05T15:00:00Z", ("UTC",), ("calling_window", None, None, "UTC", "T15:00", "holiday: Founders' Day")),
        (
            "2026-06-02T17:00:30Z",
            ("America/New_York", "America/Chicago"),
            ("calling_window", None, None, "America/New_York", "T13:00:30", "calling_window"),
        ),
        ("2026-06-06T21:00:00Z", ("UTC",), ("evening", "us-fl", "2026-01", "UTC", "T21:00", "evening")),
    ],
)
def test_what_shuts_is_named(at, zones, expected):
    """The rule and whose it is, the zone, what its clock shows, and why."""
    if expected is not None:
        local = expected[4] and Instant(at).to_tz(expected[3]).to_plain()
        expected = Shut(*expected[:4], local, expected[5])
    bounds = Bounds((WINDOW, STATE), zones, holidays=HOLIDAYS)
    assert bounds.shut_by(Instant(at)) == expected
    assert (bounds.first_dial(Instant(at)) == Instant(at)) == (expected is None)


def test_all_rules_must_be_open():
    """The campaign's window and the state's: the later start and the earlier end of both."""
    rules = (calling_window(daily(420, 1260)), STATE)
    assert next_open(rules, ("UTC",), Instant("2026-06-01T06:00:00Z")) == Instant("2026-06-01T08:00:00Z")
    assert next_open(rules, ("UTC",), Instant("2026-06-01T20:30:00Z")) == Instant("2026-06-02T08:00:00Z")
    assert shut_by(rules, ("UTC",), Instant("2026-06-01T20:30:00Z")).pack == "us-fl"


def test_an_opening_is_looked_for_over_a_year_and_no_longer():
    """A week that is shut opens on the one date that an exception opens, as long as that comes within 400 days."""
    at = Instant("2026-06-01T12:00:00Z")
    shut = (SHUT,) * 7
    for day, opens in [("2027-07-01", Instant("2027-07-01T09:00:00Z")), ("2027-07-08", None)]:
        rules = (calling_window(CallingHours(shut, ((Date(day), ((540, 600),)),))),)
        assert next_open(rules, ("UTC",), at) == opens
    assert next_open((calling_window(CallingHours(shut)),), ("Asia/Tokyo",), at) is None
    assert next_open((WINDOW,), ("Mars/Base",), at) is None


def test_without_a_rule_any_hour_will_do():
    """Even where nobody knows the zone."""
    at = Instant("2026-06-01T03:00:00Z")
    assert Bounds((), ()).first_dial(at) == at
    assert Bounds((), ()).shut_by(at) is None
    assert Bounds((), ()).zone_source is ZoneSource.NUMBER


def test_equal_hours_are_one_to_a_cache():
    """However they were made."""
    again = CallingHours(OFFICE, ((MON, SHUT),), shut_on_holidays=True)
    assert hash(again) == hash(WINDOW.hours)
    assert again == WINDOW.hours
    assert again != CallingHours(OFFICE)


def test_the_holidays_of_two_places_are_those_of_either():
    """Where those of one are not known, nobody knows them."""
    first, second = Named(((MON, "a"), (FRI, "b"))), Named(((FRI, "c"), (SAT, "d")))
    both = either(first, second)
    assert [both.on(day) for day in (MON, FRI, SAT, SAT.next_day())] == ["a", "b", "d", None]
    assert either(first, second) is both
    assert either(first, first) is first
    assert either(first, None) is None
    assert either(None, first) is None


def test_rules_shut_holidays_if_one_does():
    """None shut none."""
    plain, shut = calling_window(daily(540, 1200)), calling_window(CallingHours(((),) * 7, shut_on_holidays=True))
    assert [shut_on_holidays(rules) for rules in ((), (plain,), (plain, shut))] == [False, False, True]
