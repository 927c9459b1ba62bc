"""From which number of a pool a dial goes: the one that the lead knows, one from nearby, or whose turn it is."""

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.decision import Rule, Withheld, show_instant
from ringback.domain.place import NORTH_AMERICA, place_of
from ringback.domain.waits import read_duration, show_duration
from ringback.errors import Invalid

MOST_NUMBERS = 500
MOST_DIALS, LONGEST_SEC = 100_000, 366 * 86_400
LOOK_AGAIN = TimeDelta(hours=1)
"""A pool that has lost all its numbers is looked at again so soon."""

EVERYWHERE = "all"
"""The tier of all numbers of a pool."""

_RATE = re.compile("([1-9][0-9]{0,5}) per ([0-9a-z]+)")


class CoolDown(NamedTuple):
    """After how many dials a number rests.

    Attributes:
        most: dials from its first one on, within the span.
        span_sec: seconds from that first dial on; with the next dial after them a new span begins.
        rest_sec: a number that has had all its dials rests at least so long after the last; None for what is left of
            the span.
    """

    most: int
    span_sec: int
    rest_sec: int | None = None


class Use(NamedTuple):
    """What was dialled from a number in its present span, or the last one."""

    began_at: Instant
    dials: int
    last_at: Instant


class Member(NamedTuple):
    """One number of a pool.

    Attributes:
        caller_no: which.
        number: E.164.
        use: what was dialled from it, None for nothing yet, or where the pool does not count.
    """

    caller_no: int
    number: str
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Caller numbers that stand in for one another.

    Attributes:
        pool_id: its public id.
        members: its numbers.
        local_presence: whether a lead is called from nearby where that can be.
        cool_down: when its numbers rest, None for never.
    """

    pool_id: str
    members: tuple[Member, ...]
    local_presence: bool = True
    cool_down: CoolDown | None = None


class Ask(NamedTuple):
    """A dial that wants a number.

    Attributes:
        to_number: E.164.
        last_number: from which the call was dialled before, None for a first dial.
        rotates: whether the policy wants another one than that.
    """

    to_number: str
    last_number: str | None = None
    rotates: bool = False


def rests_until(rule: CoolDown | None, use: Use | None, now: Instant) -> Instant | None:
    """Until when a number rests, None for one that does not."""
    if rule is None or use is None or use.dials < rule.most:
        return None
    until = use.began_at + TimeDelta(seconds=rule.span_sec)
    if rule.rest_sec is not None:
        until = max(until, use.last_at + TimeDelta(seconds=rule.rest_sec))
    return until if now < until else None


def dials_left(rule: CoolDown | None, use: Use | None, now: Instant) -> int | None:
    """How many dials a number may have before it rests, 0 for one that does; None where it never does."""
    if rule is None:
        return None
    if rests_until(rule, use, now) is not None:
        return 0
    return rule.most - (use.dials if use is not None and _is_in_span(rule, use, now) else 0)


def used(rule: CoolDown, use: Use | None, dials: int, now: Instant) -> Use:
    """What was dialled from a number after so many dials more."""
    if use is None or not _is_in_span(rule, use, now):
        return Use(now, dials, now)
    return Use(use.began_at, use.dials + dials, now)


def resting(pool: Pool, now: Instant) -> Withheld | None:
    """Why nothing can be dialled from a pool now, with when its first number has rested; None where one can."""
    ends = [rests_until(pool.cool_down, member.use, now) for member in pool.members]
    free = [at for at in ends if at is not None]
    if len(free) < len(ends):
        return None
    inputs = {"caller_pool_id": pool.pool_id, "numbers": len(ends)}
    if pool.cool_down is not None:
        inputs |= {"dials_per_number": show_rate(pool.cool_down)}
    first = min(free, default=None)
    return Withheld(Rule.CALLER_REST, first or now + LOOK_AGAIN, inputs | {"since": _since(pool)})


def assign(
    pool: Pool, asks: Iterable[Ask], left: Mapping[int, int], turns: Mapping[int, int]
) -> tuple[list[Member | None], dict[int, int]]:
    """From which number each dial goes, None where none has room for it; and the turns after that.

    A redial goes from the number that the lead has seen, unless its policy rotates. Else a number with the same area
    code is taken, else one of the same state or province, else one of the same country, else any of the pool. Of those
    that would do, the one is taken whose last dial is the longest ago: none has anything to catch up on after a rest.

    Args:
        pool: the numbers.
        asks: the dials, in their order.
        left: by caller_no, how many dials may still begin; one that is missing has no room.
        turns: by caller_no, the turn of its last dial; one that is missing has had none.
    """
    rota = _Rota(pool, dict(left), dict(turns))
    return [rota.next(ask) for ask in asks], rota.turns


def parse_rate(text: Any, field: str) -> CoolDown | None:
    """How many dials a number may have in how long, from a text such as `100 per 1d`; None for no rule.

    Raises:
        Invalid: it says something else, with a right example.
    """
    if text is None:
        return None
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    span_sec = read_duration(match[2]) if match else None
    if match is None or span_sec is None or int(match[1]) > MOST_DIALS or span_sec > LONGEST_SEC:
        raise Invalid(
            [
                f"{field} must be so many dials per so long, such as '100 per 1d', at most {MOST_DIALS} "
                f"in at most {LONGEST_SEC // 86_400}d, or null"
            ]
        )
    return CoolDown(int(match[1]), span_sec)


def parse_rest(text: Any, field: str) -> int | None:
    """How long a number rests, in seconds, from a text such as `12h`; None for no such rule.

    Raises:
        Invalid: it says something else, with a right example.
    """
    if text is None:
        return None
    sec = read_duration(text) if isinstance(text, str) else None
    if sec is None or sec > LONGEST_SEC:
        raise Invalid([f"{field} must be a duration with its unit, such as '12h' or '2d', or null"])
    return sec


def show_rate(rule: CoolDown) -> str:
    """The written form of how many dials a number may have in how long."""
    return f"{rule.most} per {show_duration(rule.span_sec)}"


def _is_in_span(rule: CoolDown, use: Use, now: Instant) -> bool:
    return use.dials < rule.most and now < use.began_at + TimeDelta(seconds=rule.span_sec)


def _since(pool: Pool) -> str | None:
    """When the last of its numbers was dialled from: since then all rest."""
    return max((show_instant(member.use.last_at) for member in pool.members if member.use), default=None)


@lru_cache(maxsize=100_000)
def _tiers(number: str) -> tuple[str, ...]:
    """Where a number is at home, the narrowest first."""
    place = place_of(number)
    area = (number[:5],) if number.startswith(NORTH_AMERICA) and place.regions else ()
    return (*area, *(place.regions or ()), *((place.country,) if place.country else ()), EVERYWHERE)


class _Rota:
    """The numbers of a pool in the order of their turns, while dials are given theirs."""

    def __init__(self, pool: Pool, left: dict[int, int], turns: dict[int, int]) -> None:
        self.turns = turns
        self._left = left
        self._last_turn = max(turns.values(), default=0)
        self._members = {member.caller_no: member for member in pool.members}
        self._by_number = {member.number: member for member in pool.members}
        self._is_local = pool.local_presence
        self._lines: dict[str, list[tuple[int, int]]] = {}
        for member in pool.members:
            for tier in self._tiers_of(member.number):
                self._lines.setdefault(tier, []).append((turns.get(member.caller_no, 0), member.caller_no))
        for line in self._lines.values():
            heapq.heapify(line)

    def next(self, ask: Ask) -> Member | None:
        """The number of one dial; its turn is over with that."""
        last = None if ask.last_number is None else self._by_number.get(ask.last_number)
        if last is not None and not ask.rotates and self._has_room(last.caller_no):
            return self._take(last.caller_no)
        others = self._first(ask.to_number, last.caller_no if last is not None else None)
        if others is not None:
            return self._take(others)
        return self._take(last.caller_no) if last is not None and self._has_room(last.caller_no) else None

    def _first(self, to_number: str, but: int | None) -> int | None:
        """Whose turn it is, but for one, in the narrowest tier in which there is any."""
        found = (self._first_of(self._lines.get(tier, []), but) for tier in self._tiers_of(to_number))
        return next((caller_no for caller_no in found if caller_no is not None), None)

    def _first_of(self, line: list[tuple[int, int]], but: int | None) -> int | None:
        passed, found = None, None
        while line and found is None:
            turn, caller_no = heapq.heappop(line)
            if not self._has_room(caller_no):
                continue  # for good: nothing is given back here
            if turn != self.turns.get(caller_no, 0):
                heapq.heappush(line, (self.turns[caller_no], caller_no))
            elif caller_no == but:
                passed = (turn, caller_no)
            else:
                found = caller_no
                heapq.heappush(line, (turn, caller_no))
        if passed is not None:
            heapq.heappush(line, passed)
        return found

    def _take(self, caller_no: int) -> Member:
        self._last_turn += 1
        self.turns[caller_no] = self._last_turn
        self._left[caller_no] -= 1
        return self._members[caller_no]

    def _has_room(self, caller_no: int) -> bool:
        return self._left.get(caller_no, 0) > 0

    def _tiers_of(self, number: str) -> tuple[str, ...]:
        return _tiers(number) if self._is_local else (EVERYWHERE,)
