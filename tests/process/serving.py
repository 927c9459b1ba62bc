"""A server as its user has it: `ringback serve`, in processes of its own, to be used and to be killed."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeVar

import httpx
import psutil

import ringback

T = TypeVar("T")
PATIENCE_SEC = 30.0
LOOK_SEC = 0.02
SHOWN = 8_000
ROLES = ("api", "node", "postgres")
SOURCES = str(Path(ringback.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    """Of a process: ours, without what a developer may have set for their own server."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return inherited | {"PYTHONPATH": SOURCES, "COLUMNS": "200"} | more


def ringback_command(*arguments: object) -> list[str]:
    """A command line of ours."""
    return [sys.executable, "-m", "ringback", *map(str, arguments)]


def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return ended(ringback_command(*arguments), **env)


def ended(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(**env),
        timeout=2 * PATIENCE_SEC,
        check=False,
    )


def eventually(condition: Callable[[], T], sec: float = PATIENCE_SEC) -> T:
    """What `condition` gives once it is true; it is looked at again and again."""
    never, deadline = threading.Event(), time.monotonic() + sec
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so after {sec:.0f} s: {condition}"
        never.wait(LOOK_SEC)
    return found


class Server:
    """A running `ringback serve`.

    Args:
        process: the supervisor.
        errors: where its standard error goes.
        key: an API key.
    """

    def __init__(self, process: subprocess.Popen[bytes], errors: Path, key: str) -> None:
        self.process = process
        self.errors = errors
        self.key = key
        self.url = ""

    def await_ready(self, sec: float = PATIENCE_SEC) -> None:
        """Wait for the line with the URL."""
        line = read_line(self.process.stdout, sec)
        assert line.startswith("ready "), f"{line!r}; it said:\n{self.said()}"
        self.url = line.split()[1]

    def said(self) -> str:
        """Its standard error up to now."""
        return self.errors.read_text()

    def children(self) -> dict[str, int]:
        """The pids of its processes by their roles; none once it has ended."""
        if self.process.poll() is not None:
            return {}
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children()
            return {role: child.pid for child in found if (role := _role(child))}
        return {}

    def pid(self, role: str) -> int:
        """The pid of a process once there is one."""
        return eventually(lambda: self.children().get(role))

    def http(self) -> httpx.Client:
        """A client with the key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=10)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON behind a path."""
        with self.http() as client:
            return client.get(path, params=params).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        """Create something."""
        with self.http() as client:
            return client.post(path, json=body).raise_for_status().json()

    def patch(self, path: str, body: Any) -> Any:
        """Change something."""
        with self.http() as client:
            return client.patch(path, json=body).raise_for_status().json()

    def answers(self, path: str = "/readyz") -> bool:
        """Whether it answers as it does when all is well."""
        try:
            return httpx.get(self.url + path, timeout=10).is_success
        except httpx.TransportError:
            return False

    def stop(self, number: int = signal.SIGTERM, sec: float = PATIENCE_SEC) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(sec)

    def kill_all(self) -> None:
        """End every process of it at once, the database's own among them."""
        processes = []
        with suppress(psutil.NoSuchProcess):
            processes = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def _role(child: psutil.Process) -> str | None:
    """What a child is, by its command line, even before it has become it."""
    try:
        words = child.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    if any(word.endswith("/postgres") or word.startswith("postgres") for word in words[:8]):
        return "postgres"
    return next((role for role in ("api", "node") if role in words), None)


@contextmanager
def starting(
    data: Path, *options: object, key: str = "", how: Mapping[str, Any] = MappingProxyType({}), **env: str
) -> Iterator[Server]:
    """A server that has just been started; nothing of it is left after the block.

    Args:
        data: its data directory.
        options: of `serve`.
        key: an API key.
        how: what Popen is told besides.
        env: variables of its environment.
    """
    errors = data.parent / f"{data.name}.err"
    how = {"args": ringback_command("serve", "--data", data, "--port", 0, *options), "env": environment(**env), **how}
    with (
        errors.open("ab") as said,
        subprocess.Popen(stdout=subprocess.PIPE, stderr=said, bufsize=0, **how) as process,
    ):
        server = Server(process, errors, key)
        try:
            yield server
        except BaseException:
            sys.stderr.write(server.said()[-SHOWN:])  # pytest shows it with the failure
            raise
        finally:
            handles = handles_of(*server.children().values())
            process.kill()
    for handle in handles:
        await_end(handle)


@contextmanager
def serving(data: Path, *options: object, key: str = "", **env: str) -> Iterator[Server]:
    """A server that answers."""
    with starting(data, *options, key=key, **env) as server:
        server.await_ready()
        yield server


def read_line(pipe: IO[bytes] | None, sec: float = PATIENCE_SEC) -> str:
    """The next line of a pipe without a buffer; what there is, where it ends before a whole one."""
    assert pipe is not None
    poller, line = select.poll(), b""
    poller.register(pipe, select.POLLIN)
    while not line.endswith(b"\n"):
        assert poller.poll(sec * 1000), f"no line within {sec:.0f} s, only {line!r}"
        byte = os.read(pipe.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode()


def handles_of(*pids: int) -> list[int]:
    """Descriptors by which to wait for the ends of processes."""
    handles = []
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    return handles


def await_end(handle: int, sec: float = PATIENCE_SEC) -> None:
    """Wait for a process to end, and let go of its descriptor."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    try:
        assert poller.poll(sec * 1000), f"a process is still alive after {sec:.0f} s"
    finally:
        os.close(handle)


def kill(pid: int) -> None:
    """End a process by SIGKILL, and wait until it has ended."""
    for handle in handles_of(pid):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        await_end(handle)


def is_running(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def using(data: Path) -> list[list[str]]:
    """The command lines of all processes that have to do with a data directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            words = process.cmdline()
            if str(data) in words or process.cwd().startswith(str(data)):
                found.append(words)
    return found


@dataclass(frozen=True, slots=True)
class Home:
    """A data directory that `ringback init` has made, and its first keys."""

    data: Path
    live_key: str
    test_key: str
