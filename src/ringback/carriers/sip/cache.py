"""A folder of files that can be made again, with an end to its size: what was used longest ago goes first."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

Make: TypeAlias = Callable[[Path], Awaitable[None]]
"""Writes the file of that path."""

MOST_BYTES = 512 * 1024 * 1024
KEEP_SEC = 600.0
"""What was used so lately stays, whatever the size: who was given its path may be about to open it."""
OLDEST_SEC = 86_400.0
"""What nobody used for so long goes: a spoken text may tell who somebody is, and is not to outlive what is kept of
them."""

_SWEEPS = 20  # the folder is looked through whenever a twentieth of its bound was added


class _File(NamedTuple):
    used_at: float
    size: int
    path: Path


class Cache:
    """The folder, which any number of processes may share: whoever needs a file that is not there makes it.

    The time of a file's last use is its modification time, which the file system keeps.

    Args:
        folder: made where it is not there.
        most_bytes: of all files together.
        keep_sec: see KEEP_SEC.
        oldest_sec: see OLDEST_SEC.

    Raises:
        OSError: there is no such folder to be had.
    """

    def __init__(
        self, folder: Path, most_bytes: int = MOST_BYTES, keep_sec: float = KEEP_SEC, oldest_sec: float = OLDEST_SEC
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._most_bytes = most_bytes
        self._keep_sec = keep_sec
        self._oldest_sec = oldest_sec
        self._making: dict[str, asyncio.Task[None]] = {}
        self._added = most_bytes  # look through it with the first file: others were here before

    def find(self, name: str) -> Path | None:
        """The file of that name, used now; None where it is not there."""
        path = self._folder / name
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    async def file(self, name: str, make: Make) -> Path:
        """The file of that name, which is made once by whoever asks first, and appears whole.

        Args:
            name: tells the content, so that a file is never out of date.
            make: writes it; goes on when its asker is cancelled, for others may wait as well.

        Raises:
            OSError: it cannot be kept. And whatever `make` raises.
        """
        if (path := self.find(name)) is not None:
            return path
        if name not in self._making:
            task = self._making[name] = asyncio.create_task(self._make(name, make))
            task.add_done_callback(lambda done: self._made(name, done))
        await asyncio.shield(self._making[name])
        return self._folder / name

    def _made(self, name: str, done: asyncio.Task[None]) -> None:
        del self._making[name]
        if not done.cancelled():
            done.exception()  # who waited for it was told; perhaps nobody waits any more

    async def _make(self, name: str, make: Make) -> None:
        draft = self._folder / f".{uuid.uuid4().hex}.new"
        try:
            await make(draft)
            made = await asyncio.to_thread(_settle, draft, self._folder / name)
        finally:
            draft.unlink(missing_ok=True)
        self._added += made.st_size
        if self._added >= self._most_bytes / _SWEEPS:
            self._added = 0
            await asyncio.to_thread(self._sweep, made.st_mtime)

    def _sweep(self, now: float) -> None:
        """Delete what is too old or too much.

        Args:
            now: by the clock of the file system, on which the others were used.
        """
        room = self._most_bytes
        for file in sorted(_files(self._folder), reverse=True):
            room -= file.size
            age_sec = now - file.used_at
            if age_sec > self._oldest_sec or (room < 0 and age_sec > self._keep_sec):
                file.path.unlink(missing_ok=True)


def _settle(draft: Path, path: Path) -> os.stat_result:
    """Give a draft its name, once it is on the disk: a name without its content would be found for ever after."""
    draft.chmod(0o600)
    os.utime(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
        made = os.fstat(file.fileno())
    draft.replace(path)
    return made


def _files(folder: Path) -> list[_File]:
    files = []
    for entry in os.scandir(folder):
        try:
            seen = entry.stat()
        except FileNotFoundError:
            continue  # another process deleted it
        files.append(_File(seen.st_mtime, seen.st_size, Path(entry.path)))
    return files
