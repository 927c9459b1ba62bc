"""Bodies that are read before they are needed: kept on the disk, known by a fingerprint, and read again from there."""

import asyncio
import hmac
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from litestar import Request

from ringback.api.bodies import AnyRequest, blocks_of

IN_MEMORY = 1024 * 1024
BLOCK = 256 * 1024


class Fingerprint:
    """What tells one request from another: a keyed hash, so that nobody can guess a body by it.

    A form's boundary is another one each time that the form is sent, so it counts for nothing.

    Args:
        key: of the hash.
        boundary: of a form, empty for other bodies.
    """

    def __init__(self, key: bytes, boundary: bytes) -> None:
        self._hash = hmac.new(key, digestmod="sha256")
        self._boundary = boundary
        self._tail = b""

    def part(self, text: bytes) -> None:
        """Add a text whose end is part of it."""
        self._hash.update(b"%d " % len(text) + text)

    def body(self, block: bytes) -> None:
        """Add some of the body."""
        if not self._boundary:
            self._hash.update(block)
            return
        *before, last = (self._tail + block).split(self._boundary)
        keep = len(self._boundary) - 1
        for piece in before:
            self._hash.update(piece)
        self._hash.update(last[: max(len(last) - keep, 0)])
        self._tail = last[max(len(last) - keep, 0) :]

    def digest(self) -> bytes:
        """The hash of all that was added; nothing is added afterwards."""
        self._hash.update(self._tail)
        self._tail = b""
        return self._hash.digest()


@asynccontextmanager
async def spooled(request: AnyRequest, limit: int, fingerprint: Fingerprint) -> AsyncIterator[AnyRequest]:
    """The same request with its body at hand, within the block.

    Args:
        request: whose body has not been read yet.
        limit: bytes.
        fingerprint: told of the body.

    Raises:
        TooLarge: it is over the limit.
    """
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        async for block in blocks_of(request, limit):
            fingerprint.body(block)
            await _write(file, block)
        file.seek(0)
        yield Request(request.scope, _reading(file), request.send)


async def _write(file: IO[bytes], block: bytes) -> None:
    if file.tell() + len(block) <= IN_MEMORY:
        file.write(block)
    else:
        await asyncio.to_thread(file.write, block)


def _reading(file: IO[bytes]) -> Any:
    async def receive() -> dict[str, Any]:
        block = file.read(BLOCK) if file.tell() < IN_MEMORY else await asyncio.to_thread(file.read, BLOCK)
        return {"type": "http.request", "body": block, "more_body": bool(block)}

    return receive
