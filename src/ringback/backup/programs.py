"""Runs pg_dump and pg_restore, as ourselves, each tied to the life of this process."""

import asyncio
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from typing import IO

from ringback.errors import BackupError, DatabaseUnavailable
from ringback.store.backup import rows_copied
from ringback.store.database import Database
from ringback.store.embedded_programs import Account, Programs, find_programs

Moved = Callable[[str, int, int], None]
"""(what is being done, how many rows are done, of how many)."""

LOOK_SEC = 0.2
NICENESS = 10
"""Whoever dials goes first."""


async def run_program(command: list[str], database: Database, what: str, total: int, moved: Moved) -> None:
    """Run a program to its end, and tell how many rows it has copied; it is ended where this is cut short.

    Raises:
        BackupError: it failed; the message has the last of what it said.
    """
    account = Account(os.geteuid(), os.getegid())
    with tempfile.TemporaryFile() as log:
        programs = Programs(find_programs() / "bin", account, log)
        process = programs.spawn(command, (), death_signal=signal.SIGKILL)
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        ended = asyncio.create_task(asyncio.to_thread(process.wait))
        try:
            copied = Counter[str]()
            while not ended.done():
                await asyncio.wait((ended,), timeout=LOOK_SEC)
                copied |= Counter(await _rows_copied(database))
                moved(what, min(copied.total(), total), total)
        finally:
            process.kill()
            await ended
        if process.returncode != 0:
            raise BackupError(f"{command[0]} failed: {_last_words(log)}")


async def _rows_copied(database: Database) -> dict[str, int]:
    try:
        return await rows_copied(database)
    except DatabaseUnavailable:  # the program will say so too
        return {}


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return " / ".join(lines[-3:]) or "it said nothing"
