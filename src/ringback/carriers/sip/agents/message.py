"""The message agent: plays a recording, or speaks a text, to whoever answered, and notes the keys that they press."""

import asyncio
import wave
from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.message_keys import Keys
from ringback.carriers.sip.agents.message_settings import MessageSettings, parse_message
from ringback.carriers.sip.agents.message_text import fill
from ringback.carriers.sip.line import FRAME_SEC, Line
from ringback.carriers.sip.sounds import Sounds, open_sounds
from ringback.config import AUDIO, speech_command
from ringback.errors import RingbackError, SpeechFailed

MOST_AHEAD_SEC, LEAST_AHEAD_SEC = 0.4, 0.2
"""What is queued on the line stays between these, and a piece more: enough for a process that is held up, and no more
to take back when a key is pressed."""
PIECE_SEC = 0.1
"""What is written at a time."""

AUDIO_SETTING = "audio"
"""The path of the recording, where there is one; put there for each call."""

_KNOWN = frozenset(MessageSettings.__dataclass_fields__)


class Sound(Enum):
    """What is played besides silence."""

    MESSAGE = "message"
    FAREWELL = "farewell"


Part: TypeAlias = float | Sound
"""Seconds of silence, or a sound."""

Pieces: TypeAlias = Generator[bytes, None, None]


def parts_of(settings: MessageSettings) -> list[Part]:
    """What is played, in order, to somebody who presses nothing."""
    again: list[Part] = [settings.repeat_pause_sec, Sound.MESSAGE]
    return [settings.pause_sec, Sound.MESSAGE, *again * (settings.repeat - 1)]


async def run(line: Line, plan: Agent) -> None:
    """Play the message. Returns when its last frame has gone out, or the call is over.

    Args:
        line: the call. Its notes get `digits`, `opted_out`, `unknown_variables`, and `agent_error` where the message
            could not be played.
        plan: the agent's settings, with the path of its recording as `audio`, and the lead's variables.
    """
    try:
        await _converse(line, _script(plan), _sounds(line.folder))
    except (RingbackError, OSError, EOFError, wave.Error) as fault:
        line.notes["agent_error"] = str(fault)


async def prepare(plan: Agent, folder: Path, rate: int) -> None:
    """Make the sound of a call that may be answered soon; what goes wrong is told when it is.

    Nothing is spoken while others are: most of those that ring do not answer, and those that did would wait for them.

    Args:
        plan: as for `run`.
        folder: as that of the line.
        rate: of the line to come.
    """
    with suppress(RingbackError, OSError):
        script, sounds = _script(plan), _sounds(folder)
        if script.audio is not None or not sounds.is_busy:
            await _make(script, Sound.MESSAGE, sounds, rate)


@dataclass(frozen=True, slots=True)
class _Script:
    """What one call is about.

    Attributes:
        settings: the agent's.
        audio: its recording, None where it speaks.
        texts: what it says, with the variables filled in.
        unknown: the variables that were not there.
    """

    settings: MessageSettings
    audio: Path | None
    texts: Mapping[Sound, str]
    unknown: tuple[str, ...]


def _script(plan: Agent) -> _Script:
    """What this call is about.

    Raises:
        Invalid: settings of another release that this one cannot follow.
        SpeechFailed: there is nothing to play.
    """
    settings = parse_message({name: value for name, value in plan.settings.items() if name in _KNOWN})
    audio = plan.settings.get(AUDIO_SETTING)
    message = fill("" if audio else settings.text or "", plan.variables)
    farewell = fill(settings.opt_out_text or "", plan.variables)
    if not audio and not message.text:
        raise SpeechFailed("the agent has nothing to say: it has no recording, and no text for this lead")
    unknown = tuple(dict.fromkeys(message.unknown + farewell.unknown))
    texts = {Sound.MESSAGE: message.text, Sound.FAREWELL: farewell.text}
    return _Script(settings, Path(audio) if audio else None, texts, unknown)


@cache
def _sounds(folder: Path) -> Sounds:
    return open_sounds(folder / AUDIO, speech_command())


async def _make(script: _Script, sound: Sound, sounds: Sounds, rate: int) -> Path | None:
    """The file of a sound at this rate, None where it is nothing."""
    if sound is Sound.MESSAGE and script.audio is not None:
        return await sounds.recorded(script.audio, rate)
    if not script.texts[sound]:
        return None
    language = script.settings.language
    return await sounds.spoken(script.texts[sound], script.settings.voice or language, language, rate)


async def _converse(line: Line, script: _Script, sounds: Sounds) -> None:
    if script.unknown:
        line.notes["unknown_variables"] = list(script.unknown)
    wanted = [Sound.MESSAGE] + ([Sound.FAREWELL] if script.texts[Sound.FAREWELL] else [])
    made = {sound: asyncio.create_task(_make(script, sound, sounds, line.rate)) for sound in wanted}
    player = Player(line, Keys(script.settings))
    try:
        for part in parts_of(script.settings):
            await player.play(_silence(part, line.rate) if isinstance(part, float) else _frames(await made[part]))
        await player.collect()
        if player.keys.opted_out and Sound.FAREWELL in made:
            await player.play(_frames(await made[Sound.FAREWELL]), heedless=True)
        await player.drain()
    finally:
        player.close()
        for task in made.values():
            task.add_done_callback(_look_at)
            task.cancel()


def _look_at(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that nobody waits for."""
    if not task.cancelled():
        task.exception()


def _silence(sec: float, rate: int) -> Pieces:
    left, piece = round(sec * rate), _piece(rate)
    while left > 0:
        yield bytes(2 * min(left, piece))
        left -= piece


def _frames(path: Path | None) -> Pieces:
    if path is None:
        return
    with wave.open(str(path), "rb") as sound:
        piece = _piece(sound.getframerate())
        while block := sound.readframes(piece):
            yield block


def _piece(rate: int) -> int:
    return round(PIECE_SEC * rate)


class Player:
    """Writes to a line a little ahead of what goes out, and hears the keys meanwhile.

    Args:
        line: the call.
        keys: what they mean.
    """

    def __init__(self, line: Line, keys: Keys) -> None:
        self.keys = keys
        self._line = line
        self._over = asyncio.create_task(line.over.wait())
        self._key = asyncio.create_task(line.digits.get())

    async def play(self, pieces: Pieces, *, heedless: bool = False) -> None:
        """Play until the end, or until the call is over, or, unless heedless, until a key makes the rest needless."""
        with closing(pieces):
            for piece in pieces:
                rest = piece
                while rest:
                    if self._line.over.is_set() or (self.keys.interrupt and not heedless):
                        return
                    rest = rest[await self._write(rest) :]

    async def collect(self) -> None:
        """Wait for the keys that are still to come: until there are as many as are wanted, or none comes for too long.

        The time begins when the message has gone out.
        """
        wanted = self.keys.settings.collect_digits
        if self.keys.interrupt:
            self._line.clear()
        else:
            await self.drain()
        while wanted is not None and self.keys.awaited and not self._line.over.is_set():
            if not await self._heard(wanted.timeout_sec):
                return

    async def drain(self) -> None:
        """Wait until what was written has gone out."""
        while (queued_sec := self._line.queued_sec()) > 0 and not self._line.over.is_set():
            await self._heard(max(queued_sec, FRAME_SEC))

    def close(self) -> None:
        """Take note of the keys that came in the last moment: somebody may opt out and hang up at once."""
        self._over.cancel()
        if self._key.done() and not self._key.cancelled():
            self._press(self._key.result())
        self._key.cancel()
        while not self._line.digits.empty():
            self._press(self._line.digits.get_nowait())

    async def _write(self, piece: bytes) -> int:
        """Write what there is room for, or wait until there is some."""
        ahead_sec = self._line.queued_sec()
        if ahead_sec > MOST_AHEAD_SEC:
            await self._heard(ahead_sec - LEAST_AHEAD_SEC)
            return 0
        written = self._line.write(piece)
        if not written:
            await self._heard(max(ahead_sec / 2, FRAME_SEC))
        return written

    async def _heard(self, sec: float) -> bool:
        """Wait so long, or until a key is pressed, which is True, or until the call is over."""
        await asyncio.wait((self._over, self._key), timeout=sec, return_when=asyncio.FIRST_COMPLETED)
        if not self._key.done():
            return False
        self._press(self._key.result())
        self._key = asyncio.create_task(self._line.digits.get())
        return True

    def _press(self, key: str) -> None:
        self.keys = self.keys.press(key)
        self._line.notes["digits"] = self.keys.digits
        if self.keys.opted_out:
            self._line.notes["opted_out"] = True
