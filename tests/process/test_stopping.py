import random
import signal
import threading

import pytest
from tests.process.campaigns import NOBODY, dialled, dials, doubles, dsn_of, make_campaign, make_trunk, rows
from tests.process.serving import ROLES, await_end, eventually, handles_of, is_running, kill, serving, starting, using

from ringback import ids
from ringback.store.embedded import EmbeddedPostgres

CAP, LEADS = 5, 20


def ring(server, data, sec):
    """A campaign of twenty, five at a time, each rung for so many seconds."""
    trunk = make_trunk(server, {**NOBODY, "speed": 1, "ring_timeout_sec": sec}, dials_per_sec=20)
    make_campaign(server, trunk, range(LEADS), CAP)
    eventually(lambda: dialled(data) >= CAP)


def end_of_all(server, handles):
    """The exit code, once every process has ended."""
    code = server.process.wait(30)
    for handle in handles:
        await_end(handle)
    return code


def left(data, query):
    """What a query finds once the server has ended."""
    with EmbeddedPostgres(data) as postgres:
        return rows(postgres.dsn, query)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_live_calls_end_before_the_server_does(home, number):
    """SIGTERM and Ctrl-C let calls end, take back what was not placed, and end all with exit code 0."""
    with serving(home.data, "--drain-sec", 20, key=home.live_key) as server:
        ring(server, home.data, 3)
        handles = handles_of(*server.children().values())
        server.process.send_signal(number)
        assert end_of_all(server, handles) == 0
    attempts = left(home.data, "SELECT attempt_id, ended_at IS NULL AS live, end_reason FROM attempts")
    assert not any(row["live"] for row in attempts)
    assert {row["end_reason"] for row in attempts} <= {"user_did_not_pick_up", "user_unreachable"}
    far = [line["attempt_id"] for line in dials(home.data)]
    assert sorted(far) == sorted(ids.show(ids.ATTEMPT, row["attempt_id"]) for row in attempts)
    waiting = left(home.data, "SELECT call_id FROM queue")
    assert len(waiting) + len(attempts) == LEADS


def test_calls_that_do_not_end_in_time_are_left_to_the_next_start(home):
    """With --drain-sec 0 nothing is waited for; the next start tells what became of the calls."""
    with serving(home.data, "--drain-sec", 0, key=home.live_key) as server:
        ring(server, home.data, 4)
        assert server.stop(sec=5) == 0
    up = left(home.data, "SELECT attempt_id FROM attempts WHERE ended_at IS NULL")
    assert up
    with serving(home.data):
        explained = "SELECT attempt_id, end_reason FROM attempts WHERE ended_at IS NOT NULL"
        reasons = eventually(lambda: told(rows(dsn_of(home.data), explained), up))
    assert reasons <= {"user_did_not_pick_up", "user_unreachable"}
    assert not doubles(dials(home.data))


def told(explained, up):
    """Why the calls that were up have ended, once all of them have."""
    reasons = {row["attempt_id"]: row["end_reason"] for row in explained}
    return {row["attempt_id"] for row in up} <= reasons.keys() and set(reasons.values())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(home, second):
    """While calls of a minute are waited for, another signal ends all of it within seconds, with exit code 0."""
    with serving(home.data, "--drain-sec", 120, key=home.live_key) as server:
        ring(server, home.data, 60)
        handles = handles_of(*server.children().values())
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "a second signal ends it at once" in server.said())
        assert server.process.poll() is None
        assert server.stop(second, sec=5) == 0
        assert end_of_all(server, handles) == 0


def test_the_database_is_kept_up_while_calls_end(home):
    """A database that dies while the last calls end comes back, and their outcomes are written down."""
    with serving(home.data, "--drain-sec", 20, key=home.live_key) as server:
        ring(server, home.data, 4)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "a second signal ends it at once" in server.said())
        kill(server.pid("postgres"))
        assert server.process.wait(30) == 0
    assert not left(home.data, "SELECT FROM attempts WHERE ended_at IS NULL")


@pytest.mark.parametrize("role", ROLES)
def test_a_signal_while_it_starts_leaves_nothing(home, role):
    """SIGTERM as soon as the database, the API or the node has been started: nothing is left, exit code 0."""
    with starting(home.data) as server:
        eventually(lambda: role in server.children())
        handles = handles_of(*server.children().values())
        server.process.send_signal(signal.SIGTERM)
        assert end_of_all(server, handles) == 0
        assert "Traceback" not in server.said()
    assert not using(home.data)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_of_the_start_leaves_nothing(home, number):
    """At seeded moments of the first two seconds: nothing is left, and no trace of the program is shown."""
    chance = random.Random(20)
    for _ in range(5):
        with starting(home.data) as server:
            threading.Event().wait(chance.uniform(0.4, 2.0))  # the moment itself is what is random here
            server.process.send_signal(number)
            # before our first line runs, Python itself answers: by ending
            assert server.process.wait(30) in (0, -number, 130)
        eventually(lambda: not using(home.data))
    assert "ringback/" not in server.said()


def test_a_process_that_hangs_while_it_starts_does_not_hang_the_server(home):
    """With an API that never gets ready after its restart, two signals still end all of it."""
    with serving(home.data) as server:
        kill(before := server.pid("api"))
        eventually(lambda: server.children().get("api", before) != before)
        (held,) = handles_of(server.pid("api"))
        signal.pidfd_send_signal(held, signal.SIGSTOP)
        children = server.children()
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "a second signal ends it at once" in server.said())
        assert server.stop() == 0
        await_end(held)
        assert not any(is_running(pid) for pid in children.values())
