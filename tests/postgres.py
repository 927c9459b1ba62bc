"""A real PostgreSQL for the tests: one server a session (with xdist, one a worker), one empty database a test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from ringback.store.embedded import EmbeddedPostgres

# A test's database outlives nothing, so nothing waits for the disk.
THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
}
# A container's /dev/shm is often 64 MB; a session's databases are a few hundred.
ROOM_BYTES = 4 << 30

_numbers = itertools.count(1)


@contextmanager
def running_postgres() -> Iterator[str]:
    """A server in a directory of its own, removed afterwards; yields the DSN of its maintenance database."""
    folder = scratch_folder()
    server = EmbeddedPostgres(folder / "data", settings=THROWAWAY)
    try:
        yield in_database(server.start(), "postgres")
    finally:
        server.stop()
        shutil.rmtree(folder)


def scratch_folder() -> Path:
    """A new folder that everybody may pass, in memory where there is room: a database starts as 900 small files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="ringback-test-", dir=memory if roomy else None))
    folder.chmod(0o755)
    return folder


def in_database(dsn: str, name: str) -> str:
    """The DSN of another database on the same server."""
    head, _, query = dsn.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


async def fresh_database(dsn: str, template: str = "template0") -> str:
    """Create a database and return its DSN.

    Args:
        dsn: any database of the server but `template`.
        template: what the new one is a copy of; nobody may be connected to it.
    """
    name = f"test_{os.getpid()}_{next(_numbers)}"
    # Copying files beats the default, which writes each page to the log; with fsync off it takes milliseconds.
    await _execute(dsn, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return in_database(dsn, name)


async def drop_database(dsn: str) -> None:
    """Drop the database of `dsn`, ending whatever is still connected to it."""
    name = dsn.partition("?")[0].rsplit("/", 1)[1]
    await _execute(in_database(dsn, "postgres"), f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
