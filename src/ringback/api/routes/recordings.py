"""/v1/call-logs/{id}/recordings/{attempt}: the recordings of this server."""

import asyncio
from pathlib import Path
from typing import BinaryIO

from ringback.api.files import SentFile
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.finding import found, path_id
from ringback.carriers.sip.recording_files import CONTENT_TYPES, find
from ringback.errors import NotFound
from ringback.ids import CALL
from ringback.store.keys import Scope
from ringback.store.recordings import find_recording

MOST_ATTEMPTS = 20


async def get_recording(api: Api, ask: Ask) -> Answer:
    """The recording of one attempt, where this server has it."""
    call_id, attempt = path_id(ask, CALL), _ordinal(ask.path["attempt"])
    async with api.database.connection() as db:
        row = found(await find_recording(db, ask.workspace_no, call_id, attempt), "recording")
    path = await asyncio.to_thread(find, api.settings.folder, ask.workspace_no, call_id, attempt, row["attempt_id"])
    if path is None and row["is_kept"] and row["node"] not in (None, api.settings.node):
        raise NotFound(
            "recording_elsewhere", f"this recording is on the server {row['node']}: ask that one, at the same path"
        )
    named, kind = found(path, "recording")
    opened = found(await asyncio.to_thread(_open, named), "recording")
    return Answer(None, file=SentFile(opened, CONTENT_TYPES[kind], named.name))


def _open(path: Path) -> BinaryIO | None:
    """The file, unless it went at this very moment."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _ordinal(text: str) -> int:
    """The attempt in the path; an odd text is that of none."""
    ordinal = int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0
    return ordinal if ordinal <= MOST_ATTEMPTS else 0


OPERATIONS = (
    Operation(
        "GET",
        "/v1/call-logs/{id}/recordings/{attempt}",
        Scope.CALLS_READ,
        "The recording of one attempt: the person on the left, the agent on the right. Parts of it are had by Range.",
        get_recording,
        codes=("range_not_satisfiable", "recording_elsewhere", "recording_not_found"),
        sends=tuple(CONTENT_TYPES.values()),
    ),
)
