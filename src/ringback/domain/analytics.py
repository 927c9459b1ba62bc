"""What attempts are grouped by, and how sure one may be of a share of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, product
from statistics import NormalDist
from typing import NamedTuple

from ringback.domain.outcome import BUSY, FAILED, NO_ANSWER, VOICEMAIL
from ringback.domain.waits import show_duration

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""How many standard errors an interval goes to each side."""

FIRST = "first"
"""What was before the first attempt, and how long ago: nothing."""

OTHER = "other"
"""An outcome after which no policy redials: a wrong number, a dial that was cancelled."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OUTCOMES_BEFORE = (FIRST, NO_ANSWER, BUSY, VOICEMAIL, FAILED, OTHER)

WAIT_EDGES_SEC = (120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 345_600, 604_800)
"""Where one bucket of waits ends and the next begins. A wait is never shorter than its policy says and often a little
longer, so that the usual waits of policies are the beginnings of buckets."""


def _bucket_names() -> tuple[str, ...]:
    edges = [show_duration(sec) for sec in WAIT_EDGES_SEC]
    between = [f"{low}-{high}" for low, high in pairwise(edges)]
    return (f"<{edges[0]}", *between, f">={edges[-1]}")


WAIT_BUCKETS = _bucket_names()


class Side(StrEnum):
    """What attempts can be grouped by."""

    ATTEMPT = "attempt"
    HOUR = "hour"
    WEEKDAY = "weekday"
    OUTCOME_BEFORE = "outcome_before"
    WAIT_BEFORE = "wait_before"
    REGION = "region"
    TRUNK = "trunk"
    CALLER_NUMBER = "caller_number"
    POLICY_VERSION = "policy_version"
    CAMPAIGN = "campaign"
    DAY = "day"


Value = str | int | None
"""A value of a side; None where it is not known, or there is none: a single call has no campaign."""


class Share(NamedTuple):
    """A part of a whole, and between which bounds it lies.

    Attributes:
        share: 0 to 1.
        low: the lower end of the interval.
        high: its upper end.
    """

    share: float
    low: float
    high: float


def wilson(hits: float, of: float) -> Share | None:
    """A share with its 95 % interval by Wilson's score, None where there is nothing to take a share of.

    Unlike the normal interval it stays within 0 and 1 and is not empty where all or none were hit (E. B. Wilson 1927;
    Brown, Cai and DasGupta 2001 recommend it for small numbers).

    Args:
        hits: how many of them.
        of: how many there are; need not be whole where each counts for a part.
    """
    if of <= 0:
        return None
    share, spread = hits / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == of else min(1.0, middle + half)
    return Share(share, min(low, share), max(high, share))


@dataclass(frozen=True, slots=True)
class Sums:
    """What the attempts of a group come to.

    Attributes:
        attempts: those that ended.
        calls: the calls that they belong to.
        answered: those that somebody or something picked up.
        reached: those that a person did.
        connected_sec: seconds connected.
        billed_sec: seconds that are paid for.
        cost_micros: what they cost; None where that is in several currencies.
        currency: in which currency; None where there are several, or nothing was charged for.
    """

    attempts: int = 0
    calls: int = 0
    answered: int = 0
    reached: int = 0
    connected_sec: int = 0
    billed_sec: int = 0
    cost_micros: int | None = 0
    currency: str | None = None

    def __add__(self, other: "Sums") -> "Sums":
        """Both together; their calls must be different ones."""
        mixed = None in (self.cost_micros, other.cost_micros) or (
            self.currency is not None and other.currency is not None and self.currency != other.currency
        )
        return Sums(
            self.attempts + other.attempts,
            self.calls + other.calls,
            self.answered + other.answered,
            self.reached + other.reached,
            self.connected_sec + other.connected_sec,
            self.billed_sec + other.billed_sec,
            None if mixed else (self.cost_micros or 0) + (other.cost_micros or 0),
            None if mixed else self.currency or other.currency,
        )


Group = tuple[Value, ...]
"""A value for each side that was asked for."""


def values_of(side: Side, found: set[Value], days: tuple[str, ...]) -> list[Value]:
    """The values of a side that an answer lists, in their order: all that there can be, where that is known.

    Args:
        side: which.
        found: those of which there are attempts; what is not known is last.
        days: those of the span, for the side `day`.
    """
    known: dict[Side, tuple[Value, ...]] = {
        Side.ATTEMPT: tuple(range(1, max([n for n in found if isinstance(n, int)], default=0) + 1)),
        Side.HOUR: tuple(range(24)),
        Side.WEEKDAY: WEEKDAYS,
        Side.OUTCOME_BEFORE: OUTCOMES_BEFORE,
        Side.WAIT_BEFORE: (FIRST, *WAIT_BUCKETS),
        Side.DAY: days,
    }
    there = known.get(side) or tuple(sorted(found - {None}, key=lambda value: (isinstance(value, str), value)))
    return [*there, *([None] if None in found else [])]


def lay_out(sides: tuple[Side, ...], found: dict[Group, Sums], days: tuple[str, ...]) -> Iterator[tuple[Group, Sums]]:
    """All groups in their order, those without an attempt among them.

    Args:
        sides: what was asked for.
        found: the groups of which there are attempts.
        days: those of the span.
    """
    axes = [values_of(side, {group[n] for group in found}, days) for n, side in enumerate(sides)]
    for group in product(*axes):
        yield group, found.get(group, Sums())
