"""Contact rules: how often, and how soon after a conversation, one number or one lead may be dialled.

They stand above any campaign. A dial is counted from its intent: that is placed within PLACED_WITHIN or taken back, and
every span is longer by SLACK, so that no span of the far end's own record has more dials than a rule allows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.decision import Withheld, show_instant
from ringback.domain.waits import show_duration
from ringback.errors import Invalid

PLACED_WITHIN = TimeDelta(seconds=5)
"""A dial under contact rules that is not placed so soon after its intent is taken back."""

SLACK = TimeDelta(seconds=6)
"""That, and what the clocks of two nodes may be apart."""

LONGEST_DEBT = 200
"""Characters of what a debt is called."""

MOST_DIALS, LONGEST_SEC = 1_000, 366 * 86_400

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile("([1-9][0-9]{0,7})([smhd])")
_RATE = re.compile("([1-9][0-9]{0,3}) per ([1-9][0-9]{0,7}[smhd])")
_EXAMPLE = "such as '3 per 24h'"


class ContactRule(NamedTuple):
    """At most so many dials in any span of time.

    Attributes:
        rule: its text, such as `per_number: 3 per 24h`, or the clause of a pack.
        most: dials.
        span_sec: seconds, rolling.
        pack: the rule pack, None for none.
        pack_version: the pack's, None for none.
        per_debt: of a dial whose lead names a debt, that is what it counts for, and not the number.
    """

    rule: str
    most: int
    span_sec: int
    pack: str | None = None
    pack_version: str | None = None
    per_debt: bool = False


class ContactRules(NamedTuple):
    """The rules of a workspace; all of them hold.

    Attributes:
        per_number: for the dials to one number, whichever campaign they are of.
        per_lead: for the dials of one lead's call.
        quiet: spans after a conversation in which the number is not dialled; `most` is 0.
    """

    per_number: tuple[ContactRule, ...] = ()
    per_lead: tuple[ContactRule, ...] = ()
    quiet: tuple[ContactRule, ...] = ()

    @property
    def span_sec(self) -> int:
        """For how many seconds what happened to a number has to be remembered; 0 where no rule asks for it."""
        return max((rule.span_sec for rules in self for rule in rules), default=0)

    def and_those(self, other: "ContactRules") -> "ContactRules":
        """These rules and others: all of them hold."""
        return ContactRules(*(mine + theirs for mine, theirs in zip(self, other, strict=True))) if any(other) else self


NO_RULES = ContactRules()


class Contacts(NamedTuple):
    """What is known of a number and a lead before a dial.

    Attributes:
        number: when the number was dialled.
        lead: when the lead's call was dialled.
        talked_at: when the last conversation with the number ended.
        debt: when somebody was dialled about the lead's debt, at whichever number; None where it names none.
        debt_talked_at: when the last conversation about that debt ended.
    """

    number: Sequence[Instant] = ()
    lead: Sequence[Instant] = ()
    talked_at: Instant | None = None
    debt: Sequence[Instant] | None = None
    debt_talked_at: Instant | None = None

    def dials_under(self, rule: ContactRule) -> Sequence[Instant]:
        """The dials that count for a rule for numbers."""
        return self.debt if rule.per_debt and self.debt is not None else self.number

    def talked_under(self, rule: ContactRule) -> Instant | None:
        """The conversation that counts for a rule of quiet."""
        return self.debt_talked_at if rule.per_debt and self.debt is not None else self.talked_at


def is_debt(text: str) -> bool:
    """Whether a debt may be called so."""
    return 0 < len(text) <= LONGEST_DEBT and text.isprintable()


def parse_debt(raw: Any, field: str = "debt_id") -> str:
    """What a debt is called, without surrounding space.

    Raises:
        Invalid: it is no printable text, or too long.
    """
    if not isinstance(raw, str) or not is_debt(raw.strip()):
        raise Invalid([f"{field} must be printable text of 1 to {LONGEST_DEBT} characters, such as 'loan 4711'"])
    return raw.strip()


def debt_key(debt_id: str) -> str:
    """What dials about a debt are counted under; no number begins like this."""
    return f"debt:{debt_id}"


def withheld_by_contact(rules: ContactRules, known: Contacts, now: Instant) -> Withheld | None:
    """The rule that forbids a dial at `now` for the longest, None where none does."""
    found = [
        *(_too_often(rule, known.dials_under(rule), now) for rule in rules.per_number),
        *(_too_often(rule, known.lead, now) for rule in rules.per_lead),
        *(_too_soon(rule, known.talked_under(rule), now) for rule in rules.quiet),
    ]
    return max((why for why in found if why is not None), key=_until, default=None)


def not_counted(rules: ContactRules, counted_sec: int, next_at: Instant) -> Withheld | None:
    """Why a dial waits of whose past less is known than a rule asks for; None where enough is.

    Args:
        rules: those that bind it.
        counted_sec: for how long dials have been counted, 0 where they are not.
        next_at: when they will be.
    """
    rule = max((rule for group in rules for rule in group), key=lambda rule: rule.span_sec, default=None)
    if rule is None or rule.span_sec <= counted_sec:
        return None
    inputs = {"counted_sec": counted_sec, "span_sec": rule.span_sec}
    return Withheld(rule.rule, next_at, inputs, rule.pack, rule.pack_version)


def parse_contact_rules(raw: Mapping[str, Any]) -> ContactRules:
    """The rules from their written form; what is left out or null is no rule.

    Raises:
        Invalid: one line for each that is wrong, with a right example.
    """
    faults: list[str] = []
    per_number = _rates(raw.get("per_number"), "per_number", faults)
    per_lead = _rates(raw.get("per_lead"), "per_lead", faults)
    gap, quiet = (_duration(raw.get(name), name, faults) for name in ("min_gap", "quiet_after_conversation"))
    if faults:
        raise Invalid(faults)
    gaps = () if gap is None else (ContactRule(f"min_gap: {show_duration(gap)}", 1, gap),)
    rest = () if quiet is None else (ContactRule(f"quiet_after_conversation: {show_duration(quiet)}", 0, quiet),)
    return ContactRules((*per_number, *gaps), per_lead, rest)


def show_contact_rules(rules: ContactRules) -> dict[str, Any]:
    """The written form of rules."""
    texts = {name: [] for name in ("per_number", "per_lead", "min_gap", "quiet_after_conversation")}  # type: dict[str, list[str]]
    for rule in (*rules.per_number, *rules.per_lead, *rules.quiet):
        name, _, text = rule.rule.partition(": ")
        texts[name].append(text)
    return {name: found if name.startswith("per_") else next(iter(found), None) for name, found in texts.items()}


def _too_often(rule: ContactRule, dials: Iterable[Instant], now: Instant) -> Withheld | None:
    span = TimeDelta(seconds=rule.span_sec) + SLACK
    recent = sorted(at for at in dials if at + span > now)
    if len(recent) < rule.most:
        return None
    inputs = {"dials": len(recent), "most": rule.most, "since": show_instant(recent[0])}
    return Withheld(rule.rule, recent[-rule.most] + span, inputs, rule.pack, rule.pack_version)


def _too_soon(rule: ContactRule, talked_at: Instant | None, now: Instant) -> Withheld | None:
    if talked_at is None or (until := talked_at + TimeDelta(seconds=rule.span_sec)) <= now:
        return None
    return Withheld(rule.rule, until, {"talked_at": show_instant(talked_at)}, rule.pack, rule.pack_version)


def _until(why: Withheld) -> Instant:
    return why.next_at or Instant.MAX


def _rates(raw: Any, name: str, faults: list[str]) -> tuple[ContactRule, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        faults.append(f"{name} must be a list of rules, {_EXAMPLE}")
        return ()
    return tuple(rule for place, text in enumerate(raw) for rule in _rate(text, name, place, faults))


def _rate(text: Any, name: str, place: int, faults: list[str]) -> list[ContactRule]:
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    span_sec = _seconds(match[2]) if match else 0
    if match is None or int(match[1]) > MOST_DIALS or span_sec > LONGEST_SEC:
        limits = f"at most {MOST_DIALS} dials in at most {LONGEST_SEC // 86_400}d"
        faults.append(f"{name}[{place}] must be so many per so long with its unit, {_EXAMPLE}, {limits}")
        return []
    return [ContactRule(f"{name}: {match[1]} per {match[2]}", int(match[1]), span_sec)]


def _duration(raw: Any, name: str, faults: list[str]) -> int | None:
    if raw is None:
        return None
    if isinstance(raw, str) and _DURATION.fullmatch(raw) and _seconds(raw) <= LONGEST_SEC:
        return _seconds(raw)
    faults.append(f"{name} must be a duration with its unit, at most {LONGEST_SEC // 86_400}d, such as '2h' or '7d'")
    return None


def _seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]
