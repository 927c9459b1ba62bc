"""What a message agent can be told: what to say and how, and the keys that it listens for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringback.errors import Invalid

LONGEST_TEXT = 10_000
LARGEST_RECORDING, LONGEST_RECORDING_SEC = 25_000_000, 600
"""Bytes as it is sent, and how long it may play."""

KEYS = "0123456789*#"
END_KEY = "#"
"""Ends the digits before there are as many as were asked for, unless it is the key for opt-out."""

VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}")
"""A voice or language: it stands on the speech command's line, so it is never taken for an option of it."""


@dataclass(frozen=True, slots=True)
class Digits:
    """The keys that are waited for.

    Attributes:
        n: so many at most; `#` ends them before.
        timeout_sec: how long each is waited for, once the message is over.
    """

    n: int = 1
    timeout_sec: float = 5.0


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """How a message agent behaves.

    Attributes:
        text: what it says, None where it plays a recording.
        language: in which; `voice` is by the speech command's own names, and the language where it is None.
        voice: see `language`.
        pause_sec: silence after the answer.
        repeat: how many times the message is played.
        repeat_pause_sec: silence in between.
        collect_digits: the keys that are waited for, None for none.
        opt_out_key: whoever presses it is not called again, None for no such key.
        opt_out_text: what is said to them, None for nothing.
    """

    text: str | None = None
    language: str = "en-us"
    voice: str | None = None
    pause_sec: float = 0.5
    repeat: int = 1
    repeat_pause_sec: float = 1.0
    collect_digits: Digits | None = None
    opt_out_key: str | None = None
    opt_out_text: str | None = None


_TEXTS = frozenset({"text", "opt_out_text"})
_NUMBERS = {"pause_sec": (0, 10), "repeat_pause_sec": (0, 10), "timeout_sec": (1, 60)}
_WHOLE = {"repeat": (1, 5), "n": (1, 32)}
_KNOWN = tuple(MessageSettings.__dataclass_fields__)
_KNOWN_OF_DIGITS = tuple(Digits.__dataclass_fields__)


def parse_message(raw: Mapping[str, Any], field: str = "settings") -> MessageSettings:
    """The settings of a message agent from their JSON object; what is left out or null has its default.

    Args:
        raw: the JSON object, without a recording.
        field: how the caller calls it, for the messages.

    Raises:
        Invalid: one line for each entry that is wrong or not known.
    """
    faults: list[str] = []
    given = _entries(raw, _KNOWN, field, faults)
    if faults:
        raise Invalid(faults)
    settings = MessageSettings(**given)
    digits, key = settings.collect_digits, settings.opt_out_key
    if digits is not None and digits.n > 1 and key is not None and key.isdecimal():
        raise Invalid(
            [f"{field}.opt_out_key must be * or # where more than one digit is collected, or nobody could type {key}"]
        )
    return settings


def _entries(raw: Mapping[str, Any], known: tuple[str, ...], field: str, faults: list[str]) -> dict[str, Any]:
    faults += [f"{field}.{name} is not known; known are {', '.join(known)}" for name in raw if name not in known]
    return {
        name: _entry(name, raw[name], f"{field}.{name}", faults)
        for name in known
        if name in raw and raw[name] is not None
    }


def _entry(name: str, value: Any, field: str, faults: list[str]) -> Any:
    if name in _TEXTS:
        return _text(value, field, faults)
    if name in _NUMBERS:
        return _number(value, *_NUMBERS[name], field, faults)
    if name in _WHOLE:
        return _whole(value, *_WHOLE[name], field, faults)
    if name == "collect_digits":
        return _digits(value, field, faults)
    if name == "opt_out_key":
        return _key(value, field, faults)
    return _name(value, field, faults)


def _text(value: Any, field: str, faults: list[str]) -> Any:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or "\0" in value:
        faults.append(f"{field} must be text of 1 to {LONGEST_TEXT} characters")
        return None
    return value.strip()


def _number(value: Any, least: float, most: float, field: str, faults: list[str]) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        faults.append(f"{field} must be a number from {least} to {most}")
        return least
    return float(value)


def _whole(value: Any, least: int, most: int, field: str, faults: list[str]) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        faults.append(f"{field} must be a whole number from {least} to {most}")
        return least
    return value


def _digits(value: Any, field: str, faults: list[str]) -> Digits | None:
    if not isinstance(value, Mapping):
        faults.append(f"{field} must be an object, such as {{'n': 1, 'timeout_sec': 5}}, or null")
        return None
    return Digits(**_entries(value, _KNOWN_OF_DIGITS, field, faults))


def _key(value: Any, field: str, faults: list[str]) -> Any:
    if not isinstance(value, str) or len(value) != 1 or value not in KEYS:
        faults.append(f"{field} must be one of the keys {' '.join(KEYS)}, or null")
    return value


def _name(value: Any, field: str, faults: list[str]) -> Any:
    if not isinstance(value, str) or not VOICE.fullmatch(value):
        faults.append(f"{field} must be a name of letters, digits and _ + . -, such as 'en-us'")
    return value
