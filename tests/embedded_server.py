"""Embedded servers for tests: in this process and in others, to be used and to be killed."""

import asyncio
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

import ringback
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.embedded_programs import Account, reachable

# What is killed here is processes, never the machine: the disk need not be waited for.
SMALL = {"shared_buffers": "16MB", "fsync": "off"}
AS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
# Of a child, which may run another Python than ours and as another user: what we import, and no caches of bytecode.
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([str(Path(ringback.__file__).parents[1]), str(Path(asyncpg.__file__).parents[1])]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": os.environ["PATH"],
}
PATIENCE_MS = 20_000

# Starts a server, says where it is, and lives until its input ends or a word comes.
CHILD = """
import os, sys
from pathlib import Path
uid, gid = int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() == 0 and uid:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
from ringback.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={"shared_buffers": "16MB", "fsync": "off"})
dsn = server.start()
print(server.pid, dsn, flush=True)
sys.stdin.readline()
server.stop()
print(server.poll(), flush=True)
"""


@contextmanager
def running(data: Path, **settings: str) -> Iterator[tuple[EmbeddedPostgres, str]]:
    """A server inside the block, and its DSN."""
    server = EmbeddedPostgres(data, settings=SMALL | settings)
    dsn = server.start()
    try:
        yield server, dsn
    finally:
        server.stop()


@contextmanager
def other_process(data: Path, user: tuple[int, int] = (0, 0)) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Another process that runs a server; yields it, the server's pid and the DSN."""
    command = [python_for(user), "-c", CHILD, str(data), *map(str, user)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd="/"
    ) as process:
        try:
            assert process.stdout is not None
            pid, dsn = process.stdout.readline().split()
            pidfd = os.pidfd_open(int(pid))
            yield process, int(pid), dsn
        finally:
            process.kill()
        await_end(pidfd)


def python_for(user: tuple[int, int]) -> str:
    """A Python of our version that the user can run: ours may lie in a closed folder."""
    ours = Path(sys.executable).resolve()
    if not AS_ROOT or user[0] == 0 or reachable(ours, Account(*user)):
        return sys.executable
    named = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    if named is None or not reachable(Path(named).resolve(), Account(*user)):
        pytest.skip("no Python here that an ordinary user can run")
    return named


def await_end(pidfd: int) -> None:
    """Wait for the process behind a descriptor to end."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    assert poller.poll(PATIENCE_MS), "the process is still alive"
    os.close(pidfd)


def kill_server(server: EmbeddedPostgres) -> None:
    """End a server by kill -9."""
    assert server.pid is not None
    pidfd = os.pidfd_open(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    await_end(pidfd)


def fetch(dsn: str, query: str) -> object:
    """The first value of the first row."""
    return asyncio.run(fetch_one(dsn, query))


def keep(dsn: str, *numbers: int) -> None:
    """Commit a table of numbers, in place of the one of an earlier test."""
    fetch(dsn, "DROP TABLE IF EXISTS kept")
    fetch(dsn, f"CREATE TABLE kept AS SELECT n FROM unnest(ARRAY{list(numbers)}) AS n")  # noqa: S608 - numbers


async def fetch_one(dsn: str, query: str) -> object:
    """The same, for a test that has a loop."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
