"""What is left of connections that broke off."""

import asyncio
import gc

import asyncpg
import pytest

from ringback.errors import DatabaseUnavailable
from ringback.store.database import COLLECT_EVERY, connect

SIZE = 10
END_SLEEPERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()
"""


@pytest.fixture
def uncollected():
    """Python looks for no cycles by itself, as in a node's process, which does so seldom."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def broken_off(database, dsn):
    """Have all connections of the pool in use, and end them from the server's side."""
    ready = asyncio.Barrier(SIZE + 1)

    async def use():
        async with database.connection() as db:
            await ready.wait()
            await db.execute("SELECT pg_sleep(60)")

    users = [asyncio.create_task(use()) for _ in range(SIZE)]
    await ready.wait()
    killer = await asyncpg.connect(dsn)
    async with asyncio.timeout(30):
        while not all(user.done() for user in users):
            await killer.execute(END_SLEEPERS)
    await killer.close()
    for user in users:
        with pytest.raises(DatabaseUnavailable):
            await user


@pytest.mark.usefixtures("uncollected")
async def test_connections_that_broke_off_leave_no_memory_taken(empty_database):
    """A node whose database goes away again and again does not grow."""
    database = await connect(empty_database, size=SIZE, settings={})
    for _ in range(3 * COLLECT_EVERY // SIZE):
        await broken_off(database, empty_database)
    left = sum(isinstance(thing, asyncpg.Connection) for thing in gc.get_objects())
    await database.close()
    assert left <= COLLECT_EVERY + 3 * SIZE
