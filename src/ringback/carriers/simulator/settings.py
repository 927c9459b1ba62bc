"""What a simulator trunk can be told: its seed, its speed, its record and how its people behave."""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import PurePath
from typing import Any

from ringback.config import OWN_NAMES
from ringback.errors import Invalid

OTHER_HOURS_RATE = 0.01
"""The share of dials answered at the hours for which nobody has published one."""

DEFAULT_ANSWER_RATES: tuple[float, ...] = tuple(
    {
        6: 0.0231,
        7: 0.0373,
        8: 0.1184,
        9: 0.1409,
        10: 0.1553,
        11: 0.1495,
        12: 0.1353,
        13: 0.1441,
        14: 0.1501,
        15: 0.1444,
        16: 0.1407,
        17: 0.1258,
        18: 0.1239,
        19: 0.1259,
        20: 0.1181,
        21: 0.1209,
    }.get(hour, OTHER_HOURS_RATE)
    for hour in range(24)
)
"""The share of dials that a person answered, by local hour: 11 million calls, PhoneBurner's published table."""


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """How a simulator trunk behaves. The defaults are those of real campaigns.

    Attributes:
        seed: 0 to 2**63 - 1; the same seed gives the same people.
        speed: how many times faster than life; 0 is without any delay.
        record: the file to which each dial is appended, None for none.
        answer_rates: the share of all dials that a person answers, by local hour 0 to 23.
        never_share: the share of numbers whose people never answer.
        busy_share: the share of two-hour blocks in which a person who does answer at times is busy all along.
        voicemail_share: the share that a machine answers, of the dials that nobody picks up.
        invalid_share: the share of numbers that do not exist.
        failure_share: the share of dials that the route fails.
        mean_talk_sec: mean seconds of a conversation.
        ring_timeout_sec: seconds after which an unanswered dial is given up.
        detect_machines: whether a machine is told from a person; where it is not, `answered_by` is unknown for both.
    """

    seed: int = 1
    speed: float = 1.0
    record: str | None = None
    answer_rates: tuple[float, ...] = DEFAULT_ANSWER_RATES
    never_share: float = 0.20
    busy_share: float = 0.05
    voicemail_share: float = 0.25
    invalid_share: float = 0.01
    failure_share: float = 0.005
    mean_talk_sec: float = 75.0
    ring_timeout_sec: int = 25
    detect_machines: bool = True


_WHOLE = {"seed": (0, 2**63 - 1), "ring_timeout_sec": (1, 120)}
_NUMBERS = {
    "speed": (0, 1_000_000),
    "mean_talk_sec": (3, 600),
    **dict.fromkeys(("never_share", "busy_share", "voicemail_share", "invalid_share", "failure_share"), (0, 1)),
}
_KNOWN = frozenset(SimulatorSettings.__dataclass_fields__)


def parse_settings(raw: Mapping[str, Any], field: str = "settings") -> SimulatorSettings:
    """The settings of a simulator trunk from their JSON object; what is left out has its default.

    Args:
        raw: the JSON object.
        field: how the caller calls it, for the messages.

    Raises:
        Invalid: one line for each entry that is wrong or not known.
    """
    if not isinstance(raw, Mapping):
        raise Invalid([f"{field} must be an object, such as {{'seed': 7, 'speed': 1.0}}"])
    faults: list[str] = [
        f"{field}.{name} is not known; known are {', '.join(sorted(_KNOWN))}"
        for name in sorted(map(str, set(raw) - _KNOWN))
    ]
    given = {name: _entry(name, raw[name], f"{field}.{name}", faults) for name in raw if name in _KNOWN}
    if faults:
        raise Invalid(faults)
    settings = SimulatorSettings(**given)
    if settings.never_share + settings.invalid_share > 1:
        raise Invalid([f"{field}.never_share and {field}.invalid_share must come to at most 1 together"])
    return settings


def _entry(name: str, value: Any, field: str, faults: list[str]) -> Any:
    if name in _WHOLE:
        return _whole(value, *_WHOLE[name], field, faults)
    if name in _NUMBERS:
        return _number(value, *_NUMBERS[name], field, faults)
    if name == "answer_rates":
        return _rates(value, field, faults)
    if name == "record":
        return _path(value, field, faults)
    if not isinstance(value, bool):
        faults.append(f"{field} must be true or false")
    return value


def _whole(value: Any, least: int, most: int, field: str, faults: list[str]) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        faults.append(f"{field} must be a whole number from {least} to {most}")
        return least
    return value


def _number(value: Any, least: float, most: float, field: str, faults: list[str]) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        faults.append(f"{field} must be a number from {least} to {most}")
        return least
    return float(value)


def _path(value: Any, field: str, faults: list[str]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        faults.append(f"{field} must be the path of a file, such as 'dials.jsonl', or null")
        return None
    if OWN_NAMES.intersection(PurePath(normpath(value)).parts[:1]):
        faults.append(f"{field} must not be a name that the data directory has itself; take one such as 'dials.jsonl'")
    return value


def _rates(value: Any, field: str, faults: list[str]) -> tuple[float, ...]:
    """Rates by hour, from one for all, a list of 24, or an object of the hours that differ from the default."""
    if value is None:
        return DEFAULT_ANSWER_RATES
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (_number(value, 0, 1, field, faults),) * 24
    if isinstance(value, list) and len(value) == 24:
        return tuple(_number(rate, 0, 1, f"{field}[{hour}]", faults) for hour, rate in enumerate(value))
    if not isinstance(value, Mapping):
        faults.append(f"{field} must be a number from 0 to 1, a list of 24 of them, or an object such as {{'9': 0.14}}")
        return DEFAULT_ANSWER_RATES
    hours = {str(hour): hour for hour in range(24)}
    rates = list(DEFAULT_ANSWER_RATES)
    for name, rate in value.items():
        if str(name) not in hours:
            faults.append(f"{field}.{name} is not an hour; hours are '0' to '23'")
        else:
            rates[hours[str(name)]] = _number(rate, 0, 1, f"{field}.{name}", faults)
    return tuple(rates)
