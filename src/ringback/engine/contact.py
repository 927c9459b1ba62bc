"""Contact: count the dials of a claim by the rules that stand above any campaign, and withhold those beyond them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.contact import (
    NO_RULES,
    PLACED_WITHIN,
    SLACK,
    ContactRules,
    Contacts,
    not_counted,
    parse_contact_rules,
    withheld_by_contact,
)
from ringback.domain.decision import Rule, Withheld
from ringback.engine.live import LiveAttempt
from ringback.store import contacts
from ringback.store.attempts import Key
from ringback.store.contacts import Before, Numbered
from ringback.store.database import Connection
from ringback.store.explain import read_contact

A_MOMENT = TimeDelta(seconds=1)
"""After it the second of two dials to one number in one claim is looked at again, and one whose past was not known."""


def uncounted(intents: Iterable[LiveAttempt], spans: Mapping[int, int], now: Instant) -> dict[Key, Withheld]:
    """The dials that rule packs bind for longer than dials are remembered, each with why it waits.

    So it is where a pack has got such a clause since it was chosen. Nobody knows how often they were dialled, and so
    they wait for `count`.

    Args:
        intents: those of a claim.
        spans: by workspace, for how many seconds its dials are remembered, as the claim holds it.
        now: the time of the intents.
    """
    found = {a.key: not_counted(a.plan.contact, spans.get(a.key[0], 0), now + A_MOMENT) for a in intents}
    return {key: why for key, why in found.items() if why is not None}


async def count(db: Connection, waiting: Iterable[LiveAttempt], now: Instant) -> None:
    """Remember dials for as long as the packs of these look back, in a transaction of its own: it waits for claims."""
    spans: dict[int, int] = {}
    for attempt in waiting:
        spans[attempt.key[0]] = max(spans.get(attempt.key[0], 0), attempt.plan.contact.span_sec)
    for workspace_no, span_sec in sorted(spans.items()):
        await contacts.remember(db, workspace_no, span_sec, now)


async def forbidden_by_contact(
    db: Connection, intents: Sequence[LiveAttempt], rules_by: Mapping[int, str], spans: Mapping[int, int], now: Instant
) -> dict[Key, Withheld]:
    """The dials that are one too many, each with why; the others are counted, in the claim's own transaction.

    Args:
        db: a connection in that transaction.
        intents: of workspaces whose dials are counted, at least one.
        rules_by: the rules of those workspaces that have their own, JSON; each dial has those of its packs besides.
        spans: by workspace, for how many seconds its dials are remembered.
        now: the time of the intents.
    """
    first: dict[Numbered, LiveAttempt] = {}
    for attempt in intents:
        if not any(key in first for key in attempt.counted_under):
            first.update(dict.fromkeys(attempt.counted_under, attempt))
    going = {attempt.key: attempt for attempt in first.values()}
    since = now - TimeDelta(seconds=max(spans[attempt.key[0]] for attempt in intents)) - SLACK
    known = await contacts.reserve(db, first, since, now)
    rules = {workspace_no: read_rules(text) for workspace_no, text in rules_by.items()}
    earlier = await _earlier(db, going.values(), rules)
    forbidden = {attempt.key: next_one(now) for attempt in intents if attempt.key not in going}
    for attempt in going.values():
        seen = as_contacts([known[key] for key in attempt.counted_under], earlier.get(attempt.key[:2], ()))
        binding = rules.get(attempt.key[0], NO_RULES).and_those(attempt.plan.contact)
        why = withheld_by_contact(binding, seen, now)
        if why is not None:
            forbidden[attempt.key] = why
        attempt.placed_by = now + PLACED_WITHIN
    if back := [key for key, attempt in first.items() if attempt.key in forbidden]:
        await contacts.give_back(db, back)
    return forbidden


class Watched(NamedTuple):
    """What a number and a lead are held to, and what is known of them, for who only looks."""

    rules: ContactRules
    known: Contacts

    def withheld(self, of_packs: ContactRules, at: Instant) -> Withheld | None:
        """Why a claim would withhold the dial at an instant, if nobody else dials the number before."""
        return withheld_by_contact(self.rules.and_those(of_packs), self.known, at)


async def look_at(db: Connection, key: Key, number: str, debt_id: str | None) -> Watched:
    """The workspace's own rules for one dial, and what all rules go by; nothing is counted."""
    text = await contacts.read_rules(db, key[0])
    rules = read_rules(text) if text else NO_RULES
    before = [await read_contact(db, (key[0], one)) for one in contacts.keys_of(number, debt_id)]
    of_lead = await contacts.dials_of(db, [key[:2]]) if key[2] > 1 and rules.per_lead else {}
    return Watched(rules, as_contacts(before, of_lead.get(key[:2], ())))


@lru_cache(maxsize=1000)
def read_rules(text: str) -> ContactRules:
    """Contact rules as the store keeps them."""
    return parse_contact_rules(msgspec.json.decode(text))


async def _earlier(
    db: Connection, intents: Iterable[LiveAttempt], rules: Mapping[int, ContactRules]
) -> dict[tuple[int, UUID], list[Instant]]:
    """When the calls of redials were dialled, where a rule asks for it."""
    asking = {workspace_no for workspace_no, own in rules.items() if own.per_lead}
    redials = [attempt.key[:2] for attempt in intents if attempt.key[2] > 1 and attempt.key[0] in asking]
    return await contacts.dials_of(db, redials) if redials else {}


def as_contacts(before: Sequence[Before], of_lead: Sequence[Instant]) -> Contacts:
    """What is known, by what is known of the number and, where the lead names one, of the debt."""
    (dials, talked_at), *of_debt = before
    if not of_debt:
        return Contacts(dials, of_lead, talked_at)
    return Contacts(dials, of_lead, talked_at, *of_debt[0])


def next_one(now: Instant) -> Withheld:
    """Two calls to one number, or about one debt, do not begin together."""
    return Withheld(Rule.SAME_MOMENT, now + A_MOMENT, {})
