"""Permits: what this node may use of each cap without asking anybody, and what of it it uses."""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from whenever import Instant, TimeDelta

from ringback.clock import Clock
from ringback.domain.limits import LimitKey, Room, dial_gap
from ringback.domain.permits import Holding, dial_units, granted, rate
from ringback.engine.lease import MOST_CLOCK_SKEW, Lease
from ringback.events import Publish, Renewed
from ringback.store import grants
from ringback.store.database import Database
from ringback.store.grants import Cap, Grant, Standing

ASK_AGAIN = TimeDelta(milliseconds=250)
"""How soon a node that is short of permits asks again."""

ACTIVE = TimeDelta(seconds=1)
"""A node that had no due dial under a limit for so long wants nothing of it."""

SECOND = TimeDelta(seconds=1)
NOTHING = Cap(0, None, None)

Caps = tuple[int | None, float | None]
"""(concurrent calls, dials a second) of a limit; None is no cap."""

NO_CAP: Caps = (None, None)


@dataclass(slots=True)
class _Held:
    """What this node has of one limit, as of its last asking."""

    caps: Caps
    calls: int = 0
    units: int = 0
    next_dial_at: Instant | None = None


class Permits:
    """The node's permits.

    Args:
        database: where the grants are.
        clock: tells `now`.
        lease: of this node.
        publish: told of changes.

    Attributes:
        lock: held from the look at a room until what was claimed by it is committed.
        unknown: limits of the last look for which this node has not asked as they are now: it may have room there.
    """

    def __init__(self, database: Database, clock: Clock, lease: Lease, publish: Publish) -> None:
        self.lock = asyncio.Lock()
        self.unknown: set[LimitKey] = set()
        self._database, self._clock, self._lease, self._publish = database, clock, lease, publish
        self._node_no = 0
        self._held: dict[LimitKey, _Held] = {}
        self._in_use: Counter[LimitKey] = Counter()
        self._due_at: dict[LimitKey, Instant] = {}
        self._asked_at: dict[LimitKey, Instant] = {}
        self._short: set[LimitKey] = set()
        self._lost: list[tuple[Instant, int, int, tuple[LimitKey, ...]]] = []
        self._order = itertools.count()

    def follow_lease(self) -> int:
        """The number that the permits are held under; asked under the lock, for who has it goes by it to its end.

        Under a new one nothing is held, and what the old one left up is not counted here.
        """
        if self._node_no != self._lease.node_no:
            self._node_no = self._lease.node_no
            for state in (self._held, self._in_use, self._asked_at):
                state.clear()
        return self._node_no

    def rooms(self, caps: Mapping[LimitKey, Caps], now: Instant) -> dict[LimitKey, Room]:
        """What this node has left of the limits of due lanes that have a cap; nothing where it asked by another cap."""
        self._short.clear()
        self.unknown.clear()
        for key in [key for key, cap in caps.items() if cap == NO_CAP]:
            self._held.pop(key, None)  # what is dialled from here on is counted in by whoever asks next
        return {key: self._room(key, cap, now) for key, cap in caps.items() if cap != NO_CAP}

    def use(self, limits: Iterable[LimitKey], calls: int) -> None:
        """Count calls as up from here on, before their intents are committed."""
        for key in limits:
            self._in_use[key] += calls

    def free(self, node_no: int, limits: Iterable[LimitKey], calls: int = 1) -> None:
        """Count calls as over. Those of a lease that this node has lost are not its own to count any more."""
        if node_no == self._node_no:
            for key in limits:
                self._in_use[key] -= calls

    def free_later(self, node_no: int, limits: tuple[LimitKey, ...], until: Instant) -> None:
        """Count a call as up until then: nobody knows how it ended."""
        heapq.heappush(self._lost, (until, next(self._order), node_no, limits))

    def go_on_from(self, paces: Mapping[LimitKey, Instant]) -> None:
        """Remember when each pace lets its next dial go."""
        for key, at in paces.items():
            self._held[key].next_dial_at = at

    async def ask(self, now: Instant) -> bool:
        """Ask for what the last look was short of, unless that was done just now; returns whether anything was won."""
        keys = {key for key in self._short if self._asked_at.get(key, Instant.MIN) + ASK_AGAIN <= now}
        if not keys:
            return False
        async with self.lock:
            self.follow_lease()
            return await self._renew(keys, now)

    async def run_once(self) -> int:
        """Give back what others wait for, and stop counting calls that can no longer be up; returns 0, for a pause."""
        now = self._clock.now()
        while self._lost and self._lost[0][0] <= now:
            _, _, node_no, limits = heapq.heappop(self._lost)
            self.free(node_no, limits)
        if not self._lease.holds(now):
            return 0
        async with self.lock:
            node_no = self.follow_lease()
            async with self._database.connection() as db:
                wanted = await grants.to_look_at(db, node_no)
            if wanted:
                await self._renew(wanted, now)
        return 0

    def _room(self, key: LimitKey, caps: Caps, now: Instant) -> Room:
        self._due_at[key] = now
        held = self._held.get(key)
        if held is None or held.caps != caps:
            self._asked_at.pop(key, None)  # this is asked for at once
            self._short.add(key)
            self.unknown.add(key)
            return Room(slots=0)
        most, dials_per_sec = caps
        slots = None if most is None else held.calls - self._in_use[key]
        if most is not None and held.calls - self._in_use[key] < 1 and held.calls < most:
            self._short.add(key)
        if dials_per_sec is None:
            return Room(slots)
        if held.units < dial_units(dials_per_sec):
            self._short.add(key)
        if not held.units:
            return Room(slots=0)
        return Room(slots, rate(dials_per_sec, held.units), held.next_dial_at)

    async def _renew(self, keys: set[LimitKey], now: Instant) -> bool:
        """Ask under the locks. What is given back is not used from before the commit on, what is won from after it."""
        self._asked_at.update(dict.fromkeys(keys, now))
        async with self._database.transaction() as db:
            standing = await grants.lock(db, self._node_no, now, keys, new=not keys <= self._held.keys())
            if standing is None:
                return False
            before = {key: self._mine(key, standing) for key in keys}
            after = {key: self._wanted(key, standing, now) for key in keys}
            for key, grant in after.items():
                self._give_back(key, grant)
            if changed := [grant for key, grant in after.items() if grant != before[key]]:
                await grants.write(db, self._node_no, changed)
            if freed := [key for key in keys if after[key].dials < before[key].dials]:
                await grants.dials_freed(db, freed, now)
        for key in keys:
            self._take(key, standing.caps.get(key, NOTHING), after[key], now)
        if changed:
            more = sum(max(after[k].calls - before[k].calls, 0) for k in keys)
            less = sum(max(before[k].calls - after[k].calls, 0) for k in keys)
            self._publish(Renewed(len(changed), more, less, (self._clock.now() - now).total("seconds")))
        return any(after[k].calls > before[k].calls or after[k].dials > before[k].dials for k in keys)

    def _wanted(self, key: LimitKey, standing: Standing, now: Instant) -> Grant:
        """What this node is to hold of a limit from now on."""
        cap, mine = standing.caps.get(key, NOTHING), self._mine(key, standing)
        active = self._due_at.get(key, Instant.MIN) + ACTIVE >= now
        others = [(no, grant) for no, grant in standing.grants.get(key, {}).items() if no != self._node_no]
        most, units, in_use = cap.max_concurrent_calls or 0, dial_units(cap.dials_per_sec), self._in_use[key]
        calls = granted(
            most,
            Holding(self._node_no, mine.calls, active),
            in_use,
            [Holding(no, grant.calls, grant.wants_calls) for no, grant in others],
        )
        dials = granted(
            units,
            Holding(self._node_no, mine.dials, active),
            0,
            [Holding(no, grant.dials, grant.wants_dials) for no, grant in others],
        )
        if cap.max_concurrent_calls is None:
            calls = 0
        if standing.beside_an_old_node:
            calls, dials = min(calls, max(in_use, mine.calls)), min(dials, mine.dials)
        return Grant(*mine[:3], calls, dials, active and calls < most, active and dials < units)

    def _mine(self, key: LimitKey, standing: Standing) -> Grant:
        none = Grant(key.workspace_no, str(key.kind), key.ref_no, 0, 0, False, False)
        return standing.grants.get(key, {}).get(self._node_no, none)

    def _give_back(self, key: LimitKey, grant: Grant) -> None:
        if (held := self._held.get(key)) is not None:
            held.calls, held.units = min(held.calls, grant.calls), min(held.units, grant.dials)

    def _take(self, key: LimitKey, cap: Cap, after: Grant, now: Instant) -> None:
        held = self._held.get(key) or _Held(NO_CAP)
        more, self._held[key] = after.dials > held.units, held
        held.caps = (cap.max_concurrent_calls, cap.dials_per_sec)
        held.calls, held.units = after.calls, after.dials
        if cap.dials_per_sec is not None and more and cap.dials_freed_at is not None:
            held.next_dial_at = _later(held.next_dial_at, _usable_at(cap.dials_per_sec, cap.dials_freed_at, now))


def _usable_at(dials_per_sec: float, freed_at: Instant, now: Instant) -> Instant:
    """When a part of a pace that another node gave back may be used: no second sees the dials of both."""
    apart = max(SECOND, dial_gap(dials_per_sec))
    return min(freed_at + apart + MOST_CLOCK_SKEW * 2, now + apart)


def _later(one: Instant | None, other: Instant) -> Instant:
    return other if one is None else max(one, other)
