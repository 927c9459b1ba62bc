"""The threads of the SIP stack, as the loop sees them. It and `stack.py` are the only modules that know `baresip`."""

from collections.abc import Callable
from typing import Any

from baresip import runtime
from baresip._native import ffi, lib
from baresip.audio import CallAudio
from baresip.events import Event

from ringback.carriers.sip.crossing import Crossing

HEARD = frozenset(
    {
        Event.CALL_OUTGOING,  # tells the Call-ID
        *(Event.CALL_INCOMING, Event.CALL_RINGING, Event.CALL_PROGRESS, Event.CALL_ESTABLISHED, Event.CALL_REDIRECT),
        *(Event.CALL_CLOSED, Event.CALL_DTMF_START, Event.CALL_DTMF_END, Event.REGISTER_OK, Event.REGISTER_FAIL),
    }
)
"""Somebody listens to these; each of the others would wake the loop for nothing."""

_HEARD = frozenset(lib.BP_EV_BASE + event for event in HEARD)


class Runtime(runtime.Runtime):
    """The library's own, with fewer wake-ups.

    No command has a time limit: one that was given up may still be done, and an INVITE go out that nobody knows of.
    Whether the SIP thread is there is asked by `ping`.

    Args:
        crossing: from its threads to the loop.
        on_death: called when the SIP thread has died.
    """

    def __init__(self, crossing: Crossing, on_death: Callable[[], None]) -> None:
        super().__init__(command_timeout=None)  # type: ignore[arg-type]  # it goes to `wait_for`, which takes it
        self.on_dead = on_death  # type: ignore[assignment]  # the library names no type for it but that of None
        self._crossing = crossing

    async def ping(self) -> None:
        """Returns once the SIP thread has answered."""
        await self.cmd(lib.BP_CMD_PING)

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        """Runs on the SIP thread; what is below the base is the answer to a command."""
        if ev < lib.BP_EV_BASE or ev in _HEARD:
            self._call_threadsafe(self._dispatch, ev, handle, payload)

    def _call_threadsafe(self, fn: Callable[..., Any], *args: Any) -> None:
        self._crossing.call(fn, *args)


LARGEST_READ = 1 << 18
"""Bytes: more than a second of any codec."""

_INFO, _PCM = ffi.new("struct bp_audio_info *"), ffi.new("uint8_t[]", LARGEST_READ)


class Audio(CallAudio):
    """The audio of a call, as it is asked for with every frame: without a new buffer and a new report each time.

    For the loop's thread alone, which shares the buffers.
    """

    def queued(self) -> int:
        """Bytes that wait to be sent.

        Raises:
            AudioNotActive: there is no audio.
        """
        if lib.bp_audio_probe(self._handle, _INFO):
            return int(self.info().tx_buffered)  # which raises it
        self._bound_epoch = _INFO.epoch
        return int(_INFO.tx_fill)

    def read(self, max_bytes: int) -> bytes:
        """What came from the far end.

        Raises:
            AudioNotActive: there is no audio.
            AudioRestarted: it is another stream now.
        """
        size = min(max_bytes, LARGEST_READ)
        got = self._checked(lib.bp_audio_read(self._handle, self._ensure_bound(), _PCM, size))
        return bytes(ffi.buffer(_PCM, got))
