"""The far end's own memory: one JSON line for each dial it was asked to place, on disk before the dial goes on."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import Dial
from ringback.config import OWN_NAMES
from ringback.errors import CarrierError, CarrierUnavailable

CHUNK_BYTES = 1 << 20

TURNS, TURN_SEC = 40, 0.005
"""How often, and how soon again, a process tries for its turn at the record: others have theirs for microseconds."""


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

    A dial that somebody was told was never asked for is refused from then on, in `<path>.refused`: a process that was
    frozen between its last look at the clock and the far end does not dial what another one has dialled meanwhile.

    Args:
        path: the file; it is made where there is none, readable by its owner alone.

    Raises:
        CarrierUnavailable: the file can neither be opened nor made.
    """

    def __init__(self, path: Path) -> None:
        self._placed: dict[str, Instant] = {}
        self._refused: set[str] = set()
        self._read_to = self._refused_to = 0
        self._written = self._synced = 0
        self._turn = asyncio.Lock()
        self._file = self._refused_file = -1
        try:
            self._file = _open(path)
            self._refused_file = _open(refusals_of(path))
            os.write(self._file, self._mend())
            self._catch_up()
        except OSError as error:
            self._close()  # it is tried again with every claim
            raise CarrierUnavailable(f"the simulator's record {path} cannot be used: {error.strerror}") from error

    async def append(self, dial: Dial, at: Instant) -> None:
        """Write down that `dial` was asked for at `at`; returns when it is safe from a power cut.

        Raises:
            CarrierUnavailable: nothing was written.
            CarrierError: it was written, and nobody can tell whether it is on disk.
        """
        async with self._turn_at_it(fcntl.LOCK_SH):
            self._write(dial, at)
        self._written += 1
        await self._sync(self._written)

    async def placed_at(self, dial: Dial) -> Instant | None:
        """When the dial was last asked for, by any simulator that shares the file; None where it never was.

        After None it never will be.

        Raises:
            CarrierError: the file cannot be read, or somebody may be writing just this dial.
        """
        attempt = ids.show(ids.ATTEMPT, dial.attempt_id)
        if attempt in self._placed:
            return self._placed[attempt]
        async with self._turn_at_it(fcntl.LOCK_EX):
            try:
                self._catch_up()
                if attempt not in self._placed:
                    os.write(self._refused_file, f"{attempt}\n".encode())
            except OSError as error:
                raise CarrierError(f"the simulator's record cannot be used: {error.strerror}") from error
            return self._placed.get(attempt)

    async def close(self) -> None:
        """Let go of the file once what was written is on disk."""
        async with self._turn:
            self._close()

    def _close(self) -> None:
        for file in (self._file, self._refused_file):
            if file >= 0:
                os.close(file)
        self._file = self._refused_file = -1

    @asynccontextmanager
    async def _turn_at_it(self, how: int) -> AsyncIterator[None]:
        """Those who write do so side by side (LOCK_SH), who refuses is alone (LOCK_EX); nothing is awaited within."""
        for _ in range(TURNS):
            if self._refused_file < 0:
                raise CarrierUnavailable("the simulator's record is closed")
            try:
                fcntl.flock(self._refused_file, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(TURN_SEC)
            except OSError as error:
                raise CarrierUnavailable(f"the simulator's record cannot be locked: {error.strerror}") from error
        else:
            raise CarrierUnavailable("another process does not end its turn at the simulator's record")
        try:
            yield
        finally:
            fcntl.flock(self._refused_file, fcntl.LOCK_UN)

    def _write(self, dial: Dial, at: Instant) -> None:
        attempt = ids.show(ids.ATTEMPT, dial.attempt_id)
        when = at.format_iso(unit="millisecond")
        if attempt in self._refused_by_now():
            raise CarrierUnavailable("this dial was given up, and may have been dialled anew")
        line = _encode(_Line(attempt, ids.show(ids.CALL, dial.call_id), dial.attempt, dial.to_number, when))
        try:
            whole = self._mend() + line + b"\n"
            if os.write(self._file, whole) != len(whole):
                raise CarrierUnavailable("the simulator's record took only a part of a line: is the disk full?")
        except OSError as error:
            raise CarrierUnavailable(f"the simulator's record cannot be written: {error.strerror}") from error
        self._note(attempt, at, len(whole))

    def _refused_by_now(self) -> set[str]:
        while chunk := os.pread(self._refused_file, CHUNK_BYTES, self._refused_to):
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                break
            self._refused.update(chunk[:end].decode(errors="replace").splitlines())
            self._refused_to += end
        return self._refused

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
            if self._file < 0:
                raise CarrierError("the simulator's record was closed, and may not be on disk")
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
    try:
        _sync_folder(path.parent)
    except OSError:
        os.close(file)
        raise
    return file


def _sync_folder(folder: Path) -> None:
    """Have the names of its files on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refusals_of(path: Path) -> Path:
    """The file beside a record in which the dials are that are refused."""
    return path.with_name(path.name + ".refused")


def place_of(record: str, base: Path) -> Path:
    """Where a record is.

    Args:
        record: its path, absolute or within `base`.
        base: the data directory.

    Raises:
        CarrierUnavailable: that is what the data directory has itself, whichever way it is named.
    """
    path, home = Path(os.path.realpath(base / record)), Path(os.path.realpath(base))
    if path.is_relative_to(home) and OWN_NAMES.intersection(path.relative_to(home).parts[:1]):
        raise CarrierUnavailable(f"the simulator's record {path} is what the data directory has itself")
    return base / record
