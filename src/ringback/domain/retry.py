"""Whether, and when, a call is dialled again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.call import FinalReason
from ringback.domain.hours import Holidays, Hours
from ringback.domain.outcome import BUSY, MEANINGS, NO_ANSWER, EndReason
from ringback.domain.spacing import NO_SPACING, Spaced, Spacer, Spacing
from ringback.domain.waits import Wait, end_of_wait, show_wait
from ringback.domain.window import Shut, Zones, ZoneSource, next_open, shut_by
from ringback.domain.worth import StopWhen

MOST_ATTEMPTS = 20
"""The contract's limit: a call's whole history fits in one answer."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after what wait a call is redialled.

    Attributes:
        max_attempts: dials in all, the first one included; 1 to 20.
        after: waits by end reason or retry key, and by ordinal: the n-th after the n-th attempt, the last one repeats.
            An end reason that is there goes before its retry key.
        jitter_sec: at most so many seconds more, by chance; never less than the wait.
        expires_after_sec: seconds from the call's creation after which no dial is placed; None is never.
        spacing: what else it asks of the times of a call's dials.
        stop_when: from which price of a person on it redials no more, None for any.
        rotates_caller: whether each redial comes from another number of its caller pool than the dial before.
    """

    max_attempts: int
    after: Mapping[str, tuple[Wait, ...]]
    jitter_sec: int = 0
    expires_after_sec: int | None = None
    spacing: Spacing = NO_SPACING
    stop_when: StopWhen | None = None
    rotates_caller: bool = False

    def waits_after(self, ended: EndReason) -> tuple[str, tuple[Wait, ...]]:
        """The entry of `after` that an end goes by, and its waits: none where it is not redialled."""
        retry_key = MEANINGS[ended].retry_key
        if retry_key is None:
            return "", ()
        key = ended if ended in self.after else retry_key
        return key, self.after.get(key, ())


DEFAULT_POLICY = RetryPolicy(3, MappingProxyType({NO_ANSWER: (1800, 7200), BUSY: (300, 900, 3600)}))
"""For who gives none: three dials, no-answer after half an hour and two hours, busy after five minutes and more."""


class RetryAt(msgspec.Struct, frozen=True, gc=False):
    """The call is dialled again.

    Attributes:
        at: not before this instant.
        rule: the entry of the policy that says so and what moved it, such as `no-answer: 30m; spread: evening`.
    """

    at: Instant
    rule: str


class Stop(msgspec.Struct, frozen=True, gc=False):
    """There is no further dial, and why."""

    reason: FinalReason


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits the time of a dial, besides the policy's wait.

    Attributes:
        hours: rules that must all be open, in every zone; none where any hour will do.
        zones: the time zones in which the lead may be; none is never open.
        ends_at: no dial at or after this instant: the campaign's end, or the expiry of the call or of its lead's
            consent, whichever is first.
        holidays: the public holidays where the lead is, None where they are not known.
        zone_source: who said in which zones the lead may be.
    """

    hours: Hours
    zones: Zones
    ends_at: Instant | None = None
    holidays: Holidays | None = None
    zone_source: ZoneSource = ZoneSource.NUMBER

    def first_dial(self, at: Instant) -> Instant | None:
        """The first instant from `at` on at which a dial may be placed, None where there is none left."""
        due = next_open(self.hours, self.zones, at, self.holidays)
        if due is None or (self.ends_at is not None and due >= self.ends_at):
            return None
        return due

    def waits_for_a_zone(self, at: Instant) -> bool:
        """Whether nobody is dialled for no other reason than that no time zone of the lead is known."""
        in_time = self.ends_at is None or at < self.ends_at
        return bool(self.hours) and not self.zones and in_time

    def shut_by(self, at: Instant) -> Shut | None:
        """The rule by which it is too early or too late at the lead's, None where the hours allow a dial."""
        return shut_by(self.hours, self.zones, at, self.holidays)


def decide(
    policy: RetryPolicy,
    attempt: int,
    ended: EndReason,
    ended_at: Instant,
    bounds: Bounds,
    chance: float,
    *,
    dials: Sequence[Instant] = (),
    opted_out: bool = False,
) -> RetryAt | Stop:
    """What follows an attempt.

    Args:
        policy: the policy in force.
        attempt: the ordinal of the attempt that ended, from 1.
        ended: how it ended.
        ended_at: when; the wait counts from here.
        bounds: the calling window, the lead's zones, and the end.
        chance: a number from 0 up to 1 that places the jitter.
        dials: when the call was dialled so far, this attempt last; those before it only where the policy looks back.
            Nothing given, the attempt counts as dialled when it ended, which is never too early.
        opted_out: whether who was called wants no more calls: that goes before all else.
    """
    key, waits = policy.waits_after(ended)
    if opted_out or MEANINGS[ended].reached:
        return Stop(FinalReason.OPTED_OUT if opted_out else FinalReason.REACHED)
    if ended is EndReason.CANCELLED_BY_OPERATOR:
        return Stop(FinalReason.CANCELLED)
    if not waits:
        return Stop(FinalReason.NOT_RETRYABLE)
    if attempt >= policy.max_attempts:
        return Stop(FinalReason.ATTEMPTS_EXHAUSTED)
    wait = waits[min(attempt, len(waits)) - 1]
    spaced = _space(policy, wait, ended_at, bounds, chance, dials or (ended_at,))
    if spaced is None:
        return Stop(FinalReason.EXPIRED)
    rule = f"{key}: {show_wait(wait)}"
    return RetryAt(spaced.at, "; ".join((rule, *spaced.moved_by)) if spaced.moved_by else rule)


def _space(
    policy: RetryPolicy, wait: Wait, ended_at: Instant, bounds: Bounds, chance: float, dials: Sequence[Instant]
) -> Spaced | None:
    """When the wait is over and a dial may be placed, None where there is no such time."""
    over = end_of_wait(wait, bounds.zones, ended_at)
    if over is None:
        return None
    jitter = TimeDelta(milliseconds=round(1000 * policy.jitter_sec * chance))
    return Spacer(policy.spacing, dials, bounds.zones, bounds.first_dial).space(over + jitter, jitter)


def ends_at(
    campaign_ends_at: Instant | None,
    created_at: Instant,
    policy: RetryPolicy,
    consent_expires_at: Instant | None = None,
) -> Instant | None:
    """The instant from which a call is no longer dialled, for its Bounds; None is never.

    Args:
        campaign_ends_at: the campaign's end, None where it has none.
        created_at: the call's creation, from which `expires_after` counts.
        policy: the policy in force.
        consent_expires_at: until when the lead has agreed to be called, None where that has no end.
    """
    expires_after = policy.expires_after_sec
    expires_at = None if expires_after is None else created_at + TimeDelta(seconds=expires_after)
    ends = (campaign_ends_at, expires_at, consent_expires_at)
    return min((end for end in ends if end is not None), default=None)
