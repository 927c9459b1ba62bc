"""The domain reckons with `whenever`; the oracle here walks minute by minute with zoneinfo."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.window import (
    DEFAULT_WINDOW,
    DailyWindow,
    hours_of,
    is_open,
    next_open,
    parse_window,
    show_window,
)
from ringback.errors import Invalid

MINUTE, LOOK = timedelta(minutes=1), timedelta(days=8)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
SPAN_SEC = int((LAST - FIRST).total_seconds())

# Gaps at midnight (Havana, Beirut, Cairo, Santiago), half an hour (Lord Howe), two hours (Troll), Ramadan (Casablanca,
# El Aaiun, Gaza), odd offsets (Chatham, Kathmandu, St John's), rules given up or changed since 2024 (Almaty, Asuncion).
ODD = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Kiritimati",
]
ALL = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/")))

zone_names = st.sampled_from(ODD) | st.sampled_from(ALL)
windows = st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True).map(
    lambda ends: DailyWindow(*sorted(ends))
)
DEFAULT, WHOLE_DAY = hours_of(DEFAULT_WINDOW), hours_of(DailyWindow(0, 1440))


@cache
def changes(zone: str) -> list[datetime]:
    """The instants from 2024 to 2030 at which the zone's offset changes."""
    tz, found, low = ZoneInfo(zone), [], FIRST
    while low < LAST:
        high = low + timedelta(days=1)
        if low.astimezone(tz).utcoffset() != high.astimezone(tz).utcoffset():
            found.append(change_between(tz, low, high))
        low = high
    return found


def change_between(tz: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first whole minute of the new offset."""
    while high - low > MINUTE:
        middle = low + (high - low) // MINUTE // 2 * MINUTE
        same = middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset()
        low, high = (middle, high) if same else (low, middle)
    return high


@st.composite
def places(draw):
    """One to three zones, and an instant: anywhere, or within two days of a change of the first one's offset."""
    zones = tuple(draw(st.lists(zone_names, min_size=1, max_size=3, unique=True)))
    at = FIRST + timedelta(seconds=draw(st.integers(0, SPAN_SEC)))
    if changes(zones[0]) and draw(st.booleans()):
        at = draw(st.sampled_from(changes(zones[0]))) + timedelta(seconds=draw(st.integers(-172_800, 172_800)))
    return zones, at + timedelta(microseconds=draw(st.sampled_from([0, 1, 999_999])))


def oracle_open(window, zones, at):
    """Whether the wall clocks of all the zones are inside."""
    clocks = [at.astimezone(ZoneInfo(zone)) for zone in zones]
    return all(window.start_min <= clock.hour * 60 + clock.minute < window.end_min for clock in clocks)


def oracle_next(window, zones, at):
    """The first open instant: `at` itself, or the first open whole minute within LOOK."""
    if oracle_open(window, zones, at):
        return at
    minute, last = at.replace(second=0, microsecond=0) + MINUTE, at + LOOK
    while minute <= last and not oracle_open(window, zones, minute):
        minute += MINUTE
    return minute if minute <= last else None


def instant(at):
    """The same time in the domain's type."""
    return Instant(at)


@given(windows, places())
@example(DailyWindow(150, 180), (("America/New_York",), datetime(2026, 3, 8, 6, tzinfo=UTC)))
@example(DailyWindow(540, 1200), (("Pacific/Apia",), datetime(2011, 12, 30, 9, tzinfo=UTC)))
def test_the_next_opening_is_the_first_open_instant(window, place):
    """Whatever the window, the zones and the instant: no open minute is missed, none is made up."""
    zones, at = place
    expected = oracle_next(window, zones, at)
    found = next_open(hours_of(window), zones, instant(at))
    if found is None or found <= instant(at + LOOK):
        assert found == (expected and instant(expected))
    else:
        assert expected is None
        assert is_open(hours_of(window), zones, found)
    assert is_open(hours_of(window), zones, instant(at)) == (expected == at)


@pytest.mark.parametrize(
    ("zone", "window", "at", "opens"),
    [
        # An ordinary day: before, inside, at the end, after.
        ("America/Denver", (540, 1200), "2026-06-01T14:59:59.5Z", "2026-06-01T15:00:00Z"),
        ("America/Denver", (540, 1200), "2026-06-01T15:00:00Z", "2026-06-01T15:00:00Z"),
        ("America/Denver", (540, 1200), "2026-06-02T01:59:59.999Z", "2026-06-02T01:59:59.999Z"),
        ("America/Denver", (540, 1200), "2026-06-02T02:00:00Z", "2026-06-02T15:00:00Z"),
        # The clock jumps from 02:00 to 03:00: a window inside the gap waits for tomorrow, one across it opens at 03:00.
        ("America/New_York", (150, 180), "2026-03-08T06:00:00Z", "2026-03-09T06:30:00Z"),
        ("America/New_York", (150, 240), "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"),
        # The clock goes back from 02:00 to 01:00: what had closed opens again.
        ("America/New_York", (60, 90), "2026-11-01T05:45:00Z", "2026-11-01T06:00:00Z"),
        # There is no midnight: the day begins at 01:00.
        ("America/Havana", (0, 120), "2026-03-08T03:00:00Z", "2026-03-08T05:00:00Z"),
        # Half an hour back, from 02:00 to 01:30.
        ("Australia/Lord_Howe", (90, 105), "2026-04-04T14:50:00Z", "2026-04-04T15:00:00Z"),
        # Ramadan: back from 03:00 to 02:00.
        ("Africa/Casablanca", (120, 150), "2026-02-15T01:45:00Z", "2026-02-15T02:00:00Z"),
        # The day that Samoa left out.
        ("Pacific/Apia", (540, 1200), "2011-12-30T09:00:00Z", "2011-12-30T19:00:00Z"),
    ],
)
def test_openings_near_changes_of_the_clock(zone, window, at, opens):
    """The wall clock decides, whatever becomes of it."""
    assert next_open(hours_of(DailyWindow(*window)), (zone,), Instant(at)) == Instant(opens)


def test_all_zones_must_be_open():
    """A lead who may be in New York or in Los Angeles is dialled when it is neither early nor late in either."""
    zones = ("America/New_York", "America/Los_Angeles")
    assert next_open(DEFAULT, zones, Instant("2026-06-01T14:00:00Z")) == Instant("2026-06-01T16:00:00Z")
    assert not is_open(DEFAULT, zones, Instant("2026-06-02T00:00:00Z"))


@given(places())
def test_the_whole_day_is_always_open(place):
    """A window from 00:00 to 24:00 is open at every instant in every zone."""
    zones, at = place
    assert is_open(WHOLE_DAY, zones, instant(at))
    assert next_open(WHOLE_DAY, zones, instant(at)) == instant(at)


def test_windows_that_never_meet_never_open():
    """Nine to ten in the morning is never so in New York and in Kolkata at once."""
    zones = ("America/New_York", "Asia/Kolkata")
    assert next_open(hours_of(DailyWindow(540, 600)), zones, Instant("2026-06-01T00:00:00Z")) is None


def test_without_a_zone_it_is_never_open():
    """Where nobody knows what time it is at the lead's, no hour will do."""
    at = Instant("2026-06-01T12:00:00Z")
    assert not is_open(WHOLE_DAY, (), at)
    assert next_open(WHOLE_DAY, (), at) is None


def test_a_zone_of_long_ago_may_be_apart_by_seconds():
    """Monrovia's clocks were 44 minutes and 30 seconds behind until 1972: its windows opened with a half minute."""
    window, zones = hours_of(DailyWindow(540, 600)), ("Africa/Monrovia",)
    opens = Instant("1971-06-01T09:44:30Z")
    assert is_open(window, zones, opens)
    assert not is_open(window, zones, opens - TimeDelta(seconds=1))
    assert not is_open(window, (), opens)


def test_waiting_for_the_opening_is_idempotent():
    """The next opening from an opening is that opening; a nanosecond before, it is the same one."""
    opens = next_open(DEFAULT, ("Europe/London",), Instant("2026-06-01T03:00:00Z"))
    assert next_open(DEFAULT, ("Europe/London",), opens) == opens
    assert next_open(DEFAULT, ("Europe/London",), opens - TimeDelta(nanoseconds=1)) == opens


@given(windows)
def test_a_window_survives_its_written_form(window):
    """What is shown is read back as the same window, 24:00 included."""
    assert parse_window(show_window(window)) == window


def test_no_window_is_nine_to_eight():
    """The contract's default."""
    assert parse_window(None) == DEFAULT_WINDOW
    assert show_window(DEFAULT_WINDOW) == {"start": "09:00", "end": "20:00"}


EXAMPLE = "such as {'start': '09:00', 'end': '20:00'}"
TIME = f"must be a local time HH:MM from 00:00 to 24:00, {EXAMPLE}"


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("09:00-20:00", [f"hours must have start and end and nothing else, {EXAMPLE}"]),
        ({"start": "09:00"}, [f"hours must have start and end and nothing else, {EXAMPLE}"]),
        ({"start": "1", "end": "2", "days": []}, [f"hours must have start and end and nothing else, {EXAMPLE}"]),
        ({"start": "9:00", "end": "25:00"}, [f"hours.start {TIME}", f"hours.end {TIME}"]),
        ({"start": "09:00", "end": 20}, [f"hours.end {TIME}"]),
        ({"start": "09:00", "end": "24:01"}, [f"hours.end {TIME}"]),
        ({"start": "09:60", "end": "20:00"}, [f"hours.start {TIME}"]),
        ({"start": "0٩:00", "end": "20:00"}, [f"hours.start {TIME}"]),
        (
            {"start": "20:00", "end": "09:00"},
            ["hours.end must be later than start; a window across midnight is not available yet"],
        ),
        (
            {"start": "24:00", "end": "24:00"},
            ["hours.end must be later than start; a window across midnight is not available yet"],
        ),
    ],
)
def test_a_fault_names_its_field(raw, lines):
    """Each wrong entry has its line, with a right example."""
    with pytest.raises(Invalid) as refusal:
        parse_window(raw, "hours")
    assert refusal.value.lines == lines
