"""What a node and its SIP workers say to each other: one JSON object a line over a Unix socket pair.

A worker lives and dies with its socket: when the node's end closes, for whatever reason, it hangs up and ends.
Instants are Unix time in seconds, as both are on one machine.
"""

import asyncio
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.carriers.carrier import Agent


class StartUp(msgspec.Struct, frozen=True, tag=True):
    """The first line to a worker: the trunk's settings, password included, and where it may keep files.

    With `trace`, every SIP message of it is told as a `Wire` of no attempt.
    """

    settings: dict[str, Any]
    folder: str
    max_calls: int
    trace: bool = False


class Place(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Dial, once, and not after `by`."""

    attempt_id: UUID
    call_id: UUID
    to_number: str
    by: float
    from_number: str | None = None
    agent: Agent | None = None


class HangUp(msgspec.Struct, frozen=True, tag=True):
    """End a dial by CANCEL or BYE; `ours` is why, as in Closed."""

    attempt_id: UUID
    ours: str = "hang_up"


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Are you there?"""


class Pong(msgspec.Struct, frozen=True, tag=True):
    """I am, and so is my SIP thread."""

    calls: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The stack is up."""

    pid: int


class Broken(msgspec.Struct, frozen=True, tag=True):
    """The stack cannot come up, and why; the worker ends."""

    why: str


class Sent(msgspec.Struct, frozen=True, tag=True):
    """The INVITE is on its way."""

    attempt_id: UUID
    at: float


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """It was certainly not asked for: too late, or the stack refused; `late` is for a deadline that was over."""

    attempt_id: UUID
    why: str
    late: bool = False


class Rang(msgspec.Struct, frozen=True, tag=True):
    """A 180, or a 183 that brings media."""

    attempt_id: UUID
    at: float


class PickedUp(msgspec.Struct, frozen=True, tag=True):
    """The 200."""

    attempt_id: UUID
    at: float


class Closed(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The dial is over; what the signalling said of it.

    Attributes:
        at: when.
        sip_code: the final response to the INVITE, None where none came.
        q850: the cause of a Reason header (RFC 3326), None where there is none.
        retry_after: the final response said when to try again.
        text: the stack's own words, for what has no code.
        ours: who ended it, where we did: `ring_timeout`, `max_call`, `hang_up`, `leaving`, `agent`, `machine`.
        silent: no response of any kind had come.
        early_media: a 183 with media was seen.
        alerted: a 180 to 189 was seen.
        sip_call_id: the Call-ID on the wire.
        digits: the keys that were pressed.
        answered_by: `human`, `machine` or `unknown`, None where nothing was answered.
        opted_out: the key for no more calls was pressed.
        rtp_sent: packets of media that went out.
        rtp_received: packets of media that came in.
        notes: what else the agent or the media noted.
    """

    attempt_id: UUID
    at: float
    sip_code: int | None = None
    q850: int | None = None
    retry_after: bool = False
    text: str = ""
    ours: str = ""
    silent: bool = False
    early_media: bool = False
    alerted: bool = False
    sip_call_id: str = ""
    digits: str = ""
    answered_by: str | None = None
    opted_out: bool = False
    rtp_sent: int = 0
    rtp_received: int = 0
    notes: dict[str, Any] = {}


class Wire(msgspec.Struct, frozen=True, tag=True):
    """A SIP message that is needed to end a dial without this worker, or one that is traced. Secrets are masked.

    With `out` it is of the call that the dial's agent has made.
    """

    attempt_id: UUID | None
    at: float
    sent: bool
    text: str
    out: bool = False


ToWorker: TypeAlias = StartUp | Place | HangUp | Ping
FromWorker: TypeAlias = Ready | Broken | Pong | Sent | NotSent | Rang | PickedUp | Closed | Wire

_ENCODER = msgspec.json.Encoder()
TO_WORKER: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
FROM_WORKER: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)

LONGEST_LINE = 1 << 20
"""Bytes of one message at most: a message agent's text and a lead's variables are far below."""


def as_unix(at: Instant) -> float:
    """An instant as it goes over the socket."""
    return at.timestamp(unit="nanosecond") / 1e9


def as_instant(unix_sec: float) -> Instant:
    """An instant that came over the socket."""
    return Instant.from_timestamp(round(unix_sec * 1e9), unit="nanosecond")


class Outbox:
    """What is said in one turn of the loop goes in one write, and wakes the other end once.

    Args:
        writer: to the other end, which may be gone already.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._lines: list[bytes] = []

    def put(self, message: ToWorker | FromWorker) -> None:
        """Say something; nothing to one whose end is closed."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(_ENCODER.encode(message))

    def close(self) -> None:
        """Say what is left, and no more."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._lines and not self._writer.is_closing():
            self._writer.write(b"\n".join([*self._lines, b""]))
        self._lines.clear()


def write(to: asyncio.StreamWriter, message: ToWorker | FromWorker) -> None:
    """Queue one message."""
    to.write(_ENCODER.encode(message) + b"\n")
