"""From a TOML table to a pack. Every fault is told, with its clause and its field, so that all are mended at once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from whenever import Date

from ringback.domain.hours import DAY_MIN, CallingHours, Spans
from ringback.domain.pack import Clause, Frequency, Pack, Purpose, Quiet, Scope, Value
from ringback.domain.phone import parse_region
from ringback.errors import Invalid

T = TypeVar("T")
Read = Callable[[Any], T]
"""Reads a value, or raises ValueError with what it must be."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPANS_OF_DAYS = {"mon-sun": DAYS, "mon-fri": DAYS[:5], "sat-sun": DAYS[5:]} | {day: (day,) for day in DAYS}
AUTHORITIES = ("statute", "regulation", "policy", "code")
PER = ("number", "debt")
LONGEST_SEC = 90 * 86_400
SECONDS = {"m": 60, "h": 3600, "d": 86_400}

_CLAUSE_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_SPAN = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_REQUIRED = object()


class _Table:
    """A table of the file, read field by field; what is wrong or not known is noted.

    Args:
        raw: what stands there.
        where: how it is named in a fault.
        faults: takes the faults.
    """

    def __init__(self, raw: Any, where: str, faults: list[str]) -> None:
        self._where, self._faults = where, faults
        self._left = dict(raw) if isinstance(raw, Mapping) else {}
        if not isinstance(raw, Mapping):
            faults.append(f"{where.rstrip(' .:')} must be a table")
            self._faults = []  # nothing in it can be blamed besides

    def take(self, field: str, read: Read[Any], default: Any = _REQUIRED) -> Any:
        """The value of a field, its default where it is missing and may be; None after a fault."""
        raw = self._left.pop(field, None)
        if raw is None and default is not _REQUIRED:
            return default
        try:
            return read(raw)
        except ValueError as wrong:
            self._faults.append(f"{self._where}{field} {wrong}")
            return None

    def fault(self, what: str) -> None:
        """Note something that no field alone is to be blamed for."""
        self._faults.append(f"{self._where}{what}")

    def end(self) -> None:
        """Note what nobody took: a misspelt field would otherwise be a rule that is not kept."""
        self._faults.extend(f"{self._where}{field} is no field that is known here" for field in self._left)


def parse_pack(raw: Mapping[str, Any], name: str, version: str) -> Pack:
    """A pack from a file that was read as TOML.

    Args:
        raw: the file's table.
        name: the pack's, as the file's name has it.
        version: likewise.

    Raises:
        Invalid: one line for each fault, which names the clause and the field.
    """
    faults: list[str] = []
    table = _Table(raw, "", faults)
    table.take("pack", _exactly(name))
    table.take("version", _exactly(version))
    pack = Pack(
        name=name,
        version=version,
        effective_from=table.take("effective_from", _day),
        title=table.take("title", _text),
        not_covered=table.take("not_covered", _texts),
        clauses=tuple(
            _clause(each, number, faults) for number, each in enumerate(table.take("clause", _tables) or (), 1)
        ),
    )
    table.end()
    twice = Counter(clause.clause_id for clause in pack.clauses) if not faults else Counter[str]()
    faults.extend(f"clause {clause_id}: id is there twice" for clause_id, times in twice.items() if times > 1)
    if faults:
        raise Invalid(faults)
    return pack


def _clause(raw: Any, number: int, faults: list[str]) -> Clause:
    named = raw.get("id") if isinstance(raw, Mapping) else None
    where = f"clause {named if isinstance(named, str) else number}: "
    table = _Table(raw, where, faults)
    clause = Clause(
        clause_id=table.take("id", _matching(_CLAUSE_ID, "a name of small letters, digits and hyphens")),
        text=table.take("text", _text),
        citation=table.take("citation", _text),
        authority=table.take("authority", _one_of(AUTHORITIES)),
        source=table.take("source", _text),
        confirmed=table.take("confirmed", _truth),
        note=table.take("note", _text, ""),
        effective_from=table.take("effective_from", _day),
        effective_until=table.take("effective_until", _day, None),
        scope=_scope(table.take("applies_to", _table) or {}, f"{where}applies_to.", faults),
        value=_value(table, where, faults),
    )
    table.end()
    _check(clause, where, faults)
    return clause


def _check(clause: Clause, where: str, faults: list[str]) -> None:
    """What no field can be blamed for alone."""
    until = clause.effective_until
    if isinstance(until, Date) and isinstance(clause.effective_from, Date) and until < clause.effective_from:
        faults.append(f"{where}effective_until must not be before effective_from")
    if clause.confirmed is False and not clause.note:
        faults.append(f"{where}note must say what is in doubt where confirmed is false")
    strange = [region for region in clause.scope.regions if region[:2] not in clause.scope.countries]
    faults.extend(f"{where}applies_to.regions has {region}, whose country is not in countries" for region in strange)


def _scope(raw: Any, where: str, faults: list[str]) -> Scope:
    table = _Table(raw, where, faults)
    scope = Scope(
        frozenset(table.take("countries", _countries) or ()),
        frozenset(table.take("regions", _list_of(_matching(_REGION, "ISO 3166-2 codes such as 'US-FL'")), ()) or ()),
        frozenset(map(Purpose, table.take("purposes", _list_of(_one_of(tuple(Purpose))), ()) or ())),
    )
    table.end()
    return scope


def _value(table: _Table, where: str, faults: list[str]) -> Value:
    """What the clause asks for: at most one of the three."""
    given: list[Value] = []
    for kind, read in (("hours", _hours), ("frequency", _frequency), ("quiet", _quiet)):
        raw = table.take(kind, _table, None)
        if raw is not None:
            given.append(read(_Table(raw, f"{where}{kind}.", faults)))
    if len(given) > 1:
        faults.append(f"{where}hours, frequency and quiet: only one of them goes into a clause")
    return given[0] if given else None


def _hours(table: _Table) -> CallingHours:
    weekly: dict[str, Spans] = {}
    for field, days in SPANS_OF_DAYS.items():
        spans = table.take(field, _spans, None)
        for day in days if spans is not None else ():
            if day in weekly:
                table.fault(f"{field} says {day} again: each day goes into one field")
            weekly[day] = spans
    for day in DAYS:
        if day not in weekly:
            table.fault(f"{day} is missing: [] is shut")
    shut = table.take("holidays", _one_of(("open", "shut")), "open") == "shut"
    table.end()
    return CallingHours(tuple(weekly.get(day, ()) for day in DAYS), shut_on_holidays=shut)


def _frequency(table: _Table) -> Frequency:
    value = Frequency(table.take("most", _most), table.take("within", _length), table.take("per", _one_of(PER)))
    table.end()
    return value


def _quiet(table: _Table) -> Quiet:
    value = Quiet(table.take("after_conversation", _length), table.take("per", _one_of(PER)))
    table.end()
    return value


def _spans(value: Any) -> Spans:
    example = "must be a list of spans such as ['09:00-20:00'], each later than the one before; [] is shut"
    if not isinstance(value, list):
        raise ValueError(example)
    found = [_SPAN.fullmatch(each) if isinstance(each, str) else None for each in value]
    spans = tuple((_minutes(each[1]), _minutes(each[2])) for each in found if each)
    times = [minute for span in spans for minute in span]
    if not all(found) or times != sorted(set(times)) or (times and times[-1] > DAY_MIN):
        raise ValueError(example)
    return spans


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _length(value: Any) -> int:
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SEC:
        raise ValueError("must be a duration with a unit, such as '24h' or '7d', of at most 90 days")
    return seconds


def _most(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise ValueError("must be a whole number from 1 to 1000")
    return value


def _day(value: Any) -> Date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date without quotes, such as 2026-01-01")
    return Date.parse_iso(value.isoformat())


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")
    return " ".join(value.split())


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table")
    return value


def _tables(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be one or more tables, each under [[clause]]")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return _list_of(_text)(value)


def _countries(value: Any) -> tuple[str, ...]:
    codes = _list_of(_one_of_countries)(value)
    if not codes:
        raise ValueError("must name one country or more, such as ['US']")
    return codes


def _one_of_countries(value: Any) -> str:
    try:
        if isinstance(value, str) and value and parse_region(value) == value:
            return value
    except Invalid:
        pass
    raise ValueError("must be two-letter country codes in capitals, such as 'US'")


def _list_of(read: Read[str]) -> Read[tuple[str, ...]]:
    def read_all(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return tuple(map(read, value))

    return read_all


def _exactly(wanted: str) -> Read[str]:
    def read(value: Any) -> str:
        if value != wanted:
            raise ValueError(f"must be '{wanted}', as in the name of the file")
        return wanted

    return read


def _one_of(words: tuple[str, ...]) -> Read[str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


def _matching(pattern: re.Pattern[str], what: str) -> Read[str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be {what}")
        return value

    return read
