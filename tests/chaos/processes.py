"""The processes of a chaos run: PostgreSQL, the API, and nodes that are killed and frozen.

Each has a session of its own, so that Ctrl-C reaches the harness alone, which ends them in order.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.chaos.link import Link
from tests.process.serving import PATIENCE_SEC, environment

from ringback.config import DATABASE_URL, Settings
from ringback.processes import READY, child_command

NODE_READY_SEC = 5.0
"""A victim is waited for no longer: on a slow machine it is struck while it starts."""
DRAIN_SEC = 4.0
END_SEC = 60.0


class Postgres:
    """The embedded server, in a process of its own.

    Args:
        data: its data directory.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._child: Process | None = None
        self.dsn = ""

    async def start(self) -> None:
        """Start it for the first time, or after `stop`."""
        if self._child is None:
            command = [sys.executable, str(Path(__file__).with_name("database_child.py")), str(self._data)]
            self._child = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True
            )
        self.dsn = await self.tell("start")

    async def tell(self, word: str) -> str:
        """Have it do something: `stop`, `start`, `kill`, `restart` (also after a kill); what it says when it has."""
        assert self._child is not None
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{word}\n".encode())
        async with asyncio.timeout(END_SEC):
            said = (await self._child.stdout.readline()).decode().strip()
        assert said, f"PostgreSQL did not {word}"
        return said

    async def end(self) -> None:
        """Shut it down, and its process."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
            await self._child.wait()


class Node:
    """One node at a time, each under a name of its own or under that of the one before.

    Args:
        number: of its place.
        settings: of its process.
        folder: where it writes its log.
        link: its way to PostgreSQL.
    """

    def __init__(self, number: int, settings: Settings, folder: Path, link: Link) -> None:
        self.number = number
        self.log = folder / f"node-{number}.log"
        self._data = folder / f"node-{number}"  # a server has a data directory of its own
        self._data.mkdir(exist_ok=True)
        self.link = link
        self.names = 0
        self.odd_ends: list[str] = []
        self.failed_starts = 0
        self.most_memory = 0
        self._settings = settings
        self._process: Process | None = None
        self._ready: asyncio.Task[bool] | None = None
        self._dsn = ""

    @property
    def name(self) -> str:
        """Of the node that runs, or ran last."""
        return f"node-{self.number}-{self.names}"

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def open(self) -> None:
        """Open its way to PostgreSQL."""
        self._dsn = await self.link.open()

    async def up(self, sec: float = NODE_READY_SEC) -> bool:
        """Have it running; whether it is ready within so many seconds. One that could not start is started again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(sec):
                while not await asyncio.shield(await self._starting()):
                    self.failed_starts += 1
                    await self.gone()
                return True
        return False

    @property
    def is_ready(self) -> bool:
        """Whether it said so, and runs."""
        return self.pid is not None and self._ready is not None and self._ready.done() and self._ready.result()

    async def launch(self, *, new_name: bool = True) -> None:
        """Start a process, unless one runs."""
        self._note_an_end()
        if self.pid is not None:
            return
        self.names += new_name
        settings = replace(self._settings, node_name=self.name, data=self._data)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *child_command("node", settings),
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(**{DATABASE_URL: self._dsn}),
                start_new_session=True,
            )
        self._ready = asyncio.create_task(_says_ready(self._process))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if there is one."""
        if self.pid is not None:
            os.kill(self.pid, number)

    async def kill(self) -> None:
        """End it by SIGKILL, if there is one."""
        self._note_an_end()
        was_ready = self.is_ready
        self.send(signal.SIGKILL)
        if self._process is not None and (code := await self.gone()) != -signal.SIGKILL and was_ready:
            self.odd_ends.append(f"node {self.number} ended by itself, exit code {code}")

    async def terminate(self) -> None:
        """End it by SIGTERM, as its owner does, if there is one."""
        self._note_an_end()
        if self._process is None:
            return
        was_ready = self.is_ready
        self.send(signal.SIGTERM)
        code = await self.gone()
        if was_ready and code != 0:
            self.odd_ends.append(f"node {self.number} was told to end, and its exit code was {code}")

    async def gone(self) -> int:
        """Wait until the process has ended; its exit code."""
        assert self._process is not None
        assert self._ready is not None
        async with asyncio.timeout(END_SEC):
            code = await self._process.wait()
            await self._ready
        self._process = None
        return code

    def said(self) -> str:
        """All that it wrote to its log."""
        return self.log.read_text() if self.log.exists() else ""

    async def _starting(self) -> "asyncio.Task[bool]":
        await self.launch()
        assert self._ready is not None
        return self._ready

    def _note_an_end(self) -> None:
        """A node that was ready ends when it is told to or is killed, and never by itself."""
        if self._process is None or self._process.returncode is None or self._ready is None:
            return
        if self._ready.done() and self._ready.result():
            self.odd_ends.append(f"node {self.number} ended by itself, exit code {self._process.returncode}")
        self._process = None


class Api:
    """The API, which has a way of its own to PostgreSQL.

    Args:
        settings: of its process.
        folder: where it writes its log.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = replace(settings, port=_free_port())
        self._log = folder / "api.log"
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._settings.host}:{self._settings.port}"

    async def start(self, dsn: str) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *child_command("api", self._settings),
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(**{DATABASE_URL: dsn}),
                start_new_session=True,
            )
        async with asyncio.timeout(PATIENCE_SEC):
            assert await _says_ready(self._process), self._log.read_text()

    async def end(self) -> int:
        """Tell it to end; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(END_SEC):
            return await self._process.wait()


async def _says_ready(process: Process) -> bool:
    """Whether a process says that it is ready before it ends."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.decode().strip() == READY:
            return True
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def events(log: str) -> Iterator[dict[str, object]]:
    """The events of a node's log; a killed node's last line may be torn."""
    for line in log.splitlines():
        with suppress(ValueError):
            yield json.loads(line)


def counted(log: str) -> Counter[str]:
    """How many events of each name a log has."""
    return Counter(str(event["event"]) for event in events(log) if "event" in event)
