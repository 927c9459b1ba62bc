import json

import pytest
from tests.embedded_server import SMALL
from tests.process.campaigns import NOBODY, RECORD, dialled, is_complete, make_campaign, make_trunk, rows
from tests.process.serving import await_end, eventually, handles_of, run, serving
from tests.process.test_refused import refusal

from ringback.config import DATABASE_URL
from ringback.store.embedded import EmbeddedPostgres


@pytest.fixture
def own(data_dir):
    """A PostgreSQL server that is not Ringback's."""
    with EmbeddedPostgres(data_dir, settings=SMALL) as postgres:
        yield postgres


def made(data, dsn):
    """The live key of a new installation on that database."""
    ended = run("init", "--data", data, "--json", **{DATABASE_URL: dsn})
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["live_key"]


def test_a_database_of_the_users_own_is_served(own, tmp_path):
    """Nothing is embedded then; the data directory has the files that trunks write, and is still one server's alone."""
    data = tmp_path / "data"
    key = made(data, own.dsn)
    with serving(data, "--lame-sec", 0, key=key, **{DATABASE_URL: own.dsn}) as server:
        assert set(server.children()) == {"api", "node"}
        campaign = make_campaign(server, make_trunk(server, {**NOBODY, "speed": 0}), range(20), 5)
        eventually(lambda: is_complete(server, campaign))
        assert dialled(data) == len(rows(own.dsn, "SELECT FROM attempts")) == 20
        assert "is in use by pid" in refusal("serve", "--data", data, "--port", 0, **{DATABASE_URL: own.dsn})
        handles = handles_of(*server.children().values())
        assert server.stop() == 0
        for handle in handles:
            await_end(handle)
    left = {path.name for path in data.iterdir() if not path.name.startswith(RECORD)}
    assert left == {"lock", "release", "node-name", "metrics"}
    assert oct(data.stat().st_mode)[-3:] in ("700", "711")


def test_killing_the_supervisor_ends_its_processes_and_not_the_database(own, tmp_path):
    """After kill -9 of the supervisor the API and the node end, and the database is the user's own business."""
    data = tmp_path / "data"
    made(data, own.dsn)
    with serving(data, **{DATABASE_URL: own.dsn}) as server:
        handles = handles_of(*server.children().values())
        server.process.kill()
        for handle in handles:
            await_end(handle)
    assert own.pid is not None


def test_a_database_of_the_users_own_may_be_restarted(own, tmp_path):
    """The server goes on by itself when it is back, with the same processes."""
    data = tmp_path / "data"
    key = made(data, own.dsn)
    with serving(data, key=key, **{DATABASE_URL: own.dsn}) as server:
        before = server.children()
        own.restart()
        campaign = eventually(lambda: retried_campaign(server))
        eventually(lambda: is_complete(server, campaign))
        assert server.children() == before
        assert dialled(data) == 20


def retried_campaign(server):
    """A campaign, once the server takes one."""
    return server.answers() and make_campaign(server, make_trunk(server, {**NOBODY, "speed": 0}), range(20), 5)


@pytest.mark.parametrize("command", ["init", "serve"])
def test_a_database_that_is_not_there_is_refused(tmp_path, command):
    """It is told in one line, with where to look, and not waited for."""
    url = f"postgresql://nobody@/nothing?host={tmp_path}"
    said = refusal(command, "--data", tmp_path / "data", **{DATABASE_URL: url})
    assert f"see that it runs, and that {DATABASE_URL} is right" in said


@pytest.mark.parametrize("who", ["nobody@/ringback", "ringback@/nothing"])
def test_a_user_or_a_database_that_is_not_known_is_refused(own, tmp_path, who):
    """A server that answers with no is one line too."""
    url = f"postgresql://{who}?{own.dsn.partition('?')[2]}"
    said = refusal("init", "--data", tmp_path / "data", **{DATABASE_URL: url})
    assert f"see that it runs, and that {DATABASE_URL} is right" in said


def test_a_url_that_is_none_is_refused(tmp_path):
    """What is wrong with it is told in one line."""
    said = refusal("init", "--data", tmp_path / "data", **{DATABASE_URL: "nonsense"})
    assert "the database's URL cannot be read" in said


@pytest.mark.slow
def test_a_second_node_of_the_same_name_does_not_start(own, tmp_path):
    """Two servers on one database that were given one name by mistake do not end each other's calls."""
    first, second = tmp_path / "first", tmp_path / "second"
    made(first, own.dsn)
    with serving(first, "--node-name", "one", **{DATABASE_URL: own.dsn}):
        refused = run("serve", "--data", second, "--port", 0, "--node-name", "one", **{DATABASE_URL: own.dsn})
        assert refused.returncode == 1
        assert "give this one another --node-name" in refused.stderr
        # without a name of its own it makes one
        with serving(second, **{DATABASE_URL: own.dsn}) as other:
            assert other.answers()
