"""Files as answers: whole, or the part that was asked for (RFC 9110, section 14)."""

import asyncio
import os
import re
from dataclasses import dataclass
from email.utils import formatdate
from typing import BinaryIO, NamedTuple

from litestar.types import Receive, Scope, Send

from ringback.api.reply import Reply

BLOCK = 256 * 1024
"""Bytes of a file that are in memory at a time."""

CONDITIONS = (b"range", b"if-range", b"if-none-match")
_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*")


class SentFile(NamedTuple):
    """A file that is an answer.

    Attributes:
        file: open; whoever sends it closes it.
        content_type: of what is in it.
        name: under which it may be kept.
    """

    file: BinaryIO
    content_type: str
    name: str


class Conditions(NamedTuple):
    """The headers of a request that say how much of a file is wanted; None for one that is not there."""

    range: str | None
    if_range: str | None
    if_none_match: str | None


class Part(NamedTuple):
    """Bytes of a file, the last one included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Version:
    """What a file is at this moment.

    Attributes:
        size: in bytes.
        etag: another one for each content.
        modified: when it was written to, as headers have it.
    """

    size: int
    etag: str
    modified: str


def version_of(file: BinaryIO) -> Version:
    """What a file is at this moment."""
    found = os.fstat(file.fileno())
    return Version(found.st_size, f'"{found.st_mtime_ns:x}-{found.st_size:x}"', formatdate(found.st_mtime, usegmt=True))


def wanted_part(conditions: Conditions, version: Version) -> Part | None:
    """The part that is wanted, None for the whole: nothing else was asked for, or not of this version.

    Several parts at once are not had: whoever wants them is given the whole.

    Raises:
        IndexError: the file has no such part.
    """
    match = _RANGE.fullmatch(conditions.range or "")
    if match is None or match.group(1, 2) == ("", "") or not _is_same(conditions.if_range, version):
        return None
    first, last = match.group(1, 2)
    if first and last and int(first) > int(last):
        return None  # no range at all: section 14.1.1
    if not first:
        part = Part(max(version.size - int(last), 0), version.size - 1)
    else:
        part = Part(int(first), min(int(last or version.size), version.size - 1))
    if part.first > part.last:
        raise IndexError(version.size)
    return part


def _is_same(if_range: str | None, version: Version) -> bool:
    """Whether the rest of a file belongs to what the caller has of it already; a weak tag never tells so."""
    return if_range is None or if_range.strip() in (version.etag, version.modified)


class FileReply(Reply):
    """A file, or a part of it, on its way out.

    Args:
        sent: what is sent.
        version: of it.
        part: of it; None is the whole.
        headers: beside those that say what the body is.
    """

    def __init__(self, sent: SentFile, version: Version, part: Part | None, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(200 if part is None else 206, b"")
        self._file = sent.file
        self._part = part or Part(0, version.size - 1)
        self._described = [
            *headers,
            *described(version),
            (b"content-type", sent.content_type.encode()),
            (b"content-length", b"%d" % (self._part.last + 1 - self._part.first)),
            (b"content-disposition", f'inline; filename="{sent.name}"'.encode()),
        ]
        if part is not None:
            self._described.append((b"content-range", b"bytes %d-%d/%d" % (*part, version.size)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 # ASGI calls it so
        """Send it, a block at a time, as long as there is somebody to take it."""
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status, "headers": self._described})
            at = self._part.first
            while not gone.done() and (block := await asyncio.to_thread(self._read, at)):
                at += len(block)
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._file.close()

    def _read(self, at: int) -> bytes:
        return os.pread(self._file.fileno(), min(BLOCK, self._part.last + 1 - at), at)


async def _until_gone(receive: Receive) -> None:
    """Wait until the client is: sending alone does not tell of it."""
    while (await receive())["type"] != "http.disconnect":
        pass


def described(version: Version) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of any answer about a file."""
    return (
        (b"etag", version.etag.encode()),
        (b"last-modified", version.modified.encode()),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, no-cache"),
    )
