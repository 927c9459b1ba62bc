"""What message agents play, as WAV files at the rate of a line: made once, kept in a cache."""

import asyncio
import hashlib
from functools import partial
from pathlib import Path

from ringback.carriers.sip.audio import convert
from ringback.carriers.sip.cache import Cache
from ringback.carriers.sip.speech import DEFAULT_COMMAND, parse_command, speak

SPEAKERS = 4
"""Speech commands that run at a time; each takes most of a core."""


class Sounds:
    """The sounds of a process.

    Args:
        cache: where they are kept.
        command: what speaks.

    Raises:
        SpeechFailed: the command cannot be read.
    """

    def __init__(self, cache: Cache, command: str = DEFAULT_COMMAND) -> None:
        self._cache = cache
        self._command = parse_command(command)
        self._speakers = asyncio.Semaphore(SPEAKERS)

    @property
    def is_busy(self) -> bool:
        """Whether as many texts are being spoken as may be at a time."""
        return self._speakers.locked()

    async def recorded(self, file: Path, rate: int) -> Path:
        """A recording, whose name tells its content.

        Raises:
            CallerError: it is no audio that we can read.
            OSError: it is not there.
        """

        async def make(draft: Path) -> None:
            await asyncio.to_thread(convert, file, draft, rate)

        return await self._cache.file(f"{file.stem}-{rate}.wav", make)

    async def spoken(self, text: str, voice: str, language: str, rate: int) -> Path:
        """A text as it is spoken.

        Raises:
            SpeechFailed: it is not.
            CallerError: what the command made is no audio that we can read.
        """
        what = "\0".join((*self._command, voice, language, text))
        name = f"{hashlib.sha256(what.encode()).hexdigest()}-{rate}.wav"
        return await self._cache.file(name, partial(self._speak, text, voice, language, rate))

    async def _speak(self, text: str, voice: str, language: str, rate: int, draft: Path) -> None:
        said = draft.with_suffix(".said")
        async with self._speakers:
            try:
                await speak(self._command, text, voice, language, said)
                await asyncio.to_thread(convert, said, draft, rate)
            finally:
                said.unlink(missing_ok=True)


def open_sounds(folder: Path, command: str | None) -> Sounds:
    """The sounds in a folder.

    Args:
        folder: made where it is not there.
        command: what speaks, None for the default.

    Raises:
        SpeechFailed: the command cannot be read.
        OSError: the folder cannot be made.
    """
    return Sounds(Cache(folder), command or DEFAULT_COMMAND)
