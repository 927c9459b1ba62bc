"""Converts audio that somebody sent, in a process of its own: what a decoder does to it, it does to nobody else."""

import asyncio
import resource
import sys
from pathlib import Path

import msgspec

from ringback.errors import CallerError, Invalid, TooLarge, UnknownFileType

STORED_RATE = 16_000
"""Samples a second: what a wide-band call can carry (G.722); narrower ones are made of it."""

LONGEST_SEC = 60.0
MOST_MEMORY = 2 * 1024**3
MOST_WRITTEN = 64 * 1024**2
"""Bytes of address space and of the file; ten minutes of noise come to 20 MB."""

_FAULTS = {kind.__name__: kind for kind in (TooLarge, UnknownFileType)}


class _Said(msgspec.Struct, omit_defaults=True):
    """What the child says: the length, or why not."""

    seconds: float = 0.0
    kind: str = ""
    code: str = ""
    message: str = ""


async def convert_apart(source: Path, to: Path) -> float:
    """Make a FLAC file of STORED_RATE, mono, of what somebody sent; returns its length in seconds.

    Raises:
        UnknownFileType: it is neither WAV nor MP3 nor FLAC.
        TooLarge: it has more than 25 MB, or plays for more than 10 minutes.
        Invalid: it is damaged, holds no sound, or takes too long to read.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__, str(source), str(to)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # decoders talk to themselves
    )
    try:
        async with asyncio.timeout(LONGEST_SEC):
            said, _ = await child.communicate()
    except TimeoutError:
        raise _unreadable("it takes too long") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise _unreadable("the decoder gave up")
    return _heard(msgspec.json.decode(said, type=_Said))


def _heard(said: _Said) -> float:
    if not said.code:
        return said.seconds
    if said.kind in _FAULTS:
        raise _FAULTS[said.kind](said.code, said.message)
    raise Invalid([said.message], code=said.code)


def _unreadable(why: str) -> Invalid:
    return Invalid([f"the audio cannot be read: {why}; save it again as WAV, MP3 or FLAC"], code="unreadable_audio")


def main() -> None:
    """The child."""
    source, to = map(Path, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CPU, (int(LONGEST_SEC), int(LONGEST_SEC)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(msgspec.json.encode(_converted(source, to)))


def _converted(source: Path, to: Path) -> _Said:
    from ringback.carriers.sip.audio import convert  # imported here: the parent never decodes anything

    try:
        return _Said(seconds=convert(source, to, STORED_RATE, "FLAC"))
    except CallerError as fault:
        return _Said(kind=type(fault).__name__, code=fault.code, message=fault.message)


if __name__ == "__main__":
    main()
