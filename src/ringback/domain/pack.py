"""Rule packs: what the law of a place, or the code of its industry, asks of a dial.

A clause binds, or it does not; whatever binds has to be kept, so the strictest of all packs wins. Where something is
not known, whatever might bind does: the clauses of every state for a number that may be in any, those of every purpose
for a campaign that has none. Each clause is judged by itself, so another pack never allows what one forbids.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from whenever import Date, Instant, TimeDelta

from ringback.domain.contact import ContactRule, ContactRules
from ringback.domain.hours import CallingHours, HoursRule
from ringback.domain.place import Place
from ringback.domain.window_form import DEFAULT_WINDOW

EARLIEST, LATEST = TimeDelta(hours=-12), TimeDelta(hours=14)
"""How far the dates of the world are from that of UTC."""

PER_DEBT = "debt"

UNCOVERED = HoursRule("uncovered_country", None, None, DEFAULT_WINDOW.usual)
"""Binds a dial to a country of which none of the chosen packs says anything."""


class Purpose(StrEnum):
    """What a campaign calls for."""

    MARKETING = "marketing"
    COLLECTIONS = "collections"
    SURVEY = "survey"
    SERVICE = "service"


class Scope(NamedTuple):
    """Whom a clause binds.

    Attributes:
        countries: ISO 3166 codes.
        regions: ISO 3166-2 codes; none for the whole of the countries.
        purposes: those of the calls; none for whatever the purpose.
    """

    countries: frozenset[str]
    regions: frozenset[str] = frozenset()
    purposes: frozenset[Purpose] = frozenset()


class Frequency(NamedTuple):
    """At most so many dials to one person.

    Attributes:
        most: dials.
        within_sec: in any span of so many seconds.
        per: counted for what: `number`, or `debt`, where a lead that names none is counted by its number.
    """

    most: int
    within_sec: int
    per: str = "number"


class Quiet(NamedTuple):
    """No dial for so long after a conversation with a person.

    Attributes:
        for_sec: seconds from the end of the conversation.
        per: about what: `number`, or `debt`: for a lead that names none any conversation with the number counts.
    """

    for_sec: int
    per: str = "number"


Value = CallingHours | Frequency | Quiet | None
"""What a clause asks for. None states something and asks for nothing that can be kept by not dialling."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule of a pack.

    Attributes:
        clause_id: unique in its pack.
        text: what it asks for, in our words.
        citation: where that is written.
        authority: of what kind that is: `statute`, `regulation`, `policy` of a regulator, or `code` of an industry.
        source: where we read it.
        confirmed: whether value and citation were found in the text or in a quotation of it.
        note: what is in doubt, or stricter than the text; empty for nothing.
        effective_from: the first day on which it binds.
        effective_until: the last one, None for no end.
        scope: whom it binds.
        value: what it asks for.
    """

    clause_id: str
    text: str
    citation: str
    authority: str
    source: str
    confirmed: bool
    note: str
    effective_from: Date
    effective_until: Date | None
    scope: Scope
    value: Value


@dataclass(frozen=True, slots=True)
class Pack:
    """One version of a pack.

    Attributes:
        name: such as `us-fl`.
        version: such as `2026.1`.
        effective_from: from this day on it is the version in force, until a later one is.
        title: for people.
        not_covered: what the law asks for besides, and nobody here sees to.
        clauses: in the order of the file.
    """

    name: str
    version: str
    effective_from: Date
    title: str
    not_covered: tuple[str, ...]
    clauses: tuple[Clause, ...]

    @property
    def label(self) -> str:
        """Its name with its version, by which it can be pinned."""
        return f"{self.name}@{self.version}"

    @property
    def span_sec(self) -> int:
        """For how many seconds the clauses look back at what happened to a number; 0 where none does."""
        return max((_span_sec(clause.value) for clause in self.clauses), default=0)


class Bound(NamedTuple):
    """A clause that binds a dial, and its pack."""

    pack: Pack
    clause: Clause


def binding(packs: Iterable[Pack], place: Place, purpose: Purpose | None, at: Instant) -> tuple[Bound, ...]:
    """The clauses that bind a dial, or might.

    Args:
        packs: those that were chosen.
        place: where the phone may be.
        purpose: of the call, None where nobody has said.
        at: the instant of the dial.
    """
    first, last = dates_at(at)
    return tuple(
        Bound(pack, clause)
        for pack in packs
        for clause in pack.clauses
        if _in_force(clause, first, last) and _binds(clause.scope, place, purpose)
    )


def hours_rules(packs: Sequence[Pack], place: Place, purpose: Purpose | None, at: Instant) -> tuple[HoursRule, ...]:
    """The calling hours that the packs ask for; those of a day for a country that none of them speaks of."""
    rules = tuple(
        HoursRule(clause.clause_id, pack.name, pack.version, clause.value)
        for pack, clause in binding(packs, place, purpose, at)
        if isinstance(clause.value, CallingHours)
    )
    return rules if not packs or covers(packs, place) else (*rules, UNCOVERED)


def contact_rules(packs: Iterable[Pack], place: Place, purpose: Purpose | None, at: Instant) -> ContactRules:
    """How often the packs let a number be dialled, and how soon after a conversation.

    All dials to the number count, but for a clause by debt where the lead names one: then all dials about that do.
    """
    bound = [b for b in binding(packs, place, purpose, at) if _span_sec(b.clause.value)]
    rates = tuple(_rule(b, b.clause.value.most) for b in bound if isinstance(b.clause.value, Frequency))
    quiet = tuple(_rule(b, 0) for b in bound if isinstance(b.clause.value, Quiet))
    return ContactRules(per_number=rates, quiet=quiet)


def covers(packs: Iterable[Pack], place: Place) -> bool:
    """Whether one of the packs says anything of the country; one that is not known is everybody's."""
    return place.country is None or any(place.country in countries for countries in _countries(packs))


def dates_at(at: Instant) -> tuple[Date, Date]:
    """The first and the last date that a calendar anywhere may show."""
    return (at + EARLIEST).to_fixed_offset().date(), (at + LATEST).to_fixed_offset().date()


def _rule(bound: Bound, most: int) -> ContactRule:
    pack, clause = bound
    per_debt = isinstance(clause.value, Frequency | Quiet) and clause.value.per == PER_DEBT
    return ContactRule(clause.clause_id, most, _span_sec(clause.value), pack.name, pack.version, per_debt)


def _span_sec(value: Value) -> int:
    if isinstance(value, Frequency):
        return value.within_sec
    return value.for_sec if isinstance(value, Quiet) else 0


def _countries(packs: Iterable[Pack]) -> Iterator[frozenset[str]]:
    return (clause.scope.countries for pack in packs for clause in pack.clauses)


def _binds(scope: Scope, place: Place, purpose: Purpose | None) -> bool:
    if purpose is not None and scope.purposes and purpose not in scope.purposes:
        return False
    if place.country is None:
        return True
    if place.country not in scope.countries:
        return False
    return not scope.regions or place.regions is None or not scope.regions.isdisjoint(place.regions)


def _in_force(clause: Clause, first: Date, last: Date) -> bool:
    return clause.effective_from <= last and (clause.effective_until is None or clause.effective_until >= first)
