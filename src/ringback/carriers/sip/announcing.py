"""What people are told before a call with them is recorded."""

import asyncio
import wave
from contextlib import suppress
from functools import cache
from pathlib import Path

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.message_settings import MessageSettings
from ringback.carriers.sip.agents.message_text import fill
from ringback.carriers.sip.agents.recording_settings import Recorded, parse_recorded
from ringback.carriers.sip.line import FRAME_SEC, Line
from ringback.carriers.sip.sounds import Sounds, open_sounds
from ringback.config import AUDIO, speech_command
from ringback.errors import RingbackError

AHEAD_SEC = 0.4
"""So much is queued on the line at most: enough for a process that is held up."""


async def announcement(agent: Agent, folder: Path, rate: int) -> Path:
    """The sound of an agent's announcement, in the agent's own voice where it has one.

    Args:
        agent: its settings have `announcement`.
        folder: the data directory.
        rate: of the line.

    Raises:
        RingbackError: it cannot be spoken.
        OSError: it cannot be kept.
    """
    told = parse_recorded(agent.settings)
    language = _language(agent, told)
    voice = language if told.announcement_language else agent.settings.get("voice") or language
    return await _sounds(folder).spoken(fill(told.announcement or "", agent.variables).text, voice, language, rate)


async def prepare(agent: Agent, folder: Path, rate: int) -> None:
    """Have it spoken while it rings; what goes wrong is told when it is to be played."""
    with suppress(RingbackError, OSError):
        if not _sounds(folder).is_busy:
            await announcement(agent, folder, rate)


async def play(line: Line, sound: Path) -> None:
    """Play a sound to its end, or to that of the call. Keys that are pressed meanwhile are the agent's."""
    with wave.open(str(sound), "rb") as frames:
        while piece := frames.readframes(round(FRAME_SEC * line.rate)):
            while piece and not line.over.is_set():
                piece = piece[line.write(piece) :]
                if piece or line.queued_sec() > AHEAD_SEC:
                    await asyncio.sleep(FRAME_SEC)
    while line.queued_sec() and not line.over.is_set():  # noqa: ASYNC110  # the stack tells nobody of it
        await asyncio.sleep(FRAME_SEC)


def _language(agent: Agent, told: Recorded) -> str:
    return told.announcement_language or agent.settings.get("language") or MessageSettings().language


@cache
def _sounds(folder: Path) -> Sounds:
    return open_sounds(folder / AUDIO, speech_command())
