"""Before the agent has a call: who has answered it, and what is done with a machine."""

import asyncio

from ringback.carriers.sip.agents.detection_settings import Detect, Detection, OnMachine
from ringback.carriers.sip.detect import CADENCES, LATEST_SEC, Beep, Detector, Verdict, Why
from ringback.carriers.sip.line import Line
from ringback.domain.outcome import AnsweredBy

LOOK_SEC = 0.06
"""What has come is looked at so often."""

LULL_SEC = 0.2
"""Where nothing comes from the far end for so long, it is silence: many send nothing then."""

LATE_SEC = 1.0
"""Of audio that comes slower than time passes, so much more than the latest is waited for and no more."""


async def screen(line: Line, detection: Detection) -> bytes | None:
    """Listen to who has answered, and wait for a machine to record where it is to have a message.

    Args:
        line: the call, from its answer on. Its notes get `answered_by`, and `detection`: why, and after how long.
        detection: what the agent is told of it.

    Returns:
        what was heard that the agent should hear; None where it is not to have the call.
    """
    if detection.detect is Detect.NONE:
        return b""
    listening = _Listening(line)
    verdict = await _verdict(line, listening, detection.detect)
    line.notes["answered_by"] = verdict.answered_by.value
    line.notes["detection"] = {"why": verdict.why.value, "after_sec": verdict.at_sec}
    if verdict.answered_by is not AnsweredBy.MACHINE or detection.on_machine is OnMachine.CONTINUE:
        return bytes(listening.heard)
    if detection.on_machine is OnMachine.HANG_UP:
        return None
    line.notes["detection"] |= await _recording(line, listening)
    return b""


async def _verdict(line: Line, listening: "_Listening", mode: Detect) -> Verdict:
    detector = Detector(line.rate, mode)
    latest_sec = CADENCES[mode].total_sec + LATE_SEC
    while (verdict := detector.take(await listening.more())) is None and listening.sec < latest_sec:
        pass
    return verdict or Verdict(AnsweredBy.UNKNOWN, Why.TIME_UP, round(listening.sec, 2))


async def _recording(line: Line, listening: "_Listening") -> dict[str, str | float]:
    """Wait until the machine records; what tells so, and when it did."""
    beep = Beep(line.rate)
    ending = beep.take(bytes(listening.heard))
    while ending is None and listening.sec < LATEST_SEC + LATE_SEC:
        ending = beep.take(await listening.more())
    return {"recording": ending.value if ending else Why.TIME_UP.value, "recording_sec": beep.at_sec}


class _Listening:
    """A line, as time passes.

    Attributes:
        heard: all that came.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._began = self._last = self._covered = self._loop.time()
        self.heard = bytearray()

    @property
    def sec(self) -> float:
        """How long it is listened to."""
        return self._loop.time() - self._began

    async def more(self) -> bytes:
        """What comes next, or silence in its place."""
        await asyncio.sleep(LOOK_SEC)
        pcm, now = self._line.read(), self._loop.time()
        if pcm:
            self._last = self._covered = now
        elif now - self._last >= LULL_SEC:
            pcm = self._lull(now)
        self.heard += pcm
        return pcm

    def _lull(self, now: float) -> bytes:
        samples = int((now - self._covered) * self._line.rate)
        self._covered += samples / self._line.rate
        return bytes(2 * samples)
