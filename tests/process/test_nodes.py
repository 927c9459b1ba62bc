"""Servers of one role or both on one database, and `ringback nodes`, which shows them."""

import json
import signal

import pytest
from tests.embedded_server import SMALL
from tests.process.campaigns import NOBODY, dialled, is_complete, make_campaign, make_trunk
from tests.process.serving import eventually, kill, run, serving
from tests.process.test_refused import refusal
from tests.process.test_releases import made

from ringback import __version__
from ringback.config import DATABASE_URL
from ringback.store.embedded import EmbeddedPostgres


@pytest.fixture
def own(data_dir):
    """A PostgreSQL server that several servers share."""
    with EmbeddedPostgres(data_dir, settings=SMALL) as postgres:
        yield {DATABASE_URL: postgres.dsn}


def listed(*arguments, **env):
    """What `ringback nodes --json` shows."""
    shown = run("nodes", "--json", *arguments, **env)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def states(**env):
    """The state of each node and API by name and role."""
    return {(node["name"], node["role"]): node["state"] for node in listed(**env)}


def test_one_server_answers_and_another_one_dials(own, tmp_path):
    """With --api there is no node, with --dial no API; both are shown, and what the first takes the second dials."""
    front, back = tmp_path / "front", tmp_path / "back"
    key = made(front, own)
    with (
        serving(front, "--api", "--node-name", "front", "--lame-sec", 0, key=key, **own) as api,
        serving(back, "--dial", "--node-name", "back", "--lease-sec", 8, "--drain-sec", 60, **own) as node,
    ):
        assert set(api.children()) == {"api"}
        assert set(node.children()) == {"node"}
        assert node.url == "back"  # there is no other word for where it is
        campaign = make_campaign(api, make_trunk(api, {**NOBODY, "speed": 0}), range(20), 5)
        eventually(lambda: is_complete(api, campaign))
        assert dialled(back) == 20
        assert states(**own) == {("front", "api"): "answering", ("back", "dial"): "dialling"}

        make_campaign(api, make_trunk(api, {**NOBODY, "ring_timeout_sec": 60}), range(20, 40), 5)
        shown = eventually(lambda: [n for n in listed(**own) if n["live_calls"]])[0]
        assert (shown["name"], shown["version"], shown["live_calls"]) == ("back", __version__, 5)
        assert shown["heartbeat_sec_ago"] < 30
        node.process.send_signal(signal.SIGTERM)
        eventually(lambda: states(**own)[("back", "dial")] == "draining")
        node.kill_all()
        eventually(lambda: states(**own)[("back", "dial")] == "lease over")
        assert api.stop() == 0
    assert ("front", "api") not in states(**own)


def test_the_nodes_of_the_embedded_database_are_shown(home):
    """While it runs: the name is kept in the data directory and is the same after a restart."""
    with serving(home.data) as server:
        (node,) = [one for one in listed("--data", home.data) if one["role"] == "dial"]
        assert node["name"] == (home.data / "node-name").read_text().strip()
        table = run("nodes", "--data", home.data)
        assert table.stdout.split("\n")[0].split()[:3] == ["name", "role", "version"]
        assert table.stdout.count(node["name"]) == 2
        kill(server.pid("node"))
        eventually(lambda: {one["state"] for one in listed("--data", home.data)} == {"answering", "dialling"})
        assert {one["name"] for one in listed("--data", home.data)} == {node["name"]}
    assert "no server runs in" in refusal("nodes", "--data", home.data)
    assert "give --data DIR" in refusal("nodes")
