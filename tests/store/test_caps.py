"""The race for the last slots: whoever asks at the same time, a cap is never exceeded."""

import asyncio
import os
import random

import pytest
from tests.world import NOON

from ringback.domain.limits import allot
from ringback.engine.dial import AHEAD
from ringback.store import queue
from ringback.store.attempts import Withdrawal, withdraw
from ringback.store.database import ENGINE_SETTINGS, connect

CLAIMERS, CAP = 24, 5
TRIALS = 25 if os.environ.get("CI") else 6
LOCK = "SELECT FROM limits ORDER BY workspace_no, kind, ref_no FOR UPDATE"
LIVE = "SELECT count(*) FROM attempts WHERE ended_at IS NULL"


async def claim(database, world, wanted: int) -> list[queue.Intent]:
    """Claim as a node does: lock, then count, then take, then write, in one transaction."""
    async with database.transaction() as db:
        due = await queue.due_lanes(db)
        limits = await queue.lock_limits(db, [lane.lane for lane in due])
        lanes = await queue.lanes_now(db, due)
        shares = allot([lane.lane for lane in due], queue.rooms(limits, lanes), wanted, world.clock.now(), AHEAD)
        taken = await queue.take_due(db, shares, world.clock.now()) if shares else []
        made = world.ids.new
        intents = [
            queue.Intent(
                row["workspace_no"],
                row["call_id"],
                row["attempt"],
                made(NOON),
                row["campaign_no"],
                world.trunk_no,
                1,
                None,
            )
            for row in taken
        ]
        if intents:
            await queue.intend(db, intents, 1, world.clock.now())
    return intents


@pytest.fixture
async def claimers(make_world):
    """A world with 60 leads that are due, and a connection of its own for each claimer."""
    made = []

    async def make(caps):
        world = await make_world(leads=60, caps=caps)
        world.clock.advance_to(NOON.add(seconds=1))
        for _ in range(CLAIMERS):
            made.append(await connect(world.dsn, size=1, settings=ENGINE_SETTINGS))
        return world, made

    yield make
    for database in made:
        await database.close()


@pytest.mark.parametrize(
    "caps", [(CAP, None, None), (None, CAP, None), (None, None, CAP)], ids=["workspace", "campaign", "trunk"]
)
async def test_a_race_never_exceeds_a_cap(claimers, caps):
    """24 claimers at once for a cap of 5, time and again: five dials in all, never six."""
    world, databases = await claimers(caps)
    chance = random.Random(1)
    for _ in range(TRIALS):
        batches = await asyncio.gather(*(claim(database, world, chance.randint(1, CAP)) for database in databases))
        intents = [intent for batch in batches for intent in batch]
        assert len(intents) == await world.value(LIVE) == CAP
        async with world.database.connection() as db:
            await withdraw(db, [Withdrawal(*intent[:4], 0) for intent in intents], NOON)


async def test_a_race_never_exceeds_a_cap_while_calls_end(claimers):
    """Slots are freed and taken all the time; what is in flight is looked at under the lock, and is never above."""
    world, databases = await claimers((None, CAP, None))
    seen = []

    async def come_and_go(database):
        for _ in range(4):
            intents = await claim(database, world, 2)
            async with database.transaction() as db:
                await db.fetch(LOCK)
                seen.append(await db.fetchval(LIVE))
            if intents:
                async with database.connection() as db:
                    await withdraw(db, [Withdrawal(*intent[:4], 0) for intent in intents], NOON)

    await asyncio.gather(*(come_and_go(database) for database in databases))
    assert max(seen) == CAP
    assert await world.value(LIVE) == 0
    assert len(await world.queue()) == 60


async def test_no_dial_is_claimed_twice(claimers):
    """Without a cap, 24 claimers share what is due among them."""
    world, databases = await claimers((None, None, None))
    batches = await asyncio.gather(*(claim(database, world, 7) for database in databases))
    calls = [intent.call_id for batch in batches for intent in batch]
    assert len(calls) == len(set(calls)) == 60


async def test_a_cap_that_is_lowered_is_kept_from_then_on(claimers):
    """What is up stays up; nothing begins until there is room under the new cap."""
    world, databases = await claimers((None, CAP, None))
    up = await claim(databases[0], world, CAP)
    await world.value("UPDATE limits SET max_concurrent_calls = 3 WHERE kind = 'campaign'")
    assert await claim(databases[1], world, CAP) == []
    async with world.database.connection() as db:
        await withdraw(db, [Withdrawal(*intent[:4], 0) for intent in up[:3]], NOON)
    assert len(await claim(databases[2], world, CAP)) == 1


async def test_a_pause_is_seen_by_the_claim_that_waited_for_it(claimers):
    """Whoever waits for the limits' lock while a campaign is paused claims nothing."""
    world, databases = await claimers((None, None, None))
    async with world.database.transaction() as db:
        await db.fetch(LOCK)
        waiting = asyncio.create_task(locked_status(databases[0]))
        async with asyncio.timeout(10):
            while not await world.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                pass
        await db.execute("UPDATE campaigns SET status = 'paused'")
    assert await waiting == {"paused"}


async def locked_status(database) -> set[str]:
    """What a claim sees of its campaigns once it has the lock."""
    async with database.transaction() as db:
        due = await queue.due_lanes(db)
        await queue.lock_limits(db, [lane.lane for lane in due])
        return {row["status"] for row in (await queue.lanes_now(db, due)).values()}
