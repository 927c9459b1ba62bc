"""The fields of bodies and queries: each says how it is read, and so how it is documented. All faults are collected."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.billing import parse_currency
from ringback.domain.library import MOST_PACKS, NAME, VERSION, parse_pack_names
from ringback.domain.phone import NumberFault, parse_number
from ringback.errors import Invalid
from ringback.ids import read as read_id
from ringback.intake.leads import ZONE_NAMES

Reader = Callable[[Any, str], Any]
"""(value, name) -> what it means; raises Invalid."""

NOBODY: Final = UUID(int=0)
"""What a text that is no id is read as: nothing has this id, so both come to the same answer."""

LONGEST_JSON = 256 * 1024
MOST_WHOLE = 2**63 - 1
MOST_MONEY = 10**15
"""Millionths: a thousand million of the currency."""

_REFUSED: Final = object()
_CALLER = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        read: what makes its value of the JSON value.
        schema: its JSON Schema.
        required: whether it must be there.
        default: its value where it is not.
        null: its value where null is given; null is refused where this is not set.
    """

    read: Reader
    schema: Mapping[str, Any]
    required: bool = False
    default: Any = None
    null: Any = _REFUSED

    @property
    def nullable(self) -> bool:
        """Whether null may be given."""
        return self.null is not _REFUSED


class Fields(Mapping[str, Field]):
    """The fields that a body or a query may have."""

    def __init__(self, **fields: Field) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Any:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def parse(self, raw: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
        """The values by name.

        Args:
            raw: what was sent.
            partial: what is not sent is left out, as in a PATCH, and has no default.

        Raises:
            Invalid: one line for each fault.
        """
        faults = [
            f"{name} is not known; known are {', '.join(self._fields)}" for name in raw if name not in self._fields
        ]
        values = {}
        for name, field in self._fields.items():
            if name in raw:
                values[name] = _value(field, raw[name], name, faults)
            elif field.required:
                faults.append(f"{name} is missing")
            elif not partial:
                values[name] = field.default
        if faults:
            raise Invalid(faults)
        return values


def _value(field: Field, raw: Any, name: str, faults: list[str]) -> Any:
    if raw is None and field.nullable:
        return field.null
    try:
        return field.read(raw, name)
    except Invalid as fault:
        faults.extend(fault.lines)
        return None


def text(most: int = 200, *, required: bool = False, optional: bool = False) -> Field:
    """Text that is not blank, without surrounding space."""

    def read(raw: Any, name: str) -> str:
        if not isinstance(raw, str) or not raw.strip() or len(raw) > most or "\0" in raw:
            raise Invalid([f"{name} must be text of 1 to {most} characters"])
        return raw.strip()

    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return Field(read, schema, required, null=None if optional else _REFUSED)


def whole(least: int, most: int, *, default: int | None = None, optional: bool = False) -> Field:
    """A whole number, as a number or, in a query, as digits."""

    def read(raw: Any, name: str) -> int:
        value = int(raw) if isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) < 19 else raw
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Invalid([f"{name} must be a whole number from {least} to {most}"])
        return value

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Field(read, schema, default=default, null=None if optional else _REFUSED)


def pace(default: float | None) -> Field:
    """Dials a second; null is no cap."""

    def read(raw: Any, name: str) -> float:
        if not isinstance(raw, int | float) or isinstance(raw, bool) or not 0.001 <= raw <= 10_000:
            raise Invalid([f"{name} must be a number from 0.001 to 10000, or null for no cap"])
        return float(raw)

    return Field(read, {"type": "number", "minimum": 0.001, "maximum": 10_000}, default=default, null=None)


def share(default: float) -> Field:
    """A part of a whole."""

    def read(raw: Any, name: str) -> float:
        if not isinstance(raw, int | float) or isinstance(raw, bool) or not 0 <= raw <= 1:
            raise Invalid([f"{name} must be a number from 0 to 1"])
        return float(raw)

    return Field(read, {"type": "number", "minimum": 0, "maximum": 1}, default=default)


def money() -> Field:
    """An amount in millionths of one unit of the currency; null is none."""
    return whole(0, MOST_MONEY, optional=True)


def currency() -> Field:
    """An ISO 4217 code."""
    return Field(parse_currency, {"type": "string", "pattern": "^[A-Z]{3}$"})


def truth(default: bool) -> Field:
    """True or false, or those words in a query."""

    def read(raw: Any, name: str) -> bool:
        value = {"true": True, "false": False}.get(raw) if isinstance(raw, str) else raw
        if not isinstance(value, bool):
            raise Invalid([f"{name} must be true or false"])
        return value

    return Field(read, {"type": "boolean"}, default=default)


def one_of(words: type[StrEnum] | tuple[str, ...], *, required: bool = False, optional: bool = False) -> Field:
    """One of some words; an underscore is taken for a hyphen where only that makes it one."""
    known = {str(word): word for word in words}

    def read(raw: Any, name: str) -> Any:
        word = str(raw)
        found = known.get(word, known.get(word.replace("_", "-"))) if isinstance(raw, str) else None
        if found is None:
            raise Invalid([f"{name} must be one of {', '.join(known)}"])
        return found

    return Field(read, {"type": "string", "enum": list(known)}, required, null=None if optional else _REFUSED)


def some_of(words: type[StrEnum]) -> Field:
    """A list of at least one of some words."""
    known = [str(word) for word in words]

    def read(raw: Any, name: str) -> list[str]:
        if not isinstance(raw, list) or not raw or any(word not in known for word in raw):
            raise Invalid([f"{name} must be a list of one or more of {', '.join(known)}"])
        return [word for word in known if word in raw]

    schema = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": known}}
    return Field(read, schema, required=True)


def identifier(prefix: str, *, required: bool = False, optional: bool = False) -> Field:
    """An id. Whether anything has it is for the store to say, and an odd text is no different from an unknown id."""

    def read(raw: Any, name: str) -> UUID:
        if not isinstance(raw, str):
            raise Invalid([f"{name} must be an id, such as '{prefix}_01h455vb4pex5vsknk084sn02q'"])
        return read_id(prefix, raw) or NOBODY

    return Field(read, {"type": "string", "pattern": f"^{prefix}_"}, required, null=None if optional else _REFUSED)


def instant() -> Field:
    """An RFC 3339 time with its offset from UTC; null is none."""

    def read(raw: Any, name: str) -> Instant:
        try:
            return Instant.parse_iso(raw)
        except (TypeError, ValueError):
            raise Invalid([f"{name} must be a time with its offset, such as '2026-03-01T10:00:00Z'"]) from None

    return Field(read, {"type": "string", "format": "date-time"}, null=None)


def phone(*, required: bool = False) -> Field:
    """A number to call, in international form."""

    def read(raw: Any, name: str) -> Any:
        found = parse_number(raw) if isinstance(raw, str) else NumberFault.INVALID
        if isinstance(found, NumberFault):
            raise Invalid([f"{name} must be a phone number in international form, such as '+14155552671' ({found})"])
        return found

    return Field(read, {"type": "string", "examples": ["+14155552671"]}, required)


def caller_number(*, required: bool = False) -> Field:
    """The number that is shown to who is called: E.164. Whether one may use it is for the trunk to say."""

    def read(raw: Any, name: str) -> str:
        if not isinstance(raw, str) or not _CALLER.fullmatch(raw):
            raise Invalid([f"{name} must be an E.164 number, such as '+14155550100'"])
        return raw

    schema = {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}
    return Field(read, schema, required, null=_REFUSED if required else None)


def time_zone() -> Field:
    """An IANA name; null is none."""

    def read(raw: Any, name: str) -> str:
        if not isinstance(raw, str) or raw not in ZONE_NAMES:
            raise Invalid([f"{name} must be an IANA time zone, such as 'America/Denver', or null"])
        return raw

    return Field(read, {"type": "string", "examples": ["America/Denver"]}, null=None)


def json_object(*, required: bool = False, most: int = LONGEST_JSON) -> Field:
    """Any JSON object that the store can hold."""

    def read(raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict) or len(msgspec.json.encode(raw)) > most:
            raise Invalid([f"{name} must be an object of at most {most} bytes"])
        if not _storable(raw):
            raise Invalid([f"{name} must not have NUL characters, nor whole numbers beyond 64 bits"])
        return raw

    return Field(read, {"type": "object"}, required, default=MappingProxyType({}), null=MappingProxyType({}))


def pack_names() -> Field:
    """Names of rule packs, each with its version behind an @ or without; null is none. The route looks them up."""
    items = {"type": "string", "pattern": f"^{NAME.pattern}(@{VERSION.pattern})?$"}
    return parsed(parse_pack_names, {"type": ["array", "null"], "maxItems": MOST_PACKS, "items": items})


def parsed(parse: Callable[[Any, str], Any], schema: Mapping[str, Any]) -> Field:
    """What the domain parses by itself; it has a default of its own, for nothing and for null."""
    default = parse(None, "")
    return Field(parse, schema, default=default, null=default)


def _storable(value: Any) -> bool:
    """Whether PostgreSQL's jsonb can hold it. The decoder has bounded its depth."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, int):
        return -MOST_WHOLE <= value <= MOST_WHOLE
    if isinstance(value, list):
        return all(map(_storable, value))
    if isinstance(value, dict):
        return all(map(_storable, value)) and all(map(_storable, value.values()))
    return True
