"""An answered call as the agents in a worker see it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ringback.carriers.carrier import Agent

FRAME_SEC = 0.02
"""A frame of audio, as it goes over the wire."""


class OtherEnd(Protocol):
    """A call of its own that an agent has made, to whom it connects the person. Audio is as that of a line.

    Attributes:
        answered: set once somebody has picked up.
        over: set once it has ended, or has come to nothing.
        sip_code: the final response to the INVITE; None until there is one, or where none came.
        words: how it ended, where that has no code.
        sip_call_id: the Call-ID on the wire.
        digits: the keys that are pressed there.
    """

    answered: asyncio.Event
    over: asyncio.Event
    sip_code: int | None
    words: str
    sip_call_id: str
    digits: asyncio.Queue[str]

    @property
    def rate(self) -> int:
        """Samples a second, of both directions; 0 until there is audio."""
        ...

    def write(self, pcm: bytes) -> int:
        """Queue audio; returns how many bytes there was room for."""
        ...

    def clear(self) -> None:
        """Drop what is queued and has not gone out."""
        ...

    def queued_sec(self) -> float:
        """How much of what was written has not gone out yet."""
        ...

    def read(self) -> bytes:
        """What has come since the last read; empty where nothing did."""
        ...

    async def press(self, key: str) -> None:
        """Press a key (RFC 4733); returns when it is up again."""
        ...

    def hang_up(self) -> None:
        """End it, whatever it has come to. Returns at once."""
        ...


class Audio(Protocol):
    """The audio of a call, 16-bit PCM as the stack has it."""

    def write(self, pcm: bytes) -> int:
        """Queue audio for the far end; returns the bytes that there was room for."""
        ...

    def clear(self) -> None:
        """Drop what is queued."""
        ...

    def queued(self) -> int:
        """Bytes that are queued."""
        ...

    def read(self, most: int) -> bytes:
        """What came from the far end since the last read."""
        ...


class Line(Protocol):
    """One answered call. Audio is 16-bit PCM, mono, native byte order.

    Attributes:
        rate: samples a second, of both directions.
        over: set once the call has ended; nothing can be written or read from then on.
        digits: the keys that are pressed, in order, as they come.
        notes: kept with the attempt: `digits` (str), `opted_out` (bool), `answered_by` (str), and whatever else.
        ids: `attempt_id`, `call_id`, `to_number`, `from_number` and `sip_call_id`, as text.
        folder: the data directory, under which an agent may keep files.
        unheard: what was said before the agent had the call, while it was found out who answered; `read` goes on there.
    """

    rate: int
    over: asyncio.Event
    digits: asyncio.Queue[str]
    notes: dict[str, Any]
    ids: dict[str, str]
    folder: Path
    unheard: bytes

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

    async def press(self, key: str) -> None:
        """Press a key (RFC 4733); returns when it is up again."""
        ...

    async def call_out(self, uri: str, headers: Mapping[str, str]) -> OtherEnd:
        """Call a SIP address, from the number that the person was called from. It ends with this call at the latest.

        Raises:
            CarrierUnavailable: it cannot be called; nothing was sent.
        """
        ...

    async def hang_up(self) -> None:
        """End it."""
        ...


RunAgent: TypeAlias = Callable[[Line, Agent], Awaitable[None]]
"""An agent: it returns when it is done with the call, which is then hung up; it is cancelled when the call ends."""
