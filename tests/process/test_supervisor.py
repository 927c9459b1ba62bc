import os
import sys

import pytest
from tests.process.serving import ROLES, await_end, eventually, handles_of, kill, serving

from ringback import supervisor
from ringback.errors import OurError
from ringback.supervisor import LONGEST_REST_SEC, SHORTEST_REST_SEC, next_rest


def test_killing_the_supervisor_ends_all(home):
    """After kill -9 of the supervisor, the database, the API and the node end with it, and a new start works."""
    with serving(home.data) as server:
        handles = handles_of(*(server.pid(role) for role in ROLES))
        server.process.kill()
        for handle in handles:
            await_end(handle)
    with serving(home.data) as server:
        assert server.answers()


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_process_is_started_again(home, role):
    """After kill -9 of one, it runs again, the server answers again, and the others have stayed."""
    with serving(home.data) as server:
        before = server.children()
        kill(before[role])
        eventually(lambda: server.children().get(role, before[role]) != before[role])
        eventually(server.answers)
        after = server.children()
        assert {other: after[other] for other in ROLES if other != role} == {
            other: pid for other, pid in before.items() if other != role
        }
        assert server.process.poll() is None
        assert f"{role} has ended (exit code -9)" in server.said()


def test_a_process_is_started_again_and_again(home):
    """One that is killed four times in a row runs again each time."""
    with serving(home.data) as server:
        for _ in range(4):
            kill(server.pid("api"))
        eventually(server.answers)


def test_the_rest_grows_while_a_process_goes_on_ending():
    """From a fifth of a second to ten, and back at once when it has lived for long enough."""
    rests = [next_rest(0.0, 3600.0)]
    for _ in range(8):
        rests.append(next_rest(rests[-1], 0.5))
    assert rests[0] == SHORTEST_REST_SEC
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST_SEC
    assert next_rest(LONGEST_REST_SEC, 99.0) == LONGEST_REST_SEC
    assert next_rest(LONGEST_REST_SEC, 100.0) == SHORTEST_REST_SEC


async def test_a_process_that_never_gets_ready_is_given_up():
    """It is ended, and the error says how long it was waited for."""
    child = supervisor._Child("api", [sys.executable, "-c", "import signal; signal.pause()"], dict(os.environ), 0.5)
    with pytest.raises(OurError, match="api was not ready after"):
        await child.start()
    assert await child.ended() is None


async def test_what_a_process_prints_does_not_stop_it(capfd):
    """A process that prints more than a pipe holds gets on with its work, and its lines are passed on."""
    talk = "print('ready', flush=True)\nfor _ in range(100): print('x' * 9999)\n"
    child = supervisor._Child("api", [sys.executable, "-c", talk], dict(os.environ))
    await child.start()
    assert await child.ended() == 0
    await child.kill()
    assert capfd.readouterr().err.count("x") == 100 * 9999
