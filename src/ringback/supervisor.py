"""Runs a server: PostgreSQL, the API and one node, each a process of its own that ends with this one.

A process that dies is started again. Nothing is lost with one: the database has all that was promised, and the next
node explains what the last one left.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ringback.config import DATABASE_URL, Settings
from ringback.errors import OurError
from ringback.processes import API, LAME, NODE, READY, child_command
from ringback.store.embedded import EmbeddedPostgres

_LOG = logging.getLogger("ringback.supervisor")
_LAUNCHER = Path(__file__).parent / "store" / "embedded_child.py"

POSTGRES = "postgres"
READY_SEC, STOP_SEC = 60.0, 10.0
SHORTEST_REST_SEC, LONGEST_REST_SEC = 0.2, 10.0
SOON = 10
"""A process that lived for less than so many of its rests gets a longer one."""


class Supervisor:
    """Keeps the processes of one server running.

    Args:
        settings: the server's.
        postgres: the embedded server, started; None where the database is the user's own.
        dsn: the database.
    """

    def __init__(self, settings: Settings, postgres: EmbeddedPostgres | None, dsn: str) -> None:
        environment = {**os.environ, DATABASE_URL: dsn}
        # a process that waits for a lease of its predecessor has not begun yet
        ready_sec = READY_SEC + settings.lease_sec
        self._api, self._node = (
            _Child(role, child_command(role, settings), environment, ready_sec) if wanted else None
            for role, wanted in ((API, settings.api), (NODE, settings.dial))
        )
        self._database = None if postgres is None else _Server(postgres)
        self._drain_sec = settings.drain_sec
        self._api_end_sec = (settings.lame_sec or 0.0) + settings.drain_sec + STOP_SEC
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def run(self, ready: Callable[[], None]) -> None:
        """Start all, say so, and keep all running until SIGTERM or SIGINT; then stop the node and the API.

        A second signal ends both at once: the next start explains the calls that were up.

        Raises:
            OurError: a process does not get ready.
        """
        stop, hurry = _signals()
        try:
            await _first_of(self._work(ready), stop.wait())
            _LOG.info("stopping: calls may go on for %.0f s; a second signal ends it at once", self._drain_sec)
        finally:
            # the database is kept up meanwhile: the calls that end now are to be written down
            await self._let_go(API, NODE)
            await _first_of(self._stop(), hurry.wait())
            await self._let_go(POSTGRES)
            for child in self._children():
                await child.kill()

    async def _work(self, ready: Callable[[], None]) -> None:
        if self._database is not None:
            self._keep(self._database)
        await _all_of(*(child.start() for child in self._children()))
        ready()
        for child in self._children():
            self._keep(child)
        ended, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        for keeper in ended:
            keeper.result()

    async def _stop(self) -> None:
        """The node first, for it lets its calls end; meanwhile the API tells how they do, and that it is to end."""
        if self._api is not None:
            self._api.tell(LAME)
        if self._node is not None:
            await self._node.stop(self._drain_sec + STOP_SEC)
        if self._api is not None:
            await self._api.stop(self._api_end_sec)

    def _children(self) -> list["_Child"]:
        return [child for child in (self._api, self._node) if child is not None]

    def _keep(self, process: "_Child | _Server") -> None:
        self._keepers[process.role] = asyncio.create_task(_keep_up(process))

    async def _let_go(self, *roles: str) -> None:
        for keeper in [self._keepers.pop(role) for role in roles if role in self._keepers]:
            await _cancelled(keeper)


class _Child:
    """One of our own processes, tied to the life of this one.

    Args:
        role: what it is.
        command: its command line.
        environment: where its database is, among other things.
        ready_sec: how long it may take to say that it works.
    """

    def __init__(
        self, role: str, command: list[str], environment: dict[str, str], ready_sec: float = READY_SEC
    ) -> None:
        self.role = role
        self._command = command
        self._environment = environment
        self._ready_sec = ready_sec
        self._process: subprocess.Popen[bytes] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and wait until it says that it works.

        Raises:
            OurError: it ended instead, or said nothing for so long.
        """
        process, works = self._spawn(), asyncio.Event()
        self._listening = asyncio.create_task(_listen(process, works))
        try:
            async with asyncio.timeout(self._ready_sec):
                await _first_of(works.wait(), self.ended())
        except TimeoutError:
            await self.kill()
            raise OurError(f"{self.role} was not ready after {self._ready_sec:.0f} s") from None
        if not works.is_set():
            await self.kill()
            raise OurError(f"{self.role} did not start; the lines above say why")

    async def ended(self) -> int | None:
        """Wait until the process has ended; returns its exit code, negative for a signal, None where it never ran."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:  # of one that is gone the number may be another one's by now
            await _ended(process.pid)
        return process.wait()

    def tell(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    async def stop(self, patience_sec: float) -> None:
        """Tell the process to end, and end it if it does not in time."""
        if self._process is not None:
            self.tell(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_sec):
                    await self.ended()
        await self.kill()

    async def kill(self) -> None:
        """End the process at once, and let go of all that is its."""
        if self._process is not None:
            self._process.kill()
            await self.ended()
        if self._listening is not None:
            await asyncio.wait((self._listening,))
        self._process = self._listening = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        head = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        tie = [str(os.getpid()), str(int(signal.SIGKILL)), str(os.getuid()), str(os.getgid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            [*head, *tie, *self._command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the supervisor, who stops the others in order
        )
        return self._process


class _Server:
    """The embedded PostgreSQL, which was started before us."""

    role = POSTGRES

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres

    async def start(self) -> None:
        """Start it again; nothing else is done meanwhile, for without a database there is nothing to do."""
        self._postgres.restart()

    async def ended(self) -> int | None:
        """Wait until it has ended; returns its exit code as `_Child` does."""
        pid = self._postgres.pid
        if pid is not None:
            await _ended(pid)
        return self._postgres.poll()


async def _keep_up(process: _Child | _Server) -> None:
    """Start a process again whenever it has ended, after a rest that grows while it goes on ending."""
    loop, rest_sec = asyncio.get_running_loop(), 0.0
    while True:
        began = loop.time()
        try:
            code = await process.ended()
            rest_sec = next_rest(rest_sec, loop.time() - began)
            _LOG.warning("%s has ended (exit code %s); it is started again in %.1f s", process.role, code, rest_sec)
            await asyncio.sleep(rest_sec)
            await process.start()
        except (OurError, OSError) as failed:  # of the latter kind: no descriptor, no memory, for a while
            _LOG.error("%s: %s", process.role, failed)
            await asyncio.sleep(SHORTEST_REST_SEC)


def next_rest(last_sec: float, lived_sec: float) -> float:
    """How long to rest before a process that has ended is started again.

    Args:
        last_sec: the rest before that; 0 for the first.
        lived_sec: how long it lived after it.
    """
    if lived_sec >= last_sec * SOON:
        return SHORTEST_REST_SEC
    return min(last_sec * 2, LONGEST_REST_SEC)


async def _listen(process: subprocess.Popen[bytes], works: asyncio.Event) -> None:
    """Hear the process's word that it works, and pass on what else it prints: a pipe that nobody reads fills up."""
    lines = asyncio.StreamReader()
    pipe: IO[bytes] | None = process.stdout
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), pipe)
    async for line in lines:
        if line.strip() == READY.encode():
            works.set()
        else:
            sys.stderr.write(line.decode(errors="replace"))


async def _ended(pid: int) -> None:
    """Wait until a child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set by the first SIGTERM or SIGINT, and by the second."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def heard() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, heard)
    return stop, hurry


async def _all_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Wait until all are done; when one fails, give the others up and raise its error."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            await _cancelled(task)


async def _first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of them to be done, with its error if it has one, and give the others up."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            await _cancelled(task)
    for task in done:
        task.result()


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Give a task up and wait until it has ended; how is its own affair."""
    task.cancel()
    await asyncio.wait((task,))
