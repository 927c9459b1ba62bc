"""Two retry policies side by side, as the API answers it."""

from typing import Any

from ringback.api.show import Json
from ringback.domain.comparison import Estimate, Expected, Interval, difference, expected
from ringback.domain.policy_form import show_policy
from ringback.domain.retry import RetryPolicy

MOST_UNKNOWN = 20
"""Redials of which nothing is known that are named, the most frequent first."""


def show_comparison(a: RetryPolicy, b: RetryPolicy, of_a: Estimate, of_b: Estimate) -> Json:
    """Both policies and by how much b is above a; null where the past does not tell."""
    both = of_a.is_supported and of_b.is_supported
    return {
        "a": _show_one(a, of_a),
        "b": _show_one(b, of_b),
        "difference": _show_expected(difference(of_a, of_b)) if both else None,
    }


def _show_one(policy: RetryPolicy, found: Estimate) -> Json:
    return {
        "retry": show_policy(policy),
        "supported": found.is_supported,
        "expected": _show_expected(expected(found)) if found.is_supported else None,
        "calls_to_the_end": found.whole,
        "missing_share": round(found.missing, 6),
        "missing": [
            {
                "attempt": one.attempt,
                "after": one.after,
                "rule": one.rule,
                "share": round(one.share, 6),
                "message": f"too few calls were redialled by '{one.rule}' after attempt {one.attempt}",
            }
            for one in found.unknown[:MOST_UNKNOWN]
        ],
    }


def _show_expected(found: Expected) -> Json:
    minutes = Interval(*(value / 60 for value in found.connected_sec))
    return {
        "reach": _show(found.reach),
        "attempts": _show(found.attempts),
        "minutes": _show(minutes),
    }


def _show(interval: Interval) -> dict[str, Any]:
    return {name: round(value, 6) for name, value in interval._asdict().items()}
