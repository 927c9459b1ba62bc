"""The written form of calling windows. Every fault has its line, and every line a right example."""

import re
from collections.abc import Mapping
from typing import Any

from whenever import Date

from ringback.domain.hours import DAY_MIN, CallingHours, CallingWindow, Span, Spans, daily, hours_on
from ringback.domain.phone import is_country
from ringback.errors import Invalid

DEFAULT_WINDOW = CallingWindow(daily(9 * 60, 20 * 60))

MOST_EXCEPTIONS, MOST_SPANS, MOST_PLACES = 400, 24, 300

CLOSED, AS_USUAL = "closed", "as usual"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAILY = "{'start': '09:00', 'end': '20:00'}"
_WEEKLY = "{'mon-fri': [['09:00', '12:30'], ['14:00', '20:00']], 'sat': [['10:00', '24:00']], 'sun': []}"
_SPANS = "[['09:00', '12:30'], ['14:00', '20:00']], or [] for shut"
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_PLACE = re.compile(r"([A-Z]{2})(?:-[A-Z0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_window(raw: Any, field: str = "calling_window") -> CallingWindow:
    """A window from its written form; None gives the default.

    `{"start": "09:00", "end": "20:00"}` every day, or `weekly` in the place of both; with `exceptions`, `holidays` and
    `by_country`, whose places have all of these but `by_country`.

    Raises:
        Invalid: one line for each fault, with a right example.
    """
    if raw is None:
        return DEFAULT_WINDOW
    faults: list[str] = []
    own = raw.get("by_country", {}) if isinstance(raw, dict) else {}
    rest = {name: value for name, value in raw.items() if name != "by_country"} if isinstance(raw, dict) else raw
    usual = _hours(rest, field, faults)
    by_country = _places(own, f"{field}.by_country", faults)
    if faults:
        raise Invalid(faults)
    return CallingWindow(usual, by_country)


def show_window(window: CallingWindow) -> dict[str, Any]:
    """The written form: start and end for what is the same every day, otherwise all of it."""
    if not window.by_country and (span := _every_day(window.usual)):
        return {"start": _clock(span[0]), "end": _clock(span[1])}
    places = {place: _show_hours(hours) for place, hours in window.by_country}
    return {**_show_hours(window.usual), "by_country": places}


def parse_region_code(raw: Any, field: str = "region") -> str | None:
    """A part of a country, such as `US-CA`; a blank is none.

    Raises:
        Invalid: it is no ISO 3166-2 code of a known country.
    """
    code = raw.strip().upper() if isinstance(raw, str) else "?"
    if not code:
        return None
    if "-" not in code or not is_place(code):
        raise Invalid([f"{field} must be an ISO 3166-2 code, such as 'US-CA' or 'DE-BY'"])
    return code


def is_place(code: str) -> bool:
    """Whether it is written as a country (`DE`) or a part of one (`US-CA`), and there is such a country."""
    place = _PLACE.fullmatch(code)
    return place is not None and is_country(place[1])


def daily_within(window: CallingWindow) -> Span | None:
    """The longest span of a day that is open every day and everywhere; None where some day has none in common.

    For nodes of the release before, which know one span a day and nothing else.
    """
    all_hours = (window.usual, *(hours for _, hours in window.by_country))
    if any(hours.shut_on_holidays for hours in all_hours):
        return None
    minutes = set(range(DAY_MIN))
    for hours in all_hours:
        for day in _kinds_of_day(hours):
            minutes &= {minute for span in hours_on(hours, day, None).spans for minute in range(*span)}
    best: Span = (0, 0)
    for start in sorted(minute for minute in minutes if minute - 1 not in minutes):
        end = next(minute for minute in range(start + 1, DAY_MIN + 1) if minute not in minutes)
        best = max(best, (start, end), key=lambda span: span[1] - span[0])
    return best if best[1] else None


def _kinds_of_day(hours: CallingHours) -> list[Date]:
    """A week without exceptions, and all dates that an exception touches."""
    dates = [date for date, _ in hours.exceptions]
    first = max(dates, default=Date(2000, 1, 1)).add(days=2)
    week = [first.add(days=n) for n in range(7)]
    return week + dates + [date.next_day() for date in dates]


def _hours(raw: Any, field: str, faults: list[str]) -> CallingHours:
    """The hours of one place, or any where there is a fault."""
    names = raw.keys() - {"exceptions", "holidays"} if isinstance(raw, dict) else set()
    if names not in ({"start", "end"}, {"weekly"}):
        faults.append(f"{field} must have start and end, such as {_DAILY}, or weekly, such as {{'weekly': {_WEEKLY}}}")
        return DEFAULT_WINDOW.usual
    before = len(faults)
    if "weekly" in raw:
        weekly = _week(raw["weekly"], f"{field}.weekly", faults)
    else:
        weekly = ((_span([raw["start"], raw["end"]], (f"{field}.start", f"{field}.end"), faults),),) * 7
    exceptions = _exceptions(raw.get("exceptions", {}), f"{field}.exceptions", faults)
    holidays = raw.get("holidays", AS_USUAL)
    if holidays not in (CLOSED, AS_USUAL):
        faults.append(f"{field}.holidays must be '{CLOSED}' or '{AS_USUAL}'")
    hours = CallingHours(weekly, exceptions, holidays == CLOSED)
    if len(faults) == before and not any(weekly) and not any(spans for _, spans in exceptions):
        faults.append(f"{field} would never be open; name a day with hours, such as {{'weekly': {_WEEKLY}}}")
    return hours


def _week(raw: Any, field: str, faults: list[str]) -> tuple[Spans, ...]:
    if not isinstance(raw, dict):
        faults.append(f"{field} must be an object such as {_WEEKLY}")
        return ((),) * 7
    week: dict[int, Spans] = {}
    for name, value in raw.items():
        days, spans = _days(name), _spans(value, f"{field}.{name}", faults)
        if not days:
            faults.append(f"{field}.{name} must be a day or several, such as 'sat' or 'mon-fri'")
        if twice := [DAYS[day] for day in days if day in week]:
            faults.append(f"{field}.{name} names {twice[0]} again; name each day once, such as {_WEEKLY}")
        week.update(dict.fromkeys(days, spans))
    return tuple(week.get(day, ()) for day in range(7))


def _days(name: str) -> list[int]:
    """The days of `mon`, or of `mon-fri`; `sat-mon` goes over the week's end."""
    first, dash, last = name.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        return []
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return [day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1)]


def _spans(raw: Any, field: str, faults: list[str]) -> Spans:
    right = isinstance(raw, list) and all(isinstance(span, list) and len(span) == 2 for span in raw)
    if not right or len(raw) > MOST_SPANS:
        faults.append(f"{field} must be a list of at most {MOST_SPANS} spans, such as {_SPANS}")
        return ()
    return tuple(sorted(_span(span, (f"{field}[{n}]",) * 2, faults) for n, span in enumerate(raw)))


def _span(raw: list[Any], fields: tuple[str, str], faults: list[str]) -> Span:
    """Minutes; an end that is not later than its start is that of the next day."""
    wrong = [
        field
        for clock, field in zip(raw, fields, strict=True)
        if not isinstance(clock, str) or not _CLOCK.fullmatch(clock)
    ]
    if wrong:
        faults.extend(
            f"{f} must be a local time HH:MM from 00:00 to 24:00, such as '09:00'" for f in dict.fromkeys(wrong)
        )
        return 0, DAY_MIN
    start, end = map(_minutes, raw)
    if start in (end, DAY_MIN):
        faults.append(f"{fields[1]} must end after it starts; the whole day is from '00:00' to '24:00'")
    return start, end if end > start else end + DAY_MIN


def _exceptions(raw: Any, field: str, faults: list[str]) -> tuple[tuple[Date, Spans], ...]:
    if not isinstance(raw, dict) or len(raw) > MOST_EXCEPTIONS:
        faults.append(f"{field} must be an object of at most {MOST_EXCEPTIONS} dates, such as {{'2026-12-25': []}}")
        return ()
    found = []
    for name, value in raw.items():
        spans = _spans(value, f"{field}.{name}", faults)
        if (date := _date(name)) is None:
            faults.append(f"{field}.{name} must be a date, such as '2026-12-25'")
        else:
            found.append((date, spans))
    return tuple(sorted(found))


def _date(text: str) -> Date | None:
    try:
        return Date.parse_iso(text) if _DATE.fullmatch(text) and text[:4] not in ("0000", "9999") else None
    except ValueError:
        return None


def _places(raw: Any, field: str, faults: list[str]) -> tuple[tuple[str, CallingHours], ...]:
    if not isinstance(raw, dict) or len(raw) > MOST_PLACES:
        faults.append(f"{field} must be an object of at most {MOST_PLACES} places, such as {{'DE': {_DAILY}}}")
        return ()
    unknown = [place for place in raw if not is_place(place)]
    faults.extend(
        f"{field}.{place} is no country that is known; write 'DE', or 'US-CA' for a part" for place in unknown
    )
    return tuple((place, _hours(hours, f"{field}.{place}", faults)) for place, hours in sorted(raw.items()))


def _every_day(hours: CallingHours) -> Span | None:
    """The span that is the same every day, where there is nothing else."""
    days = set(hours.weekly)
    alone = len(days) == 1 and len(hours.weekly[0]) == 1 and not hours.exceptions and not hours.shut_on_holidays
    return hours.weekly[0][0] if alone else None


def _show_hours(hours: CallingHours) -> dict[str, Any]:
    return {
        "weekly": dict(_show_week(hours.weekly)),
        "exceptions": {date.format_iso(): _show_spans(spans) for date, spans in hours.exceptions},
        "holidays": CLOSED if hours.shut_on_holidays else AS_USUAL,
    }


def _show_week(weekly: tuple[Spans, ...]) -> Mapping[str, Any]:
    """Days that follow one another and are the same are named together."""
    shown: dict[str, Any] = {}
    first = 0
    for day in range(1, 8):
        if day == 7 or weekly[day] != weekly[first]:
            name = DAYS[first] if day == first + 1 else f"{DAYS[first]}-{DAYS[day - 1]}"
            shown[name], first = _show_spans(weekly[first]), day
    return shown


def _show_spans(spans: Spans) -> list[list[str]]:
    return [[_clock(start), _clock(end)] for start, end in spans]


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    past = minutes if minutes <= DAY_MIN else minutes - DAY_MIN
    return f"{past // 60:02}:{past % 60:02}"
