"""The domain reckons with `whenever`, from turn to turn; the oracle here paints a calendar minute by minute.

Its offsets come from zoneinfo. WINDOW_EXAMPLES=200000 is the long run.
"""

import os
import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.named import Named
from whenever import Date, Instant, TimeDelta

from ringback.domain.hours import CallingHours, calling_window, every_day
from ringback.domain.window import HORIZON_DAYS, is_open, next_open, shut_by

EXAMPLES = int(os.environ.get("WINDOW_EXAMPLES", "5000"))
AT_ONCE, INSTANTS = 25, 5
"""Cases to a seed, and of these to the same hours: it takes longer to draw some than to judge an instant by them."""

MINUTE, DAY_MIN = timedelta(minutes=1), 1440
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
HORIZON_MIN = HORIZON_DAYS * DAY_MIN

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
ALL = sorted(
    name for name in available_timezones() if not name.startswith(("posix/", "right/", "Factory", "localtime"))
)
NINE_TO_EIGHT, WHOLE_DAY = every_day(540, 1200).rules_in(), every_day(0, 1440).rules_in()


def minute_of(at):
    """Whole minutes since 1970."""
    return (at - EPOCH) // MINUTE


@cache
def changes(zone):
    """The minutes from 2024 to 2034 at which the zone's offset changes. None is on and off again within five days."""
    tz, found, low = ZoneInfo(zone), [], FIRST - timedelta(days=5)
    before = low.astimezone(tz).utcoffset()
    while low < LAST + timedelta(days=HORIZON_DAYS + 10):
        high = low + timedelta(days=5)
        after = high.astimezone(tz).utcoffset()
        if before != after:
            found.append(minute_of(change_between(tz, low, high)))
        low, before = high, after
    return found


def change_between(tz, low, high):
    """The first whole minute of the new offset."""
    while high - low > MINUTE:
        middle = low + (high - low) // MINUTE // 2 * MINUTE
        same = middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset()
        low, high = (middle, high) if same else (low, middle)
    return high


@cache
def offsets(zone):
    """Minutes east of UTC, before the first change and after each."""
    starts = [minute_of(FIRST) - 5 * DAY_MIN, *changes(zone)]
    return np.array([(EPOCH + at * MINUTE).astimezone(ZoneInfo(zone)).utcoffset() // MINUTE for at in starts])


@cache
def turns(zone):
    """The changes as an array."""
    return np.array(changes(zone), dtype=np.int64)


def wall(zone, minutes):
    """What the clocks show at these minutes, in minutes since 1970 of their own."""
    first, last = np.searchsorted(turns(zone), (minutes[0], minutes[-1]), side="right")
    if first == last:
        return minutes + offsets(zone)[first]
    return minutes + offsets(zone)[np.searchsorted(turns(zone), minutes, side="right")]


def painted(hours, holidays, first_day, days):
    """A truth for each minute of so many local days: all spans from their start on, then the special days anew."""
    canvas = np.zeros((days + 3) * DAY_MIN, bool)
    exceptions = {day.to_stdlib(): spans for day, spans in hours.exceptions}
    special = {}
    for n in range(days + 1):
        day = date(1970, 1, 1) + timedelta(days=first_day - 1 + n)
        spans = exceptions.get(day)
        if spans is None and hours.shut_on_holidays:
            spans = () if holidays is None or holidays.on(Date(day)) else None
        if spans is not None:
            special[n] = spans
        for start, end in hours.weekly[day.weekday()] if spans is None else spans:
            canvas[n * DAY_MIN + start : n * DAY_MIN + end] = True
    for n, spans in special.items():
        canvas[n * DAY_MIN : (n + 1) * DAY_MIN] = False
        for start, end in spans:
            canvas[n * DAY_MIN + start : n * DAY_MIN + min(end, DAY_MIN)] = True
    return canvas[DAY_MIN:]


def open_minutes(rules, zones, holidays, minutes):
    """Which of these minutes are open by every rule in every zone."""
    truth = np.ones(len(minutes), bool)
    for zone in zones:
        local = wall(zone, minutes)
        first, last = int(local.min()) // DAY_MIN, int(local.max()) // DAY_MIN
        for rule in rules:
            canvas = painted(rule.hours, holidays, first, last - first + 1)
            truth &= canvas[local - first * DAY_MIN]
    return truth


def oracle(rules, zones, holidays, at):
    """The first open instant: `at` itself, or the first open whole minute within the horizon."""
    latest = minute_of(at + timedelta(minutes=HORIZON_MIN))
    done = minute_of(at)
    for days in (1, 3, 12, HORIZON_DAYS):
        minutes = np.arange(done, min(done + days * DAY_MIN, latest + 1))
        found = np.flatnonzero(open_minutes(rules, zones, holidays, minutes))
        if len(found):
            return max(at, EPOCH + int(minutes[found[0]]) * MINUTE)
        done = int(minutes[-1]) + 1
        if done > latest:
            break
    return None


FEW = [1] * 12 + [2, 2, 3]


def some_spans(chance):
    """Up to three, some across midnight."""
    starts = [chance.randrange(0, 1440, chance.choice([1, 30])) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
    return tuple(sorted((start, start + chance.randint(1, chance.choice([90, 600, 1439]))) for start in starts))


def some_hours(chance, around):
    """A daily span, a week, or a week with exceptions and holidays about a day."""
    kind = chance.random()
    if kind < 0.2:
        return CallingHours((((chance.randrange(0, 720), chance.randrange(721, 1441)),),) * 7)
    weekly = (*(some_spans(chance) for _ in range(6)), ((600, 1000),))
    if kind < 0.4:
        return CallingHours(weekly)
    days = {around + timedelta(days=chance.randint(-2, 9)) for _ in range(chance.randrange(5))}
    exceptions = tuple((Date(day), chance.choice([(), some_spans(chance)])) for day in sorted(days))
    return CallingHours(weekly, exceptions, chance.random() < 0.5)


def some_place(chance):
    """Up to three zones, and an instant: anywhere, or within two days of a change of the first one's offset."""
    zones = tuple(dict.fromkeys(chance.choice(chance.choice([ODD, ALL])) for _ in range(chance.choice(FEW))))
    at = FIRST + timedelta(seconds=chance.randrange(int((LAST - FIRST).total_seconds())))
    if changes(zones[0]) and chance.random() < 0.5:
        within = [minute for minute in changes(zones[0]) if minute < minute_of(LAST)]
        at = (
            EPOCH
            + chance.choice(within or [minute_of(at)]) * MINUTE
            + timedelta(seconds=chance.randint(-172_800, 172_800))
        )
    return zones, max(at, FIRST) + timedelta(microseconds=chance.choice([0, 1, 999_999]))


def some_holidays(chance, around):
    """Days about a day that have a name; or nobody knows them."""
    if chance.random() < 0.01:
        return None
    days = {around + timedelta(days=chance.randint(-2, 9)) for _ in range(chance.randrange(4))}
    return Named(tuple((Date(day), "a holiday") for day in days))


def agree(rules, zones, holidays, at):
    """The domain finds what the oracle finds, and does not dial where that does not."""
    expected, now = oracle(rules, zones, holidays, at), Instant(at)
    found = next_open(rules, zones, now, holidays)
    assert found == (expected and Instant(expected)), f"{rules} {zones} {holidays} {at.isoformat()}"
    assert is_open(rules, zones, now, holidays) == (expected == at)
    assert (shut_by(rules, zones, now, holidays) is None) == (expected == at)


@settings(max_examples=max(1, EXAMPLES // AT_ONCE))
@given(st.integers(0, 2**63))
def test_the_next_opening_is_the_first_open_minute(seed):
    """Whatever the hours, the zones and the instant: no open minute is missed, none is made up."""
    chance = random.Random(seed)
    for _ in range(AT_ONCE // INSTANTS):
        zones, at = some_place(chance)
        rules = tuple(calling_window(some_hours(chance, at.date())) for _ in range(chance.choice(FEW[:-1])))
        holidays = some_holidays(chance, at.date())
        for days in (0, *(chance.uniform(-1, 4) for _ in range(INSTANTS - 1))):
            agree(rules, zones, holidays, max(FIRST, at + timedelta(days=days)))


def test_every_change_of_every_zone_for_ten_years():
    """As the clock changes, or just before."""
    seen = 0
    for zone in ALL:
        for change in changes(zone):
            if change >= minute_of(LAST):
                break
            chance = random.Random(change)
            at = EPOCH + change * MINUTE
            rules = (calling_window(some_hours(chance, at.date())),)
            agree(rules, (zone,), Named(), at - chance.choice([0, 1, 30, 600]) * MINUTE)
            seen += 1
    assert seen > 2_000


@pytest.mark.parametrize(
    ("zone", "window", "at", "opens"),
    [
        # An ordinary day: before, inside, at the end, after.
        ("America/Denver", (540, 1200), "2026-06-01T14:59:59.5Z", "2026-06-01T15:00:00Z"),
        ("America/Denver", (540, 1200), "2026-06-01T15:00:00Z", "2026-06-01T15:00:00Z"),
        ("America/Denver", (540, 1200), "2026-06-02T01:59:59.999Z", "2026-06-02T01:59:59.999Z"),
        ("America/Denver", (540, 1200), "2026-06-02T02:00:00Z", "2026-06-02T15:00:00Z"),
        # Across midnight.
        ("America/Denver", (1320, 1560), "2026-06-01T07:59:00Z", "2026-06-01T07:59:00Z"),
        ("America/Denver", (1320, 1560), "2026-06-01T08:00:00Z", "2026-06-02T04:00:00Z"),
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
    assert next_open(every_day(*window).rules_in(), (zone,), Instant(at)) == Instant(opens)


def test_all_zones_must_be_open():
    """A lead who may be in New York or in Los Angeles is dialled when it is neither early nor late in either."""
    zones = ("America/New_York", "America/Los_Angeles")
    assert next_open(NINE_TO_EIGHT, zones, Instant("2026-06-01T14:00:00Z")) == Instant("2026-06-01T16:00:00Z")
    assert not is_open(NINE_TO_EIGHT, zones, Instant("2026-06-02T00:00:00Z"))


@given(st.integers(0, 2**63))
def test_the_whole_day_is_always_open(seed):
    """A window from 00:00 to 24:00 is open at every instant in every zone."""
    zones, at = some_place(random.Random(seed))
    assert is_open(WHOLE_DAY, zones, Instant(at))
    assert next_open(WHOLE_DAY, zones, Instant(at)) == Instant(at)


def test_windows_that_never_meet_never_open():
    """Nine to ten in the morning is never so in New York and in Kolkata at once."""
    zones = ("America/New_York", "Asia/Kolkata")
    assert next_open(every_day(540, 600).rules_in(), zones, Instant("2026-06-01T00:00:00Z")) is None


def test_without_a_zone_it_is_never_open():
    """Where nobody knows what time it is at the lead's, no hour will do."""
    at = Instant("2026-06-01T12:00:00Z")
    assert not is_open(WHOLE_DAY, (), at)
    assert next_open(WHOLE_DAY, (), at) is None


def test_a_zone_of_long_ago_may_be_apart_by_seconds():
    """Monrovia's clocks were 44 minutes and 30 seconds behind until 1972: its windows opened with a half minute."""
    window, zones = every_day(540, 600).rules_in(), ("Africa/Monrovia",)
    opens = Instant("1971-06-01T09:44:30Z")
    assert is_open(window, zones, opens)
    assert not is_open(window, zones, opens - TimeDelta(seconds=1))
    assert not is_open(window, (), opens)


def test_waiting_for_the_opening_is_idempotent():
    """The next opening from an opening is that opening; a nanosecond before, it is the same one."""
    opens = next_open(NINE_TO_EIGHT, ("Europe/London",), Instant("2026-06-01T03:00:00Z"))
    assert next_open(NINE_TO_EIGHT, ("Europe/London",), opens) == opens
    assert next_open(NINE_TO_EIGHT, ("Europe/London",), opens - TimeDelta(nanoseconds=1)) == opens
