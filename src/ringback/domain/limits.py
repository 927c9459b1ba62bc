"""How many dials may begin now: what is left of each cap, shared among those who wait."""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.ways import Turns, Way, next_way


class LimitKind(StrEnum):
    """Whose cap it is."""

    WORKSPACE = "workspace"
    CAMPAIGN = "campaign"
    TRUNK = "trunk"
    CALLER = "caller"
    CARRIER = "carrier"
    """No cap of anybody's: what this node's own end of a trunk takes at the moment."""
    CHECK = "check"
    """Nor this: how many dials of a workspace this node may have checked at a time."""
    POOL = "caller_pool"
    """Nor this: what the numbers of a caller pool have left, all together."""


class LimitKey(NamedTuple):
    """One limit row: of a workspace, of one of its campaigns, trunks or caller numbers."""

    workspace_no: int
    kind: LimitKind
    ref_no: int


class LaneKey(NamedTuple):
    """Where dials wait: a campaign's, or the single calls of one trunk and one caller number.

    Attributes:
        workspace_no: the tenant.
        campaign_no: 0 holds the single calls.
        trunk_no: of the single calls; of a campaign's dials that must go over this one of its trunks, 0 for the others.
        caller_no: of single calls whose caller number has a limit of its own; below 0 that of their caller pool,
            0 otherwise.
    """

    workspace_no: int
    campaign_no: int
    trunk_no: int
    caller_no: int

    @property
    def is_given_trunk(self) -> bool:
        """Whether it is that of a campaign's dials that must go over one trunk."""
        return self.campaign_no != 0 and self.trunk_no != 0


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit leaves to this node.

    Attributes:
        slots: concurrent calls that may still begin; None is without a cap.
        dials_per_sec: the pace, more than 0; None for as fast as can be.
        next_dial_at: the pace's next free instant.
    """

    slots: int | None = None
    dials_per_sec: float | None = None
    next_dial_at: Instant | None = None


class LaneWay(NamedTuple):
    """A trunk over which the dials of a lane may go, with those of its own limits that have a cap."""

    way: Way
    limits: tuple[LimitKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane with a due dial.

    Attributes:
        key: which.
        limits: those that bind all its dials and have a cap.
        live: its calls that are up.
        weight: its share of the slots that it has in common with others.
        ways: the trunks over which its dials may go.
        turns: among those of the same priority.
    """

    key: LaneKey
    limits: tuple[LimitKey, ...]
    live: int = 0
    weight: int = 1
    ways: tuple[LaneWay, ...] = (LaneWay(Way(0)),)
    turns: Turns = field(default_factory=Turns)

    @property
    def all_limits(self) -> frozenset[LimitKey]:
        """Those that bind any of its dials."""
        return frozenset(self.limits).union(*(way.limits for way in self.ways))


def allot(
    lanes: Iterable[Lane], rooms: Mapping[LimitKey, Room], batch: int, now: Instant, ahead: TimeDelta
) -> dict[LaneKey, list[int]]:
    """How many dials each lane may begin, and over which trunk each of them goes: the sums stay within every limit.

    Each dial goes to the lane that has the least of them for its weight, so that none with a long queue starves the
    next. Among lanes that share scarce slots the calls that are up count as well: it is the slots that are shared.

    Args:
        lanes: those with a due dial, the longest waiting first.
        rooms: what each limit has left; a limit that is missing has nothing left.
        batch: at most so many dials in all.
        now: the instant of the claim.
        ahead: dials may be claimed so long before the pace lets them be placed.
    """
    lanes, shares = list(lanes), dict[LaneKey, list[int]]()
    left = {key: dials_now(room, batch, now, ahead) for key, room in rooms.items()}
    begins = _head_starts(lanes, {key for key, room in rooms.items() if room.slots is not None and room.slots <= batch})
    hungry = [(begin, place, lane) for place, (begin, lane) in enumerate(zip(begins, lanes, strict=True))]
    heapq.heapify(hungry)
    while hungry and batch > 0:
        _, place, lane = heapq.heappop(hungry)
        lane_way = _way(lane, left)
        if lane_way is None:
            continue
        limits = (*lane.limits, *lane_way.limits)
        take = 1 if hungry or len(lane.ways) > 1 else min([batch, *(left[key] for key in limits)])
        shares.setdefault(lane.key, []).extend([lane_way.way.trunk_no] * take)
        batch -= take
        for key in limits:
            left[key] -= take
        if len(lane.ways) > 1:
            lane = replace(lane, turns=lane.turns.taken(lane_way.way))
        heapq.heappush(hungry, (begins[place] + len(shares[lane.key]) / lane.weight, place, lane))
    return shares


def _way(lane: Lane, left: Mapping[LimitKey, int]) -> LaneWay | None:
    """The way that the next dial of a lane goes, None where there is no room for one."""
    if not all(left.get(key, 0) > 0 for key in lane.limits):
        return None
    ways = {each.way: each for each in lane.ways if all(left.get(key, 0) > 0 for key in each.limits)}
    way = next_way(ways, lane.turns)
    return None if way is None else ways[way]


def _head_starts(lanes: Sequence[Lane], scarce: set[LimitKey]) -> list[float]:
    """How much more each lane has up for its weight than the least of those with which it shares scarce slots."""
    if len(lanes) == 1:
        return [0.0]  # it shares them with nobody
    least: dict[LimitKey, float] = {}
    for lane in lanes:
        for key in scarce & lane.all_limits:
            least[key] = min(lane.live / lane.weight, least.get(key, math.inf))
    return [
        max((lane.live / lane.weight - least[key] for key in scarce & lane.all_limits), default=0.0) for lane in lanes
    ]


def split(share: int, retry_share: float, owed: float) -> tuple[int, float]:
    """How many of a lane's dials are redials where both kinds are due, and what they are owed after that.

    Args:
        share: the lane's dials.
        retry_share: of them for redials, 0 to 1.
        owed: from the last time: a share of one dial is settled over several claims.
    """
    owed += share * retry_share
    redials = min(int(owed + 1e-9), share)
    return redials, owed - redials


def dials_now(room: Room, batch: int, now: Instant, ahead: TimeDelta) -> int:
    """How many dials a limit lets begin now.

    Args:
        room: what it has left.
        batch: at most so many.
        now: the instant of the claim.
        ahead: dials may be claimed so long before the pace lets them be placed.
    """
    slots = batch if room.slots is None else max(room.slots, 0)
    if room.dials_per_sec is None:
        return min(slots, batch)
    first = now if room.next_dial_at is None else max(room.next_dial_at, now)
    paced = (now + ahead - first) // dial_gap(room.dials_per_sec) + 1
    return min(slots, max(paced, 0), batch)


def pace(
    gaps: Mapping[LimitKey, TimeDelta],
    next_dials: Mapping[LimitKey, Instant | None],
    dials: Sequence[tuple[LimitKey, ...]],
    now: Instant,
) -> tuple[list[Instant], dict[LimitKey, Instant]]:
    """When each dial is to be placed, and the next free instant of each pace after them.

    Evenly spaced dials never exceed a cap in any second, whichever instant the second starts at. A dial waits for the
    slowest of its limits, and the others go on from where it was placed: paced apart, and each dial given the latest
    of its slots, dials that one limit held up would come in a burst under another.

    Args:
        gaps: of each pace, the least time between two dials.
        next_dials: of each pace, its next free instant.
        dials: the paces of each dial, in the order in which they are to be placed.
        now: no dial is placed before.
    """
    free_at = {key: max(at or now, now) for key, at in next_dials.items()}
    slots = []
    for paces in dials:
        at = max((free_at[key] for key in paces), default=now)
        free_at |= {key: at + gaps[key] for key in paces}
        slots.append(at)
    used = {key for paces in dials for key in paces}
    return slots, {key: at for key, at in free_at.items() if key in used}


def dial_gap(dials_per_sec: float) -> TimeDelta:
    """The least time between two dials at this pace."""
    return TimeDelta(microseconds=math.ceil(1_000_000 / dials_per_sec))


def most_in_a_span(dials_per_sec: float) -> tuple[int, TimeDelta]:
    """How many dials there may be in which span, whenever it begins, so that no second has more than the pace.

    Dials that are late may be closer than their gap, as long as a second has no more than a whole pace. A pace that is
    not whole keeps its gap: two spans of its whole part could lie within one second.
    """
    whole = dials_per_sec >= 1 and dials_per_sec == int(dials_per_sec)
    return (int(dials_per_sec), TimeDelta(seconds=1)) if whole else (1, dial_gap(dials_per_sec))
