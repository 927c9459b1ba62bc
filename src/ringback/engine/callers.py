"""Callers: give each dial of a caller pool its number, within the claim and before its intent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.callers import Ask, Member, Pool, assign, dials_left, resting, used
from ringback.domain.decision import Withheld
from ringback.domain.limits import LimitKey, Room, dials_now
from ringback.engine.live import LiveAttempt, Route
from ringback.engine.routes import LaneRoutes
from ringback.store import caller_pools
from ringback.store.attempts import Key
from ringback.store.caller_pools import PoolKey, PoolNow
from ringback.store.database import Connection, Record
from ringback.store.queue import Counted

Pools = Mapping[PoolKey, PoolNow]
"""Those of a claim."""

Rooms = Mapping[LimitKey, Room]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much a claim takes, and when.

    Attributes:
        batch: at most so many dials.
        now: its instant.
        ahead: those of a pace are claimed so long before theirs.
    """

    batch: int
    now: Instant
    ahead: TimeDelta


@dataclass(slots=True)
class Unnumbered:
    """The dials of a claim for which there is no number.

    Attributes:
        withheld: those that wait until one has rested, and why.
        crowded: those for which none has room at this moment: they stay due.
    """

    withheld: dict[Key, Withheld] = field(default_factory=dict)
    crowded: set[Key] = field(default_factory=set)

    def __contains__(self, key: Key) -> bool:
        return key in self.withheld or key in self.crowded

    def add(self, intents: Iterable[LiveAttempt], pool: Pool, now: Instant) -> None:
        """Take in the dials that get no number of a pool."""
        rests = resting(pool, now)
        for attempt in intents:
            if rests is None:
                self.crowded.add(attempt.key)
            else:
                self.withheld[attempt.key] = rests


class Callers:
    """Knows whose turn it is among the numbers of each pool, by what this node has dialled."""

    def __init__(self) -> None:
        self._turns: dict[PoolKey, dict[int, int]] = {}

    def number(
        self, intents: Sequence[LiveAttempt], rows: Iterable[Record], pools: Pools, rooms: Rooms, scale: Scale
    ) -> Unnumbered:
        """Give the dials of a claim their numbers; returns those that get none.

        Args:
            intents: the dials.
            rows: what they were made of.
            pools: those that they go by.
            rooms: of the limits that have a cap.
            scale: of the claim.
        """
        last = {(row["workspace_no"], row["call_id"], row["attempt"]): row["last_number"] for row in rows}
        taken = Counter((a.key[0], a.route.caller_no) for a in intents if not a.route.pool_no)
        without = Unnumbered()
        for key, pool in pools.items():
            mine = [a for a in intents if (a.key[0], a.route.pool_no) == key]
            asks = [Ask(a.dial.to_number, last[a.key], a.plan.policy.rotates_caller) for a in mine]
            left = _left(pool, rooms, taken, scale)
            members, self._turns[key] = assign(pool.pool, asks, left, self._turns.get(key, {}))
            without.add([a for a, member in zip(mine, members, strict=True) if member is None], pool.pool, scale.now)
            _go_from(pool, [(a, member) for a, member in zip(mine, members, strict=True) if member is not None])
        return without


async def hold_pools(db: Connection, lanes: LaneRoutes) -> Pools:
    """The pools of the lanes of a claim; without any, no statement is run. One that is not found has no numbers."""
    routes = ((key.workspace_no, route.pool_no) for key, ways in lanes.items() for route in ways.values())
    keys = {key for key in routes if key[1]}
    held = await caller_pools.hold_members(db, keys) if keys else {}
    return {key: held.get(key) or PoolNow(key, Pool("unknown", ()), {}) for key in keys}


def caps_of(pools: Pools) -> dict[LimitKey, tuple[int | None, float | None]]:
    """The caps of all their numbers."""
    return {key: caps for pool in pools.values() for key, caps in pool.caps.items() if caps is not None}


def pool_rooms(pools: Pools, rooms: Rooms, scale: Scale) -> dict[LimitKey, Room]:
    """What the numbers of each pool have left, all together, where that is less than a claim takes.

    Where all of them rest there is no bound: dials are taken to be withheld.

    Args:
        pools: of the claim.
        rooms: of the limits that have a cap.
        scale: of the claim.
    """
    awake = (pool for pool in pools.values() if resting(pool.pool, scale.now) is None)
    left = {pool.limit: sum(_left(pool, rooms, Counter(), scale).values()) for pool in awake}
    return {key: Room(slots=slots) for key, slots in left.items() if slots < scale.batch}


def counted(intents: Iterable[LiveAttempt], pools: Pools, now: Instant) -> list[Counted]:
    """What was dialled from each number with these dials, where its pool counts."""
    dials = Counter(((a.key[0], a.route.pool_no), a.route.caller_no) for a in intents if a.route.pool_no)
    uses = {(key, member.caller_no): member.use for key, pool in pools.items() for member in pool.pool.members}
    return [
        Counted(key[0], caller_no, *used(rule, uses[key, caller_no], count, now))
        for (key, caller_no), count in sorted(dials.items())
        if (rule := pools[key].pool.cool_down) is not None
    ]


def _left(pool: PoolNow, rooms: Rooms, taken: Mapping[PoolKey, int], scale: Scale) -> dict[int, int]:
    """By number, how many dials may begin from it now, besides those that were given to it otherwise."""
    left = {}
    for member in pool.pool.members:
        by_caps = _by_caps(pool, member, rooms, scale) - taken[pool.key[0], member.caller_no]
        by_rest = dials_left(pool.pool.cool_down, member.use, scale.now)
        left[member.caller_no] = by_caps if by_rest is None else min(by_caps, by_rest)
    return left


def _by_caps(pool: PoolNow, member: Member, rooms: Rooms, scale: Scale) -> int:
    key = pool.limit_of(member)
    if pool.caps[key] is None:
        return 0
    return dials_now(rooms[key], scale.batch, scale.now, scale.ahead) if key in rooms else scale.batch


def _go_from(pool: PoolNow, dials: Iterable[tuple[LiveAttempt, Member]]) -> None:
    routes = dict[tuple[int, int], Route]()
    for attempt, member in dials:
        way = (id(attempt.route), member.caller_no)  # the dials of a lane share theirs
        if way not in routes:
            limits = (*attempt.route.limits, pool.limit_of(member))
            routes[way] = replace(attempt.route, caller_no=member.caller_no, limits=limits)
        attempt.dial = msgspec.structs.replace(attempt.dial, from_number=member.number)
        attempt.route = routes[way]
