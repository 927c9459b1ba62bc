"""What an attempt costs: whole seconds and millionths of a currency unit, never a float."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from whenever import Instant

from ringback.errors import Invalid


@dataclass(frozen=True, slots=True)
class Billing:
    """A trunk's tariff.

    Attributes:
        per_minute_micros: price of a billed minute, in millionths of one unit of the currency.
        currency: ISO 4217 code.
        first_sec: an answered call bills at least so many seconds.
        next_sec: and beyond them in steps of so many.
        connect_micros: price of being answered at all.
    """

    per_minute_micros: int = 0
    currency: str = "USD"
    first_sec: int = 1
    next_sec: int = 1
    connect_micros: int = 0


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What one attempt comes to."""

    billed_sec: int
    cost_micros: int


class DeckVersion(NamedTuple):
    """One issue of a rate deck.

    Attributes:
        version: counted from 1 within its deck.
        valid_from: it is in force from this instant until a later one is.
        rates: by the beginning of the number, such as `+4420`.
    """

    version: int
    valid_from: Instant
    rates: Mapping[str, Billing]


NOTHING = Charge(0, 0)

_LIMITS = {"per_minute_micros": 0, "first_sec": 1, "next_sec": 1, "connect_micros": 0}
_MOST = 1_000_000_000
_CURRENCY = re.compile("[A-Z]{3}")


def charge(billing: Billing, duration_sec: int, answered: bool) -> Charge:
    """The charge for an attempt, rounded up to the next millionth.

    Args:
        billing: the tariff in force when the attempt is settled.
        duration_sec: whole seconds connected.
        answered: whether anybody or anything picked up; nothing is billed otherwise.
    """
    if not answered:
        return NOTHING
    beyond = max(duration_sec - billing.first_sec, 0)
    billed = billing.first_sec + -(-beyond // billing.next_sec) * billing.next_sec
    return Charge(billed, billing.connect_micros - (-billing.per_minute_micros * billed // 60))


def price(
    billing: Billing, deck: tuple[DeckVersion, ...], number: str, at: Instant, duration_sec: int, answered: bool
) -> Charge:
    """The charge for a dial over a trunk, one that was made or one that is only planned.

    Args:
        billing: the trunk's own tariff, for numbers of which its deck tells nothing.
        deck: the trunk's rate deck in any order, nothing for none.
        number: that is dialled, E.164.
        at: when it is dialled.
        duration_sec: whole seconds connected.
        answered: whether anybody or anything picks up.
    """
    return charge(rate_of(deck, number, at) or billing, duration_sec, answered)


def rate_of(deck: tuple[DeckVersion, ...], number: str, at: Instant) -> Billing | None:
    """The rate of a number at an instant: that of the longest beginning of it in the version that is in force.

    Of two versions from the same instant on the later one counts. None where no version is in force, or it has none.
    """
    begun = [version for version in deck if version.valid_from <= at]
    if not begun:
        return None
    rates = max(begun, key=lambda version: (version.valid_from, version.version)).rates
    return next((rates[number[:n]] for n in range(len(number), 0, -1) if number[:n] in rates), None)


def parse_currency(raw: Any, field: str) -> str:
    """The code of a currency.

    Raises:
        Invalid: it is none, with an example.
    """
    if not isinstance(raw, str) or not _CURRENCY.fullmatch(raw):
        raise Invalid([f"{field} must be an ISO 4217 code, such as 'USD'"])
    return raw


def parse_billing(raw: Any, field: str = "billing") -> Billing:
    """A tariff from its JSON object; None is free of charge.

    Raises:
        Invalid: one line for each fault.
    """
    if raw is None:
        return Billing()
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'per_minute_micros': 12000, 'currency': 'USD'}}"])
    faults = [f"{field}.{name} is not known" for name in sorted(set(raw) - set(_LIMITS) - {"currency"})]
    for name, least in _LIMITS.items():
        value = raw.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            faults.append(f"{field}.{name} must be a whole number from {least} to {_MOST}")
    currency = raw.get("currency", "USD")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        faults.append(f"{field}.currency must be an ISO 4217 code, such as 'USD'")
    if faults:
        raise Invalid(faults)
    return Billing(**raw)
