"""The data directory of the embedded server: one owner at a time, and only a release that understands it.

DATA/release     what made it: format number, Ringback's version, PostgreSQL's major version
DATA/lock        held by the process whose pid it names, for as long as its server runs
DATA/postgres    the database; DATA/postgres.new while it is being made
DATA/run         the socket, where the path is short enough and the server's user can reach it
DATA/postgres.log, DATA/postgres.log.1     what PostgreSQL said, this time and the last
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

import ringback
from ringback.errors import DataDirectoryError, DataDirectoryInUse
from ringback.store.embedded_programs import POSTGRES_MAJOR, Account, reachable

FORMAT = 1
SOCKET = ".s.PGSQL.5432"
# sockaddr_un holds 108 bytes, the last of which is a zero: unix(7).
LONGEST_SOCKET_PATH = 107
# What may be there without a `release`: left by a first start that was cut short, by a file system, by a copy of ours.
NOT_FOREIGN = ("lock", "release.new", "lost+found")
COPY_PREFIX = "postgresql-"


class Release(msgspec.Struct, frozen=True):
    """What made, or last opened, a data directory."""

    format: int
    ringback: str
    postgresql: int


class DataDirectory:
    """Names what lies in a data directory, locks it, and judges whether it is ours.

    Args:
        path: the directory; made on the first `lock`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.pgdata = self.path / "postgres"
        self.draft = self.path / "postgres.new"
        self.log = self.path / "postgres.log"
        self._lock: int | None = None

    def lock(self) -> None:
        """Make the directory if need be, and take it for this process.

        Raises:
            DataDirectoryError: another process has it, a newer release made it, or it is not ours at all.
        """
        self._make()
        self._refuse_foreign()
        # Not inherited: the lock must be free as soon as this process is gone, while its server still shuts down.
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            self._take(lock)
            self._sign()
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def unlock(self) -> None:
        """Give the directory back. Does nothing when this object does not hold it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open_log(self, *, go_on: bool = False) -> IO[bytes]:
        """A new log, and the last one is kept beside it; or the last one, to go on with."""
        if not go_on:
            with suppress(FileNotFoundError):
                self.log.rename(self.log.with_suffix(".log.1"))
        return open(self.log, "ab" if go_on else "xb", opener=_open_private)

    def log_tail(self, lines: int = 5) -> str:
        """The last lines that PostgreSQL wrote."""
        with suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def make_sockets(self, account: Account) -> Path:
        """An empty directory for the socket, private to the account, short enough for a socket's address."""
        places = [self.path / "run"] if os.geteuid() != 0 or reachable(self.path, account) else []
        digest = hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:12]
        folders = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - made private, and refused if it is not
        places += [folder / f"ringback-{account.uid}-{digest}" for folder in folders if reachable(folder, account)]
        for place in places:
            if len(os.fsencode(place / SOCKET)) <= LONGEST_SOCKET_PATH and _make_private(place, account):
                return place
        raise DataDirectoryError(f"no place for a socket: {self.path} is too long or closed: give a shorter --data")

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            return
        # Root's server runs as another user, who has to pass through; what is secret has modes of its own.
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _refuse_foreign(self) -> None:
        names = {entry.name for entry in self.path.iterdir()}
        strangers = sorted(n for n in names - set(NOT_FOREIGN) if not n.startswith(COPY_PREFIX))
        if strangers and "release" not in names:
            raise DataDirectoryError(
                f"{self.path} is not a Ringback data directory (it holds {strangers[0]!r}): give an empty --data"
            )

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise DataDirectoryInUse(
                f"{self.path} is in use by pid {pid}; stop that one or give another --data"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)

    def _sign(self) -> None:
        ours = Release(FORMAT, ringback.__version__, POSTGRES_MAJOR)
        found = self._read_release()
        if found is not None:
            _refuse_other(self.path, found)
        if found != ours:
            self._write_release(ours)

    def _read_release(self) -> Release | None:
        path = self.path / "release"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Release)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise DataDirectoryError(f"{path} cannot be read ({error}): restore it from a backup") from error

    def _write_release(self, release: Release) -> None:
        draft = self.path / "release.new"
        draft.unlink(missing_ok=True)
        with draft.open("xb") as file:
            file.write(msgspec.json.encode(release) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path / "release")
        sync_directory(self.path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the system refuses becomes a DataDirectoryError with a remedy."""
    try:
        yield
    except OSError as error:
        raise DataDirectoryError(
            f"{path} cannot be used ({error}): check its owner, its free space and that it can be written"
        ) from error


def _refuse_other(path: Path, found: Release) -> None:
    if found.format > FORMAT or found.postgresql > POSTGRES_MAJOR:
        raise DataDirectoryError(
            f"{path} is newer than this release: Ringback {found.ringback} made it (format {found.format}, PostgreSQL "
            f"{found.postgresql}); this is {ringback.__version__} (format {FORMAT}, PostgreSQL {POSTGRES_MAJOR}): "
            f"install Ringback {found.ringback} or newer"
        )
    if found.postgresql < POSTGRES_MAJOR:
        raise DataDirectoryError(
            f"{path} holds a PostgreSQL {found.postgresql} database and this release brings {POSTGRES_MAJOR}: "
            f"dump it with Ringback {found.ringback} and restore it into a new --data"
        )


def _open_private(name: str, flags: int) -> int:
    """A statement that fails is logged with its values, which are people's numbers."""
    return os.open(name, flags | os.O_NOFOLLOW, 0o600)


def _make_private(place: Path, account: Account) -> bool:
    """Whether `place` is now ours alone; a stranger may have taken a name in a shared folder."""
    with suppress(FileNotFoundError):
        found = place.lstat()
        if found.st_uid not in (0, account.uid) or not stat.S_ISDIR(found.st_mode):
            return False
        shutil.rmtree(place)
    with suppress(FileExistsError):
        make_owned(place, account)
        return True
    return False


def make_owned(directory: Path, account: Account) -> None:
    """Make a directory that only the account may enter."""
    directory.mkdir(mode=0o700)
    os.chown(directory, *account, follow_symlinks=False)


def sync_directory(directory: Path) -> None:
    """Make what was renamed in `directory` outlive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
