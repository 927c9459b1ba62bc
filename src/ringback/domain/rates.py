"""A row of a rate deck, as carriers write them."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

PREFIX, PRICE, MICROS, CONNECT, CONNECT_MICROS = (
    "prefix",
    "per_minute",
    "per_minute_micros",
    "connect",
    "connect_micros",
)
FIRST, NEXT, INCREMENTS = "first_sec", "next_sec", "increments"

ALIASES: Mapping[str, tuple[str, ...]] = {
    PREFIX: (PREFIX, "dial_code", "code", "destination_code"),
    PRICE: (PRICE, "rate", "price", "rate_per_minute"),
    MICROS: (MICROS,),
    CONNECT: (CONNECT, "connection_fee", "connect_fee", "setup_fee"),
    CONNECT_MICROS: (CONNECT_MICROS,),
    FIRST: (FIRST, "initial", "initial_sec", "initial_increment"),
    NEXT: (NEXT, "increment", "increment_sec"),
    INCREMENTS: (INCREMENTS, "billing_increment"),
}
"""What each column may be called; where a file has several, the first of these counts."""

MOST_MICROS = 1_000_000_000
LONGEST_SEC = 86_400

_DIGITS = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14})", re.ASCII)
_MONEY = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]{1,15}))?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,10}", re.ASCII)
_PAIR = re.compile(r"([0-9]{1,6}) */ *([0-9]{1,6})", re.ASCII)


class RateFault(StrEnum):
    """Why a row is no rate."""

    NO_PREFIX = "missing_prefix"
    PREFIX = "invalid_prefix"
    PRICE = "invalid_price"
    INCREMENT = "invalid_increment"


class Rate(NamedTuple):
    """What calls cost to numbers that begin alike.

    Attributes:
        prefix: the beginning, with its plus.
        per_minute_micros: price of a billed minute, in millionths of one unit of the deck's currency.
        connect_micros: price of being answered at all.
        first_sec: an answered call bills at least so many seconds.
        next_sec: and beyond them in steps of so many.
    """

    prefix: str
    per_minute_micros: int
    connect_micros: int
    first_sec: int
    next_sec: int


class Refused(NamedTuple):
    """A row that is no rate: why, and the value that is at fault."""

    fault: RateFault
    value: str


def parse_prefix(text: str) -> str | None:
    """The beginning of numbers, with its plus: from one that has it, from 00 or from neither. None where it is none."""
    prefix = _DIGITS.fullmatch(re.sub(r"[ -]", "", text))
    return prefix and f"+{prefix[1]}"


def parse_rate(row: Mapping[str, str]) -> Rate | Refused:
    """A rate from the texts of a row, by the names of its columns; blank is left out.

    Prices are decimal, with a point or a comma, or whole millionths in the columns that are named so. What is finer
    than a millionth is rounded up. Without increments a call is billed by the second.
    """
    text = {name: value.strip() for name, value in row.items() if value.strip()}
    prefix = parse_prefix(text.get(PREFIX, ""))
    if prefix is None:
        return Refused(RateFault.PREFIX if PREFIX in text else RateFault.NO_PREFIX, text.get(PREFIX, ""))
    price = _micros(text, PRICE, MICROS)
    if not isinstance(price, int):
        return Refused(RateFault.PRICE, price or "")
    connect = 0 if not {CONNECT, CONNECT_MICROS} & text.keys() else _micros(text, CONNECT, CONNECT_MICROS)
    if not isinstance(connect, int):
        return Refused(RateFault.PRICE, connect or "")
    steps = _increments(text)
    if isinstance(steps, str):
        return Refused(RateFault.INCREMENT, steps)
    return Rate(prefix, price, connect, *steps)


def _micros(text: Mapping[str, str], decimal: str, whole: str) -> int | str | None:
    """Millionths of the one column or the other; the text itself where it is none, None where there is none."""
    if whole in text:
        found = int(text[whole]) if _WHOLE.fullmatch(text[whole]) else -1
        return found if 0 <= found <= MOST_MICROS else text[whole]
    if decimal not in text:
        return None
    money = _MONEY.fullmatch(text[decimal])
    if money is None:
        return text[decimal]
    digits = (money[2] or "").ljust(6, "0")
    found = int(money[1]) * 1_000_000 + int(digits[:6]) + bool(digits[6:].strip("0"))
    return found if found <= MOST_MICROS else text[decimal]


def _increments(text: Mapping[str, str]) -> tuple[int, int] | str:
    """(first_sec, next_sec), or the text that is at fault."""
    first, following = text.get(FIRST, "1"), text.get(NEXT, "1")
    if INCREMENTS in text and not {FIRST, NEXT} & text.keys():
        pair = _PAIR.fullmatch(text[INCREMENTS])
        if pair is None:
            return text[INCREMENTS]
        first, following = pair[1], pair[2]
    for sec in (first, following):
        if not _WHOLE.fullmatch(sec) or not 1 <= int(sec) <= LONGEST_SEC:
            return sec
    return int(first), int(following)
