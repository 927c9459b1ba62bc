"""Where recordings are: a file for each attempt, in the data directory of the server that placed it."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path, PurePath
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.config import RECORDINGS
from ringback.ids import CALL, read, show

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"(call_[0-9a-z]{26})-([0-9]{1,2})\.[a-z]+")


class RecordAs(StrEnum):
    """Whether calls are recorded, and how."""

    NONE = "none"
    WAV = "wav"
    OPUS = "opus"


KINDS = (RecordAs.OPUS, RecordAs.WAV)
CONTENT_TYPES = {RecordAs.WAV: "audio/wav", RecordAs.OPUS: "audio/ogg; codecs=opus"}
"""Of the files, whose names end in the kind (RFC 7845, section 9, for Opus)."""


class Named(NamedTuple):
    """What the name of a file says.

    Attributes:
        path: the file.
        call_id: of which call.
    """

    path: Path
    call_id: UUID


def place_of(workspace_no: int, call_id: UUID, attempt: int, attempt_id: UUID, kind: RecordAs) -> PurePath:
    """Where an attempt's recording is in the data directory.

    Args:
        workspace_no: whose call.
        call_id: which.
        attempt: its ordinal.
        attempt_id: its id, which tells the day.
        kind: of file.
    """
    name = f"{show(CALL, call_id)}-{attempt}.{kind}"
    return PurePath(RECORDINGS, str(workspace_no), _day(_made_at(attempt_id)), name)


def find(
    folder: Path, workspace_no: int, call_id: UUID, attempt: int, attempt_id: UUID
) -> tuple[Path, RecordAs] | None:
    """An attempt's recording in a data directory, and of what kind it is; None where it is not there."""
    for kind in KINDS:
        path = folder / place_of(workspace_no, call_id, attempt, attempt_id, kind)
        if path.is_file():
            return path, kind
    return None


def made_before(folder: Path, workspace_no: int, until: Instant) -> Iterator[Named]:
    """The recordings of a workspace from the days before an instant's, the oldest first.

    Folders that are empty are removed.
    """
    for within in _days(folder / RECORDINGS / str(workspace_no)):
        if within.name >= _day(until):
            return
        files = sorted(within.iterdir())
        if not files:
            within.rmdir()
        yield from filter(None, map(_named, files))


def _days(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _DAY.fullmatch(path.name))


def _named(path: Path) -> Named | None:
    match = _NAME.fullmatch(path.name)
    call_id = read(CALL, match[1]) if match else None
    return Named(path, call_id) if call_id else None


def _made_at(identifier: UUID) -> Instant:
    """When an id was made (RFC 9562, section 5.7)."""
    return Instant.from_timestamp(identifier.int >> 80, unit="millisecond")


def _day(at: Instant) -> str:
    """Its day, in UTC."""
    return at.format_iso()[:10]
