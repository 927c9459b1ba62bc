"""Over which of its trunks a campaign's dial goes, and over which one it goes on when that refused it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from whenever import Instant

from ringback.domain.outcome import EndReason
from ringback.domain.retry import Bounds

MOST_WAYS = 8
MOST_PRIORITY = 100
MOST_WEIGHT = 100

FAIL_OVER = "fail-over"
"""How the rule of such a redial begins; the trunk's id follows."""

REFUSALS = frozenset({EndReason.NETWORK_FAILURE, EndReason.SYSTEM_AT_CAPACITY})
"""What a trunk says of itself, and not of the person."""

LEAVES_OPEN = frozenset({504})
"""Of the final responses that are refusals, those that come because somebody further on said nothing in time: a phone
may have rung there (RFC 3261, section 21.5.5)."""


class Way(NamedTuple):
    """One trunk of a campaign.

    Attributes:
        trunk_no: which.
        priority: the lowest is preferred, 0 to 100.
        weight: its share among those of the same priority, 1 to 100.
    """

    trunk_no: int
    priority: int = 1
    weight: int = 1


Ways = tuple[Way, ...]
"""Those of a campaign, the preferred first; each trunk once."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is among ways of the same priority (start-time fair queueing).

    A way that was passed over, since its trunk was full or down, has nothing to catch up on when it is back.

    Attributes:
        at: how far the dials have come, in dials for a weight of 1.
        after: of each trunk, how far its own dials have come.
    """

    at: float = 0.0
    after: Mapping[int, float] = field(default_factory=dict)

    def of(self, way: Way) -> float:
        """When the turn of a way is."""
        return max(self.at, self.after.get(way.trunk_no, 0.0))

    def taken(self, way: Way) -> "Turns":
        """The turns after a dial has gone this way."""
        turn = self.of(way)
        return Turns(turn, {**self.after, way.trunk_no: turn + 1 / way.weight})


def next_way(ways: Iterable[Way], turns: Turns) -> Way | None:
    """The way of the next dial: among those of the first priority the one whose turn it is.

    Args:
        ways: of the campaign, those that have room for one more dial.
        turns: as they are.
    """
    return min(ways, key=lambda way: (way.priority, turns.of(way), -way.weight, way.trunk_no), default=None)


def was_refused(reason: EndReason, sip_code: int | None, *, rang: bool, placed: bool) -> bool:
    """Whether it is certain that a trunk refused a dial before anything rang, so that it may go over another one.

    Args:
        reason: how it ended.
        sip_code: the final response, None where there was none: then nothing is certain.
        rang: whether anything was heard of a phone, such as a 180 or early media.
        placed: whether the trunk was asked at all.
    """
    if rang or reason not in REFUSALS:
        return False
    return not placed or (sip_code is not None and 300 <= sip_code < 700 and sip_code not in LEAVES_OPEN)


@dataclass(frozen=True, slots=True)
class FailOver:
    """The next dial goes over another trunk, not before `at`."""

    at: Instant
    trunk_no: int


def fail_over(
    ways: Ways,
    refused: Collection[int],
    takes: Callable[[int], bool],
    attempts_left: int,
    bounds: Bounds,
    ended_at: Instant,
    chance: float,
) -> FailOver | None:
    """Over which trunk a refused dial goes on; None where the retry policy has its say.

    Each trunk is asked once in a row: when all have refused, the policy's own wait is what ends the row.

    Args:
        ways: of the campaign.
        refused: the trunks that refused this call in a row, up to now.
        takes: whether a trunk takes dials at all.
        attempts_left: that the policy allows.
        bounds: the calling window, the lead's zones, and the end.
        ended_at: when the last one refused.
        chance: a number from 0 up to 1 that draws among equals by weight.
    """
    left = [way for way in ways if way.trunk_no not in refused and takes(way.trunk_no)]
    at = bounds.first_dial(ended_at) if left and attempts_left > 0 else None
    return None if at is None else FailOver(at, _draw(left, chance).trunk_no)


def _draw(ways: Sequence[Way], chance: float) -> Way:
    """One of the first priority, by weight."""
    first = min(way.priority for way in ways)
    equals = [way for way in ways if way.priority == first]
    place = chance * sum(way.weight for way in equals)
    for way in equals[:-1]:
        place -= way.weight
        if place < 0:
            return way
    return equals[-1]


def as_ways(trunk_no: int, stored: Iterable[Sequence[int]] | None) -> Ways:
    """The ways of a campaign by its row.

    Args:
        trunk_no: its preferred trunk. Where that is not the first of what is stored, somebody who knows of one trunk
            only has changed it since, and goes by that.
        stored: its ways as numbers, None where it has never had more than a trunk.
    """
    ways = tuple(Way(*numbers) for numbers in stored or ())
    return ways if ways and ways[0].trunk_no == trunk_no else (Way(trunk_no),)


def by_preference(ways: Iterable[Way]) -> Ways:
    """The lowest priority first; equals stay in the order in which they are named."""
    return tuple(sorted(ways, key=lambda way: way.priority))


def numbers_of(ways: Ways) -> list[list[Any]]:
    """Ways as they are stored."""
    return [list(way) for way in ways]
