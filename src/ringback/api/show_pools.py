"""Caller pools as the API answers them."""

from collections.abc import Iterable

from whenever import Instant

from ringback.api.show import Json, show_time
from ringback.domain.callers import CoolDown, Use, dials_left, rests_until, show_rate
from ringback.domain.waits import show_duration
from ringback.ids import CALLER_NUMBER, POOL, show
from ringback.store.caller_pools import cool_down_of, use_of
from ringback.store.database import Record


def show_listed_pool(row: Record) -> Json:
    """A pool without its numbers."""
    rule = cool_down_of(row)
    return {
        "id": show(POOL, row["pool_id"]),
        "name": row["name"],
        "local_presence": row["local_presence"],
        "dials_per_number": rule and show_rate(rule),
        "rest": show_duration(rule.rest_sec) if rule and rule.rest_sec else None,
        "size": row["size"],
        "created_at": show_time(row["created_at"]),
    }


def show_pool(row: Record, members: Iterable[Record], now: Instant) -> Json:
    """A pool with its numbers as they are at an instant."""
    rule = cool_down_of(row)
    return {
        **show_listed_pool(row),
        "numbers": [_member(member, rule, now) for member in members if member["number"] is not None],
    }


def _member(row: Record, rule: CoolDown | None, now: Instant) -> Json:
    """A number with its caps, what was dialled from it in its present span, and until when it rests."""
    use = use_of(row)
    dials = _dials(rule, use, now)
    return {
        "id": show(CALLER_NUMBER, row["caller_id"]),
        "number": row["number"],
        "max_concurrent_calls": row["caller_calls"],
        "dials_per_sec": row["caller_dials"],
        "dials": dials,
        "since": show_time(use.began_at) if use and dials else None,
        "rests_until": show_time(rests_until(rule, use, now)),
    }


def _dials(rule: CoolDown | None, use: Use | None, now: Instant) -> int | None:
    """Dials of the present span; None where the pool does not count."""
    if rule is None:
        return None
    if use is not None and rests_until(rule, use, now) is not None:
        return use.dials
    return rule.most - (dials_left(rule, use, now) or 0)
