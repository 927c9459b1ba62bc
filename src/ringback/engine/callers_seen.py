"""Callers seen: what keeps a dial from having a number of its pool, for who only looks."""

from collections.abc import Mapping

from whenever import Instant

from ringback.domain.callers import Member, rests_until
from ringback.domain.explain import Constraint, Kind
from ringback.domain.limits import LimitKey, LimitKind
from ringback.store import caller_pools
from ringback.store.caller_pools import PoolNow
from ringback.store.database import Connection, Record
from ringback.store.explain import Use


async def look_at_pool(db: Connection, lane: Record) -> PoolNow | None:
    """The caller pool of a lane, None where it has none."""
    if not lane["pool_no"]:
        return None
    key = (lane["workspace_no"], lane["pool_no"])
    return caller_pools.pools_now(await caller_pools.read_members(db, [key])).get(key)


def pool_is_full(pool: PoolNow, use: Mapping[LimitKey, Use], now: Instant) -> Constraint | None:
    """That none of the numbers that do not rest has room at this moment; None where one has, or all rest.

    Args:
        pool: of the dial.
        use: what is used of the limits of its numbers.
        now: this moment.
    """
    awake = [member for member in pool.pool.members if rests_until(pool.pool.cool_down, member.use, now) is None]
    if not awake or not all(_is_full(pool, member, use) for member in awake):
        return None
    keys = [pool.limit_of(member) for member in awake]
    calls = [(use[key].calls, (pool.caps[key] or (0, None))[0]) for key in keys]
    if any(most is not None and up >= most for up, most in calls):
        capped = [(up, most) for up, most in calls if most is not None]
        taken = {"up": sum(up for up, _ in capped), "cap": sum(most for _, most in capped)}
        return Constraint(Kind.SLOT, True, None, {"limit": LimitKind.POOL, **taken})
    paces = [(pool.caps[key] or (None, None))[1] or 0.0 for key in keys]
    taken = {"last_second": sum(use[key].dials for key in keys)}
    return Constraint(Kind.RATE, True, None, {"limit": LimitKind.POOL, **taken, "cap": sum(paces)})


def _is_full(pool: PoolNow, member: Member, use: Mapping[LimitKey, Use]) -> bool:
    key = pool.limit_of(member)
    most, pace = pool.caps[key] or (0, None)
    return (most is not None and use[key].calls >= most) or (pace is not None and use[key].dials >= pace)
