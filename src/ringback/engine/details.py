"""What a carrier tells of an attempt beside its outcome, in a form that the store takes whatever is in it.

It comes from far ends and from agents, and a single text that PostgreSQL refuses would keep the outcomes of the whole
batch from being written, again and again.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

MOST_BYTES = 8_000
"""Of the details of one attempt; beyond that the largest are left out."""

LEFT_OUT = "left_out"
"""How many of them were."""

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""As JSON writes it; jsonb has no place for it. After an odd number of backslashes it is the text of one."""


def opted_out(details: Mapping[str, Any] | None) -> bool:
    """Whether who was called wants no more calls."""
    return details is not None and details.get("opted_out") is True


def keep(details: Mapping[str, Any] | None) -> str | None:
    """The details as JSON that the store takes, None where there are none. Never raises."""
    if not details:
        return None
    text = _encode(details)
    return text if text is not None and len(text) <= MOST_BYTES else _encode(_fitting(details))


def _encode(details: Mapping[str, Any]) -> str | None:
    try:
        text = msgspec.json.encode(dict(details)).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # what JSON or UTF-8 has no word for
        return None
    return _NUL.sub(r"\1\\ufffd", text)


def _fitting(details: Mapping[str, Any]) -> dict[str, Any]:
    """Those that can be written and for which there is room, the small ones first."""
    texts = {name: _encode({name: value}) for name, value in details.items()}
    sizes = {name: len(text) for name, text in texts.items() if text is not None}
    kept, room = {}, MOST_BYTES
    for name in sorted(sizes, key=lambda name: sizes[name]):
        room -= sizes[name]
        if room < 0:
            break
        kept[name] = details[name]
    return {**kept, LEFT_OUT: len(details) - len(kept)}
