"""Waiting for what will be so, with an end to it."""

import asyncio
from collections.abc import Callable

LOOK_SEC = 0.05


async def eventually(condition: Callable[[], object], sec: float) -> None:
    """Look at a condition again and again until it holds.

    Raises:
        TimeoutError: it did not in so many seconds.
    """
    async with asyncio.timeout(sec):
        while True:
            if condition():
                return
            await asyncio.sleep(LOOK_SEC)


async def holds_within(condition: Callable[[], object], sec: float) -> bool:
    """Whether it comes to hold in that time."""
    try:
        await eventually(condition, sec)
    except TimeoutError:
        return False
    return True
