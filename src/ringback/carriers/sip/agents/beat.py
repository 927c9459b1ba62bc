"""The one timer of all calls of a process that have something to do every 20 ms.

With a timer each, a worker woke up for every frame of every call, and its own waking was most of its work.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from ringback.carriers.sip.line import FRAME_SEC

Turn = Callable[[float], bool]
"""What is done in a turn, at the loop's time; it returns whether that was the last."""


class Beat:
    """Gives them their turns.

    Args:
        loop: on which they have them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._turns: dict[Turn, asyncio.Future[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._due = 0.0

    async def keep(self, turn: Turn) -> None:
        """Have a turn every 20 ms until it says that it was the last; what it raises is raised here."""
        over = self._turns[turn] = self._loop.create_future()
        if self._timer is None:
            self._due = self._loop.time()
            self._timer = self._loop.call_soon(self._strike)
        try:
            await over
        finally:
            del self._turns[turn]

    def _strike(self) -> None:
        """Turns that were missed are not made up for: each takes all that is there."""
        now = self._loop.time()
        for turn, over in list(self._turns.items()):
            if over.done():
                continue
            try:
                if turn(now):
                    over.set_result(None)
            except Exception as failed:  # noqa: BLE001  # it is that of one call, and raised in it
                over.set_exception(failed)
        self._due += FRAME_SEC * (1 + max(0, now - self._due) // FRAME_SEC)
        self._timer = self._loop.call_at(self._due, self._strike) if self._turns else None


_BEATS: WeakKeyDictionary[asyncio.AbstractEventLoop, Beat] = WeakKeyDictionary()


def beat() -> Beat:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _BEATS:
        _BEATS[loop] = Beat(loop)
    return _BEATS[loop]
