"""Exports are made in processes of their own, one at a time on each server; and files that nobody wants go."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.clock import Clock, seconds
from ringback.config import EXPORTS
from ringback.errors import DatabaseUnavailable
from ringback.store import exports
from ringback.store.database import Database, ServerError
from ringback.store.exports import Beginning

_LOG = logging.getLogger("ringback.exports")

LOOK_SEC = 2.0
"""Between two looks for exports that other servers were asked for, or left."""

SWEEP_EVERY = TimeDelta(minutes=1)
START_SEC = 60.0
"""In that time a process has said for the first time that it is at work."""

MOST_BEGINNINGS = 3
_NAME = re.compile(r"([0-9a-f]{32})\.(?:([0-9]+)\.part|csv|jsonl|parquet)")


class ExportProcess:
    """Has exports made.

    Args:
        database: where they are asked for.
        clock: tells the time.
        folder: the data directory.
        server: the name of this one.
        command: starts a process that makes one.
        environment: of the process; it names the database.
        asked: set when one was asked for, or deleted, on this server.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        folder: Path,
        server: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        asked: asyncio.Event,
    ) -> None:
        self._database, self._clock = database, clock
        self._folder, self._server = folder, server
        self._command, self._environment = command, environment
        self._asked = asked
        self._sweep_at = Instant.MIN

    async def keep(self) -> None:
        """Make what is asked for, for ever."""
        while True:
            self._asked.clear()
            try:
                while await self.run_once():
                    pass
                await self.sweep()
            except DatabaseUnavailable:
                pass  # it is asked again in a moment
            except ServerError as refused:
                _LOG.warning("PostgreSQL does not tell what is to be exported: %s", refused)
            except OSError as failed:
                _LOG.warning("no export can be made, and it is tried again: %s", failed.strerror)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_SEC)

    async def run_once(self) -> bool:
        """Make the next one; False where nothing waits."""
        now = self._clock.now()
        async with self._database.connection() as db:
            beginning = await exports.claim(db, self._server, now, now + seconds(START_SEC), MOST_BEGINNINGS)
        if beginning is None:
            return False
        code = await self._run(beginning)
        if code:
            _LOG.warning("the process that makes exports ended with %s", code)
        async with self._database.connection() as db:
            await exports.let_go(db, beginning, self._clock.now())  # of one that came to an end this changes nothing
        return True

    async def _run(self, beginning: Beginning) -> int:
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            env=dict(self._environment),
            process_group=0,  # Ctrl-C is for the server, which ends it
        )
        try:
            await child.communicate(msgspec.json.encode(beginning) + b"\n")
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        return child.returncode or 0

    async def sweep(self) -> int:
        """Delete the files of exports that are gone; how many. Within the minute it is not done again."""
        now = self._clock.now()
        if now < self._sweep_at and not self._asked.is_set():
            return 0
        self._sweep_at = now + SWEEP_EVERY
        files = await asyncio.to_thread(_files, self._folder)
        if not files:
            return 0
        async with self._database.connection() as db:
            known = await exports.known_files(db, {export_id for export_id, _, _ in files})
        gone = [path for export_id, begun, path in files if export_id not in known or known[export_id] != begun]
        return await asyncio.to_thread(_delete, gone)


def _files(folder: Path) -> list[tuple[UUID, int | None, Path]]:
    """The files of exports here: of which one, and by which beginning it is being written; None where it is whole."""
    found = []
    for path in (folder / EXPORTS).glob("*/*"):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            found.append((UUID(hex=match[1]), int(match[2]) if match[2] else None, path))
    return found


def _delete(gone: Sequence[Path]) -> int:
    for path in gone:
        try:
            path.unlink(missing_ok=True)
        except OSError as fault:
            _LOG.warning("an export cannot be deleted: %s", fault.strerror)
    return len(gone)
