"""The written forms of a retry policy: the long and the short one in, the long one out."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ringback.domain.outcome import BUSY, FAILED, MEANINGS, NO_ANSWER, VOICEMAIL
from ringback.domain.policy_check import Said, contradictions
from ringback.domain.retry import DEFAULT_POLICY, MOST_ATTEMPTS, RetryPolicy
from ringback.domain.spacing import Spacing
from ringback.domain.waits import Day, LocalPoint, Wait, show_duration, show_wait
from ringback.domain.worth import FEWEST_ATTEMPTS, LEAST_ATTEMPTS, StopWhen
from ringback.errors import Invalid

RETRY_KEYS = (NO_ANSWER, BUSY, VOICEMAIL, FAILED)
RETRYABLE_REASONS = tuple(str(reason) for reason, meaning in MEANINGS.items() if meaning.retry_key)
"""The end reasons that may have an entry of their own in `after`."""

MOST_COST_MICROS, MOST_EVIDENCE = 10**12, 1_000_000
SHORTEST_WAIT_SEC, LONGEST_WAIT_SEC = 1, 366 * 86_400

_KEYS = {key.replace("-", "_"): key for key in (*RETRY_KEYS, *RETRYABLE_REASONS)}
_DURATION = re.compile("([0-9]{1,8})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_POINT = re.compile(r"(same-day|next-day|next-weekday) +([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_LIKE_A_POINT = re.compile(r"(same|next)-[a-z]+\b.*")
_LONG = {"max_attempts", "after", "jitter", "expires_after", "spread", "min_gap", "max_per_day", "stop_when"}
_LONG |= {"caller_number"}
_SAME, _ROTATE = "same", "rotate"
_SHORT = {"max_retries", "retry_interval_minutes", "wait_minutes", "retry_on_voicemail"}


def parse_policy(raw: Any, field: str = "retry") -> RetryPolicy:
    """A policy from its long or its short form; None gives the default.

    Args:
        raw: the JSON value.
        field: how the caller calls it, for the messages.

    Raises:
        Invalid: one line for each entry that is wrong or could never do what it says, with an example of a right one.
    """
    policy = kept_policy(raw, field)
    said = Said(field, *(name in (raw or ()) for name in ("after", "max_attempts")))
    if faults := contradictions(policy, said):
        raise Invalid(faults)
    return policy


def kept_policy(raw: Any, field: str = "retry") -> RetryPolicy:
    """A policy that was taken before, as the store has it: what contradicts itself is read all the same.

    Raises:
        Invalid: one line for each entry that is wrong.
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
    """The long form, as the API answers it."""
    spacing = policy.spacing
    keys = (*RETRY_KEYS, *(reason for reason in RETRYABLE_REASONS if reason in policy.after))
    return {
        "max_attempts": policy.max_attempts,
        "after": {key: [show_wait(wait) for wait in policy.after.get(key, ())] for key in keys},
        "jitter": show_duration(policy.jitter_sec),
        "expires_after": None if policy.expires_after_sec is None else show_duration(policy.expires_after_sec),
        "spread": spacing.spread,
        "min_gap": None if spacing.min_gap_sec is None else show_duration(spacing.min_gap_sec),
        "max_per_day": spacing.max_per_day,
        "stop_when": None if policy.stop_when is None else policy.stop_when._asdict(),
        "caller_number": _ROTATE if policy.rotates_caller else _SAME,
    }


def keep_policy(policy: RetryPolicy) -> dict[str, Any]:
    """The long form, as the store keeps it: what the release before does not know is there only where it is used."""
    shown = show_policy(policy)
    if not policy.rotates_caller:
        del shown["caller_number"]
    return {name: value for name, value in shown.items() if value is not None or name == "expires_after"}


def _long(raw: Mapping[str, Any], field: str, faults: list[str]) -> RetryPolicy:
    default = DEFAULT_POLICY
    most = _whole(raw.get("max_attempts", default.max_attempts), 1, MOST_ATTEMPTS, f"{field}.max_attempts", faults)
    after = _after(raw["after"], f"{field}.after", faults) if raw.get("after") is not None else default.after
    jitter = 0 if raw.get("jitter") is None else _duration(raw["jitter"], f"{field}.jitter", faults, shortest=0)
    expires = _optional(raw.get("expires_after"), f"{field}.expires_after", faults)
    gap = _optional(raw.get("min_gap"), f"{field}.min_gap", faults)
    per_day = raw.get("max_per_day")
    if per_day is not None:
        per_day = _whole(per_day, 1, MOST_ATTEMPTS, f"{field}.max_per_day", faults)
    spread = raw.get("spread")
    if spread is not None and not isinstance(spread, bool):
        faults.append(f"{field}.spread must be true or false")
    stop = _stop_when(raw.get("stop_when"), f"{field}.stop_when", faults)
    caller = raw.get("caller_number")
    if caller not in (None, _SAME, _ROTATE):
        faults.append(f"{field}.caller_number must be '{_SAME}' or '{_ROTATE}'")
    return RetryPolicy(most, after, jitter, expires, Spacing(gap, per_day, spread is True), stop, caller == _ROTATE)


def _stop_when(raw: Any, field: str, faults: list[str]) -> StopWhen | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or "cost_per_reach_micros" not in raw or raw.keys() - set(StopWhen._fields):
        faults.append(
            f"{field} must be an object with cost_per_reach_micros, and min_attempts if you like, such as "
            "{'cost_per_reach_micros': 5000000, 'min_attempts': 200}"
        )
        return None
    most = _whole(raw["cost_per_reach_micros"], 0, MOST_COST_MICROS, f"{field}.cost_per_reach_micros", faults)
    least = raw.get("min_attempts", LEAST_ATTEMPTS)
    return StopWhen(most, _whole(least, FEWEST_ATTEMPTS, MOST_EVIDENCE, f"{field}.min_attempts", faults))


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


def _after(raw: Any, field: str, faults: list[str]) -> Mapping[str, tuple[Wait, ...]]:
    if not isinstance(raw, Mapping):
        faults.append(f"{field} must be an object of lists, such as {{'no-answer': ['30m', '2h']}}")
        return {}
    after: dict[str, tuple[Wait, ...]] = {}
    for name, waits in raw.items():
        key = _KEYS.get(str(name).replace("-", "_"))
        if key is None:
            known = f"{', '.join(RETRY_KEYS)}, or an end reason: {', '.join(RETRYABLE_REASONS)}"
            faults.append(f"{field}.{name} is not an outcome that can be retried; use {known}")
        elif key in after:
            faults.append(f"{field}.{name} is given twice, with a hyphen and with an underscore; give it once")
        elif not isinstance(waits, list) or len(waits) > MOST_ATTEMPTS:
            faults.append(f"{field}.{name} must be a list of at most {MOST_ATTEMPTS} waits, such as ['30m', '2h']")
        else:
            after[key] = tuple(_wait(wait, f"{field}.{name}[{n}]", faults) for n, wait in enumerate(waits))
    # an end reason without waits says that it is not redialled, whatever its status has
    return MappingProxyType({key: waits for key, waits in after.items() if waits or key in RETRYABLE_REASONS})


def _wait(raw: Any, field: str, faults: list[str]) -> Wait:
    text = raw.strip() if isinstance(raw, str) else ""
    if match := _POINT.fullmatch(text):
        return LocalPoint(Day(match[1]), int(match[2]) * 60 + int(match[3]))
    if _LIKE_A_POINT.fullmatch(text):
        faults.append(
            f"{field} must be 'same-day HH:MM', 'next-day HH:MM' or 'next-weekday HH:MM', from 00:00 to 23:59"
        )
        return 0
    return _duration(raw, field, faults, or_else=", or a local time such as 'next-day 10:00'")


def _optional(raw: Any, field: str, faults: list[str]) -> int | None:
    return None if raw is None else _duration(raw, field, faults)


def _duration(raw: Any, field: str, faults: list[str], shortest: int = SHORTEST_WAIT_SEC, or_else: str = "") -> int:
    match = _DURATION.fullmatch(raw.strip()) if isinstance(raw, str) else None
    sec = int(match[1]) * _SECONDS[match[2]] if match else -1
    if not shortest <= sec <= LONGEST_WAIT_SEC:
        faults.append(
            f"{field} must be a duration from {shortest}s to 366d, such as '30s', '5m', '2h' or '1d'{or_else}"
        )
    return sec


def _whole(raw: Any, least: int, most: int, field: str, faults: list[str]) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= most:
        faults.append(f"{field} must be a whole number from {least} to {most}")
        return least
    return int(raw)
