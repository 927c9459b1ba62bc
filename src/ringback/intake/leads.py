"""Leads from files and from the API's JSON. A bad row never costs the good ones: it comes back with its reason."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from whenever import available_timezones

from ringback.domain.consent import CONSENT_AT, CONSENT_EXPIRES_AT, UNSAID, Consent, parse_consent
from ringback.domain.contact import is_debt
from ringback.domain.phone import NumberFault, parse_number, parse_region
from ringback.domain.window_form import parse_region_code
from ringback.errors import Invalid
from ringback.intake.files import read_rows
from ringback.intake.report import Reject, reject

CHUNK_ROWS = 5_000
CHUNK_CHARACTERS = 8 * 1024 * 1024
"""A chunk ends with the row that fills either."""

MAX_COLUMNS = 1_000

MAX_VALUE = 64 * 1024
"""Characters of one cell, or of one variable as JSON."""

PHONE, NAME, ZONE, REGION, VARIABLES = "phone_number", "name", "timezone", "region", "variables"
DEBT = "debt_id"
GIVEN = (ZONE, REGION, CONSENT_AT, CONSENT_EXPIRES_AT, DEBT)
"""What else a lead may say of itself, in this order; all else are its variables."""

PHONE_ALIASES = (PHONE, "phone", "number", "mobile", "telephone", "to_number", "msisdn")
"""Headers of the column with the number. Where a file has several, the first of these counts."""

ZONE_NAMES = frozenset(available_timezones()) - {"Factory"}
"""The IANA names that a lead may give; Factory stands for a machine whose zone nobody has set."""

UNKNOWN: Final = "?"

_GAP = re.compile(r"[\s-]+")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_encode = msgspec.json.Encoder().encode


# Left out of garbage collection, which would walk over every lead again and again: a fifth of an import's time.
class Lead(msgspec.Struct, frozen=True, gc=False):
    """A person to reach.

    Attributes:
        row: the number of its row, as in Reject.
        e164: the number.
        zones: the time zones that must all be open for a dial: its own, or all those of its number; none where
            neither tells one.
        own_zone: the zone that the file gave for it, None where it gave none.
        name: None where there is none.
        variables: a JSON object.
        country: ISO 3166 code: that of its region, else that of its number; None where neither tells one.
        region: ISO 3166-2 code that the file gave for it, None where it gave none.
        consent: to being called.
        debt_id: what the file calls the debt that the call is about, None where it names none.
    """

    row: int
    e164: str
    zones: tuple[str, ...]
    own_zone: str | None
    name: str | None
    variables: str
    country: str | None = None
    region: str | None = None
    consent: Consent = UNSAID
    debt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows, read.

    Attributes:
        leads: the good ones.
        rejects: the bad ones.
        last_row: the number of the last row.
    """

    leads: list[Lead]
    rejects: list[Reject]
    last_row: int


def read_leads(source: BinaryIO | Path, default_region: str | None = None) -> Iterator[Chunk]:
    """The leads of a CSV, XLSX or XLS file, in chunks.

    The first row names the columns. Names are trimmed, in any case, with spaces or hyphens for underscores.

    Args:
        source: the file; it is read on as the chunks are asked for, and is not closed unless it was given as a path.
        default_region: ISO 3166 code for numbers in national form.

    Raises:
        Invalid: default_region is not known. With the first chunk: the file is empty, damaged or without a column
            of phone numbers.
        TooLarge: with the first chunk: a workbook over its limit.
        UnknownFileType: with the first chunk: neither CSV nor XLSX nor XLS.
    """
    return _chunks(_from_rows(source, parse_region(default_region)))


def leads_from_json(items: Sequence[Any], default_region: str | None = None) -> Iterator[Chunk]:
    """The leads of a JSON list; a row is a place in that list, from 1.

    Args:
        items: objects with phone_number, name, variables and what is GIVEN.
        default_region: as for read_leads.

    Raises:
        Invalid: default_region is not known.
    """
    region = parse_region(default_region)
    return _chunks(_from_item(row, item, region) for row, item in enumerate(items, 1))


def _chunks(results: Iterable[Lead | Reject]) -> Iterator[Chunk]:
    leads: list[Lead] = []
    rejects: list[Reject] = []
    size = row = 0
    for result in results:
        row = result.row
        if isinstance(result, Lead):
            leads.append(result)
            size += len(result.variables)
        else:
            rejects.append(result)
        if size > CHUNK_CHARACTERS or len(leads) + len(rejects) >= CHUNK_ROWS:
            yield Chunk(leads, rejects, row)
            leads, rejects, size = [], [], 0
    if leads or rejects:
        yield Chunk(leads, rejects, row)


def _from_rows(source: BinaryIO | Path, region: str | None) -> Iterator[Lead | Reject]:
    rows = read_rows(source)
    _, header = next(rows, (1, None))
    columns = name_columns(header or [])
    width = len(columns)
    for row, cells in rows:
        if cells is None:
            yield reject("value_too_long", row, "")
        elif beyond := [cell for cell in cells[width:] if cell]:
            yield reject("too_many_columns", row, beyond[0])
        else:
            fields = dict(zip_longest(columns, cells[:width], fillvalue=""))
            number, name = fields.pop(PHONE), fields.pop(NAME, "")
            given = tuple([fields.pop(name, "") for name in GIVEN])
            yield _lead(row, number, name, given, fields, region=region)


def name_columns(header: Sequence[str]) -> list[str]:
    """One distinct name for each column, the number's being PHONE."""
    names = [_GAP.sub("_", cell.strip().lower()).encode("utf-8", "replace").decode() for cell in header]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise Invalid([f"a file may have {MAX_COLUMNS} columns; the first row names {len(names)}"])
    phone = next((alias for alias in PHONE_ALIASES if alias in names), None)
    if phone is None:
        found = ", ".join(name[:40] for name in names[:20]) or "no names"
        raise Invalid(
            [f"the first row must name a column phone_number (or {', '.join(PHONE_ALIASES[1:])}); it has: {found}"]
        )
    names[names.index(phone)] = PHONE
    distinct: list[str] = []
    for place, name in enumerate(names, 1):
        distinct.append(_distinct(name or f"column_{place}", distinct))
    return distinct


def _distinct(name: str, taken: Sequence[str]) -> str:
    candidates = (name, *(f"{name}_{n}" for n in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _from_item(row: int, item: Any, region: str | None) -> Lead | Reject:
    if not isinstance(item, dict):
        return reject("wrong_type", row, str(item))
    if unknown := item.keys() - {PHONE, NAME, VARIABLES, *GIVEN}:
        return reject("unknown_field", row, str(min(unknown)))
    given = {field: value for field, value in item.items() if value is not None}
    variables = given.pop(VARIABLES, {})
    wrong = [value for value in given.values() if not isinstance(value, str)]
    wrong += [] if isinstance(variables, dict) else [variables]
    if wrong:
        return reject("wrong_type", row, str(wrong[0]))
    own = tuple([given.get(field, "") for field in GIVEN])
    return _lead(row, given.get(PHONE, ""), given.get(NAME, ""), own, variables, region=region)


def _lead(
    row: int, number: str, name: str, given: tuple[str, ...], variables: dict[str, Any], *, region: str | None
) -> Lead | Reject:
    """A lead, with what its row gives besides, in the order of GIVEN, or why it is none."""
    phone = parse_number(number, region)
    if isinstance(phone, NumberFault):
        return reject(phone.value, row, number)
    own, part, debt_id = given[0].strip() or None, _region(given[1]), given[4].strip() or None
    consent = _consent(*given[2:4]) if any(given[2:4]) else UNSAID
    if (own and own not in ZONE_NAMES) or part == UNKNOWN or consent is None or (debt_id and not is_debt(debt_id)):
        return _misfit(row, given, part, consent)
    try:
        written = _encode(variables).decode()
        name.encode()
    except UnicodeEncodeError:
        return reject("unreadable_row", row, number)
    # PostgreSQL cannot store a NUL, neither in text nor in jsonb.
    if "\x00" in name or ("\\u0000" in written and _NUL.search(written)):
        return reject("unreadable_row", row, number)
    if len(written) + len(name) > MAX_VALUE and (long := _too_long({NAME: name, **variables})):
        return reject("value_too_long", row, long)
    zones, country = (own,) if own else phone.zones, part[:2] if part else phone.country
    return Lead(row, phone.e164, zones, own, name.strip() or None, written, country, part, consent, debt_id)


def _misfit(row: int, given: tuple[str, ...], part: str | None, consent: Consent | None) -> Reject:
    """Which of what a row gives is wrong."""
    if part == UNKNOWN:
        return reject("unknown_region", row, given[1])
    if consent is None:
        return reject("invalid_consent", row, " to ".join(filter(None, given[2:4])))
    if (zone := given[0].strip()) and zone not in ZONE_NAMES:
        return reject("unknown_timezone", row, given[0])
    return reject("invalid_debt", row, given[4])


@lru_cache(maxsize=10_000)
def _region(text: str) -> str | None:
    """The code of a part of a country, None for a blank, UNKNOWN for what is neither."""
    try:
        return parse_region_code(text)
    except Invalid:
        return UNKNOWN


@lru_cache(maxsize=10_000)
def _consent(given: str, expires: str) -> Consent | None:
    """The consent that a row names, None where that is no such thing."""
    try:
        return parse_consent({CONSENT_AT: given, CONSENT_EXPIRES_AT: expires})
    except Invalid:
        return None


def _too_long(values: dict[str, Any]) -> str | None:
    """The name of a value that is over the limit."""
    texts = ((key, value if isinstance(value, str) else _encode(value)) for key, value in values.items())
    return next((key for key, text in texts if len(text) > MAX_VALUE), None)
