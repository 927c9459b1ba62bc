"""Fresh databases to measure in, and what is asked of them on the side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ringback.clock import SystemClock
from ringback.store.database import API_SETTINGS, connect
from ringback.store.migrate import migrate


@asynccontextmanager
async def empty_database(dsn: str, name: str) -> AsyncIterator[str]:
    """A database with nothing in it, gone after the block, so that nobody pays for somebody else's rows.

    Args:
        dsn: another database of the server.
        name: its name.
    """
    await ask(dsn, f'CREATE DATABASE "{name}"')
    try:
        yield in_database(dsn, name)
    finally:
        await ask(dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def fresh_database(dsn: str, name: str) -> AsyncIterator[str]:
    """The same with our schema."""
    async with empty_database(dsn, name) as fresh:
        database = await connect(fresh, size=1, settings=API_SETTINGS)
        await migrate(database, SystemClock().now())
        await database.close()
        yield fresh


def in_database(dsn: str, name: str) -> str:
    """The DSN of another database of the same server."""
    head, _, query = dsn.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


async def ask(dsn: str, statement: str) -> str:
    """Run a statement by itself; returns its first value as text."""
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()
