"""An oracle for local times: it walks minute by minute, with the standard library's own time zones."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)

# Gaps at midnight (Havana, Beirut, Cairo, Santiago), half an hour (Lord Howe), two hours (Troll), odd offsets.
ODD = (
    *("Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/New_York", "America/Nuuk"),
    *("America/Santiago", "America/Scoresbysund", "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza"),
    *("Asia/Kathmandu", "Atlantic/Azores", "Australia/Lord_Howe", "Europe/London", "Pacific/Apia", "Pacific/Chatham"),
)
ALL = tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/"))))


def wall(at: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at an instant."""
    return at.astimezone(_zone(zone)).replace(tzinfo=None)


@cache
def _zone(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)


def first_minute(zone: str, day: date, hour: int, minute: int) -> datetime:
    """The first minute at which the clocks of a zone show this time or a later one."""
    wanted = datetime.combine(day, time(hour, minute))
    at = wanted.replace(tzinfo=UTC) - timedelta(hours=15)  # no zone's clocks are further ahead
    while wall(at, zone) < wanted:
        at += MINUTE
    return at


@cache
def a_change(zone: str, year: int) -> datetime | None:
    """The first day of a year, in UTC, in whose course the clocks of a zone are changed; None where they are not."""
    days = (datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(365))
    return next(
        (day for day in days if wall(day + timedelta(days=1), zone) - wall(day, zone) != timedelta(days=1)), None
    )
