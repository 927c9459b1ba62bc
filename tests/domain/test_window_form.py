import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_window import some_hours
from whenever import Date

from ringback.domain.hours import CallingHours, CallingWindow, daily, every_day, hours_on
from ringback.domain.window_form import (
    DEFAULT_WINDOW,
    daily_within,
    is_place,
    parse_region_code,
    parse_window,
    show_window,
)
from ringback.errors import Invalid

DAY = Date("2026-06-01").to_stdlib()
FULL = {
    "weekly": {"mon-fri": [["09:00", "12:30"], ["14:00", "20:00"]], "sat": [["10:00", "24:00"]], "sun": []},
    "exceptions": {"2026-12-24": [["09:00", "13:00"]], "2026-12-25": []},
    "holidays": "closed",
    "by_country": {
        "DE": {"weekly": {"mon-sun": [["10:00", "19:00"]]}, "exceptions": {}, "holidays": "as usual"},
        "US-CA": {"weekly": {"mon-sun": [["20:00", "02:00"]]}, "exceptions": {}, "holidays": "closed"},
    },
}


def test_no_window_is_nine_to_eight():
    """The contract's default."""
    assert parse_window(None) == DEFAULT_WINDOW
    assert show_window(DEFAULT_WINDOW) == {"start": "09:00", "end": "20:00"}


def test_the_full_form_is_read_and_shown_again():
    """Days, dates, holidays and places."""
    window = parse_window(FULL)
    weekday = ((540, 750), (840, 1200))
    assert window.usual == CallingHours(
        (weekday,) * 5 + (((600, 1440),), ()),
        ((Date("2026-12-24"), ((540, 780),)), (Date("2026-12-25"), ())),
        shut_on_holidays=True,
    )
    assert window.hours_in("DE", "DE-BY") == daily(600, 1140)
    assert window.hours_in("US", "US-CA").weekly == daily(1200, 1560).weekly
    assert window.hours_in("US", None) == window.hours_in(None, None) == window.usual
    assert show_window(window) == FULL


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"start": "00:00", "end": "24:00"}, daily(0, 1440)),
        ({"start": "20:00", "end": "02:00"}, daily(1200, 1560)),
        ({"start": "20:00", "end": "00:00"}, daily(1200, 1440)),
        ({"start": "09:00", "end": "20:00", "holidays": "closed"}, CallingHours(daily(540, 1200).weekly, (), True)),
        ({"weekly": {"sat-mon": [["09:00", "10:00"]]}}, CallingHours((((540, 600),), *[()] * 4, *[((540, 600),)] * 2))),
        ({"weekly": {}, "exceptions": {"2026-06-01": [["09:00", "10:00"]]}},
         CallingHours(((),) * 7, ((Date("2026-06-01"), ((540, 600),)),))),
    ],
)  # fmt: skip
def test_short_forms(raw, expected):
    """An end that is not later than its start is the next day's; days that are not named are shut."""
    assert parse_window(raw) == CallingWindow(expected)


@given(st.integers(0, 2**63))
def test_a_window_survives_its_written_form(seed):
    """What is shown is read back as the same window."""
    chance = random.Random(seed)
    hours = [some_hours(chance, DAY) for _ in range(3)]
    window = CallingWindow(hours[0], (("DE", hours[1]), ("US-CA", hours[2]))[: chance.randrange(3)])
    if all(any(h.weekly) or any(spans for _, spans in h.exceptions) for h in hours):
        assert parse_window(show_window(window)) == window


DAILY = "{'start': '09:00', 'end': '20:00'}"
WEEKLY = "{'mon-fri': [['09:00', '12:30'], ['14:00', '20:00']], 'sat': [['10:00', '24:00']], 'sun': []}"
WRONG = f"must have start and end, such as {DAILY}, or weekly, such as {{'weekly': {WEEKLY}}}"
TIME = "must be a local time HH:MM from 00:00 to 24:00, such as '09:00'"
SPANS = "must be a list of at most 24 spans, such as [['09:00', '12:30'], ['14:00', '20:00']], or [] for shut"
NEVER = f"would never be open; name a day with hours, such as {{'weekly': {WEEKLY}}}"
ENDS = "must end after it starts; the whole day is from '00:00' to '24:00'"
PLACES = "must be an object of at most 300 places, such as {'DE': {'start': '09:00', 'end': '20:00'}}"
DATES = "must be an object of at most 400 dates, such as {'2026-12-25': []}"
A_DATE = "must be a date, such as '2026-12-25'"


def nine(**more):
    """A good window and something else."""
    return {"start": "09:00", "end": "20:00", **more}


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("09:00-20:00", [f"h {WRONG}"]),
        ({"start": "09:00"}, [f"h {WRONG}"]),
        (nine(days=[]), [f"h {WRONG}"]),
        (nine(weekly={}), [f"h {WRONG}"]),
        ({"start": "9:00", "end": "25:00"}, [f"h.start {TIME}", f"h.end {TIME}"]),
        ({"start": "09:00", "end": 20}, [f"h.end {TIME}"]),
        ({"start": "0٩:00", "end": "20:00"}, [f"h.start {TIME}"]),
        ({"start": "24:00", "end": "24:00"}, [f"h.end {ENDS}"]),
        ({"start": "24:00", "end": "09:00"}, [f"h.end {ENDS}"]),
        ({"start": "09:00", "end": "09:00"}, [f"h.end {ENDS}"]),
        ({"weekly": []}, [f"h.weekly must be an object such as {WEEKLY}"]),
        ({"weekly": {}}, [f"h {NEVER}"]),
        ({"weekly": {"mon": []}, "exceptions": {"2026-12-25": []}}, [f"h {NEVER}"]),
        ({"weekly": {"mon": [["09:00", "9"], ["1"]]}}, [f"h.weekly.mon {SPANS}"]),
        ({"weekly": {"mon": [["09:00", "9"]]}}, [f"h.weekly.mon[0] {TIME}"]),
        ({"weekly": {"mon": [["09:00", "10:00"]] * 25}}, [f"h.weekly.mon {SPANS}"]),
        ({"weekly": {"monday": [], "fri-x": []}}, [
            f"h.weekly.{day} must be a day or several, such as 'sat' or 'mon-fri'" for day in ("monday", "fri-x")]),
        ({"weekly": {"mon-wed": [["09:00", "10:00"]], "tue": []}}, [
            f"h.weekly.tue names tue again; name each day once, such as {WEEKLY}"]),
        (nine(exceptions=[]), [f"h.exceptions {DATES}"]),
        (nine(exceptions={"2026-02-30": [], "9999-01-01": [], "x": []}), [
            f"h.exceptions.{day} {A_DATE}" for day in ("2026-02-30", "9999-01-01", "x")]),
        (nine(holidays=True), ["h.holidays must be 'closed' or 'as usual'"]),
        (nine(by_country=[]), [f"h.by_country {PLACES}"]),
        (nine(by_country={"XX": nine(), "de": nine()}), [
            f"h.by_country.{place} is no country that is known; write 'DE', or 'US-CA' for a part"
            for place in ("XX", "de")]),
        (nine(by_country={"DE": nine(by_country={})}), [f"h.by_country.DE {WRONG}"]),
        (nine(by_country={"DE": {"weekly": {}}}), [f"h.by_country.DE {NEVER}"]),
    ],
)  # fmt: skip
def test_a_fault_names_its_field(raw, lines):
    """Each wrong entry has its line, with a right example."""
    with pytest.raises(Invalid) as refusal:
        parse_window(raw, "h")
    assert refusal.value.lines == lines


@pytest.mark.parametrize(
    ("raw", "within"),
    [
        ({"start": "09:00", "end": "20:00"}, (540, 1200)),
        ({"start": "20:00", "end": "02:00"}, (1200, 1440)),
        ({"start": "00:00", "end": "24:00"}, (0, 1440)),
        (
            {"weekly": {"mon-fri": [["08:00", "20:00"]], "sat-sun": [["10:00", "12:00"], ["13:00", "18:00"]]}},
            (780, 1080),
        ),
        (nine(exceptions={"2026-12-24": [["09:00", "13:00"]]}), (540, 780)),
        (nine(by_country={"DE": {"start": "18:00", "end": "22:00"}}), (1080, 1200)),
        (nine(exceptions={"2026-12-25": []}), None),
        (nine(holidays="closed"), None),
        (nine(by_country={"DE": {"start": "20:00", "end": "22:00"}}), None),
        ({"weekly": {"mon": [["09:00", "20:00"]]}}, None),
    ],
)
def test_what_is_open_every_day_and_everywhere(raw, within):
    """The longest such span, for a node that knows no more than one span a day."""
    assert daily_within(parse_window(raw)) == within


@given(st.integers(0, 2**63))
def test_what_is_open_every_day_is_open_on_each(seed):
    """On exceptions and the days after them as well."""
    chance = random.Random(seed)
    window = CallingWindow(some_hours(chance, DAY), (("DE", some_hours(chance, DAY)),))
    span = daily_within(window)
    if span is None:
        return
    for place in ("DE", None):
        for n in range(-3, 20):
            day = Date(DAY).add(days=n)
            assert any(
                start <= span[0] and span[1] <= end
                for start, end in hours_on(window.hours_in(place, None), day, None).spans
            )


@pytest.mark.parametrize(
    ("code", "known"),
    [("DE", True), ("US-CA", True), ("XX", False), ("XX-1", False), ("de", False), ("US-CALI", False)],
)
def test_a_place_is_a_country_or_a_part_of_one(code, known):
    """By its country."""
    assert is_place(code) == known


def test_a_region_is_a_part_of_a_country():
    """In any case; a blank is none."""
    assert [parse_region_code(text) for text in ("us-ca", " DE-BY ", "")] == ["US-CA", "DE-BY", None]
    for wrong in ("US", "XX-CA", "California", 5):
        with pytest.raises(Invalid, match="ISO 3166-2"):
            parse_region_code(wrong)


def test_a_window_that_goes_by_no_place_asks_for_none():
    """Holidays and hours of their own make the place matter."""
    assert every_day(540, 1200).is_placeless
    assert not parse_window(nine(holidays="closed")).is_placeless
    assert not parse_window(nine(by_country={"DE": nine()})).is_placeless
