"""Calling hours: on which days of the lead's own calendar, and from when to when on each, a dial may be placed.

A local date decides by itself: an exception says all the hours of its date, a public holiday may shut its date, and the
rest of the days go by the week. What runs past midnight goes on into the next date, unless that one has an exception or
is shut.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, Protocol

from whenever import Date

DAY_MIN = 24 * 60

Span = tuple[int, int]
"""Minutes after local midnight, from and not up to. It starts before minute 1440 and ends at most a day later."""

Spans = tuple[Span, ...]


class Holidays(Protocol):
    """The public holidays of one place; there is one object for each place, which is told from others by identity."""

    def on(self, day: Date) -> str | None:
        """The name of the public holiday, None for a day that is none."""

    def __hash__(self) -> int:
        """By identity."""


@dataclass(frozen=True, slots=True)
class CallingHours:
    """When a dial may be placed, by the lead's own calendar and clock.

    Attributes:
        weekly: the spans that start on each day of the week, Monday first.
        exceptions: dates, ascending, with the spans that start on them instead; none is shut all day.
        shut_on_holidays: whether public holidays are shut all day, as far as no exception says otherwise.
    """

    weekly: tuple[Spans, ...]
    exceptions: tuple[tuple[Date, Spans], ...] = ()
    shut_on_holidays: bool = False
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.weekly, self.exceptions, self.shut_on_holidays)))

    def __hash__(self) -> int:
        """Reckoned once: hours are looked up for each dial."""
        return self._hash


@dataclass(frozen=True, slots=True)
class CallingWindow:
    """The hours that the owner of a campaign or a call sets.

    Attributes:
        usual: for who is in no place of `by_country`.
        by_country: hours of their own of countries (`DE`) or parts of them (`US-CA`), by ascending ISO 3166 code.
    """

    usual: CallingHours
    by_country: tuple[tuple[str, CallingHours], ...] = ()

    def hours_in(self, country: str | None, region: str | None) -> CallingHours:
        """The hours where a lead is: those of its region go before those of its country."""
        own = dict(self.by_country)
        return own.get(region or "") or own.get(country or "") or self.usual

    def rules_in(self, country: str | None = None, region: str | None = None) -> "Hours":
        """The same as what bounds a dial."""
        return (calling_window(self.hours_in(country, region)),)

    @property
    def is_placeless(self) -> bool:
        """Whether it matters in no way in which country or region a lead is."""
        return not self.by_country and not self.usual.shut_on_holidays


class HoursRule(NamedTuple):
    """Calling hours, and whose they are.

    Attributes:
        rule: `calling_window`, or the clause of a pack.
        pack: the rule pack, None for none.
        pack_version: the pack's, None for none.
        hours: outside them nobody is dialled.
    """

    rule: str
    pack: str | None
    pack_version: str | None
    hours: CallingHours


Hours = tuple[HoursRule, ...]
"""All of them must be open; none is any hour."""


class DayHours(NamedTuple):
    """The hours of one date.

    Attributes:
        spans: within the date, ascending and apart.
        why: what makes them differ from the week's, such as `holiday: Christmas Day`; None where they are the week's.
    """

    spans: Spans
    why: str | None


def shut_on_holidays(rules: Hours) -> bool:
    """Whether one of the rules shuts public holidays."""
    return any(rule.hours.shut_on_holidays for rule in rules)


def calling_window(hours: CallingHours) -> HoursRule:
    """Hours that a campaign or a call has of its own."""
    return HoursRule("calling_window", None, None, hours)


class _Either:
    """The public holidays of two places."""

    def __init__(self, one: Holidays, other: Holidays) -> None:
        self._one, self._other = one, other

    def on(self, day: Date) -> str | None:
        """The name of the public holiday, None for a day that is none in both."""
        return self._one.on(day) or self._other.on(day)


@lru_cache(maxsize=1 << 10)
def either(one: Holidays | None, other: Holidays | None) -> Holidays | None:
    """The holidays of both places; None where those of one are not known: then any day may be one."""
    if one is None or other is None:
        return None
    return one if one is other else _Either(one, other)


@lru_cache(maxsize=1 << 12)
def daily(start_min: int, end_min: int) -> CallingHours:
    """The same span every day; it runs past midnight where its end is above 1440."""
    return CallingHours((((start_min, end_min),),) * 7)


def every_day(start_min: int, end_min: int) -> CallingWindow:
    """The same span every day and everywhere."""
    return CallingWindow(daily(start_min, end_min))


@lru_cache(maxsize=1 << 16)
def hours_on(hours: CallingHours, day: Date, holidays: Holidays | None) -> DayHours:
    """The hours of one date.

    Args:
        hours: whose.
        day: the lead's own date.
        holidays: those of the lead's place, None where they are not known: then a day that should be shut on holidays
            is shut.
    """
    starting, why = _starting(hours, day, holidays)
    tails: Iterable[Span] = ()
    if why is None and day > Date.MIN:
        before, _ = _starting(hours, day.prev_day(), holidays)
        tails = ((0, end - DAY_MIN) for _, end in before if end > DAY_MIN)
    return DayHours(_apart(chain(tails, ((start, min(end, DAY_MIN)) for start, end in starting))), why)


def _starting(hours: CallingHours, day: Date, holidays: Holidays | None) -> tuple[Spans, str | None]:
    """The spans that start on a date, and what makes them differ from the week's."""
    for date, spans in hours.exceptions:
        if date == day:
            return spans, f"exception {day}"
    if hours.shut_on_holidays:
        if holidays is None:
            return (), "unknown_holidays"
        if name := holidays.on(day):
            return (), f"holiday: {name}"
    return hours.weekly[day.day_of_week().value - 1], None


def _apart(spans: Iterable[Span]) -> Spans:
    """Spans in order, those that touch or overlap joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
