"""A line without a network: what the far end says is given to it, and what it hears can be looked at."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from ringback.carriers.sip.line import FRAME_SEC
from ringback.ids import ATTEMPT, CALL, show

CAPACITY_SEC = 1.0


def ids_of(attempt_id, call_id) -> dict[str, str]:
    """The ids of a line, for two UUIDs."""
    return {
        "attempt_id": show(ATTEMPT, attempt_id),
        "call_id": show(CALL, call_id),
        "to_number": "+14155552671",
        "from_number": "+14155550100",
        "sip_call_id": "abc@host",
    }


class MemoryLine:
    """An answered call. Time passes only by `play`.

    Args:
        ids: of the call.
        rate: samples a second.
    """

    def __init__(self, ids: dict[str, str], rate: int = 8000) -> None:
        self.rate = rate
        self.over = asyncio.Event()
        self.digits: asyncio.Queue[str] = asyncio.Queue()
        self.notes: dict[str, Any] = {}
        self.ids = ids
        self.heard = bytearray()
        self.unheard = b""
        self._queue = bytearray()
        self._said = bytearray()

    def write(self, pcm: bytes) -> int:
        """Take what there is room for."""
        room = 0 if self.over.is_set() else self._bytes(CAPACITY_SEC) - len(self._queue)
        self._queue += pcm[:room]
        return min(len(pcm), room)

    def clear(self) -> None:
        """Drop what was not played."""
        self._queue.clear()

    def queued_sec(self) -> float:
        """What was not played."""
        return len(self._queue) / 2 / self.rate

    def read(self) -> bytes:
        """What was said since the last look."""
        said = bytes(self._said)
        self._said.clear()
        return said

    async def hang_up(self) -> None:
        """It is over."""
        self.over.set()

    def say(self, pcm: bytes) -> None:
        """The far end says something."""
        self._said += pcm

    def play(self, sec: float) -> None:
        """Let the far end hear what is queued for so long."""
        count = self._bytes(sec)
        self.heard += self._queue[:count]
        del self._queue[:count]

    def _bytes(self, sec: float) -> int:
        return 2 * round(sec * self.rate)


@asynccontextmanager
async def playing(*lines: MemoryLine, speed: float = 1.0) -> AsyncIterator[None]:
    """Time passes for the lines, `speed` times as fast as for us."""
    task = asyncio.create_task(_play(lines, speed))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _play(lines: Iterable[MemoryLine], speed: float) -> None:
    loop = asyncio.get_running_loop()
    last = loop.time()
    while True:
        await asyncio.sleep(FRAME_SEC / 2)
        now = loop.time()
        for line in lines:
            line.play((now - last) * speed)
        last = now
