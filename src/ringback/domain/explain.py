"""What happens next with a call, when, and what it waits for: put together from what the engine goes by."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from whenever import Instant

from ringback.domain.decision import Rule, Withheld, show_instant
from ringback.domain.window import Zones, local_time


class Kind(StrEnum):
    """What a dial may wait for, or be withheld by."""

    FINAL = "final"
    LIVE = "live"
    NOT_STARTED = "not_started"
    PAUSED = "campaign_paused"
    STARTS_AT = "starts_at"
    INTERVAL = "interval"
    WINDOW = "window"
    NO_ZONE = "no_zone"
    RULE_PACK = "rule_pack"
    CONTACT = "contact"
    CONSENT = "consent"
    PRE_DIAL_CHECK = "pre_dial_check"
    CALLER = "caller_number"
    DO_NOT_CALL = "do_not_call"
    ENDS_AT = "ends_at"
    SLOT = "slot"
    RATE = "rate"
    BUDGET = "budget"
    TOO_COSTLY = "too_costly"
    TRUNK = "trunk"
    NODE = "node"


class Action(StrEnum):
    """What happens next."""

    DIAL = "dial"
    WAIT = "wait"
    NONE = "none"


class Constraint(NamedTuple):
    """Something that a dial has to keep to.

    Attributes:
        kind: what it is.
        binding: whether what happens next goes by it.
        until: when it no longer stands in the way, of `ends_at`, `consent` and `live` when that is at the latest; None
            where nobody can say.
        detail: what it goes by, fit for JSON, without a phone number.
    """

    kind: Kind
    binding: bool
    until: Instant | None
    detail: Mapping[str, Any]


class Next(NamedTuple):
    """What happens next with a call.

    Attributes:
        action: it is dialled as soon as its turn comes, it waits, or nothing happens any more.
        attempt: the ordinal of the dial, None where there is none to come.
        at: when it is dialled, or ends without having been; None where nobody can say.
        rule: what that goes by, None where nothing stands in the way.
    """

    action: Action
    attempt: int | None
    at: Instant | None
    rule: str | None


class Explanation(NamedTuple):
    """What happens next, and why.

    Attributes:
        next: what happens.
        constraints: in the order in which the dial meets them.
        zones: where the lead may be.
    """

    next: Next
    constraints: tuple[Constraint, ...]
    zones: Zones


class Step(NamedTuple):
    """A dial that will be due at an instant and be withheld then."""

    at: Instant
    why: Withheld


class Path(NamedTuple):
    """What becomes of a dial if nothing changes: the claims that withhold it, and the one that takes it.

    Attributes:
        steps: in their order; empty only where it is dialled, or a stop holds it up.
        dial_at: when it is dialled; None where its last step ends the call, or nobody knows when that one is over.
    """

    steps: tuple[Step, ...]
    dial_at: Instant | None


class Turn(NamedTuple):
    """A dial that waits for its turn.

    Attributes:
        attempt: its ordinal.
        due_at: when it is due.
        put_off: the decision, or the shut hours, that it was put off to then by; None where it waits for its interval.
        rule: the entry of the policy that says so, None for a first dial.
        starts_at: its campaign's begin, None where that is open.
        ends_at: from then on it is not dialled, None for never.
        ends_by: what that end is.
    """

    attempt: int
    due_at: Instant
    put_off: Withheld | None
    rule: str | None
    starts_at: Instant | None
    ends_at: Instant | None
    ends_by: Kind = Kind.ENDS_AT


def explain_turn(
    turn: Turn, path: Path, stops: Iterable[Constraint], crowds: Sequence[Constraint], zones: Zones, now: Instant
) -> Explanation:
    """What happens next with a call that waits.

    Args:
        turn: its dial.
        path: what becomes of that.
        stops: what holds it up for as long as somebody lets it, such as a pause.
        crowds: limits that are full at this moment.
        zones: where the lead may be.
        now: the time of asking.
    """
    dated, stops = (*_waits(turn, now), *map(_withheld, path.steps)), tuple(stops)
    is_due = not stops and path.dial_at == now
    crowds = tuple(one._replace(binding=one.binding and is_due) for one in crowds)
    blocked = stops or tuple(one for one in crowds if one.binding)
    if blocked:
        then = Next(Action.WAIT, turn.attempt, None, blocked[0].kind)
    else:
        then = _then(turn, path, dated, now)
        ends = path.dial_at is None
        dated = tuple(one._replace(binding=one is dated[-1] if ends else one.until == path.dial_at) for one in dated)
    return Explanation(then, (*stops, *dated, *crowds, *_end(turn, path)), zones)


def kind_of(why: Withheld) -> Kind:
    """What a decision withholds a dial for."""
    if why.inputs.get("why") == "unknown_zone":
        return Kind.NO_ZONE
    if why.pack is not None:
        return Kind.RULE_PACK
    return _KINDS.get(why.kind, Kind.CONTACT)


def show_local(at: Instant | None, zones: Zones) -> str | None:
    """A time on the clock of the first of these zones, to the second; None without a time or a zone."""
    if at is None or not zones:
        return None
    return local_time(at, zones[0]).to_plain().round("second", mode="floor").format_iso()


_KINDS: dict[str, Kind] = {
    Rule.CALLING_WINDOW: Kind.WINDOW,
    Rule.CAMPAIGN_END: Kind.ENDS_AT,
    Rule.EXPIRES_AFTER: Kind.ENDS_AT,
    Rule.CONSENT: Kind.CONSENT,
    Rule.PRE_DIAL_CHECK: Kind.PRE_DIAL_CHECK,
    Rule.DO_NOT_CALL: Kind.DO_NOT_CALL,
    Rule.STOP_WHEN: Kind.TOO_COSTLY,
    Rule.CALLER_REST: Kind.CALLER,
}


_ENDS = (Kind.ENDS_AT, Kind.CONSENT)


def _waits(turn: Turn, now: Instant) -> Iterable[Constraint]:
    """What the dial waits for before a claim looks at it."""
    if turn.starts_at is not None and turn.starts_at > now:
        yield Constraint(Kind.STARTS_AT, False, turn.starts_at, {"starts_at": show_instant(turn.starts_at)})
    if turn.due_at > now:
        yield _until_due(turn)


def _until_due(turn: Turn) -> Constraint:
    if turn.put_off is not None:
        return _by(turn.put_off, turn.due_at)
    return Constraint(Kind.INTERVAL, False, turn.due_at, {"rule": turn.rule, "after_attempt": turn.attempt - 1})


def _withheld(step: Step) -> Constraint:
    return _by(step.why, None if kind_of(step.why) is Kind.NO_ZONE else step.why.next_at)


def _by(why: Withheld, until: Instant | None) -> Constraint:
    named = {"rule": why.rule, "pack": why.pack, "pack_version": why.pack_version}
    return Constraint(kind_of(why), False, until, {**named, **why.inputs})


def _then(turn: Turn, path: Path, dated: Sequence[Constraint], now: Instant) -> Next:
    if path.dial_at is not None and path.dial_at <= now:
        return Next(Action.DIAL, turn.attempt, path.dial_at, None)
    if path.dial_at is not None:
        return Next(Action.WAIT, turn.attempt, path.dial_at, _rule(dated, path.dial_at))
    at, why = path.steps[-1]
    if why.final is None:
        return Next(Action.WAIT, turn.attempt, None, why.rule)
    return Next(Action.NONE, None, at, why.rule)


def _rule(dated: Sequence[Constraint], at: Instant) -> str:
    """The rule that a dial is put off to an instant by, or else the kind of what does so."""
    by = next(one for one in reversed(dated) if one.until == at)
    return str(by.detail.get("rule") or by.kind)


def _end(turn: Turn, path: Path) -> Iterable[Constraint]:
    """The end that a dial has to come before, where no step has named it."""
    if turn.ends_at is not None and not any(kind_of(step.why) in _ENDS for step in path.steps):
        yield Constraint(turn.ends_by, False, turn.ends_at, {"ends_at": show_instant(turn.ends_at)})
