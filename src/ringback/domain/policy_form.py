"""The written forms of a retry policy: the long and the short one in, the long one out."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ringback.domain.outcome import BUSY, FAILED, NO_ANSWER, VOICEMAIL
from ringback.domain.retry import DEFAULT_POLICY, MOST_ATTEMPTS, RetryPolicy, show_duration
from ringback.errors import Invalid

RETRY_KEYS = (NO_ANSWER, BUSY, VOICEMAIL, FAILED)
SHORTEST_WAIT_SEC, LONGEST_WAIT_SEC = 1, 366 * 86_400

_DURATION = re.compile("([0-9]{1,8})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WALL_CLOCK = re.compile(r"(same|next)-(day|weekday) .*")
_LONG = {"max_attempts", "after", "jitter", "expires_after", "spread"}
_SHORT = {"max_retries", "retry_interval_minutes", "wait_minutes", "retry_on_voicemail"}


def parse_policy(raw: Any, field: str = "retry") -> RetryPolicy:
    """A policy from its long or its short form; None gives the default.

    Args:
        raw: the JSON value.
        field: how the caller calls it, for the messages.

    Raises:
        Invalid: one line for each entry that is wrong, with an example of a right one.
    """
    if raw is None:
        return DEFAULT_POLICY
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'max_attempts': 3, 'after': {{'no-answer': ['30m']}}}}"])
    if unknown := sorted(set(raw) - _LONG - _SHORT):
        raise Invalid(
            [f"{field}.{name} is not known; known are {', '.join(sorted(_LONG | _SHORT))}" for name in unknown]
        )
    if set(raw) & _LONG and set(raw) & _SHORT:
        raise Invalid([f"{field} mixes the long form (max_attempts, after) with the short one (max_retries, ...)"])
    faults: list[str] = []
    policy = (_short if set(raw) & _SHORT else _long)(raw, field, faults)
    if faults:
        raise Invalid(faults)
    return policy


def show_policy(policy: RetryPolicy) -> dict[str, Any]:
    """The long form, as the API answers it and the store keeps it."""
    return {
        "max_attempts": policy.max_attempts,
        "after": {key: [show_duration(wait) for wait in policy.after.get(key, ())] for key in RETRY_KEYS},
        "jitter": show_duration(policy.jitter_sec),
        "expires_after": None if policy.expires_after_sec is None else show_duration(policy.expires_after_sec),
        "spread": False,
    }


def _long(raw: Mapping[str, Any], field: str, faults: list[str]) -> RetryPolicy:
    default = DEFAULT_POLICY
    most = _whole(raw.get("max_attempts", default.max_attempts), 1, MOST_ATTEMPTS, f"{field}.max_attempts", faults)
    after = _after(raw["after"], f"{field}.after", faults) if raw.get("after") is not None else default.after
    if raw.get("spread") not in (None, False):
        faults.append(f"{field}.spread is not available yet; leave it out or set it to false")
    jitter, expires = raw.get("jitter"), raw.get("expires_after")
    jitter_sec = 0 if jitter is None else _duration(jitter, f"{field}.jitter", faults, shortest=0)
    expires_sec = None if expires is None else _duration(expires, f"{field}.expires_after", faults)
    return RetryPolicy(most, after, jitter_sec, expires_sec)


def _short(raw: Mapping[str, Any], field: str, faults: list[str]) -> RetryPolicy:
    retries = _whole(
        raw.get("max_retries", DEFAULT_POLICY.max_attempts - 1), 0, MOST_ATTEMPTS - 1, f"{field}.max_retries", faults
    )
    if "retry_interval_minutes" in raw and "wait_minutes" in raw:
        faults.append(f"{field} has both retry_interval_minutes and wait_minutes; give one of them")
    name = "wait_minutes" if "wait_minutes" in raw else "retry_interval_minutes"
    minutes = _whole(raw.get(name, 60), 1, LONGEST_WAIT_SEC // 60, f"{field}.{name}", faults)
    voicemail = raw.get("retry_on_voicemail", False)
    if not isinstance(voicemail, bool):
        faults.append(f"{field}.retry_on_voicemail must be true or false")
    keys = (NO_ANSWER, BUSY, VOICEMAIL) if voicemail is True else (NO_ANSWER, BUSY)
    return RetryPolicy(retries + 1, MappingProxyType(dict.fromkeys(keys, (minutes * 60,))))


def _after(raw: Any, field: str, faults: list[str]) -> Mapping[str, tuple[int, ...]]:
    if not isinstance(raw, Mapping):
        faults.append(f"{field} must be an object of lists, such as {{'no-answer': ['30m', '2h']}}")
        return {}
    after: dict[str, tuple[int, ...]] = {}
    for name, waits in raw.items():
        key = str(name).replace("_", "-")
        if key not in RETRY_KEYS:
            faults.append(f"{field}.{name} is not an outcome that can be retried; use {', '.join(RETRY_KEYS)}")
        elif key in after:
            faults.append(f"{field}.{name} is given twice, with a hyphen and with an underscore; give it once")
        elif not isinstance(waits, list) or len(waits) > MOST_ATTEMPTS:
            faults.append(f"{field}.{name} must be a list of at most {MOST_ATTEMPTS} waits, such as ['30m', '2h']")
        else:
            after[key] = tuple(_duration(wait, f"{field}.{name}[{n}]", faults) for n, wait in enumerate(waits))
    return MappingProxyType({key: waits for key, waits in after.items() if waits})


def _duration(raw: Any, field: str, faults: list[str], shortest: int = SHORTEST_WAIT_SEC) -> int:
    text = raw.strip() if isinstance(raw, str) else ""
    if _WALL_CLOCK.fullmatch(text):
        faults.append(
            f"{field}: '{text}' is a local wall-clock point, which is not available yet; use a duration such as '18h'"
        )
        return 0
    match = _DURATION.fullmatch(text)
    sec = int(match[1]) * _SECONDS[match[2]] if match else -1
    if not shortest <= sec <= LONGEST_WAIT_SEC:
        faults.append(f"{field} must be a duration from {shortest}s to 366d, such as '30s', '5m', '2h' or '1d'")
    return sec


def _whole(raw: Any, least: int, most: int, field: str, faults: list[str]) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= most:
        faults.append(f"{field} must be a whole number from {least} to {most}")
        return least
    return int(raw)
