import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.embedded_server import AS_ROOT, await_end, fetch, keep, kill_server, other_process, running

from ringback.errors import DataDirectoryError
from ringback.store import embedded
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.embedded_directory import DataDirectory


def test_killing_the_parent_ends_the_server(made_data_dir: Path) -> None:
    """After kill -9 of the process that started it, the server shuts down, and nothing committed is lost."""
    with other_process(made_data_dir) as (process, pid, dsn):
        keep(dsn, 7)
        pidfd = os.pidfd_open(pid)
        process.kill()
        await_end(pidfd)
    assert "database system is shut down" in (made_data_dir / "postgres.log").read_text()
    with running(made_data_dir) as (_, dsn):
        assert fetch(dsn, "SELECT n FROM kept") == 7


def test_a_server_that_still_shuts_down_is_waited_for(made_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start after kill -9 of the parent waits for the old server to shut down."""
    seen: list[list[int]] = []
    occupants = embedded._occupants

    def look(directory: Path) -> list[int]:
        seen.append(occupants(directory))
        os.kill(pid, signal.SIGCONT)
        return seen[-1]

    with other_process(made_data_dir) as (process, pid, dsn):
        keep(dsn, *range(50_000))
        stop_short(process, pid)
        with monkeypatch.context() as patched:
            patched.setattr(embedded, "_occupants", look)
            with running(made_data_dir) as (_, again):
                assert fetch(again, "SELECT count(*) FROM kept") == 50_000
    assert pid in seen[0]
    assert seen[-1] == []


def stop_short(process: subprocess.Popen[str], pid: int) -> None:
    """Kill the parent while its server is held, so that the server cannot have shut down yet."""
    os.kill(pid, signal.SIGSTOP)
    process.kill()
    process.wait()


def test_a_server_that_does_not_end_is_named(made_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the old server stays, the start gives up with its pid instead of running a second one on the same files."""
    monkeypatch.setattr(embedded, "VACATE_LOOKS", 2)
    with other_process(made_data_dir) as (process, pid, _):
        stop_short(process, pid)
        with pytest.raises(DataDirectoryError, match=r"in use by PostgreSQL, pid \d+, without us"):
            EmbeddedPostgres(made_data_dir).start()
        os.kill(pid, signal.SIGCONT)


def test_killing_the_server_loses_nothing(made_data_dir: Path) -> None:
    """After kill -9 of the server itself, poll tells, and the next start recovers what was committed."""
    with running(made_data_dir) as (server, dsn):
        keep(dsn, 7)
        kill_server(server)
        assert server.poll() == -signal.SIGKILL
        assert server.pid is None
    with running(made_data_dir) as (_, dsn):
        assert fetch(dsn, "SELECT n FROM kept") == 7
    assert "was not properly shut down" in (made_data_dir / "postgres.log").read_text()


def test_everything_killed_at_once_recovers(made_data_dir: Path) -> None:
    """After kill -9 of parent and server together, as in a power cut, the next start recovers."""
    with other_process(made_data_dir) as (process, pid, dsn):
        keep(dsn, 7)
        os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        with running(made_data_dir) as (_, again):
            assert fetch(again, "SELECT n FROM kept") == 7


def test_a_note_with_a_living_pid_does_not_hinder(made_data_dir: Path) -> None:
    """A postmaster.pid left by a crash is overruled even when its pid lives again as another process."""
    with running(made_data_dir) as (server, _):
        kill_server(server)
    note = made_data_dir / "postgres" / "postmaster.pid"
    # The server's own user must own the living process, or PostgreSQL would ignore it anyhow.
    owner = note.stat()
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, user=owner.st_uid if AS_ROOT else None, cwd="/", close_fds=True
    ) as alive:
        note.write_text("\n".join([str(alive.pid), *note.read_text().splitlines()[1:]]) + "\n")
        with running(made_data_dir) as (_, dsn):
            assert fetch(dsn, "SELECT 1") == 1


def test_a_first_start_cut_short_is_made_good(data_dir: Path) -> None:
    """What an interrupted first start leaves is thrown away, never used half made."""
    directory = DataDirectory(data_dir)
    directory.lock()
    directory.unlock()
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with running(data_dir) as (_, dsn):
        assert fetch(dsn, "SELECT 1") == 1
    assert not (data_dir / "postgres.new").exists()
