"""Whether calls are recorded, and what is said of it first: settings of agents of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringback.carriers.sip.agents.message_settings import VOICE
from ringback.carriers.sip.recording_files import RecordAs
from ringback.errors import Invalid

LONGEST_ANNOUNCEMENT = 1_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an agent is told of it.

    Attributes:
        record: whether, and to what kind of file.
        announcement: said before the agent has the call, where it is recorded; None for nothing.
        announcement_language: in which; None is the agent's own, where it has one.
    """

    record: RecordAs = RecordAs.NONE
    announcement: str | None = None
    announcement_language: str | None = None


NAMES = tuple(Recorded.__dataclass_fields__)


def parse_recorded(raw: Mapping[str, Any], field: str = "settings") -> Recorded:
    """What an agent's settings say of it; what is left out or null has its default. No other setting is looked at.

    Raises:
        Invalid: one line for each entry that is wrong.
    """
    faults: list[str] = []
    given = {name: raw[name] for name in NAMES if raw.get(name) is not None}
    if given.get("record", RecordAs.NONE) not in list(RecordAs):
        faults.append(f"{field}.record must be one of {', '.join(RecordAs)}")
    if not _is_text(given.get("announcement", "-")):
        faults.append(f"{field}.announcement must be text of 1 to {LONGEST_ANNOUNCEMENT} characters")
    if not _is_language(given.get("announcement_language", "en")):
        faults.append(f"{field}.announcement_language must be a name of letters, digits and _ + . -, such as 'en-us'")
    if faults:
        raise Invalid(faults)
    return Recorded(**{**given, "record": RecordAs(given.get("record", RecordAs.NONE))})


def split_recorded(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """These settings, and the others."""
    ours = {name: value for name, value in settings.items() if name in NAMES}
    return ours, {name: value for name, value in settings.items() if name not in NAMES}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_ANNOUNCEMENT and "\0" not in value


def _is_language(value: Any) -> bool:
    return isinstance(value, str) and VOICE.fullmatch(value) is not None
