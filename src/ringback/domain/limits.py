"""How many dials may begin now: caps on concurrent calls and on dials a second, shared among those who wait."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from whenever import Instant, TimeDelta


class LimitKind(StrEnum):
    """Whose cap it is."""

    WORKSPACE = "workspace"
    CAMPAIGN = "campaign"
    TRUNK = "trunk"


@dataclass(frozen=True, slots=True)
class LimitKey:
    """One limit row: of a workspace, of one of its campaigns or of one of its trunks."""

    workspace_no: int
    kind: LimitKind
    ref_no: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit has left.

    Attributes:
        slots: concurrent calls that may still begin; None is without a cap.
        dials_per_sec: the pace, more than 0; None for as fast as can be.
        next_dial_at: the pace's next free instant.
    """

    slots: int | None = None
    dials_per_sec: float | None = None
    next_dial_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """The waiting dials of one campaign over one trunk; single calls have a lane for each trunk.

    Attributes:
        key: (workspace_no, campaign_no, trunk_no); campaign_no 0 holds the single calls.
        limits: the limits that bind it.
    """

    key: tuple[int, int, int]
    limits: tuple[LimitKey, ...]


def allot(
    lanes: Iterable[Lane], rooms: Mapping[LimitKey, Room], batch: int, now: Instant, ahead: TimeDelta
) -> dict[Lane, int]:
    """How many dials each lane may begin: the sums stay within every limit.

    The lanes take turns, so that one with a long queue does not starve the next.

    Args:
        lanes: those with a due dial, the longest waiting first.
        rooms: what each limit has left; a limit that is missing has nothing left.
        batch: at most so many dials in all.
        now: the instant of the claim.
        ahead: dials may be claimed so long before the pace lets them be placed.
    """
    lanes = list(lanes)
    left = {key: _count(room, batch, now, ahead) for key, room in rooms.items()}
    shares = dict.fromkeys(lanes, 0)
    while batch > 0:
        hungry = [lane for lane in lanes if all(left.get(key, 0) > 0 for key in lane.limits)]
        if not hungry:
            break
        least = min((left[key] for lane in hungry for key in lane.limits), default=batch)
        turn = max(min(batch, least) // len(hungry), 1)
        for lane in hungry:
            take = min([turn, batch, *(left[key] for key in lane.limits)])
            shares[lane] += take
            batch -= take
            for key in lane.limits:
                left[key] -= take
    return {lane: count for lane, count in shares.items() if count}


def _count(room: Room, batch: int, now: Instant, ahead: TimeDelta) -> int:
    slots = batch if room.slots is None else max(room.slots, 0)
    if room.dials_per_sec is None:
        return min(slots, batch)
    first = _first_slot(room, now)
    paced = (now + ahead - first) // _gap(room.dials_per_sec) + 1
    return min(slots, max(paced, 0), batch)


def _first_slot(room: Room, now: Instant) -> Instant:
    return now if room.next_dial_at is None else max(room.next_dial_at, now)


def pace(room: Room, count: int, now: Instant) -> tuple[list[Instant], Room]:
    """When each of `count` dials is to be placed, evenly apart, and the room after them.

    Evenly spaced dials never exceed the cap in any second, whichever instant the second starts at. They fall on whole
    microseconds, which is what the store keeps: rounded there, the next free instant could move back.
    """
    if room.dials_per_sec is None:
        return [now] * count, room
    first, gap = _first_tick(room, now), _gap(room.dials_per_sec)
    slots = [first + gap * n for n in range(count + 1)]
    return slots[:count], replace(room, next_dial_at=slots[count])


def pace_all(
    rooms: Mapping[LimitKey, Room], dials: Iterable[tuple[LimitKey, ...]], now: Instant
) -> tuple[list[Instant], dict[LimitKey, Room]]:
    """When each dial is to be placed where it may be under several paces at once, and the rooms that this changes.

    A dial waits for the slowest of its limits, and the others go on from where it was placed. Paced apart, and each
    dial given the latest of its slots, dials that one limit held up would come in a burst under another.

    Args:
        rooms: what each limit has left; those without a pace hold nothing up.
        dials: the limits of each dial, in the order in which they are to be placed.
        now: no dial is placed before.
    """
    gaps = {key: _gap(room.dials_per_sec) for key, room in rooms.items() if room.dials_per_sec is not None}
    after: dict[LimitKey, Instant] = {}
    slots = []
    for limits in dials:
        paced = [key for key in limits if key in gaps]
        at = max((after.get(key) or _first_tick(rooms[key], now) for key in paced), default=now)
        after |= {key: at + gaps[key] for key in paced}
        slots.append(at)
    return slots, {key: replace(rooms[key], next_dial_at=at) for key, at in after.items()}


def gap(rooms: Iterable[Room]) -> TimeDelta:
    """The least time between two dials under these limits: none where none of them has a pace."""
    return max((_gap(room.dials_per_sec) for room in rooms if room.dials_per_sec is not None), default=TimeDelta())


def _first_tick(room: Room, now: Instant) -> Instant:
    return _first_slot(room, now).round("microsecond", mode="ceil")


def _gap(dials_per_sec: float) -> TimeDelta:
    return TimeDelta(microseconds=math.ceil(1_000_000 / dials_per_sec))
