"""An answered call as the agents in a worker see it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ringback.carriers.carrier import Agent

FRAME_SEC = 0.02
"""A frame of audio, as it goes over the wire."""


class Line(Protocol):
    """One answered call. Audio is 16-bit PCM, mono, native byte order.

    Attributes:
        rate: samples a second, of both directions.
        over: set once the call has ended; nothing can be written or read from then on.
        digits: the keys that are pressed, in order, as they come.
        notes: kept with the attempt: `digits` (str), `opted_out` (bool), `answered_by` (str), and whatever else.
        ids: `attempt_id`, `call_id`, `to_number`, `from_number` and `sip_call_id`, as text.
        folder: the data directory, under which an agent may keep files.
    """

    rate: int
    over: asyncio.Event
    digits: asyncio.Queue[str]
    notes: dict[str, Any]
    ids: dict[str, str]
    folder: Path

    def write(self, pcm: bytes) -> int:
        """Queue audio for the far end; returns how many bytes there was room for, 0 once it is over."""
        ...

    def clear(self) -> None:
        """Drop what is queued and has not gone out."""
        ...

    def queued_sec(self) -> float:
        """How much of what was written has not gone out yet."""
        ...

    def read(self) -> bytes:
        """What has come from the far end since the last read; empty where nothing did."""
        ...

    async def hang_up(self) -> None:
        """End it."""
        ...


RunAgent: TypeAlias = Callable[[Line, Agent], Awaitable[None]]
"""An agent: it returns when it is done with the call, which is then hung up; it is cancelled when the call ends."""
