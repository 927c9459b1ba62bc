"""What a node's process does about the schema while it runs, and whatever a server's start does about it."""

import asyncio
import logging

import pytest
from whenever import Instant, TimeDelta

from ringback import installation, processes
from ringback.clock import SystemClock
from ringback.errors import SchemaError
from ringback.store import migrate as migrating
from ringback.store import queries
from ringback.store.database import connect
from ringback.store.migrate import migrate
from ringback.store.queries import Migration, migrations

PATIENCE_SEC = 30


@pytest.fixture
async def database(empty_database):
    """Connections to an empty database."""
    made = await connect(empty_database, size=2, settings={})
    yield made
    await made.close()


async def value(database, statement, *args):
    """The first value that a statement returns."""
    async with database.connection() as db:
        return await db.fetchval(statement, *args)


async def test_a_node_is_not_taken_for_gone_by_a_clock_that_is_wrong(database, monkeypatch):
    """This machine's is an hour fast: what a node of the release before needs stays until the database's says so."""
    now, ours = Instant.now(), len(migrations())
    await migrate(database, now)
    node = "INSERT INTO nodes (name, version, schema_version, started_at, heartbeat_at, lease_until) "
    await value(database, node + "VALUES ('old', '0', $1, $2, $2, $3)", ours, now, now + TimeDelta(minutes=10))
    following = Migration(ours + 1, "next", "CREATE TABLE added ()", "ALTER TABLE agents DROP COLUMN kind")
    for module in (migrating, queries):
        monkeypatch.setattr(module, "migrations", lambda: (*migrations(), following))
    monkeypatch.setattr(SystemClock, "now", lambda _: now + TimeDelta(hours=1))
    assert await installation._migrate(database) == ["next"]
    await processes._look_at_schema(database)
    contracted = "SELECT contracted_at IS NOT NULL FROM schema_migrations WHERE name = 'next'"
    assert await value(database, contracted) is False
    await value(database, "UPDATE nodes SET lease_until = $1", now - TimeDelta(minutes=1))
    await processes._look_at_schema(database)
    assert await value(database, contracted) is True


async def test_a_schema_that_cannot_be_looked_at_is_looked_at_again(database, monkeypatch, caplog):
    """What PostgreSQL says is in the log; a release that came meanwhile is found all the same."""
    await migrate(database, Instant.now())
    monkeypatch.setattr(processes, "SCHEMA_LOOK_SEC", 0.01)
    caplog.set_level(logging.WARNING, "ringback")
    await value(database, "ALTER TABLE schema_migrations RENAME COLUMN version TO other")
    stop = asyncio.Event()
    keeping = asyncio.create_task(processes._keep_schema(database, stop))
    async with asyncio.timeout(PATIENCE_SEC):
        while '"version" does not exist' not in caplog.text and not keeping.done():
            await value(database, "SELECT true")
    await value(database, "ALTER TABLE schema_migrations RENAME COLUMN other TO version")
    newer = "INSERT INTO schema_migrations SELECT max(version) + 1, 'next', $1, $1 FROM schema_migrations"
    await value(database, newer, Instant.now())
    with pytest.raises(SchemaError, match="newer release"):
        await asyncio.wait_for(keeping, PATIENCE_SEC)
    assert stop.is_set()
