"""Calling windows: the hours of the lead's own day in which a dial may be placed.

The wall clock decides, in every zone in which the lead may be: a window is open at an instant when the local time of
that instant lies in [start, end) in each of them. So a daylight-saving gap or overlap needs no rule of its own.
"""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

from whenever import Instant, TimeDelta, ZonedDateTime

from ringback.errors import Invalid

Zones = tuple[str, ...]
"""IANA names of the time zones in which a lead may be."""

DAY_MIN = 24 * 60
HORIZON = TimeDelta(hours=8 * 24)
"""Zones whose windows do not meet within so long are taken never to: only a change of an offset could help them."""

_WHOLE_MINUTES_SINCE = 946_684_800 // 60
"""The year 2000 in minutes: since 1972 every zone is whole minutes away from UTC."""

_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")


class DailyWindow(NamedTuple):
    """Open every day from one local wall-clock time up to, and not at, another.

    Attributes:
        start_min: minutes after local midnight, 0 to 1439.
        end_min: minutes after local midnight, more than start_min, at most 1440.
    """

    start_min: int
    end_min: int


DEFAULT_WINDOW = DailyWindow(9 * 60, 20 * 60)


def parse_window(raw: Any, field: str = "calling_window") -> DailyWindow:
    """A window from `{"start": "09:00", "end": "20:00"}`; None gives the default.

    Raises:
        Invalid: one line for each fault, with a right example.
    """
    if raw is None:
        return DEFAULT_WINDOW
    example = "such as {'start': '09:00', 'end': '20:00'}"
    if not isinstance(raw, dict) or set(raw) != {"start", "end"}:
        raise Invalid([f"{field} must have start and end and nothing else, {example}"])
    wrong = [name for name in ("start", "end") if not isinstance(raw[name], str) or not _CLOCK.fullmatch(raw[name])]
    if wrong:
        raise Invalid([f"{field}.{name} must be a local time HH:MM from 00:00 to 24:00, {example}" for name in wrong])
    window = DailyWindow(_minutes(raw["start"]), _minutes(raw["end"]))
    if window.start_min >= window.end_min:
        raise Invalid([f"{field}.end must be later than start; a window across midnight is not available yet"])
    return window


def show_window(window: DailyWindow) -> dict[str, str]:
    """The written form of a window."""
    return {"start": _clock(window.start_min), "end": _clock(window.end_min)}


def is_open(window: DailyWindow, zones: Zones, at: Instant) -> bool:
    """Whether a dial may be placed at `at`. No known zone means no."""
    minute = at.timestamp() // 60
    if minute < _WHOLE_MINUTES_SINCE:
        return bool(zones) and all(_open_here(window, local_time(at, zone)) for zone in zones)
    return _open_in_minute(window, zones, minute)


@lru_cache(maxsize=1 << 16)
def _open_in_minute(window: DailyWindow, zones: Zones, minute: int) -> bool:
    """The same for a whole minute: a window opens and shuts with a minute, and thousands of dials fall into one."""
    at = Instant.from_timestamp(minute * 60)
    return bool(zones) and all(_open_here(window, local_time(at, zone)) for zone in zones)


def next_open(window: DailyWindow, zones: Zones, at: Instant) -> Instant | None:
    """The first instant from `at` on at which the window is open in every zone; None for none within HORIZON."""
    if is_open(window, zones, at):
        return at
    if not zones:
        return None
    candidate = at
    while candidate <= at + HORIZON:
        here = (local_time(candidate, zone) for zone in zones)
        shut = next((local for local in here if not _open_here(window, local)), None)
        if shut is None:
            return candidate
        candidate = _next_turn(window, shut)
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


def _open_here(window: DailyWindow, local: ZonedDateTime) -> bool:
    return window.start_min <= local.hour * 60 + local.minute < window.end_min


def _next_turn(window: DailyWindow, shut: ZonedDateTime) -> Instant:
    """The first instant after a shut one at which the zone's window can open: its start, or a change of the offset.

    Until the offset changes the wall clock runs evenly, so nothing opens before its next start.
    """
    minutes = (window.start_min - shut.hour * 60 - shut.minute) % DAY_MIN
    start = shut.to_instant() + TimeDelta(minutes=minutes, seconds=-shut.second, nanoseconds=-shut.nanosecond)
    change = shut.next_transition()
    return start if change is None else min(start, change.to_instant())


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
