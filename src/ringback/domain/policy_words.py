"""A retry policy said in words."""

from collections.abc import Iterator

from ringback.domain.outcome import BUSY, FAILED, NO_ANSWER, VOICEMAIL
from ringback.domain.retry import RetryPolicy
from ringback.domain.waits import Wait, show_duration, show_wait

_ENDS = {
    NO_ANSWER: "no answer",
    BUSY: "busy",
    VOICEMAIL: "voicemail",
    FAILED: "a failure that may pass",
    "voicemail_detected": "a machine that answered",
    "user_did_not_pick_up": "ringing out",
    "user_unreachable": "a phone that is off or out of reach",
    "user_busy": "a busy line",
    "user_rejected": "a rejected call",
    "network_failure": "a network failure",
    "system_at_capacity": "a trunk without room",
    "outcome_unknown": "an outcome that nobody knows",
}
_UNITS = {"s": "s", "m": "min", "h": "h"}


def policy_in_words(policy: RetryPolicy) -> str:
    """What a policy does, such as `after no answer wait 30 min, then 2 h; at most 4 attempts`."""
    if policy.max_attempts == 1 or not any(policy.after.values()):
        return "one attempt, never redialled" + "".join(f"; {part}" for part in _expiry(policy))
    parts = [_after(key, policy) for key in _ENDS if key in policy.after]
    return "; ".join((*parts, *_limits(policy)))


def _after(key: str, policy: RetryPolicy) -> str:
    waits = policy.after[key][: policy.max_attempts - 1]
    if not waits:
        return f"never again after {_ENDS[key]}"
    until = "" if isinstance(waits[0], int) else "until "
    return f"after {_ENDS[key]} wait {until}{', then '.join(map(_wait, waits))}"


def _wait(wait: Wait) -> str:
    if isinstance(wait, int):
        return _duration(wait)
    day, clock = show_wait(wait).split()
    return f"{day.replace('-', ' ')} at {clock}"


def _limits(policy: RetryPolicy) -> Iterator[str]:
    spacing = policy.spacing
    if policy.jitter_sec:
        yield f"up to {_duration(policy.jitter_sec)} more by chance"
    if spacing.spread:
        yield "moved to a part of the day that was not tried yet"
    if spacing.min_gap_sec is not None:
        yield f"at least {_duration(spacing.min_gap_sec)} from one dial to the next"
    if spacing.max_per_day is not None:
        yield f"at most {_count(spacing.max_per_day, 'attempt')} a day"
    if policy.rotates_caller:
        yield "each from another number of the caller pool"
    yield f"at most {policy.max_attempts} attempts"
    yield from _expiry(policy)
    if policy.stop_when is not None:
        most, least = policy.stop_when
        yield f"none where {least:,} or more of that ordinal reached people at over {most / 1_000_000:,.2f} each"


def _expiry(policy: RetryPolicy) -> Iterator[str]:
    if policy.expires_after_sec is not None:
        yield f"none once the call is {_duration(policy.expires_after_sec)} old"


def _duration(sec: int) -> str:
    shown = show_duration(sec)
    number, unit = int(shown[:-1]), shown[-1]
    return _count(number, "day") if unit == "d" else f"{number} {_UNITS[unit]}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
