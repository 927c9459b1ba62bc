"""Calling windows: whether a dial may be placed at an instant, and if not, when.

The wall clock decides, in every zone in which the lead may be: it is open at an instant when the local date and time of
that instant lie within the hours of every rule in each of them. So a daylight-saving gap or overlap needs no rule of
its own.
"""

from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple

from whenever import Instant, PlainDateTime, TimeDelta, TimeZoneNotFoundError, ZonedDateTime

from ringback.domain.hours import DAY_MIN, CallingHours, Holidays, Hours, HoursRule, hours_on

Zones = tuple[str, ...]
"""IANA names of the time zones in which a lead may be."""

HORIZON_DAYS = 400
HORIZON = TimeDelta(hours=24 * HORIZON_DAYS)
"""What does not open within so long is taken never to: it is more than a year, with all its holidays."""

_WHOLE_MINUTES_SINCE = 946_684_800 // 60
"""The year 2000 in minutes: since 1972 every zone is whole minutes away from UTC."""


class ZoneSource(StrEnum):
    """Who said in which zones a lead may be."""

    LEAD = "lead"
    NUMBER = "number"
    WORKSPACE = "workspace"
    NONE = "none"


class Shut(NamedTuple):
    """What forbids a dial at an instant.

    Attributes:
        rule: `calling_window`, or the clause of a pack.
        pack: the rule pack, None for none.
        pack_version: the pack's, None for none.
        zone: where it is shut, None where no zone of the lead is known.
        local: the date and time there, None where the zone is not known.
        why: the rule, or what shuts the day: `exception 2026-12-25`, `holiday: Christmas Day`, `unknown_holidays`;
            `unknown_zone` where nobody knows what time it is at the lead's.
    """

    rule: str
    pack: str | None
    pack_version: str | None
    zone: str | None
    local: PlainDateTime | None
    why: str


def is_open(hours: Hours, zones: Zones, at: Instant, holidays: Holidays | None = None) -> bool:
    """Whether a dial may be placed at `at`. Without a rule it may; with one, no known zone means no."""
    minute = at.timestamp() // 60
    if minute < _WHOLE_MINUTES_SINCE:
        return _first_shut(hours, zones, at, holidays) is None
    return _open_in_minute(hours, zones, minute, holidays)


@lru_cache(maxsize=1 << 16)
def _open_in_minute(hours: Hours, zones: Zones, minute: int, holidays: Holidays | None) -> bool:
    """The same for a whole minute: hours begin and end with a minute, and thousands of dials fall into one."""
    return _first_shut(hours, zones, Instant.from_timestamp(minute * 60), holidays) is None


def shut_by(hours: Hours, zones: Zones, at: Instant, holidays: Holidays | None = None) -> Shut | None:
    """The first rule that forbids a dial at `at`, in the first zone in which it does; None where none does."""
    shut = None if is_open(hours, zones, at, holidays) else _first_shut(hours, zones, at, holidays)
    if shut is None:
        return None
    rule, zone, local = shut
    if local is None:
        return Shut(*rule[:3], zone, None, "unknown_zone")
    why = hours_on(rule.hours, local.date(), holidays).why
    return Shut(*rule[:3], zone, local.to_plain(), why or rule.rule)


def next_open(hours: Hours, zones: Zones, at: Instant, holidays: Holidays | None = None) -> Instant | None:
    """The first instant from `at` on at which a dial may be placed; None for none within HORIZON."""
    if is_open(hours, zones, at, holidays):
        return at
    candidate: Instant | None = at
    while candidate is not None and candidate - at <= HORIZON:
        shut = _first_shut(hours, zones, candidate, holidays)
        if shut is None:
            return candidate
        rule, _, local = shut
        candidate = local and _next_turn(rule.hours, local, holidays)
    return None


def local_time(at: Instant, zone: str) -> ZonedDateTime:
    """What the clocks of a zone show at an instant.

    Raises:
        whenever.TimeZoneNotFoundError: there is no such zone.
    """
    _hold(zone)
    return at.to_tz(zone)


@cache
def _hold(zone: str) -> ZonedDateTime:
    """Holds on to a time zone: those that nobody holds are read from the disk anew, all but the last eight."""
    return Instant.from_timestamp(0).to_tz(zone)


def _first_shut(
    hours: Hours, zones: Zones, at: Instant, holidays: Holidays | None
) -> tuple[HoursRule, str | None, ZonedDateTime | None] | None:
    """The first rule that is shut, where, and what the clock shows there; None for a zone that is not known."""
    if hours and not zones:
        return hours[0], None, None
    for zone in zones if hours else ():
        try:
            local = local_time(at, zone)
        except TimeZoneNotFoundError:
            return hours[0], zone, None
        for rule in hours:
            if not _open_here(rule.hours, local, holidays):
                return rule, zone, local
    return None


def _open_here(hours: CallingHours, local: ZonedDateTime, holidays: Holidays | None) -> bool:
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in hours_on(hours, local.date(), holidays).spans)


def _next_turn(hours: CallingHours, shut: ZonedDateTime, holidays: Holidays | None) -> Instant | None:
    """The first instant after a shut one at which the hours can begin: a start of theirs, or a change of the offset.

    Until the offset changes the wall clock runs evenly, so nothing opens before its next start.
    """
    turns = []
    if (minutes := _minutes_to_start(hours, shut, holidays)) is not None:
        step = TimeDelta(minutes=minutes, seconds=-shut.second, nanoseconds=-shut.nanosecond)
        turns.append(shut.to_instant() + step)
    if (change := shut.next_transition()) is not None:
        turns.append(change.to_instant())
    return min(turns, default=None)


def _minutes_to_start(hours: CallingHours, shut: ZonedDateTime, holidays: Holidays | None) -> int | None:
    """From the minute of a shut instant to the next start on an even clock, None for none within the horizon."""
    minute, day = shut.hour * 60 + shut.minute, shut.date()
    for days in range(HORIZON_DAYS + 1):
        for start, _ in hours_on(hours, day, holidays).spans:
            if days or start > minute:
                return days * DAY_MIN + start - minute
        day = day.next_day()
    return None
