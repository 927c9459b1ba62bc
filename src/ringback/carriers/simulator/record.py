"""The far end's own memory: one JSON line for each dial it was asked to place, on disk before the dial goes on."""

import asyncio
import os
from pathlib import Path

import msgspec
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import Dial
from ringback.errors import CarrierError, CarrierUnavailable

CHUNK_BYTES = 1 << 20


class _Line(msgspec.Struct):
    attempt_id: str
    call_id: str
    attempt: int
    to_number: str
    at: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


class Record:
    """A file that several simulators, in several processes of one machine, may append to and look things up in.

    Args:
        path: the file; it is made where there is none, readable by its owner alone.

    Raises:
        CarrierUnavailable: the file can neither be opened nor made.
    """

    def __init__(self, path: Path) -> None:
        self._placed: dict[str, Instant] = {}
        self._read_to = 0
        self._written = self._synced = 0
        self._turn = asyncio.Lock()
        try:
            self._file = _open(path)
            os.write(self._file, self._mend())
            self._catch_up()
        except OSError as error:
            raise CarrierUnavailable(f"the simulator's record {path} cannot be used: {error.strerror}") from error

    async def append(self, dial: Dial, at: Instant) -> None:
        """Write down that `dial` was asked for at `at`; returns when it is safe from a power cut.

        Raises:
            CarrierUnavailable: nothing was written.
            CarrierError: it was written, and nobody can tell whether it is on disk.
        """
        self._write(dial, at)
        self._written += 1
        await self._sync(self._written)

    def placed_at(self, dial: Dial) -> Instant | None:
        """When the dial was last asked for, by any simulator that shares the file; None where it never was.

        Raises:
            CarrierError: the file cannot be read.
        """
        attempt = ids.show(ids.ATTEMPT, dial.attempt_id)
        try:
            if attempt not in self._placed:
                self._catch_up()
        except OSError as error:
            raise CarrierError(f"the simulator's record cannot be read: {error.strerror}") from error
        return self._placed.get(attempt)

    async def close(self) -> None:
        """Let go of the file once what was written is on disk."""
        async with self._turn:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _write(self, dial: Dial, at: Instant) -> None:
        attempt = ids.show(ids.ATTEMPT, dial.attempt_id)
        when = at.format_iso(unit="millisecond")
        line = _encode(_Line(attempt, ids.show(ids.CALL, dial.call_id), dial.attempt, dial.to_number, when))
        try:
            whole = self._mend() + line + b"\n"
            if os.write(self._file, whole) != len(whole):
                raise CarrierUnavailable("the simulator's record took only a part of a line: is the disk full?")
        except OSError as error:
            raise CarrierUnavailable(f"the simulator's record cannot be written: {error.strerror}") from error
        self._note(attempt, at, len(whole))

    def _note(self, attempt: str, at: Instant, size: int) -> None:
        """Skip our own line when reading on, unless another process has written before it."""
        self._placed[attempt] = at
        end = os.lseek(self._file, 0, os.SEEK_CUR)
        if end - size == self._read_to:
            self._read_to = end

    async def _sync(self, mine: int) -> None:
        """One sync serves all who have written before it began."""
        async with self._turn:
            if self._synced >= mine:
                return
            upto = self._written
            try:
                await asyncio.to_thread(os.fdatasync, self._file)
            except OSError as error:
                raise CarrierError(f"the simulator's record may not be on disk: {error.strerror}") from error
            self._synced = upto

    def _mend(self) -> bytes:
        """What must come before a new line: nothing, or the end of a line that a crash has torn."""
        size = os.fstat(self._file).st_size
        return b"" if size == 0 or os.pread(self._file, 1, size - 1) == b"\n" else b"\n"

    def _catch_up(self) -> None:
        while chunk := os.pread(self._file, CHUNK_BYTES, self._read_to):
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                return
            for line in chunk[:end].splitlines():
                self._learn(line)
            self._read_to += end

    def _learn(self, line: bytes) -> None:
        try:
            read = _decode(line)
            self._placed[read.attempt_id] = Instant.parse_iso(read.at)
        except ValueError:  # a torn line: its dial never went on, because the sync comes first
            return


def _open(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return file
