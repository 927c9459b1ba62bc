"""Past calls along a retry policy: how far each was dialled as the policy would have dialled it."""

from dataclasses import replace
from typing import NamedTuple

from whenever import Instant, ZonedDateTime

from ringback.domain.outcome import MEANINGS, EndReason
from ringback.domain.retry import Bounds, RetryAt, RetryPolicy, decide, ends_at
from ringback.domain.spacing import Part, part_of
from ringback.domain.window import Zones, local_time

NEAR_SHARE, NEAR_SEC = 0.1, 60.0
"""A redial is at the policy's time when it is within a tenth of the wait and a minute of it."""

MIDDLING = 0.5
"""The chance that places a jitter in its middle."""


class Tried(NamedTuple):
    """An attempt of a past call.

    Attributes:
        ended: how it ended.
        called_at: when it was placed.
        ended_at: when it was over.
        talk_sec: seconds connected.
        retry_at: when it was decided to redial; None where it was not.
        rule: the entry of its policy that said so; None where none did.
    """

    ended: EndReason
    called_at: Instant
    ended_at: Instant
    talk_sec: int
    retry_at: Instant | None
    rule: str | None


class Past(NamedTuple):
    """A call that was dialled.

    Attributes:
        tried: its attempts that are over, oldest first: at least one.
        created_at: when it was made, from which a policy's expiry counts.
        bounds: the hours, zones and end of its campaign, without an expiry.
        expired: its last redial was due and its hours left no time for it.
    """

    tried: tuple[Tried, ...]
    created_at: Instant
    bounds: Bounds
    expired: bool = False


Outcome = tuple[float, float, float]
"""Of an attempt, or of all that follow: calls reached, attempts, seconds connected."""


class Step(NamedTuple):
    """An attempt that the policy would have placed as well.

    Attributes:
        outcome: what it came to.
        after: the retry key of its end.
        rule: the entry by which the policy redials; None where it does not.
    """

    outcome: Outcome
    after: str
    rule: str | None


class Walk(NamedTuple):
    """How far a past call goes the policy's way.

    Attributes:
        part: of the local day, in which it was first dialled.
        steps: its attempts up to there.
    """

    part: Part
    steps: tuple[Step, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it went that way to its end."""
        return self.steps[-1].rule is None


def walk(policy: RetryPolicy, past: Past) -> Walk:
    """A past call along a policy."""
    steps, bounds, dials = [], past.bounds, [tried.called_at for tried in past.tried]
    limited = replace(bounds, ends_at=ends_at(bounds.ends_at, past.created_at, policy))
    for n, tried in enumerate(past.tried, 1):
        decision = decide(policy, n, tried.ended, tried.ended_at, limited, MIDDLING, dials=dials[:n])
        rule = decision.rule if isinstance(decision, RetryAt) else None
        goes_on = isinstance(decision, RetryAt) and _was_done(policy, tried, decision, bounds.zones)
        if goes_on and past.expired and n == len(past.tried):
            rule = None  # the policy would have redialled too, and could not either
        meaning = MEANINGS[tried.ended]
        steps.append(Step((float(meaning.reached), 1.0, float(tried.talk_sec)), meaning.retry_key or "", rule))
        if not goes_on:
            break
    return Walk(part_of(_local(dials[0], bounds.zones)), tuple(steps))


def _was_done(policy: RetryPolicy, tried: Tried, wanted: RetryAt, zones: Zones) -> bool:
    """Whether a call was redialled when the policy says, by its chance or another's.

    Different waits that end at the same opening of the next morning are not taken for one another: that happens to
    calls of the evening only, and those would come to stand for all.
    """
    if tried.retry_at is None or tried.rule is None:
        return False
    if tried.rule == wanted.rule:
        return True  # but for the jitter, which is chance anyway
    wait = (wanted.at - tried.ended_at).total("seconds")
    apart = abs((tried.retry_at - wanted.at).total("seconds"))
    if apart > NEAR_SEC + NEAR_SHARE * wait + policy.jitter_sec / 2:
        return False
    is_same_day = _local(tried.ended_at, zones).date() == _local(wanted.at, zones).date()
    return is_same_day or entry(tried.rule) == entry(wanted.rule)


def entry(rule: str) -> str:
    """The policy's entry, without what moved the redial beside it."""
    return rule.partition(";")[0]


def _local(at: Instant, zones: Zones) -> ZonedDateTime:
    return local_time(at, zones[0] if zones else "UTC")
