"""What the leads of a campaign wait for, counted."""

from collections.abc import Iterable
from typing import NamedTuple

from whenever import Instant

from ringback.domain.explain import Kind
from ringback.domain.explain_words import moment


class Blocker(NamedTuple):
    """What so many leads wait for.

    Attributes:
        kind: what it is.
        rule: which, where there are several of that kind; None where there are not.
        leads: how many wait for it.
        first_until: when the first of them no longer does, None where nobody can say.
        last_until: the same of the last.
    """

    kind: Kind
    rule: str | None
    leads: int
    first_until: Instant | None
    last_until: Instant | None


class Blocked(NamedTuple):
    """What the leads of a campaign wait for.

    Attributes:
        waiting: leads that wait for a dial.
        ready: those of them that are due and that nothing holds up: they are dialled as their turn comes.
        blockers: what the others wait for, by the most leads.
    """

    waiting: int
    ready: int
    blockers: tuple[Blocker, ...]


def blocked(ready: int, found: Iterable[Blocker]) -> Blocked:
    """What is waited for, that of the same kind and rule added up."""
    sums = dict[tuple[Kind, str | None], Blocker]()
    for one in found:
        key = (one.kind, one.rule)
        sums[key] = _add(sums[key], one) if key in sums else one
    blockers = sorted(
        (one for one in sums.values() if one.leads), key=lambda one: (-one.leads, one.kind, str(one.rule))
    )
    return Blocked(ready + sum(one.leads for one in blockers), ready, tuple(blockers))


def blocker_in_words(one: Blocker) -> str:
    """How many wait for what, and until when."""
    leads = f"{one.leads:,} {'lead waits' if one.leads == 1 else 'leads wait'} for {_WORDS[one.kind]}"
    by = f" ({one.rule})" if one.rule else ""
    if one.first_until is None or one.last_until is None:
        return f"{leads}{by}; nobody can say until when"
    if one.first_until == one.last_until:
        return f"{leads}{by}, until {_clock(one.first_until)}"
    return f"{leads}{by}: the first until {_clock(one.first_until)}, the last until {_clock(one.last_until)}"


def _add(one: Blocker, other: Blocker) -> Blocker:
    firsts = [at for at in (one.first_until, other.first_until) if at is not None]
    lasts = [at for at in (one.last_until, other.last_until) if at is not None]
    return one._replace(
        leads=one.leads + other.leads, first_until=min(firsts, default=None), last_until=max(lasts, default=None)
    )


def _clock(at: Instant) -> str:
    return moment(at, ()).removeprefix("at ")


_WORDS = {
    Kind.NOT_STARTED: "the campaign to be started",
    Kind.PAUSED: "the campaign to go on",
    Kind.STARTS_AT: "the campaign's begin",
    Kind.INTERVAL: "the interval of the policy",
    Kind.WINDOW: "the calling hours",
    Kind.NO_ZONE: "a time zone: nobody knows where they are",
    Kind.RULE_PACK: "a rule pack",
    Kind.CONTACT: "a contact rule",
    Kind.CONSENT: "a consent that they did not give, or that is over",
    Kind.PRE_DIAL_CHECK: "the workspace's own check to allow them",
    Kind.CALLER: "a caller number that has rested",
    Kind.ENDS_AT: "their end, since no time is left",
    Kind.SLOT: "a slot",
    Kind.RATE: "the pace",
    Kind.BUDGET: "a budget to be raised",
    Kind.TRUNK: "a trunk that can be set up",
    Kind.NODE: "a node that lives",
}
