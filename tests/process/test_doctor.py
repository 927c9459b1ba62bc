"""`ringback doctor` on a server that runs, on one that does not, and on one that is ill."""

import json

from tests.process.campaigns import dsn_of, rows
from tests.process.serving import run, serving, using

from ringback.config import DATABASE_URL


def levels(ended):
    """How bad each thing is."""
    return {finding["check"]: finding["level"] for finding in json.loads(ended.stdout)["findings"]}


def test_a_server_is_looked_at_while_it_runs_and_while_it_does_not(home):
    """Well both times, and nothing is left running; what is ill then is told, with exit code 1."""
    log = home.data / "postgres.log"
    before, last = log.read_bytes(), home.data / "postgres.log.1"
    assert not last.exists()
    stopped = run("doctor", "--data", home.data, "--json")
    assert stopped.returncode == 0, stopped.stdout
    assert json.loads(stopped.stdout)["healthy"] is True
    assert not using(home.data)
    assert log.read_bytes().startswith(before)  # what PostgreSQL said at its last end is still to be read
    assert not last.exists()
    with serving(home.data, key=home.live_key) as server:
        running = run("doctor", "--data", home.data, "--json")
        assert running.returncode == 0, running.stdout
        assert levels(running).keys() == levels(stopped).keys()
        rows(dsn_of(home.data), "DELETE FROM limits")
        ill = run("doctor", "--data", home.data, "--json")
        assert (ill.returncode, levels(ill)["limits"]) == (1, "fail")
        told = run("doctor", "--data", home.data)
        assert told.returncode == 1
        assert "fail limits" in told.stdout
        assert server.stop() == 0


def test_without_a_database_there_is_nothing_to_look_at(tmp_path):
    """It says how to make one, or that the one that is named does not answer."""
    none = run("doctor", "--data", tmp_path / "none")
    assert (none.returncode, none.stdout) == (1, "")
    assert "ringback init" in none.stderr
    away = run("doctor", "--data", tmp_path, **{DATABASE_URL: f"postgresql://nobody@/x?host={tmp_path}"})
    assert away.returncode == 1
    assert DATABASE_URL in away.stderr
