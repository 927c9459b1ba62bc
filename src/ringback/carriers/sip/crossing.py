"""From other threads to the loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Crossing:
    """Runs on the loop what other threads hand over, in its order; what comes meanwhile shares one wake-up.

    Each wake-up costs a write, a read and a turn of the loop: as much as a step itself.

    Args:
        loop: where the steps run.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._called = False

    def call(self, step: Callable[..., Any], *args: Any) -> None:
        """Have a step run soon; from any thread. Nothing where the loop is closed."""
        self._steps.append((step, args))
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        """On the loop. Whoever hands over from here on calls again: no step is left behind."""
        self._called = False
        for _ in range(len(self._steps)):
            step, args = self._steps.popleft()
            try:
                step(*args)
            except Exception as failed:  # noqa: BLE001  # one step's fault is its own, as that of any callback
                self._loop.call_exception_handler({"message": "a step from another thread failed", "exception": failed})
