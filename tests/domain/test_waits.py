"""Wall-clock points: the domain reckons with `whenever`, the oracle walks minute by minute with zoneinfo."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.zones import ALL, ODD, a_change, first_minute, wall
from whenever import Instant

from ringback.domain.waits import Day, LocalPoint, end_of_wait, next_point, show_duration, show_wait

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SPAN_SEC = int(timedelta(days=10 * 365).total_seconds())
CHANGES = [day for zone in ODD for year in range(2024, 2034) if (day := a_change(zone, year))]

zone_names = st.sampled_from(ODD) | st.sampled_from(ALL)
points = st.builds(LocalPoint, st.sampled_from(Day), st.integers(0, 1439))
instants = st.integers(0, SPAN_SEC).map(lambda sec: FIRST + timedelta(seconds=sec)) | st.builds(
    lambda day, sec: day + timedelta(seconds=sec), st.sampled_from(CHANGES), st.integers(-172_800, 172_800)
)


def oracle(point, zone, at):
    """The first minute at which the clocks show the point or a later time, on the day that it is meant for."""
    today, (hour, minute) = wall(at, zone).date(), divmod(point.minute, 60)
    if point.day is Day.SAME and (here := first_minute(zone, today, hour, minute)) > at:
        return here
    day = today + timedelta(days=1)
    while point.day is Day.NEXT_WEEKDAY and day.weekday() >= 5:
        day += timedelta(days=1)
    return first_minute(zone, day, hour, minute)


@given(points, zone_names, instants)
def test_a_point_is_the_first_instant_that_shows_it(point, zone, at):
    """In every zone: in a gap the first instant after it, in an overlap its first occurrence."""
    assert next_point(point, zone, Instant(at)) == Instant(oracle(point, zone, at))


def test_a_point_is_right_at_a_change_of_the_clock_of_every_zone():
    """All of them, on the eve of their first change of 2026, at times of the night at which clocks are changed."""
    for n, zone in enumerate(ALL):
        if eve := a_change(zone, 2026):
            point = LocalPoint(Day.NEXT, (0, 30, 119, 150)[n % 4])
            assert next_point(point, zone, Instant(eve)) == Instant(oracle(point, zone, eve)), zone


@given(points, st.lists(zone_names, min_size=1, max_size=3), instants)
def test_a_point_is_over_in_every_zone_in_which_the_lead_may_be(point, zones, at):
    """Not before the last of them, and it always lies ahead."""
    over = end_of_wait(point, tuple(zones), Instant(at))
    assert over == max(next_point(point, zone, Instant(at)) for zone in zones)
    assert over > Instant(at)


def test_a_point_of_nobody_knows_where_never_comes():
    """A duration needs no zone; a point does."""
    at = Instant("2026-06-01T12:00:00Z")
    assert end_of_wait(LocalPoint(Day.NEXT, 600), (), at) is None
    assert end_of_wait(60, (), at) == Instant("2026-06-01T12:01:00Z")


@pytest.mark.parametrize(
    ("point", "zone", "at", "comes"),
    [
        # an ordinary Tuesday in Denver, at noon
        ("next-day 10:00", "America/Denver", "2026-06-02T18:00:00Z", "2026-06-03T16:00:00Z"),
        ("same-day 18:00", "America/Denver", "2026-06-02T18:00:00Z", "2026-06-03T00:00:00Z"),
        ("next-weekday 09:30", "America/Denver", "2026-06-02T18:00:00Z", "2026-06-03T15:30:00Z"),
        # over, or just now: the next day
        ("same-day 11:59", "America/Denver", "2026-06-02T18:00:00Z", "2026-06-03T17:59:00Z"),
        ("same-day 12:00", "America/Denver", "2026-06-02T18:00:00Z", "2026-06-03T18:00:00Z"),
        # the day is the lead's, not UTC's
        ("next-day 10:00", "America/Denver", "2026-06-03T05:59:59Z", "2026-06-03T16:00:00Z"),
        ("next-day 10:00", "America/Denver", "2026-06-03T06:00:00Z", "2026-06-04T16:00:00Z"),
        # from Thursday to Sunday
        ("next-weekday 09:30", "Europe/London", "2026-06-04T12:00:00Z", "2026-06-05T08:30:00Z"),
        ("next-weekday 09:30", "Europe/London", "2026-06-05T12:00:00Z", "2026-06-08T08:30:00Z"),
        ("next-weekday 09:30", "Europe/London", "2026-06-06T12:00:00Z", "2026-06-08T08:30:00Z"),
        ("next-weekday 09:30", "Europe/London", "2026-06-07T12:00:00Z", "2026-06-08T08:30:00Z"),
        # the clocks jump from 02:00 to 03:00
        ("next-day 02:30", "America/New_York", "2026-03-07T17:00:00Z", "2026-03-08T07:00:00Z"),
        ("next-day 03:00", "America/New_York", "2026-03-07T17:00:00Z", "2026-03-08T07:00:00Z"),
        # they go back from 02:00 to 01:00: the first half past one
        ("next-day 01:30", "America/New_York", "2026-10-31T17:00:00Z", "2026-11-01T05:30:00Z"),
        # between the two the first is over
        ("same-day 01:30", "America/New_York", "2026-11-01T06:10:00Z", "2026-11-02T06:30:00Z"),
        # the day that Samoa left out
        ("next-day 10:00", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z"),
    ],
)
def test_points_by_example(point, zone, at, comes):
    """What each kind of point means."""
    day, clock = point.split()
    wait = LocalPoint(Day(day), int(clock[:2]) * 60 + int(clock[3:]))
    assert show_wait(wait) == point
    assert end_of_wait(wait, (zone,), Instant(at)) == Instant(comes)


@pytest.mark.parametrize(
    ("sec", "shown"),
    [(0, "0s"), (1, "1s"), (60, "1m"), (90, "90s"), (5_400, "90m"), (3_600, "1h"), (86_400, "1d"), (90_000, "25h")],
)
def test_a_duration_is_shown_in_its_largest_unit(sec, shown):
    """The largest one that divides it."""
    assert show_duration(sec) == show_wait(sec) == shown
