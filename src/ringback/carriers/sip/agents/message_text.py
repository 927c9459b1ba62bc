"""What a message agent says: its text with the lead's variables in their places."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST_VALUE = 1_000
"""Characters of one variable that are spoken."""

_MARK = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_LEFT_OUT = "\0"
_SPACES = re.compile(" {2,}")
_GAP = re.compile(r" ?(?:\0 ?)+([.,;:!?])?")


class Filled(NamedTuple):
    """A text that is ready to be spoken.

    Attributes:
        text: it; empty where nothing of it is left.
        unknown: the variables that were left out, by name.
    """

    text: str
    unknown: tuple[str, ...]


def fill(text: str, variables: Mapping[str, Any]) -> Filled:
    """Put the variables in their places.

    `{name}` is the variable of that name, whatever characters it has: nothing is looked up in its value. `{{` and `}}`
    are braces. A variable that is not there, or is neither text nor a number nor a truth, is left out.
    """
    unknown: dict[str, None] = {}

    def put(mark: re.Match[str]) -> str:
        if mark[1] is None:
            return mark[0][0]
        name = mark[1].strip()
        said = _said(variables.get(name))
        if said is None:
            unknown[name] = None
            return _LEFT_OUT
        return said

    filled = _SPACES.sub(" ", _MARK.sub(put, text.replace(_LEFT_OUT, " ")))
    return Filled(_GAP.sub(lambda gap: gap[1] or " ", filled).strip(), tuple(unknown))


def _said(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return _CONTROLS.sub(" ", str(value))[:LONGEST_VALUE].strip()
    return None
