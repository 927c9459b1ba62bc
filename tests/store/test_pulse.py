import asyncio
from contextlib import asynccontextmanager

import asyncpg
from tests.embedded_server import kill_server, running
from tests.postgres import in_database

from ringback.errors import DatabaseUnavailable
from ringback.store.database import connect
from ringback.store.pulse import Pulse

PATIENCE_SEC = 30


@asynccontextmanager
async def feeling(dsn, *, lost=False):
    """A pulse that is kept within the block, and what is set each time that it is lost."""
    told = asyncio.Event()

    async def tell():
        told.set()

    pulse = Pulse(dsn, tell)
    pulse.is_lost = lost
    keeping = asyncio.create_task(pulse.keep())
    try:
        yield pulse, told
    finally:
        keeping.cancel()
        await asyncio.wait((keeping,))


async def until(condition):
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SEC):
        while not await condition():
            pass


async def test_a_server_that_is_not_there_has_no_pulse(tmp_path):
    """It is told each time that it is asked."""
    async with feeling(f"postgresql://nobody@/nothing?host={tmp_path}") as (pulse, told):
        for _ in range(2):
            await asyncio.wait_for(told.wait(), PATIENCE_SEC)
            told.clear()
            assert pulse.is_lost


async def test_a_server_that_answers_again_is_found(empty_database):
    """Whoever was told that it is away may ask it again."""
    async with feeling(empty_database, lost=True) as (pulse, told):

        async def found():
            await asyncio.sleep(0)
            return not pulse.is_lost

        await until(found)
        assert not told.is_set()


async def test_a_server_that_refuses_one_more_connection_lives(postgres):
    """No as an answer is an answer."""
    async with feeling(in_database(postgres, "not_there"), lost=True) as (pulse, told):

        async def found():
            await asyncio.sleep(0)
            return not pulse.is_lost

        await until(found)
        assert not told.is_set()


async def test_a_connection_that_broke_off_is_made_anew(empty_database):
    """A server that takes another connection at once is not taken for dead."""
    query = "SELECT pid FROM pg_stat_activity WHERE query LIKE '-- A question%' AND datname = current_database()"
    connection = await asyncpg.connect(empty_database)
    async with feeling(empty_database) as (pulse, told):

        async def asking():
            return await connection.fetchval(query)

        await until(asking)
        first = await asking()
        await connection.fetchval("SELECT pg_terminate_backend($1)", first)

        async def asking_anew():
            return await asking() not in (None, first)

        await until(asking_anew)
        assert not told.is_set()
        assert not pulse.is_lost
    await connection.close()


async def test_a_pulse_is_kept_whatever_becomes_of_telling_that_it_is_lost(tmp_path, caplog):
    """The error is written down, and the server is asked again: a pulse that nobody feels any more would say no."""
    told = []

    async def tell():
        told.append(asyncio.get_running_loop().time())
        raise RuntimeError("there is nobody to tell")

    keeping = asyncio.create_task(Pulse(f"postgresql://nobody@/nothing?host={tmp_path}", tell).keep())

    async def told_twice():
        await asyncio.sleep(0)
        return len(told) > 1 or keeping.done()

    await until(told_twice)
    assert not keeping.done()
    assert "there is nobody to tell" in caplog.text
    keeping.cancel()
    await asyncio.wait((keeping,))


async def test_a_server_that_comes_back_is_worked_with_again(made_data_dir):
    """Whoever had a connection when it went away hears so, and the next one gets a new connection."""
    with running(made_data_dir) as (server, dsn):
        database = await connect(dsn, size=2, settings={}, watched=True)

        async def said():
            await asyncio.sleep(0)
            try:
                async with database.connection() as connection:
                    return await connection.fetchval("SELECT 'works'")
            except DatabaseUnavailable as away:
                return str(away)

        async def lost():
            return "does not answer" in await said()

        async def works():
            return await said() == "works"

        async with database.connection() as lent:
            lent.terminate()  # it is broken, and not given back yet
            kill_server(server)
            await until(lost)
            server.restart()
            await until(works)
        await database.close()
