"""Waits of a retry policy: durations, and points of the lead's own wall clock."""

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from whenever import Date, Instant, Time, TimeDelta, ZonedDateTime

from ringback.domain.window import Zones, local_time

SATURDAY = 6
"""The first day of the week, by ISO 8601, that is no weekday."""


class Day(StrEnum):
    """The day of a wall-clock point, seen from when the attempt ended in the lead's time."""

    SAME = "same-day"
    NEXT = "next-day"
    NEXT_WEEKDAY = "next-weekday"


class LocalPoint(NamedTuple):
    """A time of the lead's own wall clock.

    Attributes:
        day: on which day. A point of the same day that is over is meant for the next one.
        minute: after local midnight, 0 to 1439.
    """

    day: Day
    minute: int


Wait = int | LocalPoint
"""Seconds, or a point."""


def end_of_wait(wait: Wait, zones: Zones, ended_at: Instant) -> Instant | None:
    """The first instant at which a wait is over, None where a point is waited for and nobody knows the lead's zone.

    Args:
        wait: what the policy says.
        zones: where the lead may be; a point has to be over in each of them.
        ended_at: the end of the attempt before.
    """
    if isinstance(wait, int):
        return ended_at + TimeDelta(seconds=wait)
    return max((next_point(wait, zone, ended_at) for zone in zones), default=None)


def next_point(point: LocalPoint, zone: str, at: Instant) -> Instant:
    """When a point comes that is named at `at`, in one zone."""
    today = local_time(at, zone).date()
    if point.day is Day.SAME and (here := first_instant(zone, today, point.minute)) > at:
        return here
    day = _next_weekday(today) if point.day is Day.NEXT_WEEKDAY else today.add(days=1)
    return first_instant(zone, day, point.minute)


def first_instant(zone: str, day: Date, minute: int) -> Instant:
    """The first instant at which a zone's clocks show this time or, where they skip it, a later one."""
    wanted = day.at(Time(minute // 60, minute % 60))
    local: ZonedDateTime = wanted.assume_tz(zone, disambiguation="earlier")
    while local.to_plain() < wanted and (change := local.next_transition()) is not None:
        local = change
    return local.to_instant()


@cache
def show_wait(wait: Wait) -> str:
    """A wait as a policy writes it: `30m`, `next-day 10:00`."""
    if isinstance(wait, int):
        return show_duration(wait)
    return f"{wait.day} {wait.minute // 60:02}:{wait.minute % 60:02}"


_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DURATION = re.compile("([1-9][0-9]{0,7})([smhd])")


@cache
def show_duration(sec: int) -> str:
    """Seconds in the largest unit that divides them: `90s`, `30m`, `2h`, `1d`."""
    unit, size = next((u, s) for u, s in _UNITS if sec % s == 0 and (sec or s == 1))
    return f"{sec // size}{unit}"


def read_duration(text: str) -> int | None:
    """The seconds of a duration such as `30m` or `1d`, more than none; None for any other text."""
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * dict(_UNITS)[match[2]]


def _next_weekday(today: Date) -> Date:
    ahead = (today.add(days=n) for n in (1, 2, 3))
    return next(day for day in ahead if day.day_of_week().value < SATURDAY)
