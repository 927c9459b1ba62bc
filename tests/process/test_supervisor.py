import asyncio
import os
import resource
import sys
from contextlib import asynccontextmanager, contextmanager

import pytest
from tests.process.serving import PATIENCE_SEC, ROLES, await_end, eventually, handles_of, kill, serving

from ringback import supervisor
from ringback.errors import OurError
from ringback.supervisor import LONGEST_REST_SEC, SHORTEST_REST_SEC, next_rest

READY_FOR_EVER = "import signal; print('ready', flush=True); signal.pause()"


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


@contextmanager
def no_descriptors():
    """Within the block this process gets no descriptor that it does not have now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def kept_child():
    """A child that says that it works and does nothing, kept up, and what waits for something to be so meanwhile."""
    child = supervisor._Child("api", [sys.executable, "-c", READY_FOR_EVER], dict(os.environ))
    await child.start()
    keeping = asyncio.create_task(supervisor._keep_up(child))

    async def until(condition):
        async with asyncio.timeout(PATIENCE_SEC):
            while not condition():
                assert not keeping.done()
                await asyncio.sleep(0)

    yield child, until
    keeping.cancel()
    await asyncio.wait((keeping,))
    await child.kill()


async def test_a_process_that_cannot_be_started_is_started_later(caplog):
    """There is no descriptor to be had for a while: that is in the log, and ends nothing."""
    async with kept_child() as (child, until):
        first = child._process
        await asyncio.sleep(0)  # it is watched from now on
        with no_descriptors():
            first.kill()
            await until(lambda: "Too many open files" in caplog.text)
        await until(lambda: child._process is not first)


async def test_a_process_that_cannot_be_watched_is_watched_later(caplog):
    """It goes on meanwhile; when it ends after that, it is started again."""
    async with kept_child() as (child, until):
        first = child._process
        with no_descriptors():
            await until(lambda: caplog.text.count("Too many open files") > 1)
        assert first.poll() is None
        first.kill()
        await until(lambda: child._process is not first)


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
