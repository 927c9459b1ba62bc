"""What keeps a worker as small as its calls: circles are looked for seldom, and free memory is given back.

Our own calls leave no circles (`tests/sip/test_kept.py`), but libraries do. And the C library keeps what a burst took:
a SIP transaction is remembered for 32 s (RFC 3261, section 17), thousands of them at a high rate, and what is freed
lies between what is in use.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Any

EVERY_SEC = 30.0
"""So often it is seen whether there is a moment for it."""


def collect_seldom() -> None:
    """Let Python look for circles seldom: each look holds up the audio of all calls.

    What is there at the start is not looked at any more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def keep_tidy(is_idle: Callable[[], bool]) -> None:
    """Tidy up for as long as it runs, in moments in which there are no calls that it could hold up."""
    trim: Callable[[int], Any] = getattr(ctypes.CDLL(None), "malloc_trim", bool)  # it is glibc's; elsewhere, nothing
    while True:
        await asyncio.sleep(EVERY_SEC)
        if is_idle():
            gc.collect()
            trim(0)
