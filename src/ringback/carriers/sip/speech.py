"""Text to speech by a command of the operator's choice, as a child process with an end to its time.

The text is somebody's: it never stands on a command line, where everybody on the machine could read it.
"""

import asyncio
import os
import re
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ringback.errors import SpeechFailed

DEFAULT_COMMAND = "espeak-ng -b 1 -v {voice} -f {text_file} -w {wav_file}"
LONGEST_SEC = 20.0
"""A person waits on the line meanwhile."""
NICENESS = 10

_HOLES = ("text_file", "wav_file", "voice", "language")
_HOLE = re.compile(r"\{(" + "|".join(_HOLES) + r")\}")
_OURS = "RINGBACK_"
"""Variables of the environment that a speech command has no business with: the database, keys, secrets."""

_MOST_SAID = 300


def parse_command(command: str) -> tuple[str, ...]:
    """The words of a speech command, as a shell would split them; no shell runs it.

    In the words, `{text_file}` stands for a UTF-8 file with the text, `{wav_file}` for the file to write, `{voice}` for
    the agent's voice, or its language where it has none, and `{language}` for its language. Without `{text_file}` the
    text is given on standard input; without `{wav_file}` the sound is taken from standard output.

    Raises:
        SpeechFailed: it has no words, or a quote that does not end.
    """
    try:
        words = tuple(shlex.split(command))
    except ValueError as fault:
        raise SpeechFailed(f"the speech command cannot be read ({fault}): {command}") from None
    if not words:
        raise SpeechFailed("the speech command is empty")
    return words


def fill_command(words: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """The words with the values in their places; what a value looks like is not looked at again."""
    return [_HOLE.sub(lambda hole: values[hole[1]], word) for word in words]


async def speak(words: tuple[str, ...], text: str, voice: str, language: str, to: Path) -> None:
    """Have a text spoken.

    Args:
        words: of the command.
        text: what to say.
        voice: by the command's own names.
        language: likewise.
        to: the file to write; what kind of audio it is, is the command's affair.

    Raises:
        SpeechFailed: the command is not there, failed, said nothing or took too long.
    """
    with TemporaryDirectory(prefix="ringback-speech-") as folder:
        child = await _start(words, _written(Path(folder) / "text", text), voice, language, to)
        _let_others_go_first(child)
        await _end_of(child, words[0])
    if not _size(to):
        raise SpeechFailed(f"the speech command {words[0]} said nothing")


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8", errors="replace")
    return file


def _size(file: Path) -> int:
    return file.stat().st_size


async def _start(words: tuple[str, ...], text: Path, voice: str, language: str, to: Path) -> asyncio.subprocess.Process:
    values = {"text_file": str(text), "wav_file": str(to), "voice": voice, "language": language}
    try:
        with text.open("rb") as source, to.open("wb") as sound:
            return await asyncio.create_subprocess_exec(
                *fill_command(words, values),
                stdin=_used_for(words, "text_file", source.fileno()),
                stdout=_used_for(words, "wav_file", sound.fileno()),
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
                start_new_session=True,
            )
    except OSError as fault:
        raise SpeechFailed(f"the speech command {words[0]} cannot be run: {fault.strerror}") from None


def _let_others_go_first(child: asyncio.subprocess.Process) -> None:
    """Signalling and audio come before speech: late messages are wrong outcomes."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PGRP, child.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


def _used_for(words: tuple[str, ...], hole: str, stream: int) -> int:
    """The stream where the command does not name the file, nothing where it does."""
    return asyncio.subprocess.DEVNULL if any(f"{{{hole}}}" in word for word in words) else stream


async def _end_of(child: asyncio.subprocess.Process, name: str) -> None:
    """Wait for the child, which is ended with whatever it started when it takes too long or is not wanted any more."""
    try:
        async with asyncio.timeout(LONGEST_SEC):
            _, said = await child.communicate()
    except BaseException as ended:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        if isinstance(ended, TimeoutError):
            raise SpeechFailed(f"the speech command {name} took more than {LONGEST_SEC:.0f} seconds") from None
        raise
    if child.returncode:
        words = said.decode("utf-8", "replace").strip()[-_MOST_SAID:]
        raise SpeechFailed(f"the speech command {name} failed with status {child.returncode}: {words}")
