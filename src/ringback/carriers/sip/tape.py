"""Whether a call is recorded, from when on, and what is said of it first."""

import asyncio
import wave
from importlib import import_module
from pathlib import Path
from typing import Any

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.recording_settings import parse_recorded
from ringback.carriers.sip.line import Audio, Line
from ringback.errors import RingbackError

RECORDING = "ringback.carriers.sip.recording"
ANNOUNCING = "ringback.carriers.sip.announcing"
"""Taken in by the calls that want them: the first works with NumPy."""


async def prepare_tape(agent: Agent, folder: Path, rate: int) -> None:
    """Have ready what it takes, and what the person is to be told."""
    if agent.recording:
        await asyncio.to_thread(import_module, RECORDING)
        if parse_recorded(agent.settings).announcement:
            await import_module(ANNOUNCING).prepare(agent, folder, rate)


class Tape:
    """The tape of one answered call. With an announcement it begins with that, and without one at the answer.

    Args:
        call: its audio.
        agent: has `recording`, and how it is recorded among its settings.
        line: the call, to be spoken to.

    Attributes:
        audio: what is to be used in place of the call's own.
    """

    def __init__(self, call: Audio, agent: Agent, line: Line) -> None:
        self.audio = call
        self._agent = agent
        self._line = line
        self._how = parse_recorded(agent.settings)
        self._recording: Any = None
        if not self._how.announcement:
            self._begin()

    async def announce(self) -> None:
        """Tell the person. Where that cannot be, the call goes on and is not recorded."""
        if not self._how.announcement:
            return
        announcing = import_module(ANNOUNCING)
        try:
            sound = await announcing.announcement(self._agent, self._line.folder, self._line.rate)
            self._begin()
            await announcing.play(self._line, sound)
        except (RingbackError, OSError, EOFError, wave.Error) as failed:
            self._line.notes["recording_error"] = f"the announcement could not be spoken: {failed}"

    def stop(self) -> None:
        """The call is over."""
        if self._recording is not None:
            self._recording.stop()

    async def notes(self) -> dict[str, Any]:
        """What is to be kept with the attempt, once the file is whole."""
        return {} if self._recording is None else await self._recording.noted()

    def _begin(self) -> None:
        """From now on, however long it takes to have it ready."""
        now, path = asyncio.get_running_loop().time(), self._line.folder / self._agent.recording
        self._recording = import_module(RECORDING).Recording(self.audio, path, self._how.record, self._line.rate, now)
        self.audio = self._recording
