"""The bridging agent, of the kind `sip`: connects whoever answered with a SIP address, a bot or a call centre."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.bridge_headers import introduce
from ringback.carriers.sip.agents.bridge_settings import parse_bridge
from ringback.carriers.sip.agents.resample import converter
from ringback.carriers.sip.agents.waiting import Waiting
from ringback.carriers.sip.line import FRAME_SEC, Line, OtherEnd
from ringback.errors import CarrierUnavailable, Invalid

ERROR = "agent_error"

AUDIO_UP_SEC = 2.0
"""Audio that is not there so long after the answer will not come."""

LEAST_AHEAD_SEC = 0.06
"""Audio that comes after a pause has silence before it up to that: a turn that is a little late leaves no gap."""

MOST_AHEAD_SEC = 0.16
"""With more than that waiting, after a turn that was very late or by clocks that differ, the oldest is dropped."""

_BUSY = frozenset({486, 600})


async def run(line: Line, plan: Agent) -> None:
    """Call the address, and connect the two until either hangs up; then the other is hung up on.

    Args:
        line: the answered call. Its notes get `bridge`, and `agent_error` where nobody was connected.
        plan: has `uri`, and perhaps `ring_timeout_sec`, `while_ringing` and `headers`, in its settings, unsealed.
    """
    try:
        settings = parse_bridge(plan.settings)
        introduction = introduce(plan.variables, line.ids, plan.token)
        other = await line.call_out(settings["uri"], settings["headers"] | introduction.headers)
    except (CarrierUnavailable, Invalid) as failed:
        line.notes[ERROR] = f"the other end could not be called: {failed}"
        return
    if introduction.left_out:
        line.notes["variables_left_out"] = introduction.left_out
    bridge = _Bridge(line, other)
    try:
        waiting = Waiting(settings["while_ringing"], line)
        if fault := await bridge.connect(settings["ring_timeout_sec"], waiting):
            line.notes[ERROR] = fault
        else:
            await bridge.relay()
    finally:
        other.hang_up()
        line.notes["bridge"] = bridge.account()


class Pipe:
    """One direction of a bridge.

    Args:
        source: who speaks.
        sink: who hears it; both have audio.
    """

    def __init__(self, source: Line | OtherEnd, sink: Line | OtherEnd) -> None:
        self._source = source
        self._sink = sink
        self._convert = converter(source.rate, sink.rate)

    def pass_on(self) -> bool:
        """Pass on what has come; whether something did."""
        pcm = self._convert(self._source.read())
        if not pcm:
            return False
        ahead_sec = self._sink.queued_sec()
        least = 2 * round(LEAST_AHEAD_SEC * self._sink.rate)
        if ahead_sec + len(pcm) / 2 / self._sink.rate > MOST_AHEAD_SEC:
            self._sink.clear()
            pcm = pcm[-least:]
        elif ahead_sec < FRAME_SEC:
            pcm = pcm.rjust(least, b"\0")
        self._sink.write(pcm)
        return True


class _Bridge:
    """A person and who is called for them.

    Args:
        line: the person.
        other: who is called.
    """

    def __init__(self, line: Line, other: OtherEnd) -> None:
        self._line = line
        self._other = other
        self._inward: Pipe | None = None
        self._speaks_early = False
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._answered_at: float | None = None

    async def connect(self, ring_timeout_sec: int, waiting: Waiting) -> str:
        """Wait until the other end has answered and has audio; why that is not to be, empty where it is."""
        async for now in self._turns():
            self._drop_what_nobody_hears()
            if self._other.answered.is_set():
                self._answered_at = self._answered_at or now
                if self._other.rate:
                    break
                if now > self._answered_at + AUDIO_UP_SEC:
                    return "there was no audio with the other end"
            elif now >= self._began + ring_timeout_sec:
                return f"the other end did not answer within {ring_timeout_sec} s"
            elif not self._has_sound_of_its_own():
                waiting.play()
        return "" if self._other.answered.is_set() or self._line.over.is_set() else _refusal(self._other)

    async def relay(self) -> None:
        """Pass on what either says, and the keys that they press, until one of them hangs up."""
        if not self._other.rate:  # it has, as soon as it had answered
            return
        if not self._speaks_early:
            self._line.clear()
        pipes = (self._inward or Pipe(self._other, self._line), Pipe(self._line, self._other))
        keys = [self._loop.create_task(_pass_on_keys(*ends)) for ends in self._ways()]
        try:
            async for _ in self._turns():
                for pipe in pipes:
                    pipe.pass_on()
        finally:
            for task in keys:
                task.cancel()

    def account(self) -> dict[str, Any]:
        """What is kept with the attempt."""
        until = self._answered_at or self._loop.time()
        return {
            "sip_call_id": self._other.sip_call_id,
            "sip_code": self._other.sip_code,
            "ring_sec": round(until - self._began, 1),
            "talk_sec": round(self._loop.time() - until, 1),
        }

    def _drop_what_nobody_hears(self) -> None:
        """What the person says and presses before there is somebody."""
        self._line.read()
        while not self._line.digits.empty():
            self._line.digits.get_nowait()

    def _has_sound_of_its_own(self) -> bool:
        """Whether the other end is heard before it has answered; that takes the place of our own sound."""
        if self._inward is None and self._other.rate:
            self._inward = Pipe(self._other, self._line)
        if self._inward is not None and self._inward.pass_on():
            self._speaks_early = True
        return self._speaks_early

    def _ways(self) -> Iterator[tuple[Line | OtherEnd, Line | OtherEnd]]:
        yield self._line, self._other
        yield self._other, self._line

    async def _turns(self) -> AsyncIterator[float]:
        """A turn every 20 ms while both are there; a late one makes up for those that it missed."""
        due = self._loop.time()
        while not (self._line.over.is_set() or self._other.over.is_set()):
            yield (now := self._loop.time())
            due += FRAME_SEC * (1 + max(0, now - due) // FRAME_SEC)
            await asyncio.sleep(due - self._loop.time())


async def _pass_on_keys(source: Line | OtherEnd, sink: Line | OtherEnd) -> None:
    while True:
        await sink.press(await source.digits.get())


def _refusal(other: OtherEnd) -> str:
    if other.sip_code in _BUSY:
        return f"the other end is busy (SIP {other.sip_code})"
    if other.sip_code:
        return f"the other end did not take the call (SIP {other.sip_code})"
    return f"the other end could not be reached: {other.words}"
