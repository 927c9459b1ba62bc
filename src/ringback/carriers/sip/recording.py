"""The recording of a call: all that is read from it and written to it goes into a file while the call goes on.

A process that is killed leaves a file that can be played, up to a second or so before its end.
"""

import asyncio
import errno
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile

from ringback.carriers.sip.line import Audio
from ringback.carriers.sip.recorder import Recorder
from ringback.carriers.sip.recording_files import RecordAs

LOOK_SEC = 0.1
"""The call is read so often, even where its agent does not."""

WRITE_SEC = 0.5
"""What there is goes to the file so often."""

KEPT_SEC = 1.0
"""Of what was read for the recording alone so much is kept for the agent, the last of it."""

MOST_UNWRITTEN_SEC = 30.0
"""A disk that stands still for so long has to do without the rest."""

CLOSE_SEC = 1.0
"""So long the end of a call waits for its recording."""

LEAST_FREE = 1_000_000_000
"""Bytes of disk that recordings leave to the database and to everybody else."""

COMPRESSION = 0.9
"""Some 54 kbit/s for both sides, at every rate; at 1.0 they would be mixed into one."""

_SIDES, _SAMPLE = 2, 2
_HEAD = 44


class File(Protocol):
    """A recording on the disk. Its methods block."""

    def write(self, pcm: bytes) -> None:
        """Add audio of both sides; what was added before can be played whatever happens."""
        ...

    def close(self) -> None:
        """There is no more."""
        ...


class WavFile:
    """A WAV file whose header says after each piece how long it is.

    Args:
        path: where; readable by its owner alone.
        rate: samples a second.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._folder = path.parent
        self._rate = rate
        self._length = 0
        self._describe()

    def write(self, pcm: bytes) -> None:
        """Add a piece, and tell of it."""
        check_space(self._folder)
        at = _HEAD + self._length
        while pcm:
            written = os.pwrite(self._file, pcm, at)
            at, pcm = at + written, pcm[written:]
        self._length = at - _HEAD
        self._describe()

    def close(self) -> None:
        """It is whole already."""
        os.close(self._file)

    def _describe(self) -> None:
        frame = _SIDES * _SAMPLE
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, _SIDES, self._rate, self._rate * frame, frame, 8 * _SAMPLE)
        head = struct.pack("<4sI4s", b"RIFF", _HEAD - 8 + self._length, b"WAVE")
        os.pwrite(self._file, head + form + struct.pack("<4sI", b"data", self._length), 0)


class OpusFile:
    """An Ogg file with Opus, a page a second.

    Args:
        path: where; readable by its owner alone.
        rate: samples a second; 8, 12, 16, 24 or 48 thousand.
    """

    def __init__(self, path: Path, rate: int) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        self._file = soundfile.SoundFile(path, "w", rate, _SIDES, "OPUS", format="OGG", compression_level=COMPRESSION)
        self._folder = path.parent

    def write(self, pcm: bytes) -> None:
        """Add a piece."""
        check_space(self._folder)  # the library does not tell of a full disk
        self._file.write(np.frombuffer(pcm, np.int16).reshape(-1, _SIDES))

    def close(self) -> None:
        """Write the last page."""
        self._file.close()


_FILES: dict[RecordAs, Callable[[Path, int], File]] = {RecordAs.WAV: WavFile, RecordAs.OPUS: OpusFile}


def open_file(path: Path, kind: RecordAs, rate: int) -> File:
    """A new recording.

    Raises:
        OSError: it cannot be made, or the disk is nearly full.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_space(path.parent)
    return _FILES[kind](path, rate)


def check_space(folder: Path) -> None:
    """Leave something to the others.

    Raises:
        OSError: the disk is nearly full.
    """
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < LEAST_FREE:
        raise OSError(errno.ENOSPC, f"less than {LEAST_FREE // 1_000_000_000} GB of disk is free")


class Recording:
    """A call's audio with an ear at it: it is used in place of the call's own, until `stop` and then `noted`.

    Args:
        call: whose audio.
        path: the file to write.
        kind: of file.
        rate: samples a second of the call.
        began: when it begins, by the loop's time: what has come since then and was not read is of it.
    """

    def __init__(self, call: Audio, path: Path, kind: RecordAs, rate: int, began: float) -> None:
        self._call = call
        self._kind = kind
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._began = began
        self._written_at = self._loop.time()
        self._recorder = Recorder(rate, began)
        self._unread = b""
        self._written = 0
        self._over = asyncio.Event()
        self._keeping = self._loop.create_task(self._keep(path))
        self._timer = self._loop.call_later(LOOK_SEC, self._look)

    def write(self, pcm: bytes) -> int:
        """Queue audio, and take note of what there was room for."""
        queued = self._call.queued()
        taken = self._call.write(pcm)
        if self._is_on:
            self._recorder.said(pcm[:taken], queued, self._loop.time())
        return taken

    def clear(self) -> None:
        """Drop what is queued: nobody hears it."""
        self._recorder.cleared(self._call.queued(), self._loop.time())
        self._call.clear()

    def queued(self) -> int:
        """Bytes that are queued."""
        return self._call.queued()

    def read(self, most: int) -> bytes:
        """What came from the far end since the last read, the last of it where it is more."""
        pcm = (self._unread + self._hear())[-most:]
        self._unread = b""
        return pcm

    def stop(self) -> None:
        """The call is over."""
        self._timer.cancel()
        if not self._over.is_set():
            self._over.set()
            self._ended = self._loop.time()

    async def noted(self) -> dict[str, Any]:
        """What is to be kept with the attempt, once the file is whole."""
        await asyncio.wait([self._keeping], timeout=CLOSE_SEC)
        fault = self._keeping.exception() if self._keeping.done() else OSError("the disk is too slow")
        notes: dict[str, Any] = {} if fault is None else {"recording_error": str(fault) or type(fault).__name__}
        if self._written:
            sec = round(self._written / (_SIDES * _SAMPLE * self._rate), 1)
            notes["recording"] = {"format": self._kind.value, "sec": sec}
        return notes

    @property
    def _is_on(self) -> bool:
        """Whether there is somebody to take it: a disk that stands still costs the recording and not our memory."""
        return not self._keeping.done() and self._loop.time() - self._written_at < MOST_UNWRITTEN_SEC

    def _look(self) -> None:
        """Go on listening though the agent does not."""
        self._unread = (self._unread + self._hear())[-round(KEPT_SEC * self._rate) * _SAMPLE :]
        self._timer = self._loop.call_later(LOOK_SEC, self._look)

    def _hear(self) -> bytes:
        pcm = self._call.read(self._rate * _SAMPLE)
        if pcm and self._is_on:
            self._recorder.heard(pcm, self._loop.time())
        return pcm

    async def _keep(self, path: Path) -> None:
        """Write what there is, again and again, in a thread: disks are slow."""
        file = await asyncio.to_thread(open_file, path, self._kind, self._rate)
        try:
            while not self._over.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(WRITE_SEC):
                        await self._over.wait()
                if not self._over.is_set():
                    await self._put(file, self._recorder.take(self._call.queued(), self._loop.time()))
            await self._put(file, self._recorder.finish(self._ended))
        finally:
            await asyncio.to_thread(file.close)

    async def _put(self, file: File, pcm: bytes) -> None:
        await asyncio.to_thread(file.write, pcm)
        self._written += len(pcm)
        self._written_at = self._loop.time()
