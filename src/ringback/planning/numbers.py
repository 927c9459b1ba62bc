"""From which numbers of its caller pool the dials of a run go."""

from collections.abc import Sequence
from dataclasses import replace

from whenever import TimeDelta

from ringback.domain.callers import CoolDown, Member, Use
from ringback.domain.decision import Withheld
from ringback.domain.limits import LimitKey, Room
from ringback.engine.callers import Callers, Scale, caps_of, counted, pool_rooms
from ringback.engine.live import LiveAttempt
from ringback.planning.stage import Caps, Lead, Stage
from ringback.store.caller_pools import PoolKey, PoolNow

Pair = tuple[Lead, LiveAttempt]


class Numbers:
    """Gives dials their numbers, and remembers what was dialled from each.

    Args:
        stage: with the pool of its campaign, where that has one.
        tick: a dial for which no number has room is looked at again so soon.
    """

    def __init__(self, stage: Stage, tick: TimeDelta) -> None:
        self._pools: dict[PoolKey, PoolNow] = {key: _part(pool, stage.each) for key, pool in stage.pools.items()}
        self._callers, self._tick = Callers(), tick

    @property
    def caps(self) -> dict[LimitKey, Caps]:
        """Those of the numbers."""
        return {key: caps for key, caps in caps_of(self._pools).items() if caps != (None, None)}

    def rooms(self, rooms: dict[LimitKey, Room], scale: Scale) -> dict[LimitKey, Room]:
        """What the numbers have left, all together."""
        return pool_rooms(self._pools, rooms, scale)

    def give(self, pairs: list[Pair], rooms: dict[LimitKey, Room], scale: Scale) -> tuple[list[Pair], list[Lead]]:
        """Give dials their numbers; returns those that have one, and the leads that wait for one."""
        if not self._pools or not pairs:
            return pairs, []
        attempts, leads = [attempt for _, attempt in pairs], [lead for lead, _ in pairs]
        without = self._callers.number(attempts, leads, self._pools, rooms, scale)
        waiting = [lead for lead, attempt in pairs if attempt.key in without]
        for lead, attempt in pairs:
            if attempt.key in without:
                why: Withheld | None = without.withheld.get(attempt.key)
                lead.due_at = (why.next_at if why else None) or scale.now + self._tick
        going = [pair for pair in pairs if pair[1].key not in without]
        self._note([attempt for _, attempt in going], scale)
        return going, waiting

    def _note(self, attempts: Sequence[LiveAttempt], scale: Scale) -> None:
        """Remember what was dialled from which, where numbers rest."""
        found = counted(attempts, self._pools, scale.now)
        uses = {(one.workspace_no, one.caller_no): Use(one.began_at, one.dials, one.last_at) for one in found}
        for key, pool in self._pools.items() if uses else ():
            members = tuple(_used(member, uses.get((key[0], member.caller_no))) for member in pool.pool.members)
            self._pools[key] = replace(pool, pool=replace(pool.pool, members=members))


def _used(member: Member, use: Use | None) -> Member:
    return member if use is None else member._replace(use=use)


def _part(pool: PoolNow, each: float) -> PoolNow:
    """What leads have of a pool who stand for so many each: of its numbers' caps, and of their dials before a rest."""
    caps = {key: cap and part_of_caps(cap, each) for key, cap in pool.caps.items()}
    rule = pool.pool.cool_down
    if rule is None or each == 1:
        return replace(pool, caps=caps)
    members = tuple(_used(m, m.use and m.use._replace(dials=round(m.use.dials / each))) for m in pool.pool.members)
    rests = CoolDown(max(1, round(rule.most / each)), *rule[1:])
    return replace(pool, pool=replace(pool.pool, members=members, cool_down=rests), caps=caps)


def part_of_caps(caps: Caps, each: float) -> Caps:
    """What leads have of a cap who stand for so many each."""
    most, pace = caps
    return None if most is None else max(1, round(most / each)), None if pace is None else pace / each
