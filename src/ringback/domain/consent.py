"""Consent: since when, and until when, somebody wants to be called."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from whenever import Date, Instant, PlainDateTime, Time, TimeDelta

from ringback.domain.decision import NO_CONSENT_YET, Rule, Withheld, show_instant
from ringback.errors import Invalid

CONSENT_AT, CONSENT_EXPIRES_AT = "consent_at", "consent_expires_at"

EARLIEST = TimeDelta(hours=14)
"""So much before UTC a day begins where it begins first."""

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Consent(NamedTuple):
    """What a lead has agreed to.

    Attributes:
        given_at: since when, None where nobody knows of any.
        expires_at: no dial from then on, None for no end.
    """

    given_at: Instant | None = None
    expires_at: Instant | None = None


UNSAID = Consent()


def parse_moment(raw: Any, field: str) -> Instant | None:
    """A time from its written form; a blank or None is none.

    A date alone, or a time without an offset, as spreadsheets have them, is the earliest instant that it can mean
    anywhere: so a consent that ends on a day is over when that day begins.

    Raises:
        Invalid: it is no time; with a right example.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    try:
        return _read(raw.strip())
    except (AttributeError, ValueError):
        raise Invalid([f"{field} must be a time or a date, such as '2026-03-01T10:00:00Z' or '2026-03-01'"]) from None


def parse_consent(raw: Mapping[str, Any]) -> Consent:
    """A consent from its two fields, of which either may be missing.

    Raises:
        Invalid: one line for each fault, with a right example.
    """
    faults: list[str] = []
    found = []
    for field in (CONSENT_AT, CONSENT_EXPIRES_AT):
        try:
            found.append(parse_moment(raw.get(field), field))
        except Invalid as fault:
            faults.extend(fault.lines)
            found.append(None)
    consent = Consent(*found)
    if consent.given_at and consent.expires_at and consent.expires_at <= consent.given_at:
        faults.append(f"{CONSENT_EXPIRES_AT} must be later than {CONSENT_AT}, such as '2027-03-01'")
    if faults:
        raise Invalid(faults)
    return consent


def check_consent(consent: Consent, now: Instant) -> None:
    """Refuse a consent that ends before it begins, or by now.

    Raises:
        Invalid: with the remedy.
    """
    begins = max(consent.given_at or now, now)
    if consent.expires_at is not None and consent.expires_at <= begins:
        raise Invalid(
            [f"{CONSENT_EXPIRES_AT} must be later than now and than {CONSENT_AT}, or be left out where it has no end"]
        )


def withheld_without(given_at: Instant | None, now: Instant) -> Withheld | None:
    """Why a dial is not placed where consent is required; None where it was given.

    Args:
        given_at: when the lead gave it, None where nobody knows of any.
        now: the instant of the dial.
    """
    if given_at is not None and given_at <= now:
        return None
    return Withheld(Rule.CONSENT, None, {"why": NO_CONSENT_YET, "consent_at": given_at and show_instant(given_at)})


def _read(text: str) -> Instant:
    if _DATE.fullmatch(text):
        return Date.parse_iso(text).at(Time()).assume_utc() - EARLIEST
    try:
        return Instant.parse_iso(text)
    except ValueError:
        return PlainDateTime.parse_iso(text).assume_utc() - EARLIEST
