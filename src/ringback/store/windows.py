"""Calling windows as the store keeps them: two columns for what is the same every day, JSON for the rest."""

import json
from functools import lru_cache

from whenever import Instant

from ringback.calendars import public_holidays
from ringback.domain.hours import CallingWindow, Holidays, Hours, every_day
from ringback.domain.phone import country_of
from ringback.domain.window_form import daily_within, parse_window, show_window
from ringback.store.database import Connection, Record
from ringback.store.older import check_no_older


def window_of(row: Record) -> CallingWindow:
    """The window in a row with window_start_min, window_end_min and calling_window."""
    return _window(row["window_start_min"], row["window_end_min"], row["calling_window"])


def window_columns(window: CallingWindow) -> tuple[int, int, str | None]:
    """The same three columns. Of a window that is not the same every day the first two are what is open every day.

    Where no time of day is, they are one minute that is open on some days: `check_known` has seen to it that nobody who
    goes by that lives.
    """
    shown = show_window(window)
    start_min, end_min = daily_within(window) or _one_minute(window)
    return start_min, end_min, None if _window(start_min, end_min, None) == window else json.dumps(shown)


def hours_at(window: CallingWindow, country: str | None, region: str | None) -> tuple[Hours, Holidays | None]:
    """The hours and the holidays that bind a dial to somebody in that country, and in that part of it."""
    if window.is_placeless:
        return window.rules_in(), None
    return window.rules_in(country, region), public_holidays(country, region)


def country_at(to_number: str, region: str | None) -> str | None:
    """The country in which a lead is: that of its region, else that of its number; None where it is not known."""
    return region.partition("-")[0] if region else country_of(to_number)


async def check_known(db: Connection, window: CallingWindow, now: Instant) -> None:
    """Refuse a window that a living node of the release before would not keep to.

    Raises:
        Conflict: such a node lives, and no time of day is open every day.
    """
    if daily_within(window) is None:
        await check_no_older(db, "hours other than the same every day", now)


@lru_cache(maxsize=10_000)
def read_window(text: str | None) -> CallingWindow | None:
    """The window that the store keeps of a single call as JSON text; None is any hour."""
    return None if text is None else parse_window(json.loads(text))


def _one_minute(window: CallingWindow) -> tuple[int, int]:
    spans = (span for spans in window.usual.weekly for span in spans)
    start_min = next(spans, (0, 1))[0]
    return start_min, start_min + 1


@lru_cache(maxsize=10_000)
def _window(start_min: int, end_min: int, written: str | None) -> CallingWindow:
    return every_day(start_min, end_min) if written is None else parse_window(json.loads(written))
