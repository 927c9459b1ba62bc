"""The do-not-call list: whom nobody dials, by the number or by what numbers begin with."""

import re
from enum import StrEnum
from typing import NamedTuple

from whenever import Instant

from ringback.domain.phone import NumberFault, parse_number

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}\*")
_PUNCTUATION = re.compile(r"[\s()./-]")
_HIGHEST = "9" * 15


class Source(StrEnum):
    """How a number came onto the list."""

    IMPORT = "import"
    API = "api"
    OPT_OUT = "opt_out"
    AGENT = "agent"


class Entry(NamedTuple):
    """A number that is put on the list.

    Attributes:
        number: E.164, or the beginning of numbers with a star behind it.
        note: whatever is to be kept with it.
        expires_at: until when it counts; None is for good.
    """

    number: str
    note: str | None = None
    expires_at: Instant | None = None


def parse_listed(text: str, default_region: str | None = None) -> str | NumberFault:
    """A number in E.164, or the beginning of numbers such as `+1900*`; a fault is returned and not raised.

    Args:
        text: as written.
        default_region: ISO 3166 code for numbers in national form.
    """
    if text.rstrip().endswith("*"):
        bare = "+" + _PUNCTUATION.sub("", text).removeprefix("+")
        return bare if _PREFIX.fullmatch(bare) else NumberFault.INVALID
    phone = parse_number(text, default_region)
    return phone if isinstance(phone, NumberFault) else phone.e164


def span(number: str) -> tuple[str, str]:
    """The first and the last of the numbers that an entry forbids, in the order of texts."""
    beginning = number.removesuffix("*")
    return beginning, beginning + (_HIGHEST if number != beginning else "")


def names_of(number: str) -> list[str]:
    """All entries that would forbid a number: its own, and those of its beginnings."""
    return [number, *(number[:digits] + "*" for digits in range(2, len(number) + 1))]
