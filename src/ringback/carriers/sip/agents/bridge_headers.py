"""What the far end of a bridge is told of the call: headers of the INVITE to it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

MOST_VARIABLES = 40
LONGEST_NAME, LONGEST_VALUE = 60, 200
LONGEST_OF_ALL = 2_000
"""Bytes of all variables: far ends take a message of a few kilobytes, and not any message."""

VARIABLE = "X-Ringback-Var-"

_NO_TOKEN = re.compile(r"[^A-Za-z0-9]+")
_NO_TEXT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Introduction(NamedTuple):
    """What is said of a call.

    Attributes:
        headers: by name.
        left_out: the variables that there was no room for, or no name.
    """

    headers: dict[str, str]
    left_out: list[str]


def introduce(variables: Mapping[str, Any], ids: Mapping[str, str], token: str) -> Introduction:
    """The headers of a call.

    The attempt has another header here than on a dial of the person: this is none, and is not counted for one.

    Args:
        variables: the lead's; what is no text is told as JSON.
        ids: of the line.
        token: with which the far end may report back, empty for none.
    """
    ours = {
        "X-Ringback-Call": ids.get("call_id", ""),
        "X-Ringback-Bridged-Attempt": ids.get("attempt_id", ""),
        "X-Ringback-To": ids.get("to_number", ""),
        "X-Ringback-From": ids.get("from_number", ""),
        "X-Ringback-Token": token,
    }
    told, left_out = _told(variables)
    return Introduction({name: value for name, value in (ours | told).items() if value}, left_out)


def _told(variables: Mapping[str, Any]) -> Introduction:
    """The variables, in their order, until there is no more room."""
    told: dict[str, str] = {}
    left_out, seen, size = [], set[str](), 0
    for name, value in variables.items():
        header, text = _NO_TOKEN.sub("-", name).strip("-"), _text(value)
        size_with = size + len(VARIABLE) + len(header) + len(text.encode()) + 4
        too_many = len(told) == MOST_VARIABLES or size_with > LONGEST_OF_ALL
        if too_many or not header or len(header) > LONGEST_NAME or header.lower() in seen:
            left_out.append(name)
            continue
        seen.add(header.lower())
        told[VARIABLE + header], size = text, size_with
    return Introduction(told, left_out)


def _text(value: Any) -> str:
    """In one line, and not longer than may be."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return _NO_TEXT.sub(" ", text).strip()[:LONGEST_VALUE].rstrip()
