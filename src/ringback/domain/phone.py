"""Phone numbers: from what people and spreadsheets write to E.164, and the time zones in which the phone may ring.

rphonenumbers reads and checks the number: several times as fast as phonenumbers, and a test holds both equal. It has no
time zones, so those are looked up here, in the table of phonenumbers and by its rules; a test holds that equal too.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from phonenumbers.tzdata import TIMEZONE_DATA
from rphonenumbers import (  # type: ignore[import-untyped]  # ships no types
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberFormat,
    PhoneNumberType,
    format_number,
    is_number_type_geographical,
    number_type,
    parse,
    region_code_for_number,
)

from ringback.errors import Invalid

LONGEST_TEXT = 64
"""Characters; a cell that is longer holds something else."""

SHORTENED_DIGITS = 5
"""A spreadsheet that shortens a number to 1.41556E+10 shows at most so many digits after the point."""

NO_COUNTRY = "001"
"""The region of satellite phones and the like."""

_E164, _UNKNOWN = PhoneNumberFormat.E164, PhoneNumberType.UNKNOWN

_WHOLE = re.compile(r"\+[1-9][0-9]{6,14}")
_DIGITS = re.compile(r"\+?[0-9]{3,20}")
_FLOAT = re.compile(r"(\+?[0-9]+)[.,]0{1,2}")
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_EXTENSION = re.compile(r"[0-9][ ,.)-]*(?:;ext=|extension|extn?|x|#)[.: ]*[0-9]{1,7}#?$", re.IGNORECASE)
_WRAPPING = " \t\r\n'\"="
_PUNCTUATION = str.maketrans("", "", " \t\r\n()-.[]/~")


class Phone(NamedTuple):
    """A number that can be dialled.

    Attributes:
        e164: the number in E.164, such as `+14155550100`.
        region: ISO 3166 code of its region, `001` for a number of no country.
        zones: IANA names of all time zones in which it may ring; empty where none is known.
    """

    e164: str
    region: str
    zones: tuple[str, ...]

    @property
    def country(self) -> str | None:
        """Its region, None for a number of no country."""
        return self.region if is_country(self.region) else None


class NumberFault(StrEnum):
    """Why a text is no number that can be dialled."""

    MISSING = "missing_phone_number"
    INVALID = "invalid_phone_number"
    EXTENSION = "has_extension"
    LOST_DIGITS = "number_lost_digits"


def parse_number(text: str, default_region: str | None = None) -> Phone | NumberFault:
    """Read one number. A fault is returned and not raised: a file may hold a million of them.

    A number with a plus is international. Without one, it is read in this order, and the first valid reading wins:
    as a national number of the default region (or one that begins with the region's international prefix), as an
    international number behind `00`, as an international number whose plus a spreadsheet swallowed.

    Args:
        text: the number as written; spaces, brackets, hyphens, `tel:` and what spreadsheets do to numbers are undone.
        default_region: an ISO 3166 code as `parse_region` returns it, None where only international numbers will do.
    """
    if _WHOLE.fullmatch(text):
        return _dialable(text, None) or NumberFault.INVALID
    digits = _digits(text)
    if isinstance(digits, NumberFault):
        return digits
    phones = (_dialable(reading, region) for reading, region in _readings(digits, default_region))
    return next((phone for phone in phones if phone), NumberFault.INVALID)


def country_of(number: str) -> str | None:
    """ISO 3166 code of a number's country; None for one of no country, or that is no number.

    Args:
        number: in E.164.
    """
    try:
        region: str | None = region_code_for_number(parse(number, None))
    except NumberParseException:
        return None
    return None if region == NO_COUNTRY else region


def parse_region(raw: str | None, field: str = "default_region") -> str | None:
    """A region's code in capitals; nothing stays None.

    Raises:
        Invalid: the numbering plan knows no such region.
    """
    code = (raw or "").strip().upper()
    if code and code not in SUPPORTED_REGIONS:
        raise Invalid([f"{field} must be a two-letter country code, such as 'US', 'GB' or 'DE'"])
    return code or None


def is_country(code: str) -> bool:
    """Whether numbers are planned for a country of this code, in capitals."""
    return code in SUPPORTED_REGIONS


def _digits(text: str) -> str | NumberFault:
    if len(text) > LONGEST_TEXT:
        return NumberFault.INVALID
    bare = (text if text.isascii() else _to_ascii(text)).strip(_WRAPPING)
    bare = bare[4:] if bare[:4].lower() == "tel:" else bare
    if not bare:
        return NumberFault.MISSING
    if number := _FLOAT.fullmatch(bare):
        bare = number[1]
    elif number := _SCIENTIFIC.fullmatch(bare):
        return _from_scientific(number[1], number[2] or "", int(number[3]))
    elif _EXTENSION.search(bare):
        return NumberFault.EXTENSION
    digits = bare.translate(_PUNCTUATION)
    return digits if _DIGITS.fullmatch(digits) else NumberFault.INVALID


def _from_scientific(first: str, rest: str, exponent: int) -> str | NumberFault:
    """The digits of 1.4155550123E10, which a program wrote in full; 1.41556E+10 lost some on a screen."""
    if len(rest) < exponent and len(rest) <= SHORTENED_DIGITS:
        return NumberFault.LOST_DIGITS
    whole, beyond = (first + rest).ljust(exponent + 1, "0")[: exponent + 1], rest[exponent:]
    return NumberFault.INVALID if beyond.strip("0") else whole


def _to_ascii(text: str) -> str:
    return "".join(map(_ascii_character, text))


def _ascii_character(character: str) -> str:
    """Digits of any script, and the hyphens, spaces and invisible marks that come with copied numbers."""
    if character.isdecimal():
        return str(int(character))
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Pd":
            return "-"
        case "Zs":
            return " "
    return {"（": "(", "）": ")", "．": ".", "＋": "+", "’": "'", "“": '"', "”": '"'}.get(character, character)  # noqa: RUF001 # these are what is replaced


def _readings(digits: str, default_region: str | None) -> Iterator[tuple[str, str | None]]:
    if digits[0] == "+":
        yield digits, None
        return
    if default_region:
        yield digits, default_region
    yield "+" + digits.removeprefix("00"), None


def _dialable(number: str, region: str | None) -> Phone | None:
    try:
        parsed = parse(number, region)
    except NumberParseException:
        return None
    kind = number_type(parsed)
    if kind == _UNKNOWN:
        return None
    e164 = format_number(parsed, _E164)
    local = is_number_type_geographical(kind, parsed.country_code)
    zones = _zones(e164[1:] if local else str(parsed.country_code))
    return Phone(e164, region_code_for_number(parsed), zones)


def _zones(digits: str) -> tuple[str, ...]:
    """The zones of the longest prefix that the table has."""
    for length in _PREFIX_LENGTHS.get(digits[:2], ()):
        zones: tuple[str, ...] | None = TIMEZONE_DATA.get(digits[:length])
        if zones:
            return zones
    return ()


def _prefix_lengths() -> dict[str, list[int]]:
    """By the first two digits, the lengths of prefix that the table has, longest first."""
    lengths: dict[str, set[int]] = {}
    for prefix in TIMEZONE_DATA:
        for digit in "" if prefix[1:] else "0123456789":
            lengths.setdefault(prefix + digit, set()).add(1)
        lengths.setdefault(prefix[:2], set()).add(len(prefix))
    return {first: sorted(found, reverse=True) for first, found in lengths.items()}


_PREFIX_LENGTHS = _prefix_lengths()
