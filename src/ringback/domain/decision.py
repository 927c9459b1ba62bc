"""Why a dial that was due was not placed: the rule that withheld it, what it went by, and when it may be placed."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.call import CallState, FinalReason
from ringback.domain.retry import Bounds
from ringback.domain.window import Shut, Zones, ZoneSource, next_open
from ringback.domain.worth import Evidence, StopWhen, is_too_costly

NO_CONSENT_YET = "no_consent"
"""The `why` of a dial that wants a consent which was not given."""

LOOK_FOR_ZONE_EVERY = TimeDelta(hours=1)
"""Who is in no known time zone is not dialled and waits until the workspace has one."""


class Rule(StrEnum):
    """The rules of ours that withhold dials; rule packs have clauses of their own."""

    CALLING_WINDOW = "calling_window"
    CAMPAIGN_END = "campaign_end"
    EXPIRES_AFTER = "expires_after"
    CONSENT = "consent"
    DO_NOT_CALL = "do_not_call"
    PER_NUMBER = "per_number"
    PER_LEAD = "per_lead"
    MIN_GAP = "min_gap"
    QUIET = "quiet_after_conversation"
    SAME_MOMENT = "same_moment"
    STOP_WHEN = "stop_when"
    PRE_DIAL_CHECK = "pre_dial_check"
    CALLER_REST = "caller_rest"


class Withheld(NamedTuple):
    """A dial that was due and is not placed.

    Attributes:
        rule: what withholds it: a Rule, with its text behind a colon where it has one, or the clause of a pack.
        next_at: when it may be placed as far as this rule goes, None for never.
        inputs: what the rule went by, fit for JSON, without a phone number.
        pack: the rule pack, None for none.
        pack_version: the pack's, None for none.
    """

    rule: str
    next_at: Instant | None
    inputs: Mapping[str, Any]
    pack: str | None = None
    pack_version: str | None = None

    @property
    def final(self) -> tuple[CallState | None, FinalReason] | None:
        """The end of a call of which this is never dialled, None where it waits.

        Without a state it rests in that of its last attempt.
        """
        if self.next_at is not None:
            return None
        if self.rule == Rule.DO_NOT_CALL:
            return CallState.CANCELLED, FinalReason.OPTED_OUT
        if self.kind == Rule.STOP_WHEN:
            return None, FinalReason.TOO_COSTLY
        if self.rule == Rule.CONSENT and self.inputs.get("why") == NO_CONSENT_YET:
            return CallState.CANCELLED, FinalReason.CANCELLED
        return CallState.EXPIRED, FinalReason.EXPIRED

    @property
    def kind(self) -> str:
        """The rule without its text: few enough to be counted by."""
        return self.rule.partition(":")[0]


@lru_cache(maxsize=1024)
def held_by_time(bounds: Bounds, ends_by: Rule, at: Instant, number_zones: Zones) -> Withheld:
    """The decision about a dial that may not be placed at `at`, for the hour or because no time is left.

    Args:
        bounds: what forbids it.
        ends_by: what `bounds.ends_at` is: the campaign's end, or the expiry of the call or of its lead's consent.
        at: when it was due.
        number_zones: the zones that the number alone tells; others were given with the lead.

    Leads in one place share it: when a window shuts, thousands of dials are withheld by the same in one claim.
    """
    shut = bounds.shut_by(at)
    inputs = _where(bounds, shut, number_zones)
    if shut and bounds.waits_for_a_zone(at):
        return Withheld(shut.rule, at + LOOK_FOR_ZONE_EVERY, inputs, shut.pack, shut.pack_version)
    opens_at = next_open(bounds.hours, bounds.zones, at, bounds.holidays)
    is_over = bounds.ends_at is not None and at >= bounds.ends_at
    if shut and not is_over and (opens_at is None or bounds.first_dial(at)):
        return Withheld(shut.rule, opens_at, inputs, shut.pack, shut.pack_version)
    over = {"ends_at": bounds.ends_at and show_instant(bounds.ends_at)}
    return Withheld(ends_by, None, inputs | over | ({"opens_at": opens_at and show_instant(opens_at)} if shut else {}))


def held_by_list(entry_id: str, source: str, since: Instant) -> Withheld:
    """The decision about a dial to a number that is on the do-not-call list.

    Args:
        entry_id: of the entry that forbids it.
        source: how that came onto the list.
        since: when.
    """
    inputs = {"do_not_call_id": entry_id, "source": source, "listed_at": show_instant(since)}
    return Withheld(Rule.DO_NOT_CALL, None, inputs)


def held_by_cost(stop: StopWhen, attempt: int, evidence: Evidence) -> Withheld | None:
    """The decision about a redial, None where people are reached at a price that its policy allows.

    Args:
        stop: what the policy says.
        attempt: the ordinal of the dial that is due.
        evidence: what the campaign's ended attempts of that ordinal come to.
    """
    if not is_too_costly(stop, evidence):
        return None
    inputs = {
        "ordinal": attempt,
        **evidence._asdict(),
        "cost_per_reach_micros": evidence.cost_per_reach_micros,
        "at_most_micros": stop.cost_per_reach_micros,
    }
    return Withheld(f"{Rule.STOP_WHEN}: {stop.cost_per_reach_micros}", None, inputs)


def show_instant(at: Instant) -> str:
    """A time as the API writes it: RFC 3339 in UTC, with milliseconds."""
    return at.format_iso(unit="millisecond")


def _where(bounds: Bounds, shut: Shut | None, number_zones: Zones) -> dict[str, Any]:
    """What time it is at the lead's: in the first zone in which it is too early or too late, or else in the first."""
    source = bounds.zone_source
    if source is ZoneSource.NUMBER and bounds.zones != number_zones:
        source = ZoneSource.LEAD
    if shut is None:
        return {"timezone": next(iter(bounds.zones), None), "timezone_from": str(source)}
    local = shut.local and shut.local.round("second", mode="floor").format_iso()
    return {"local_time": local, "timezone": shut.zone, "timezone_from": str(source), "why": shut.why}
