"""Webhooks: what a workspace is told of, when it is told again, and when it is told no more."""

from enum import StrEnum
from typing import Any, NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.pre_dial_check import shown
from ringback.errors import Invalid


class Event(StrEnum):
    """What may be told; the first part says what of."""

    ATTEMPT_STARTED = "attempt.started"
    ATTEMPT_ENDED = "attempt.ended"
    CALL_RETRY_SCHEDULED = "call.retry_scheduled"
    CALL_FINISHED = "call.finished"
    LEAD_OPTED_OUT = "lead.opted_out"
    CAMPAIGN_STARTED = "campaign.started"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_COMPLETED = "campaign.completed"
    CAMPAIGN_CANCELLED = "campaign.cancelled"
    TRUNK_DOWN = "trunk.down"
    TRUNK_UP = "trunk.up"


PING = "ping"
"""What is sent to try a webhook out; every one is told of it."""


class Off(StrEnum):
    """Why a webhook is told nothing."""

    OWNER = "owner"
    FAILING = "failing"
    GONE = "gone"


GONE_STATUS = 410
"""By this a receiver says that it wants nothing more (RFC 9110, section 15.5.11)."""

WAITS_SEC = (5, 30, 120, 600, 1_800, 3_600, 10_800, 25_200, 43_200)
"""Between the tries of an event: ten tries in 24 hours."""

MOST_TRIES = len(WAITS_SEC) + 1

JITTER = 0.1
"""Waits are longer by up to this share, so that what failed together is not tried again together."""

FAILING_TOO_LONG = TimeDelta(hours=24)
"""A receiver that took nothing for so long is told nothing more."""

MANY = 5
"""When events of so many different subjects failed and none was taken between, it is the receiver that fails."""

FIRST_REST_SEC, LONGEST_REST_SEC = 5.0, 300.0
"""A receiver that fails is left alone for so long, twice as long each time, and then tried with one event."""

OLD_SECRET = TimeDelta(hours=24)
"""For so long after a rotation the secret before signs too."""

KEPT = TimeDelta(hours=24 * 30)
"""Dead letters are kept for so long."""


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: of the answer, None where none came.
        failure: why none came, in our words.
    """

    status: int | None
    failure: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has the event now."""
        return self.status is not None and 200 <= self.status <= 299

    @property
    def why(self) -> str:
        """Why the event was not taken, without anything that may be a number."""
        if self.status is None:
            return shown(self.failure or "no answer")
        also = "; redirects are not followed" if 300 <= self.status <= 399 else ""
        return f"it answered {self.status}{also}"


def try_again_at(tries: int, now: Instant, chance: float) -> Instant:
    """When an event is tried again.

    Args:
        tries: how often it was tried.
        now: when it was tried last.
        chance: 0 to 1, places the jitter.
    """
    wait_sec = WAITS_SEC[min(tries, len(WAITS_SEC)) - 1] * (1 + JITTER * chance)
    return now + TimeDelta(nanoseconds=round(wait_sec * 1_000_000_000))


def is_dead(tries: int, first_tried_at: Instant, failing_since: Instant | None) -> bool:
    """Whether an event is not tried any more.

    While the receiver takes nothing at all this does not count against an event: it is the receiver that is switched
    off in the end, and the event is there when it comes back.

    Args:
        tries: how often it was tried.
        first_tried_at: the first time.
        failing_since: since when the receiver takes nothing; None where it takes others.
    """
    return tries >= MOST_TRIES and (failing_since is None or failing_since > first_tried_at)


def rest_sec(before_sec: float | None) -> float:
    """For how many seconds a receiver that fails is left alone, after a rest before or none."""
    return FIRST_REST_SEC if before_sec is None else min(before_sec * 2, LONGEST_REST_SEC)


def off_after(status: int | None, failing_since: Instant, now: Instant) -> Off | None:
    """Whether a receiver that did not take an event is told nothing more from now on.

    Args:
        status: of its answer.
        failing_since: since when it takes nothing.
        now: when that was.
    """
    if status == GONE_STATUS:
        return Off.GONE
    return Off.FAILING if now >= failing_since + FAILING_TOO_LONG else None


def parse_events(raw: Any, name: str) -> tuple[str, ...]:
    """Which events are told, each once, in the order of Event.

    Raises:
        Invalid: one of them is none, or there is none at all.
    """
    known = [str(event) for event in Event]
    if not isinstance(raw, list) or not raw or not all(isinstance(one, str) and one in known for one in raw):
        raise Invalid([f"{name} must be a list of some of {', '.join(known)}, such as ['call.finished']"])
    return tuple(event for event in known if event in raw)
