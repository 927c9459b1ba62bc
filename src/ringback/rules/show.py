"""Packs for people and for programs."""

from itertools import groupby
from typing import Any

from ringback.domain.hours import CallingHours, Spans
from ringback.domain.pack import Clause, Frequency, Pack, Quiet, Scope, Value

Json = dict[str, Any]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))
"""Each is said of two or more: a day is 24 hours."""


def show_pack(pack: Pack) -> Json:
    """A version of a pack, whole, as JSON."""
    return {
        "name": pack.name,
        "version": pack.version,
        "effective_from": pack.effective_from.format_iso(),
        "title": pack.title,
        "not_covered": list(pack.not_covered),
        "clauses": [_clause(clause) for clause in pack.clauses],
    }


def in_words(value: Value) -> str:
    """What a clause asks for, in a few words."""
    if isinstance(value, CallingHours):
        return _week(value)
    if isinstance(value, Frequency):
        dials = f"{value.most} dial{'s' if value.most > 1 else ''}"
        return f"at most {dials} in {_length(value.within_sec)}, by {value.per}"
    if isinstance(value, Quiet):
        return f"none for {_length(value.for_sec)} after a conversation, by {value.per}"
    return "nothing that is kept by not dialling"


def scope_in_words(scope: Scope) -> str:
    """Whom a clause binds, in a few words."""
    purposes = ", ".join(sorted(scope.purposes)) or "every purpose"
    where = ", ".join(sorted(scope.regions or scope.countries))
    return f"{purposes}; {where}"


def _clause(clause: Clause) -> Json:
    until, value = clause.effective_until, clause.value
    return {
        "id": clause.clause_id,
        "text": clause.text,
        "in_words": in_words(value),
        "citation": clause.citation,
        "authority": clause.authority,
        "source": clause.source,
        "confirmed": clause.confirmed,
        "note": clause.note or None,
        "effective_from": clause.effective_from.format_iso(),
        "effective_until": until and until.format_iso(),
        "applies_to": {name: sorted(values) for name, values in clause.scope._asdict().items()},
        "hours": _hours(value) if isinstance(value, CallingHours) else None,
        "frequency": value._asdict() if isinstance(value, Frequency) else None,
        "quiet": value._asdict() if isinstance(value, Quiet) else None,
    }


def _hours(hours: CallingHours) -> Json:
    days = {day.lower(): _spans(spans) for day, spans in zip(DAYS, hours.weekly, strict=True)}
    return {**days, "holidays": "shut" if hours.shut_on_holidays else "open"}


def _week(hours: CallingHours) -> str:
    """Days that follow one another and are alike are said once."""
    parts = []
    for spans, group in groupby(zip(DAYS, hours.weekly, strict=True), key=lambda pair: pair[1]):
        days = [day for day, _ in group]
        named = days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}"
        parts.append(f"{named} {' and '.join(_spans(spans)) or 'shut'}")
    return ", ".join(parts) + (", shut on public holidays" if hours.shut_on_holidays else "")


def _spans(spans: Spans) -> list[str]:
    return ["-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span) for span in spans]


def _length(sec: int) -> str:
    for unit, name in UNITS:
        if sec % unit == 0 and sec > unit:
            count = sec // unit
            return f"{count} {name}s"
    return f"{sec} seconds"
