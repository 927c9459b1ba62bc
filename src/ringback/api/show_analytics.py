"""What attempts came to, as the API answers it."""

from typing import Any

from ringback.api.show import Json
from ringback.domain.analytics import Share, Side, Sums, Value, lay_out, wilson
from ringback.ids import CAMPAIGN, TRUNK, show
from ringback.store.analytics import Found, Named

_PREFIXES = {Side.TRUNK: TRUNK, Side.CAMPAIGN: CAMPAIGN}


def show_attempts(found: Found, sides: tuple[Side, ...], days: tuple[str, ...]) -> Json:
    """The groups in their order, those of which there is no attempt among them, and the whole."""
    return {
        "from": days[0],
        "to": days[-1],
        "group_by": [str(side) for side in sides],
        "data": [
            {"group": _group(sides, group, found), **show_sums(sums)}
            for group, sums in lay_out(sides, found.groups, days)
        ],
        "total": show_sums(found.whole),
    }


def show_sums(sums: Sums) -> Json:
    """The sums of a group with its shares; what nothing is known of is null, and not 0."""
    there = sums.attempts > 0
    return {
        "attempts": sums.attempts,
        "calls": sums.calls,
        "answered": sums.answered,
        "reached": sums.reached,
        "answer_rate": show_share(wilson(sums.answered, sums.attempts)),
        "reach": show_share(wilson(sums.reached, sums.calls)),
        "connected_sec": sums.connected_sec if there else None,
        "billed_sec": sums.billed_sec if there else None,
        "minutes": round(sums.connected_sec / 60, 2) if there else None,
        "cost_micros": sums.cost_micros if there else None,
        "currency": sums.currency,
        "cost_per_reached_micros": _cost_per_reached(sums),
    }


def show_share(share: Share | None) -> Json | None:
    """A share with its interval; null where there is nothing to take a share of."""
    if share is None:
        return None
    return {name: round(value, 6) for name, value in share._asdict().items()}


def _cost_per_reached(sums: Sums) -> int | None:
    return None if sums.cost_micros is None or not sums.reached else -(-sums.cost_micros // sums.reached)


def _group(sides: tuple[Side, ...], group: tuple[Value, ...], found: Found) -> Json:
    return {
        str(side): _named(side, found.names[side].get(value)) if side in _PREFIXES else value
        for side, value in zip(sides, group, strict=True)
    }


def _named(side: Side, named: Named | None) -> Any:
    return named and {"id": show(_PREFIXES[side], named.id), "name": named.name}
