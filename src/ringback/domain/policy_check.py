"""What a retry policy says and could never do."""

from collections.abc import Iterator
from typing import NamedTuple

from ringback.domain.retry import RetryPolicy
from ringback.domain.waits import show_duration, show_wait

SHORTEST_DAY_SEC = 23 * 3_600
"""A local day whose clocks are put forward."""


EXAMPLE = "{'min_gap': '4h', 'expires_after': '7d'}"


class Said(NamedTuple):
    """What a caller wrote: nobody is told off for what the default policy says.

    Attributes:
        field: how they call the policy.
        after: whether they gave `after`.
        max_attempts: whether they gave `max_attempts`.
    """

    field: str
    after: bool
    max_attempts: bool


def contradictions(policy: RetryPolicy, said: Said) -> list[str]:
    """A line for each thing that could never come about, with what would mend it."""
    expires = policy.expires_after_sec
    if expires is None or policy.max_attempts == 1:
        return []
    gap, until = policy.spacing.min_gap_sec, f"{said.field}.expires_after ({show_duration(expires)})"
    if gap is not None and gap >= expires:
        return [
            f"{said.field}.min_gap ({show_duration(gap)}) is not below {until}: no call could ever be redialled; "
            f"shorten it, such as {EXAMPLE}, or leave expires_after out"
        ]
    faults = list(_too_long(policy, expires, until, said.field)) if said.after else []
    reach = _attempts_in(policy, expires)
    if said.max_attempts and not faults and reach < policy.max_attempts:
        faults.append(
            f"{said.field}.max_attempts is {policy.max_attempts}, and by the waits, min_gap and max_per_day at most "
            f"{reach} could be made before {until}: set it to {reach}, or leave "
            "expires_after out"
        )
    return faults


def _too_long(policy: RetryPolicy, expires: int, until: str, field: str) -> Iterator[str]:
    for key, waits in policy.after.items():
        for n, wait in enumerate(waits[: policy.max_attempts - 1]):
            if isinstance(wait, int) and wait >= expires:
                yield (
                    f"{field}.after.{key}[{n}] is {show_wait(wait)}, which is not below {until}: that redial would "
                    f"never be placed; shorten it, such as '{show_duration(max(expires // 4, 1))}', or leave "
                    "expires_after out"
                )


def _attempts_in(policy: RetryPolicy, expires: int) -> int:
    """How many attempts may be made before the expiry, if each outcome is the one that is redialled soonest."""
    since = 0
    for made in range(1, policy.max_attempts):
        since += max(_shortest_wait(policy, made), policy.spacing.min_gap_sec or 0)
        if max(since, _full_days(policy, made + 1) * SHORTEST_DAY_SEC) >= expires:
            return made
    return policy.max_attempts


def _shortest_wait(policy: RetryPolicy, attempt: int) -> int:
    """After this attempt at the least; a wall-clock point may be at hand."""
    nth = (waits[min(attempt, len(waits)) - 1] for waits in policy.after.values() if waits)
    return min((wait if isinstance(wait, int) else 0 for wait in nth), default=0)


def _full_days(policy: RetryPolicy, attempts: int) -> int:
    """How many local days lie whole between the first and the last of so many attempts."""
    most = policy.spacing.max_per_day
    return 0 if most is None else max(-(-attempts // most) - 2, 0)
