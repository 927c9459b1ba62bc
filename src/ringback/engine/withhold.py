"""Withhold: why a dial that was due is not placed, as it is written down with the claim."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.consent import withheld_without
from ringback.domain.decision import Rule, Withheld, held_by_time, show_instant
from ringback.domain.phone import Phone, parse_number
from ringback.engine.budget import hold_budgets
from ringback.engine.contact import forbidden_by_contact, uncounted
from ringback.engine.live import LiveAttempt
from ringback.engine.plan import DialPlan
from ringback.events import DialsWithheld
from ringback.store import do_not_call
from ringback.store.attempts import Key
from ringback.store.database import Connection, Record
from ringback.store.decisions import Decision
from ringback.store.do_not_call import Numbered


def by_time(row: Record, plan: DialPlan, now: Instant) -> Withheld:
    """Why a row of the queue may not be dialled at this hour, or no longer."""
    phone = parse_number(row["to_number"])
    zones = phone.zones if isinstance(phone, Phone) else ()
    return held_by_time(plan.bounds, _ends_by(row, plan), now, zones)


def may_dial(plan: DialPlan, now: Instant) -> bool:
    """Whether the hours and the end allow a dial now."""
    return plan.bounds.first_dial(now) == now


def without_consent(row: Record, plan: DialPlan, now: Instant) -> Withheld | None:
    """Why a row of the queue is never dialled whose campaign requires a consent that it lacks."""
    return withheld_without(row["consent_at"], now) if plan.requires_consent else None


def by_campaign_end(ends_at: Instant) -> Withheld:
    """Why what waits in a campaign whose end has come is never dialled."""
    return Withheld(Rule.CAMPAIGN_END, None, {"ends_at": show_instant(ends_at)})


class Forbidden(NamedTuple):
    """The dials of a claim that are not to be placed.

    Attributes:
        why: what withholds each.
        uncounted: those of them of whose past too little is known, until it is counted.
    """

    why: dict[Key, Withheld]
    uncounted: list[LiveAttempt]


async def forbidden_in(db: Connection, intents: Sequence[LiveAttempt], now: Instant) -> Forbidden:
    """The dials of a claim that are not to be placed whatever the hour; in the claim's transaction.

    From here to its commit nobody adds to the do-not-call lists of their workspaces, nor uses up any of their budgets.
    Whom each is to be checked by is known from here on.

    Raises:
        BudgetReached: one is.
    """
    if not intents:
        return Forbidden({}, [])
    held = await do_not_call.hold_lists(db, {attempt.key[0] for attempt in intents})
    if held.budgeted:
        await hold_budgets(db, intents, held.budgeted)
    for attempt in intents:
        attempt.check = held.checks.get(attempt.key[0])
    unknown = uncounted(intents, held.spans, now)
    forbidden = unknown | (await _listed(db, intents, held.versions, now) if held.versions else {})
    if held.spans:
        bound = [attempt for attempt in intents if attempt.key[0] in held.spans and attempt.key not in forbidden]
        forbidden |= await forbidden_by_contact(db, bound, held.rules, held.spans, now) if bound else {}
    return Forbidden(forbidden, [attempt for attempt in intents if attempt.key in unknown])


async def _listed(
    db: Connection, intents: Sequence[LiveAttempt], versions: Mapping[int, int], now: Instant
) -> dict[Key, Withheld]:
    for attempt in intents:
        attempt.list_version = versions.get(attempt.key[0], 0)
    numbers = {attempt.key: (attempt.key[0], attempt.dial.to_number) for attempt in intents if attempt.list_version}
    listed = await by_list(db, numbers.values(), now)
    return {key: listed[number] for key, number in numbers.items() if number in listed}


async def by_list(db: Connection, numbers: Iterable[Numbered], at: Instant) -> dict[Numbered, Withheld]:
    """Those of these numbers that are not to be dialled at an instant, as far as the lists are known now."""
    return {number: do_not_call.why(entry) for number, entry in (await do_not_call.listed(db, numbers, at)).items()}


def decision(row: Record, decision_id: UUID, why: Withheld) -> Decision:
    """The decision about a row of the queue."""
    return Decision(row["workspace_no"], row["call_id"], decision_id, row["attempt"], why)


def told(decided: Iterable[Decision]) -> DialsWithheld:
    """What happened, by the rules."""
    return DialsWithheld(Counter(one.why.kind for one in decided))


def _ends_by(row: Record, plan: DialPlan) -> Rule:
    """What its end is by: the expiry of its lead's consent or of the call where that is given and comes first."""
    expires_after = plan.policy.expires_after_sec
    if plan.bounds.ends_at is not None and plan.bounds.ends_at == row["consent_expires_at"]:
        return Rule.CONSENT
    if expires_after is None or plan.bounds.ends_at is None:
        return Rule.CAMPAIGN_END
    return (
        Rule.EXPIRES_AFTER if row["created_at"].add(seconds=expires_after) == plan.bounds.ends_at else Rule.CAMPAIGN_END
    )
