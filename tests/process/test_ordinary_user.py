import json
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest
from tests.embedded_server import AS_ROOT, NOBODY, python_for
from tests.process.campaigns import NOBODY as NOBODY_ANSWERS
from tests.process.campaigns import dialled, is_complete, make_campaign, make_trunk
from tests.process.serving import PATIENCE_SEC, SOURCES, environment, eventually, starting

from ringback.backup.manifest import DUMP, NAME, write_manifest
from ringback.store.queries import schema_version

PACKAGES = str(Path(asyncpg.__file__).parents[1])


@pytest.fixture
def drop(open_folder):
    """How a process of an ordinary user is started: (command line, what Popen is told besides)."""
    python = python_for((NOBODY.pw_uid, NOBODY.pw_gid))
    env = environment(
        PYTHONPATH=os.pathsep.join([SOURCES, PACKAGES]), PYTHONDONTWRITEBYTECODE="1", HOME=str(open_folder)
    )
    account = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []} if AS_ROOT else {}
    return [python, "-m", "ringback"], {"env": env, "cwd": "/", **account}


def test_it_all_works_as_an_ordinary_user(drop, open_folder):
    """init, serve and a campaign by a user without any rights: all files are that user's own."""
    ringback, how = drop
    data = open_folder / "data"
    made = subprocess.run(
        [*ringback, "init", "--data", data, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SEC,
        **how,
    )
    assert made.returncode == 0, made.stderr
    how["args"] = [*ringback, "serve", "--data", data, "--port", "0"]
    with starting(data, key=json.loads(made.stdout)["live_key"], how=how) as server:
        server.await_ready()
        campaign = make_campaign(server, make_trunk(server, {**NOBODY_ANSWERS, "speed": 0}), range(20), 5)
        eventually(lambda: is_complete(server, campaign))
        assert dialled(data) == 20
        assert server.stop() == 0
    owners = {path.stat().st_uid for path in (data, *data.rglob("*"))}
    assert owners == {NOBODY.pw_uid if AS_ROOT else os.getuid()}
    assert oct(data.stat().st_mode)[-3:] == "700"


@pytest.fixture
def told(drop):
    """What a command that fails tells an ordinary user: one line, without a trace of our program."""
    ringback, how = drop

    def of(*arguments):
        ended = subprocess.run(
            [*ringback, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=PATIENCE_SEC, **how
        )
        assert ended.returncode == 1, ended.stdout
        [line] = ended.stderr.strip().splitlines()  # a bar leaves an empty one
        assert line.startswith("error: ")
        return line

    return of


def test_a_place_where_it_may_not_write_is_one_line(told, closed_folder):
    """It names the place, and what to look at."""
    assert "check its owner" in told("init", "--data", closed_folder / "x" / "data")


@pytest.fixture
def backup(open_folder):
    """A backup, as far as its manifest can tell."""
    folder = open_folder / "backup"
    folder.mkdir()
    (folder / DUMP).write_bytes(b"rows")
    write_manifest(folder, schema_version(), "2026-03-02T12:00:00.000Z", {"calls": 3})
    (folder / NAME).chmod(0o644)
    return folder


def test_a_backup_that_it_may_not_read_is_one_line(told, backup, open_folder):
    """It names the file, and nothing is made of the others."""
    (backup / DUMP).chmod(0)
    said = told("restore", "--data", open_folder / "again", backup)
    assert f"{backup / DUMP} cannot be read" in said
    assert "run this as its owner" in said
    assert [path.name for path in open_folder.iterdir()] == ["backup"]


def test_a_backup_that_it_may_not_write_is_one_line(told, open_folder, closed_folder):
    """Before a database is looked for; the same for a data directory that is to be restored."""
    place = closed_folder / "x" / "backup"
    closed_folder.chmod(0)
    assert f"{place} cannot be made" in told("backup", "--data", open_folder / "data", place)


@pytest.mark.parametrize("name", ["dials.jsonl", "dials"])
def test_a_file_of_a_trunk_that_it_may_not_read_is_one_line(told, made_open_home, open_folder, name):
    """A backup without it would not be whole, nor one without what is in a closed folder."""
    closed = made_open_home / name
    closed.touch() if "." in name else closed.mkdir()
    closed.chmod(0)
    assert f"{closed} cannot be read" in told("backup", "--data", made_open_home, open_folder / "backup")
    assert not (open_folder / "backup").exists()


@pytest.fixture
def made_open_home(drop, open_folder):
    """A data directory of that user's."""
    ringback, how = drop
    made = [*ringback, "init", "--data", open_folder / "data"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_SEC, **how)
    return open_folder / "data"
