import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.embedded_server import AS_ROOT, NOBODY, PATIENCE_MS, fetch, fetch_one, keep, other_process, running

from ringback.errors import DatabaseUnavailable
from ringback.store import embedded, embedded_programs
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.embedded_directory import LONGEST_SOCKET_PATH, SOCKET
from ringback.store.embedded_programs import INSTALL, PACKAGE, Account, find_programs, reachable, reachable_programs


def test_first_start_makes_the_database(data_dir: Path) -> None:
    """The first start makes a database `ringback` of UTF-8 text, owned by the role of that name."""
    with EmbeddedPostgres(data_dir) as server:
        encoding = "current_setting('server_encoding')"
        shown = fetch(server.dsn, f"SELECT concat_ws(' ', current_user, current_database(), {encoding})")
        assert shown == "ringback ringback UTF8"
        assert fetch(server.dsn, "SELECT current_setting('timezone')") == "UTC"
        assert server.pid is not None
        assert server.poll() is None
    assert server.poll() == 0
    assert server.pid is None


def test_restart_keeps_what_was_committed(data_dir: Path) -> None:
    """Stopping and starting again, with the same object or another, keeps the rows."""
    with running(data_dir) as (server, dsn):
        keep(dsn, 7)
        server.stop()
        assert fetch(server.start(), "SELECT n FROM kept") == 7
    with running(data_dir) as (_, dsn):
        assert fetch(dsn, "SELECT n FROM kept") == 7


def test_settings_take_the_place_of_ours(made_data_dir: Path) -> None:
    """A setting that is given wins over ours; the rest stay, and durability is on."""
    with EmbeddedPostgres(made_data_dir, settings={"max_connections": "7"}) as server:
        names = "'max_connections', 'jit', 'fsync', 'synchronous_commit', 'full_page_writes'"
        shown = fetch(server.dsn, f"SELECT string_agg(current_setting(n), ' ') FROM unnest(ARRAY[{names}]) AS n")  # noqa: S608
        assert shown == "7 off on on on"
    with pytest.raises(DatabaseUnavailable, match="not started"):
        _ = server.dsn


def test_a_closed_folder_does_not_hinder(closed_folder: Path) -> None:
    """A data directory below a folder that the server's user may not pass works, and nothing is opened up for it."""
    before = closed_folder.stat().st_mode
    with running(closed_folder / "data") as (_, dsn):
        keep(dsn, 7)
    with running(closed_folder / "data") as (server, dsn):
        assert server.pid is not None
        os.kill(server.pid, signal.SIGHUP)
        assert fetch(dsn, "SELECT n FROM kept") == 7
    assert closed_folder.stat().st_mode == before


def test_a_long_path_works(data_dir: Path) -> None:
    """A path longer than a socket's address has its socket elsewhere, in a directory removed with the server."""
    long = data_dir.parent / ("d" * 120) / "data"
    with running(long) as (server, dsn):
        assert fetch(dsn, "SELECT 1") == 1
        sockets = server._sockets
        assert sockets is not None
        assert len(os.fsencode(sockets / SOCKET)) <= LONGEST_SOCKET_PATH
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_only_a_socket_listens(made_data_dir: Path) -> None:
    """The server listens on one Unix socket in a directory that others may not enter, and on no port."""
    with running(made_data_dir) as (server, dsn):
        own = {link.stat().st_ino for link in Path(f"/proc/{server.pid}/fd").iterdir() if "socket:" in read_link(link)}
        listed = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        assert own
        assert not own & {int(line.split()[9]) for line in listed.splitlines() if not line.startswith("  sl")}
        assert fetch(dsn, "SELECT current_setting('listen_addresses')") == ""
        assert (made_data_dir / "run").stat().st_mode & 0o777 == 0o700
        assert (made_data_dir / "run" / SOCKET).is_socket()


def read_link(link: Path) -> str:
    """Where a link leads, or nothing when it has just gone."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


@pytest.mark.skipif(not AS_ROOT, reason="only root has a user to drop to")
def test_root_runs_the_server_as_an_ordinary_user(made_data_dir: Path) -> None:
    """As root, the server and its files belong to an ordinary user without supplementary groups."""
    with running(made_data_dir) as (server, _):
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
        uids = set(status["Uid"].split())
        assert len(uids) == 1
        assert "0" not in uids
        assert status["Groups"].strip() == ""
        assert str((made_data_dir / "postgres").stat().st_uid) in uids


def test_an_ordinary_user_can_run_it(open_folder: Path) -> None:
    """An ordinary user starts and stops a server of their own; root then opens it as that same user."""
    user = (NOBODY.pw_uid, NOBODY.pw_gid) if AS_ROOT else (os.getuid(), os.getgid())
    data = open_folder / "data"
    with other_process(data, user) as (process, pid, dsn):
        assert Path(f"/proc/{pid}").stat().st_uid == user[0]
        keep(dsn, 7)
        assert process.communicate("stop\n", timeout=PATIENCE_MS / 1000)[0] == "0\n"
    with running(data) as (server, dsn):
        assert Path(f"/proc/{server.pid}").stat().st_uid == user[0]
        assert fetch(dsn, "SELECT n FROM kept") == 7


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user reaches what they installed")
def test_programs_in_a_closed_folder_are_copied(
    open_folder: Path, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that the server's user cannot reach are copied once, readable, and the copy works."""
    source = find_programs()
    hidden = closed_folder / PACKAGE / INSTALL
    shutil.copytree(source, hidden, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = f"{PACKAGE}.libs"
    shutil.copytree(source.parents[1] / libraries, closed_folder / libraries)
    for path in (hidden, *hidden.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(embedded, "find_programs", lambda: hidden)
    for _ in range(2):
        with running(open_folder / "data") as (server, dsn):
            assert fetch(dsn, "SELECT 1") == 1
            assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(open_folder)
    assert len(list((open_folder / "data").glob("postgresql-*"))) == 1


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user reaches what they installed")
def test_programs_and_data_in_closed_folders_meet_in_a_shared_one(
    closed_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both are closed to the server's user, the copy lies where root keeps such things."""
    monkeypatch.setattr(embedded_programs, "SHARED_HOME", open_folder / "lib")
    hidden = closed_folder / PACKAGE / INSTALL
    shutil.copytree(find_programs() / "bin", hidden / "bin")
    account = Account(NOBODY.pw_uid, NOBODY.pw_gid)
    folder = reachable_programs(hidden, account, closed_folder)
    assert folder.is_relative_to(open_folder / "lib")
    assert reachable(folder / "postgres", account)


async def test_fresh_databases_are_apart(empty_database: str, postgres: str) -> None:
    """A test's database is empty and its own."""
    await fetch_one(empty_database, "CREATE TABLE mine AS SELECT 1 AS n")
    assert await fetch_one(postgres, "SELECT to_regclass('mine')") is None
    assert await fetch_one(empty_database, "SELECT current_database()") != "postgres"
