"""Releases before this one: the last beside it, on one database while a campaign goes on, and what they left behind."""

import json
import zipfile
from pathlib import Path

import pytest
from tests.embedded_server import SMALL
from tests.process.campaigns import (
    NOBODY,
    RECORD,
    dialled,
    dials,
    doubles,
    is_complete,
    make_campaign,
    make_trunk,
    rows,
)
from tests.process.serving import ended, eventually, run, serving
from tests.process.test_refused import one_line, refusal

from ringback import __version__
from ringback.config import DATABASE_URL, Settings
from ringback.processes import child_command
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.queries import schema_version

RELEASES = Path(__file__).parents[1] / "releases"
LAST, FIRST = "0.2.0", "0.1.0"
CAP, LEADS = 5, 300
LONG_SEC = 120.0


@pytest.fixture
def own(data_dir):
    """A PostgreSQL server that several servers share."""
    with EmbeddedPostgres(data_dir, settings=SMALL) as postgres:
        yield postgres.dsn


def release(version, folder):
    """The environment in which `ringback` is that release."""
    with zipfile.ZipFile(RELEASES / f"ringback-{version}-py3-none-any.whl") as wheel:
        wheel.extractall(folder / version)
    environment = {"PYTHONPATH": str(folder / version)}
    assert run("version", **environment).stdout == f"{version}\n"
    return environment


@pytest.fixture
def before(own, tmp_path):
    """The environment in which `ringback` is the release before, on that database."""
    return {**release(LAST, tmp_path), DATABASE_URL: own}


def made(data, environment):
    """The live key of a new installation."""
    ended = run("init", "--data", data, "--json", **environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["live_key"]


def live(dsn):
    """How many calls are up."""
    (row,) = rows(dsn, "SELECT count(*) AS n FROM attempts WHERE ended_at IS NULL")
    return row["n"]


def dialled_by(dsn):
    """How many dials each release has claimed."""
    found = rows(dsn, "SELECT n.version, count(*) FROM attempts JOIN nodes n USING (node_no) GROUP BY 1")
    return {row["version"]: row["count"] for row in found}


def schema(dsn):
    """The newest migration of a database."""
    return rows(dsn, "SELECT max(version) AS newest FROM schema_migrations")[0]["newest"]


@pytest.mark.slow
def test_the_release_before_goes_on_beside_this_one(own, before, tmp_path):
    """It dials and answers on, this one takes over when it ends: nobody is dialled twice, and the cap is held.

    What it needs is there when all is done: it may come back.
    """
    first, second = tmp_path / "first", tmp_path / "second"
    key = made(first, before)
    with serving(first, key=key, **before) as old:
        trunk = make_trunk(old, {**NOBODY, "speed": 60, "ring_timeout_sec": 30}, record=tmp_path / RECORD)
        campaign = make_campaign(old, trunk, range(LEADS), CAP)
        eventually(lambda: dialled(tmp_path) >= 20)
        with serving(second, "--lame-sec", 0, key=key, **{DATABASE_URL: own}) as new:
            assert schema(own) == schema_version()
            processes, seen = old.children(), dialled_by(own)[LAST]

            def goes_on():
                assert live(own) <= CAP
                return dialled_by(own)[LAST] >= seen + 30

            eventually(goes_on)
            assert make_campaign(old, trunk, range(LEADS, LEADS + 5), CAP)
            assert old.children() == processes
            assert old.answers()
            assert old.stop(sec=LONG_SEC) == 0
            assert dialled(tmp_path) < LEADS

            def taken_over():
                assert live(own) <= 2 * CAP
                return is_complete(new, campaign)

            eventually(taken_over, LONG_SEC)
            assert "Traceback" not in new.said()
        assert "Traceback" not in old.said()
    lines = dials(tmp_path)
    assert not doubles(lines)
    assert set(dialled_by(own)) == {LAST, __version__}
    assert len(lines) == len(rows(own, "SELECT FROM attempts")) == LEADS + 5
    with serving(first, key=key, **before) as back:
        assert is_complete(back, campaign)


def test_a_database_of_the_release_before_is_not_worked_on(before, tmp_path):
    """A node of this release says what is to be done, and so does the API."""
    made(tmp_path / "data", before)
    environment = {DATABASE_URL: before[DATABASE_URL]}
    for role in ("node", "api"):
        said = one_line(ended(child_command(role, Settings(tmp_path / "data", node_name="new")), **environment))
        assert f"the database is at schema 2 and this release needs {schema_version()}: run `ringback serve`" in said


def test_a_release_before_the_last_has_to_be_stopped_first(own, tmp_path):
    """It is told so, the old one answers on, and once that has ended this one goes all the way with what it left."""
    first = {**release(FIRST, tmp_path), DATABASE_URL: own}
    data = tmp_path / "data"
    key = made(data, first)
    with serving(data, key=key, **first) as old:
        said = refusal("serve", "--data", tmp_path / "second", "--port", 0, **{DATABASE_URL: own})
        assert "stop it first" in said
        assert old.get("/v1/workspace")
        assert old.stop() == 0
    late = "UPDATE nodes SET lease_until = lease_until - interval '1 minute'"  # instead of waiting for its API's end
    rows(own, late)
    with serving(data, key=key, **{DATABASE_URL: own}) as new:
        assert schema(own) == schema_version()
        assert new.get("/v1/workspace")["name"]


def test_a_backup_of_the_release_before_is_restored(tmp_path):
    """It is brought up to date, and a call that was up then is over."""
    before, saved, data = release(LAST, tmp_path), tmp_path / "saved", tmp_path / "restored"
    key = made(tmp_path / "data", before)
    with serving(tmp_path / "data", "--drain-sec", 0, key=key, **before) as old:
        trunk = make_trunk(old, {**NOBODY, "ring_timeout_sec": 60})
        call = old.post("/v1/calls", {"to_number": "+14155550100", "trunk_id": trunk})["id"]
        eventually(lambda: old.get(f"/v1/call-logs/{call}")["status"] == "dialing")
        taken = run("backup", "--data", tmp_path / "data", saved, **before)
        assert taken.returncode == 0, taken.stderr
        assert old.stop() == 0
    restored = run("restore", "--data", data, saved)
    assert restored.returncode == 0, restored.stderr
    with serving(data, key=key) as new:
        (attempt,) = new.get(f"/v1/call-logs/{call}/retries")["data"]
    assert (attempt["end_reason"], attempt["details"]) == ("outcome_unknown", None)


def test_what_a_newer_release_has_contracted_is_let_be(own, tmp_path):
    """The node of a server that finds it so ends and says why, and the API is not ready any more."""
    key = made(tmp_path / "data", {DATABASE_URL: own})
    newer = "INSERT INTO schema_migrations SELECT max(version) + 1, 'next', max(applied_at), $1 FROM schema_migrations"
    with serving(tmp_path / "data", "--drain-sec", 0, key=key, **{DATABASE_URL: own}) as server:
        rows(own, newer, None)
        assert server.answers()
        rows(own, "UPDATE schema_migrations SET contracted_at = applied_at")
        eventually(lambda: "made by a newer release" in server.said())
        assert not server.answers()
        assert server.answers("/healthz")
        assert server.stop() == 0
        assert "Traceback" not in server.said()
