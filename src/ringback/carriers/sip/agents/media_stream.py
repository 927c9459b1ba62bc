"""The messages of Twilio's Media Streams, as bots that were written for them send and expect them.

Names, order and types are theirs: numbers are text, but for those of `mediaFormat`.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from ringback.ids import ATTEMPT, read

RATE = 8000
FRAME_BYTES = 160
FRAME_MILLI = 20

ACCOUNT_SID = "AC" + 32 * "0"
"""Ringback has no accounts; bots that look for one find this."""

_ENCODER = msgspec.json.Encoder()


class MediaStream:
    """What is sent of one call, numbered.

    Args:
        attempt_id: the attempt's public id; the ids of the stream are made of it.
    """

    def __init__(self, attempt_id: str) -> None:
        digits = _hex(attempt_id)
        self.stream_sid = f"MZ{digits}"
        self.call_sid = f"CA{digits}"
        self._sent = 0
        self._chunks = 0

    def connected(self) -> bytes:
        """The first message; it has no number."""
        return _ENCODER.encode({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str]) -> bytes:
        """What the stream is of."""
        return self._message(
            "start",
            {
                "streamSid": self.stream_sid,
                "accountSid": ACCOUNT_SID,
                "callSid": self.call_sid,
                "tracks": ["inbound"],
                "customParameters": parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            },
        )

    def media(self, frame: bytes) -> bytes:
        """A frame of mu-law audio from the far end."""
        at, self._chunks = self._chunks * FRAME_MILLI, self._chunks + 1
        payload = b64encode(frame).decode()
        return self._message(
            "media", {"track": "inbound", "chunk": str(self._chunks), "timestamp": str(at), "payload": payload}
        )

    def dtmf(self, digit: str) -> bytes:
        """A key that was pressed."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> bytes:
        """All audio before the bot's mark of this name was played, or was dropped."""
        return self._message("mark", {"name": name})

    def stop(self) -> bytes:
        """The call has ended."""
        return self._message("stop", {"accountSid": ACCOUNT_SID, "callSid": self.call_sid})

    def _message(self, event: str, content: Mapping[str, Any]) -> bytes:
        self._sent += 1
        return _ENCODER.encode(
            {"event": event, "sequenceNumber": str(self._sent), event: content, "streamSid": self.stream_sid}
        )


def parameters(variables: Mapping[str, Any], ids: Mapping[str, str], token: str) -> dict[str, str]:
    """The custom parameters of a call: the lead's variables as text, and over them what names the call."""
    ours = {name: ids.get(name, "") for name in ("call_id", "attempt_id", "to_number", "from_number")}
    return {name: _text(value) for name, value in variables.items()} | ours | {"token": token}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


def _hex(attempt_id: str) -> str:
    """The 32 digits of an id; whatever else is given has 32 of its own."""
    known = read(ATTEMPT, attempt_id)
    return (known or UUID(bytes=hashlib.sha256(attempt_id.encode()).digest()[:16])).hex


class _Said(msgspec.Struct, frozen=True, tag_field="event", rename="camel"):
    """What bots say; a message without the stream's id is taken for one of this stream."""

    stream_sid: str = ""


class _Payload(msgspec.Struct, frozen=True):
    payload: bytes


class _Name(msgspec.Struct, frozen=True):
    name: str


class Media(_Said, frozen=True, kw_only=True, tag="media"):
    """Mu-law audio to play, of any length."""

    media: _Payload


class Mark(_Said, frozen=True, kw_only=True, tag="mark"):
    """To be sent back once the audio before it was played."""

    mark: _Name


class Clear(_Said, frozen=True, kw_only=True, tag="clear"):
    """Drop what has not been played, and send its marks back."""


Said: TypeAlias = Media | Mark | Clear

_DECODER: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


def parse(message: bytes, stream_sid: str) -> Said | None:
    """What a bot said, None where it makes no sense for this stream."""
    try:
        said = _DECODER.decode(message)
    except (ValueError, RecursionError):
        return None
    return said if said.stream_sid in ("", stream_sid) else None
