import asyncio
import logging

import pytest
from tests.postgres import drop_database
from tests.world import migrated

from ringback.api import presence
from ringback.api.presence import Presence
from ringback.store.database import connect

PATIENCE_SEC = 30


@pytest.fixture
async def database(postgres):
    """Connections to a database of this release."""
    dsn = await migrated(postgres)
    made = await connect(dsn, size=2, settings={})
    yield made
    await made.close()
    await drop_database(dsn)


async def test_word_that_cannot_be_given_is_given_again(database, monkeypatch, caplog):
    """What PostgreSQL says is in the log, and the API is not taken for gone for the rest of its life."""
    monkeypatch.setattr(presence, "BEAT_SEC", 0.01)
    caplog.set_level(logging.WARNING, "ringback")
    word = Presence(database, "front")
    await word.run_once()

    async def value(statement):
        async with database.connection() as db:
            return await db.fetchval(statement)

    heard = "SELECT heartbeat_at FROM api_servers WHERE name = 'front'"
    keeping = asyncio.create_task(word.keep())
    async with asyncio.timeout(PATIENCE_SEC):
        await value("ALTER TABLE api_servers RENAME TO gone")
        while '"api_servers" does not exist' not in caplog.text:
            assert not keeping.done()
            await value("SELECT true")
        await word.leave()
        await value("ALTER TABLE gone RENAME TO api_servers")
        last = await value(heard)
        while await value(heard) == last:
            assert not keeping.done()
    keeping.cancel()
    await asyncio.wait((keeping,))
    await word.leave()
    assert await value("SELECT count(*) FROM api_servers") == 0
