import signal
from contextlib import contextmanager

import psutil
from tests.process.campaigns import dialled, dials, doubles, make_campaign, make_trunk
from tests.process.serving import eventually, kill, serving

PEOPLE = {"speed": 60, "answer_rates": [0.3] * 24}
CAP = 4


@contextmanager
def killed(server):
    """A database that is dead and that nobody starts again, because the supervisor is held."""
    server.process.send_signal(signal.SIGSTOP)
    kill(server.pid("postgres"))
    yield
    server.process.send_signal(signal.SIGCONT)


def answers_503(server, patience_sec=10):
    """Whether a request is refused as it should be while the database is away."""
    with server.http() as client:
        answer = client.get("/v1/campaigns", timeout=patience_sec)
    if answer.status_code != 503:
        return False
    assert answer.json()["code"] == "database_unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    return True


def test_without_its_database_it_dials_nobody_and_goes_on_by_itself(home):
    """Three times: requests are refused with 503 and Retry-After, no dial is placed, the same node dials again."""
    with serving(home.data, key=home.live_key) as server:
        make_campaign(server, make_trunk(server, PEOPLE), range(900), CAP)
        node, api = server.pid("node"), server.pid("api")
        for _ in range(3):
            seen = dialled(home.data)
            eventually(lambda before=seen: dialled(home.data) >= before + 5)
            with killed(server):
                eventually(lambda: answers_503(server))
                # what was claimed before is placed within a moment; from then on there is nothing to place
                still = dialled(home.data)
                assert all(answers_503(server) for _ in range(20))
                assert server.answers("/healthz")
                assert dialled(home.data) <= still
            eventually(server.answers)
            eventually(lambda before=still: dialled(home.data) >= before + 5)
        assert (server.pid("node"), server.pid("api")) == (node, api)
        assert not doubles(dials(home.data))
        assert '"event": "DutyFailed"' in server.said()
        assert "Traceback" not in server.said()


def test_a_database_that_hangs_is_waited_for(home):
    """While every process of the database is held nobody is dialled and requests are told so; then all goes on."""
    with serving(home.data, key=home.live_key) as server:
        make_campaign(server, make_trunk(server, PEOPLE), range(900), CAP)
        node, api = server.pid("node"), server.pid("api")
        eventually(lambda: dialled(home.data) >= 10)
        postgres = psutil.Process(server.pid("postgres"))
        held = [postgres, *postgres.children()]
        for process in held:
            process.suspend()
        still = dialled(home.data)
        # the first one waits for the database until it is found to hang; it is not left to wait for two minutes
        assert all(answers_503(server, patience_sec=40) for _ in range(3))
        assert server.answers("/healthz")
        assert not server.answers("/readyz")
        assert dialled(home.data) <= still + CAP
        for process in held:
            process.resume()
        eventually(lambda: dialled(home.data) >= still + 5)
        eventually(server.answers)
        assert (server.pid("node"), server.pid("api")) == (node, api)
        assert "Traceback" not in server.said()
        assert not doubles(dials(home.data))


def test_a_database_that_dies_again_and_again_comes_back(home):
    """Killed as soon as it is there, five times in a row: the server does not give up."""
    with serving(home.data, key=home.live_key) as server:
        for _ in range(5):
            kill(server.pid("postgres"))
        eventually(server.answers)
        assert server.process.poll() is None
