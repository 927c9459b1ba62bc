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


def test_a_place_where_it_may_not_write_is_one_line(drop, closed_folder):
    """Without a trace of our program."""
    ringback, how = drop
    ended = subprocess.run(
        [*ringback, "init", "--data", closed_folder / "x" / "data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SEC,
        **how,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "check its owner" in ended.stderr
    assert ended.stderr.count("\n") == 1
