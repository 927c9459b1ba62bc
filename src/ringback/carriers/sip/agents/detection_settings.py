"""Whether it is found out who answered, and what is done with a machine: settings of agents of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from ringback.errors import Invalid


class Detect(StrEnum):
    """Whether whoever answered is listened to before the agent speaks, and how long."""

    NONE = "none"
    FAST = "fast"
    FULL = "full"


class OnMachine(StrEnum):
    """What is done with a machine."""

    HANG_UP = "hang_up"
    MESSAGE = "message"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Detection:
    """What an agent is told of it.

    Attributes:
        detect: whether, and how long.
        on_machine: what is done with one.
    """

    detect: Detect = Detect.NONE
    on_machine: OnMachine = OnMachine.HANG_UP


NAMES = tuple(Detection.__dataclass_fields__)

_Word = TypeVar("_Word", bound=StrEnum)


def parse_detection(raw: Mapping[str, Any], field: str = "settings") -> Detection:
    """What an agent's settings say of it; what is left out or null has its default. No other setting is looked at.

    Raises:
        Invalid: one line for each entry that is wrong.
    """
    faults: list[str] = []
    detect = _word(Detect, raw.get("detect"), Detect.NONE, f"{field}.detect", faults)
    on_machine = _word(OnMachine, raw.get("on_machine"), OnMachine.HANG_UP, f"{field}.on_machine", faults)
    if faults:
        raise Invalid(faults)
    return Detection(detect, on_machine)


def split_detection(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """These settings, and those of the agent's kind."""
    ours = {name: value for name, value in settings.items() if name in NAMES}
    return ours, {name: value for name, value in settings.items() if name not in NAMES}


def _word(words: type[_Word], value: Any, default: _Word, field: str, faults: list[str]) -> _Word:
    if value is None:
        return default
    if not isinstance(value, str) or value not in list(words):
        faults.append(f"{field} must be one of {', '.join(words)}")
        return default
    return words(value)
