import asyncio

import asyncpg
import pytest
from tests.chaos.link import Link
from tests.chaos.plan import Kind

GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


@pytest.fixture
async def link(empty_database):
    """A way to an empty database."""
    made = Link(empty_database)
    made.dsn = await made.open()
    yield made
    await made.close()


@pytest.fixture
async def through(link):
    """A connection through it, with a table that counts."""
    connection = await asyncpg.connect(link.dsn)
    await connection.execute("CREATE TABLE counted (n integer)")
    yield connection
    connection.terminate()


async def count(dsn):
    """The rows, by a connection that nothing cuts."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM counted")
    finally:
        await connection.close()


async def insert(connection):
    """A row, in a transaction."""
    async with connection.transaction():
        await connection.fetchval("INSERT INTO counted VALUES (1)")


@pytest.mark.parametrize(
    ("kind", "rows"),
    [(Kind.CUT_COMMIT, 1), (Kind.CUT_ANSWER, 0), (Kind.CUT_REQUEST, 0), (Kind.CUT_MESSAGE, 0), (Kind.DROP, 0)],
)
async def test_a_cut_loses_what_it_says(link, through, empty_database, kind, rows):
    """A connection that is cut after COMMIT has committed, one that is cut before has not; neither hears of it."""
    cutting = asyncio.create_task(link.cut(kind))
    await asyncio.sleep(0)
    with pytest.raises(GONE):
        await insert(through)
    assert await cutting is kind
    assert await count(empty_database) == rows


async def test_a_stall_loses_nothing(link, through, empty_database):
    """What was sent meanwhile arrives afterwards."""
    stalling = asyncio.create_task(link.stall(0.2))
    await asyncio.sleep(0)
    inserting = asyncio.create_task(insert(through))
    done, _ = await asyncio.wait((inserting, stalling), return_when=asyncio.FIRST_COMPLETED)
    assert done == {stalling}
    await inserting
    assert await count(empty_database) == 1


async def test_a_cut_whose_moment_does_not_come_drops_what_there_is(link, through):
    """It is told for what it was."""
    assert await link.cut(Kind.CUT_COMMIT, patience_sec=0.01) is Kind.DROP
    with pytest.raises(GONE):
        await insert(through)


async def test_where_there_is_no_connection_nothing_is_cut(link):
    """And that is told."""
    assert await link.cut(Kind.DROP, patience_sec=0.01) is None
