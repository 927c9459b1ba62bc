"""The race for the last permits: whoever asks and claims at the same time, a cap is never exceeded."""

import asyncio
import os
import random
from collections import Counter
from contextlib import suppress

import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.ways import two_trunks
from tests.rows import dial_from_a_number
from tests.world import NOON, single_connection
from whenever import TimeDelta

from ringback.carriers.carrier import Ended, NeverPlaced, StillUp
from ringback.clock import VirtualClock
from ringback.domain.outcome import EndReason
from ringback.store import nodes

CLAIMERS, FEW, CAP = 64, 16, 5
ROUNDS = 12 if os.environ.get("CI") else 6
LEASE_SEC = 30
UP = "SELECT count(*) FROM attempts WHERE ended_at IS NULL"
UP_BY_TRUNK = "SELECT trunk_no, count(*)::int AS up FROM attempts WHERE ended_at IS NULL GROUP BY trunk_no"
GRANTED = "SELECT coalesce(sum(calls), 0)::int FROM grants WHERE kind = $1"
SET_CAP = "UPDATE limits SET max_concurrent_calls = $1 WHERE kind = $2"
REDIALS = {"max_attempts": 20, "after": {"busy": ["1s"]}}


class Race:
    """Nodes on connections of their own, who claim, end and give back at the same time.

    Args:
        world: where they dial.
        kind: of the limit that they race for.
    """

    def __init__(self, world, kind):
        self.world, self.kind = world, kind
        self.chance = random.Random(1)
        self.engines, self.most, self.most_by_trunk, self.refuses = [], 0, Counter(), False

    async def enlist(self, count):
        """So many nodes begin."""
        for n in range(len(self.engines), len(self.engines) + count):
            self.engines.append(await self.node(f"n{n}"))

    async def node(self, name, **options):
        """One node, which dials by a puppet."""
        database = await single_connection(self.world)
        seed = len(self.world.engines)  # or their attempts would have the same ids
        engine = await self.world.engine(name, database=database, lease_sec=LEASE_SEC, seed=seed, **options)
        use(engine, Puppet(engine.node.clock))
        await engine.node.lease.run_once()
        return engine

    async def round(self):
        """All of them at once, in any order; what is up is looked at all the time, and kept at its most."""
        self.world.clock.advance_to(self.world.clock.now() + TimeDelta(milliseconds=300))
        watching = asyncio.create_task(self._watch())
        try:
            order = self.chance.sample(self.engines, len(self.engines))
            await asyncio.gather(*(self._play(engine) for engine in order))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def outlast(self, *alive):
        """Time goes on until every lease is over but those of the living, who beat meanwhile."""
        for _ in range(3):
            self.world.clock.advance_to(self.world.clock.now() + TimeDelta(seconds=LEASE_SEC * 0.4))
            for engine in alive:
                await engine.node.lease.run_once()

    async def _play(self, engine):
        await engine.node.lease.run_once()
        if self.chance.random() < 0.5:
            await engine.node.permits.run_once()
        await engine.dialler.run_once()
        await engine.placer.run_once()
        for attempt_id in list(engine.node.hand.live):
            if self.chance.random() < 0.5:
                engine.node.hand.hear(self._end_of(attempt_id))
        await engine.settler.run_once()
        await engine.dialler.run_once()

    def _end_of(self, attempt_id):
        if self.refuses and self.chance.random() < 0.5:
            return Ended(attempt_id, self.world.clock.now(), EndReason.NETWORK_FAILURE, sip_code=503)
        return Ended(attempt_id, self.world.clock.now(), EndReason.USER_BUSY)

    async def _watch(self):
        while True:
            for row in await self.world.rows(UP_BY_TRUNK):
                self.most_by_trunk[row["trunk_no"]] = max(row["up"], self.most_by_trunk[row["trunk_no"]])
            self.most = max(self.most, await self.world.value(UP))
            assert await self.granted() <= CAP

    async def granted(self):
        """What all of them hold of the limit."""
        return await self.world.value(GRANTED, self.kind)

    async def up(self):
        """How many calls are up."""
        return await self.world.value(UP)


@pytest.fixture
async def race(make_world):
    """Makes a race for a cap of five of one kind, in a campaign in which there is always somebody to dial."""

    async def make(kind, count):
        caps = tuple(CAP if kind == one else None for one in ("workspace", "campaign", "trunk"))
        world = await make_world(leads=300, caps=caps, retry=REDIALS)
        if kind == "caller":
            await dial_from_a_number(world, CAP)
        world.clock.advance_to(NOON + TimeDelta(seconds=1))
        made = Race(world, kind)
        await made.enlist(count)
        return made

    return make


@pytest.mark.parametrize(
    ("kind", "count"), [("campaign", CLAIMERS), ("workspace", FEW), ("trunk", FEW), ("caller", FEW)]
)
async def test_a_race_never_exceeds_a_cap(race, kind, count):
    """Time and again: five calls up at a time, never six, and all five permits are used."""
    racing = await race(kind, count)
    for _ in range(ROUNDS):
        await racing.round()
    assert racing.most == CAP
    assert len(await racing.world.attempts()) > CAP


async def test_a_race_over_two_trunks_exceeds_neither_cap(race):
    """Equal or one behind the other, with refusals that go on over the other one: both are full, and never fuller."""
    racing = await race("none", FEW)
    racing.refuses = True
    first, second = await two_trunks(racing.world, cap=3)
    await racing.world.value("UPDATE limits SET max_concurrent_calls = 4 WHERE kind = 'trunk' AND ref_no = $1", first)
    for _ in range(ROUNDS * 2):
        await racing.round()
    assert racing.most_by_trunk == {first: 4, second: 3}
    kept = await racing.world.rows("SELECT trunk_no, retry_trunk_no FROM attempts WHERE retry_trunk_no IS NOT NULL")
    assert {(row["trunk_no"], row["retry_trunk_no"]) for row in kept} == {(first, second), (second, first)}


async def test_a_cap_that_changes_while_they_race_is_kept_from_then_on(race):
    """What is up stays up; nothing begins until there is room under the new cap."""
    racing = await race("campaign", FEW)
    for _ in range(ROUNDS * 2):
        cap = racing.chance.randint(0, CAP)
        await racing.world.value(SET_CAP, cap, "campaign")
        before = racing.most = await racing.up()
        await racing.round()
        assert racing.most <= max(cap, before)
    await racing.world.value(SET_CAP, CAP, "campaign")
    racing.most = 0
    for _ in range(4):
        await racing.round()
    assert racing.most == CAP


async def test_no_dial_is_claimed_twice(race):
    """Without a cap, all of them share what is due among them."""
    racing = await race("none", FEW)
    racing.world.clock.advance_to(NOON + TimeDelta(seconds=2))
    await asyncio.gather(*(engine.dialler.run_once() for engine in racing.engines))
    calls = [row["call_id"] for row in await racing.world.attempts()]
    assert len(calls) == len(set(calls)) == 300
    assert await racing.world.queue() == []


async def claim(engine):
    """One claim; returns how many calls this node has up after it."""
    await engine.dialler.run_once()
    return len(engine.node.hand.live)


async def test_a_node_that_dies_gives_back_what_it_does_not_use(race):
    """At once when its lease is over; what its calls use, when they have been explained."""
    racing = await race("campaign", 0)
    dead, alive = await racing.node("dead"), await racing.node("alive")
    await racing.world.value(SET_CAP, 3, "campaign")
    assert await claim(dead) == 3
    await racing.world.value(SET_CAP, CAP, "campaign")
    assert await claim(alive) == CAP - 3
    await dead.placer.run_once()
    await racing.outlast(alive)
    puppet = use(alive, Puppet(racing.world.clock))
    alive.node.trunks._known.clear()
    puppet.knows = StillUp(NOON)
    await alive.rescuer.run_once()
    assert (await claim(alive), await racing.granted(), await racing.up()) == (CAP - 3, CAP, CAP)
    puppet.knows = NeverPlaced()
    await alive.rescuer.run_once()
    racing.world.clock.advance_to(racing.world.clock.now() + TimeDelta(seconds=1))
    assert (await claim(alive), await racing.granted()) == (CAP, CAP)


async def test_a_frozen_node_commits_no_claim_and_takes_no_permits(race):
    """Its own clock stood still, and it takes its lease for good: the others have ended it."""
    racing = await race("campaign", 0)
    standing = VirtualClock(racing.world.clock.now())
    frozen, alive = await racing.node("frozen", clock=standing, claim_batch=1), await racing.node("alive")
    assert await claim(frozen) == 1
    await racing.outlast(alive)
    await alive.rescuer.run_once()
    standing.advance_to(standing.now() + TimeDelta(seconds=1))
    assert frozen.node.lease.holds(standing.now())
    assert await frozen.dialler.run_once() == 0
    await frozen.node.permits.run_once()
    rows = await racing.world.rows("SELECT calls FROM grants WHERE node_no = $1", frozen.node.lease.node_no)
    assert sum(row["calls"] for row in rows) <= 1
    assert await claim(alive) + await racing.granted() <= CAP * 2
    assert await racing.up() <= CAP
    await frozen.node.lease.run_once()
    assert await racing.granted() <= CAP


async def test_beside_a_node_that_knows_no_permits_nothing_is_granted(race):
    """What is up is counted, and what it takes it takes unasked; when it has ended, the rest is granted."""
    racing = await race("campaign", 0)
    old, new = await racing.node("old"), await racing.node("new")
    await racing.world.value(SET_CAP, 2, "campaign")
    assert await claim(old) == 2
    await racing.world.value("DELETE FROM grants")
    await racing.world.value("UPDATE nodes SET schema_version = 1 WHERE name = 'old'")
    await racing.world.value(SET_CAP, CAP, "campaign")
    assert (await claim(new), await racing.granted()) == (0, 2)
    await racing.outlast(new)
    async with racing.world.database.connection() as db:
        assert [name for _, name in await nodes.end_expired(db, racing.world.clock.now())] == ["old"]
    assert await claim(new) == CAP - 2
    assert (await racing.granted(), await racing.up()) == (CAP, CAP)
