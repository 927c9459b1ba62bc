"""The private PostgreSQL of the default install: started by us, reached by a Unix socket only, ended with us."""

import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import quote

from ringback.errors import DatabaseUnavailable, DataDirectoryError
from ringback.store.embedded_directory import DataDirectory, explained, make_owned, sync_directory
from ringback.store.embedded_programs import Programs, find_programs, passable, reachable_programs, server_account

DATABASE = USER = "ringback"

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "256MB",  # the queue, the indexes and the live attempts of a busy day fit; a laptop spares it
        "max_connections": "50",  # one node holds a score; each costs memory whether used or not
        "fsync": "on",  # an intent that a power cut undoes is a second dial
        "synchronous_commit": "on",  # for the same reason: the intent is on the disk before the carrier hears of it
        "max_wal_size": "2GB",  # fewer checkpoints, so fewer full page images, under a steady write load
        "checkpoint_timeout": "15min",  # likewise; a crash recovers at hundreds of MB a second
        "wal_compression": "on",  # those page images are most of what is written
        "jit": "off",  # every hot statement takes milliseconds; compiling one takes more
        "autovacuum_naptime": "10s",  # the queue's rows die within seconds of their birth
        "track_io_timing": "off",  # two clock readings a block, for figures that nobody here reads
        "max_parallel_workers_per_gather": "0",  # a report must not take the cores that dialling needs, and its
        "max_parallel_maintenance_workers": "0",  # shared memory may not fit: a container's /dev/shm is often 64 MB
        "max_logical_replication_workers": "0",  # nobody subscribes here: one process fewer
        "timezone": "UTC",  # a session that does not ask gets no local time
        "log_timezone": "UTC",  # nor does a reader of the log
        "log_checkpoints": "off",  # the log grows while we run: what it holds should be worth reading
    }
)

# Looks of 20 ms at whether the processes of an earlier server are gone: 15 s.
VACATE_LOOKS, VACATE_SEC = 750, 0.02
# Looks of 10 ms at whether the server is ready: 5 min, for replaying max_wal_size from a slow disk.
READY_LOOKS, READY_SEC = 30_000, 0.01
# Fast, then immediate shutdown, then none at all; the last two lose nothing, but the next start has to recover.
STOP_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


class EmbeddedPostgres:
    """A PostgreSQL server of our own on a private data directory; as a context manager it runs inside the block.

    Linux only. The server is shut down when the thread that started it ends, however it ends.

    Args:
        data_dir: holds the database, the lock, the release note and the log; made on the first start.
        settings: PostgreSQL settings that take the place of those in `SETTINGS`.
        same_log: go on with the log of the last start: what PostgreSQL said then is still to be read.
    """

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] = MappingProxyType({}), same_log: bool = False
    ) -> None:
        self._directory = DataDirectory(data_dir)
        self._same_log = same_log
        self._settings = {**SETTINGS, **settings}
        self._server: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    def start(self) -> str:
        """Start the server, after making the database on the first start and recovering it after a crash.

        Blocks for a fraction of a second, or until a recovery is done. Call it from the main thread: the server ends
        with the thread that started it. After the server died by itself, call `restart`.

        Returns:
            An asyncpg DSN for the database `ringback` as its owner, over the Unix socket.

        Raises:
            DataDirectoryError: the directory is in use, newer than this release, not ours or not usable, or the
                server did not start in it; the message names the remedy.
            DatabaseUnavailable: the PostgreSQL programs are not installed.
            RuntimeError: called from another thread than the main one.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the embedded server ends with the thread that starts it: start it from the main thread")
        with explained(self._directory.path), ExitStack() as undo:
            self._directory.lock()
            undo.callback(self.stop)
            self._start()
            undo.pop_all()
        return self.dsn

    def restart(self) -> None:
        """Start the server again after it died by itself; nobody else can take the directory in between.

        Blocks and raises as `start` does; where it raises, the directory stays taken, and it can be called again.
        """
        self._shut_down()
        with explained(self._directory.path):
            self._start()

    def stop(self) -> None:
        """Shut the server down and give the directory back; takes at most 25 s. Does nothing when it is not started."""
        self._shut_down()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        self._directory.unlock()

    def poll(self) -> int | None:
        """The server's exit code once it has ended (negative: the signal), or None."""
        return None if self._server is None else self._server.poll()

    @property
    def dsn(self) -> str:
        """What `start` returned.

        Raises:
            DatabaseUnavailable: the server is not started.
        """
        if self._sockets is None:
            raise DatabaseUnavailable("the embedded PostgreSQL is not started")
        return _dsn(str(self._sockets))

    @property
    def pid(self) -> int | None:
        """The process id of the server, or None while it does not run."""
        return self._server.pid if self._server is not None and self._server.poll() is None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _shut_down(self) -> None:
        if self._server is None:
            return
        for number, patience in STOP_STEPS:
            if self._server.poll() is None:
                self._server.send_signal(number)
                _ends_within(self._server.pid, patience)
        self._server.wait()

    def _start(self) -> None:
        self._server = None
        pgdata = self._directory.pgdata
        account = server_account(pgdata)
        folder = reachable_programs(find_programs(), account, self._directory.path)
        with self._directory.open_log(go_on=self._same_log) as log:
            programs = Programs(folder, account, log)
            if not pgdata.exists():
                self._initialise(programs)
            self._clear_remains()
            self._sockets = self._directory.make_sockets(account)
            with passable(pgdata, account) as (name, descriptors):
                command = ["postgres", "-D", str(name), *self._options(self._sockets)]
                self._server = programs.spawn(command, descriptors, death_signal=signal.SIGINT)
        self._await_ready(self._server)

    def _initialise(self, programs: Programs) -> None:
        """Make the database beside its place and move it there whole: a first start that is cut short leaves none."""
        draft = self._directory.draft
        if draft.exists():
            _await_vacated(draft)
            shutil.rmtree(draft)
        make_owned(draft, programs.account)
        with passable(draft, programs.account) as (name, descriptors):
            self._make_database(programs, str(name), descriptors)
        draft.rename(self._directory.pgdata)
        sync_directory(self._directory.path)

    def _make_database(self, programs: Programs, name: str, descriptors: tuple[int, ...]) -> None:
        initdb = ["initdb", "-D", name, "-U", USER, "--encoding=UTF8", "--no-instructions", "--no-sync"]
        initdb += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # Whoever can open the socket is root or the server's own user: its directory admits nobody else.
        initdb += ["--auth-local=trust", "--auth-host=reject"]
        single = ["postgres", "--single", "-D", name]
        single += ["-c", "exit_on_error=on", "-c", "log_checkpoints=off", "-c", "fsync=off", "postgres"]
        try:
            programs.run(initdb, descriptors)
            programs.run(single, descriptors, f"CREATE DATABASE {DATABASE}\n".encode())
            # One sync of the whole at the end, in place of one after each step.
            if self._settings["fsync"] != "off":
                programs.run(["initdb", "-D", name, "--sync-only"], descriptors)
        except subprocess.CalledProcessError as error:
            raise self._failure(f"the database could not be made by {error.cmd[0]}") from error

    def _clear_remains(self) -> None:
        """Wait for an earlier server to be gone, then remove the note by which PostgreSQL would refuse to start.

        PostgreSQL believes that note as long as some process of the same user has the pid, which in a container it
        soon does; we hold the lock and have looked at who really uses the directory.
        """
        note = self._directory.pgdata / "postmaster.pid"
        if note.exists():
            _await_vacated(self._directory.pgdata)
            note.unlink(missing_ok=True)

    def _options(self, sockets: Path) -> list[str]:
        fixed = {"listen_addresses": "", "unix_socket_directories": str(sockets), "port": "5432"}
        fixed |= {"unix_socket_permissions": "0700", "logging_collector": "off", "log_destination": "stderr"}
        return [part for name, value in {**self._settings, **fixed}.items() for part in ("-c", f"{name}={value}")]

    def _await_ready(self, server: subprocess.Popen[bytes]) -> None:
        for _ in range(READY_LOOKS):
            if _ends_within(server.pid, READY_SEC):
                raise self._failure("PostgreSQL ended while starting")
            if self._says_ready(server.pid):
                return
        raise self._failure("PostgreSQL was not ready after 5 minutes")

    def _says_ready(self, pid: int) -> bool:
        """Whether the eighth line of postmaster.pid says so: what pg_ctl waits for."""
        try:
            lines = (self._directory.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _failure(self, what: str) -> DataDirectoryError:
        return DataDirectoryError(f"{what}; {self._directory.log} ends with:\n{self._directory.log_tail()}")


def dsn_of_running(data_dir: Path) -> str:
    """The DSN of a server that another process runs.

    Raises:
        DataDirectoryError: none runs there.
    """
    dsn = running_dsn(data_dir)
    if dsn is None:
        raise DataDirectoryError(
            f"no server runs in {data_dir}: start `ringback serve --data {data_dir}`, or set RINGBACK_DATABASE_URL"
        )
    return dsn


def running_dsn(data_dir: Path) -> str | None:
    """The DSN of a server that another process runs, by the note that PostgreSQL keeps of its socket; None for none.

    Raises:
        DataDirectoryError: the directory cannot be read.
    """
    directory = DataDirectory(data_dir)
    with explained(directory.path), suppress(FileNotFoundError):
        lines = (directory.pgdata / "postmaster.pid").read_text().splitlines()
        # a server that was killed leaves its note
        if len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) in _occupants(directory.pgdata):
            return _dsn(lines[4])
    return None


def _dsn(sockets: str) -> str:
    return f"postgresql://{USER}@/{DATABASE}?host={quote(sockets, safe='')}&port=5432"


def _await_vacated(directory: Path) -> None:
    """Wait until no process of PostgreSQL works in `directory`: the last server may be shutting down.

    Raises:
        DataDirectoryError: one still does after 15 s.
    """
    for _ in range(VACATE_LOOKS):
        pids = _occupants(directory)
        if not pids:
            return
        _ends_within(pids[0], VACATE_SEC)
    raise DataDirectoryError(f"{directory} is in use by PostgreSQL, pid {pids[0]}, without us: stop it and start again")


def _occupants(directory: Path) -> list[int]:
    """The processes of PostgreSQL whose working directory is `directory`: each of them makes it so."""
    place = directory.stat()
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, place)]


def _works_in(process: Path, place: os.stat_result) -> bool:
    try:
        here = (process / "cwd").stat()
        return os.path.samestat(here, place) and (process / "comm").read_text().startswith("postgres")
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False


def _ends_within(pid: int, sec: float) -> bool:
    """Whether the process ends in that time; returns as soon as it has."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(sec * 1000))
    finally:
        os.close(descriptor)
