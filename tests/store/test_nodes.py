import pytest
from tests.world import claim
from whenever import Instant, TimeDelta

from ringback.store import nodes

T0 = Instant.from_utc(2026, 3, 2, 12)
LEASE = TimeDelta(seconds=10)


@pytest.fixture
async def world(make_world):
    """A world without nodes, in which five people are due."""
    return await make_world(leads=5, caps=(5, None, None))


@pytest.fixture
async def db(world):
    """A connection to its database."""
    async with world.database.connection() as connection:
        yield connection


async def enlist(db, name, now):
    """A node with a lease of ten seconds."""
    return await nodes.enlist(db, name, "0", now, now + LEASE)


async def lease_until(db, node_no):
    """When the lease of a node is over."""
    return await db.fetchval("SELECT lease_until FROM nodes WHERE node_no = $1", node_no)


async def test_a_heartbeat_prolongs_the_lease(db):
    """The node holds it from its own time on."""
    node_no = await enlist(db, "a", T0)
    later = T0 + TimeDelta(seconds=9)
    assert await nodes.heartbeat(db, node_no, later, later + LEASE)
    assert await lease_until(db, node_no) == later + LEASE


async def test_a_lease_that_is_over_is_not_prolonged(db):
    """At its very end it is over: others may explain the node's attempts from there on."""
    node_no = await enlist(db, "a", T0)
    assert not await nodes.heartbeat(db, node_no, T0 + LEASE, T0 + LEASE * 2)
    assert await lease_until(db, node_no) == T0 + LEASE


async def test_who_takes_a_name_over_ends_the_lease_of_who_had_it(db):
    """A restarted node need not wait for its own old lease."""
    old, other = await enlist(db, "a", T0), await enlist(db, "b", T0)
    now = T0 + TimeDelta(seconds=1)
    new = await enlist(db, "a", now)
    assert new not in {old, other}
    assert await lease_until(db, old) == now
    assert await lease_until(db, other) == T0 + LEASE
    assert not await nodes.heartbeat(db, old, now, now + LEASE)


async def test_a_lease_that_ended_before_keeps_its_end(db):
    """Taking a name over moves no lease of the past."""
    old = await enlist(db, "a", T0)
    await enlist(db, "a", T0 + TimeDelta(hours=1))
    assert await lease_until(db, old) == T0 + LEASE


async def test_who_leaves_has_no_lease(db):
    """From that instant on."""
    node_no = await enlist(db, "a", T0)
    await nodes.leave(db, node_no, T0 + TimeDelta(seconds=2))
    assert await lease_until(db, node_no) == T0 + TimeDelta(seconds=2)
    assert not await nodes.heartbeat(db, node_no, T0 + TimeDelta(seconds=3), T0 + LEASE)


async def test_the_servers_time_is_its_clock_and_not_the_transactions(db):
    """It moves on within a transaction."""
    async with db.transaction():
        first = await nodes.server_time(db)
        assert await nodes.server_time(db) > first


async def test_a_name_that_a_living_node_has_is_not_given_away(db):
    """Two servers that were given the same name by mistake do not take each other for dead."""
    old = await enlist(db, "a", T0)
    now = T0 + TimeDelta(seconds=1)
    assert await nodes.enlist(db, "a", "0", now, now + LEASE, take_over=False) is None
    assert await lease_until(db, old) == T0 + LEASE
    over = T0 + LEASE
    assert await nodes.enlist(db, "a", "0", over, over + LEASE, take_over=False) > old


async def test_a_node_that_begins_anew_has_its_name_still(db):
    """Its own last lease is none that it has to wait for."""
    old = await enlist(db, "a", T0)
    now = T0 + TimeDelta(seconds=1)
    assert await nodes.enlist(db, "a", "0", now, now + LEASE, last_no=old, take_over=False) > old
    assert await lease_until(db, old) == now


async def test_a_heartbeat_says_how_busy_the_node_is(db):
    """For whoever looks at the nodes; one that leaves has nothing to do any more."""
    node_no = await enlist(db, "a", T0)
    busy = "SELECT live_calls, dials_per_sec, schema_version FROM nodes"
    assert await nodes.heartbeat(db, node_no, T0, T0 + LEASE, 17, 2.5)
    assert tuple(await db.fetchrow(busy)) == (17, 2.5, nodes.SCHEMA_VERSION)
    await nodes.leave(db, node_no, T0)
    assert tuple(await db.fetchrow(busy)) == (0, 0.0, nodes.SCHEMA_VERSION)


async def test_a_node_is_ended_when_its_lease_is_over(db):
    """Once, and not a moment before; after that it holds no lease, whatever its own clock says."""
    old, other = await enlist(db, "a", T0), await enlist(db, "b", T0 + TimeDelta(seconds=5))
    assert await nodes.end_expired(db, T0 + LEASE - TimeDelta(microseconds=1)) == []
    assert await nodes.end_expired(db, T0 + LEASE) == [(old, "a")]
    assert await nodes.end_expired(db, T0 + LEASE) == []
    assert not await nodes.heartbeat(db, old, T0 + TimeDelta(seconds=9), T0 + LEASE * 2)
    assert await nodes.heartbeat(db, other, T0 + LEASE, T0 + LEASE * 2)


async def grant(db, node_no, calls, dials=0):
    """Let a node have something of the workspace's limit."""
    await db.execute("INSERT INTO grants VALUES (1, 'workspace', 0, $1, $2, $3, true, true)", node_no, calls, dials)


async def granted(db):
    """What each node has of the workspace's limit: calls, dials, and whether it wants more."""
    rows = await db.fetch("SELECT node_no, calls, dials, wants_calls OR wants_dials AS wants FROM grants ORDER BY 1")
    return {row["node_no"]: (row["calls"], row["dials"], row["wants"]) for row in rows}


async def test_an_ended_node_keeps_what_its_calls_use_until_they_are_explained(world, db):
    """The rest comes back at once, the pace whole; and when nothing is left the node is done with."""
    dead, alive = await enlist(db, "a", T0), await enlist(db, "b", T0 + LEASE)
    await grant(db, dead, 4, 7)
    await grant(db, alive, 1, 3)
    one, two = await claim(world, 2, node_no=dead)
    now = T0 + LEASE
    await nodes.end_expired(db, now)
    assert await nodes.explain(db, now) == 0
    assert await granted(db) == {dead: (2, 0, False), alive: (1, 3, True)}
    assert await world.value("SELECT dials_freed_at FROM limits WHERE kind = 'workspace'") == now
    assert await nodes.unexplained(db) == [dead]
    await db.execute("DELETE FROM attempts WHERE call_id = $1", one.call_id)
    assert await nodes.explain(db, now) == 0
    assert (await granted(db))[dead] == (1, 0, False)
    await db.execute("DELETE FROM attempts WHERE call_id = $1", two.call_id)
    assert await nodes.explain(db, now) == 1
    assert await granted(db) == {alive: (1, 3, True)}
    assert await nodes.unexplained(db) == []


async def test_what_may_still_be_up_is_not_taken_back(world, db):
    """The attempt is over in the books, and nobody knows how it ended: its permit is held until it cannot be up."""
    dead = await enlist(db, "a", T0)
    await grant(db, dead, 3)
    [intent] = await claim(world, 1, node_no=dead)
    now, held_until = T0 + LEASE, T0 + LEASE * 3
    await db.execute(
        "UPDATE attempts SET ended_at = $1, status = 'failed', end_reason = 'outcome_unknown', "
        "stop_reason = 'attempts_exhausted', held_until = $2 WHERE call_id = $3",
        now,
        held_until,
        intent.call_id,
    )
    await nodes.end_expired(db, now)
    assert await nodes.explain(db, now) == 0
    assert await granted(db) == {dead: (1, 0, False)}
    assert await nodes.explain(db, held_until - TimeDelta(microseconds=1)) == 0
    assert await nodes.explain(db, held_until) == 1


async def test_a_living_node_keeps_what_it_has(db):
    """Used or not: it gives back by itself."""
    node_no = await enlist(db, "a", T0)
    await grant(db, node_no, 4, 7)
    assert await nodes.explain(db, T0) == 0
    assert await granted(db) == {node_no: (4, 7, True)}


async def test_what_a_node_of_the_release_before_left_up_is_counted_as_granted(world, db):
    """It knew nothing of grants; its calls are up all the same, under each of their limits."""
    old = await enlist(db, "a", T0)
    await db.execute("UPDATE nodes SET schema_version = 1")
    await claim(world, 3, node_no=old)
    await nodes.end_expired(db, T0 + LEASE)
    rows = await db.fetch("SELECT kind, ref_no, node_no, calls FROM grants ORDER BY kind")
    assert [tuple(row) for row in rows] == [
        ("campaign", world.campaign.campaign_no, old, 3),
        ("trunk", world.trunk_no, old, 3),
        ("workspace", 0, old, 3),
    ]
    await nodes.explain(db, T0 + LEASE)
    assert {row["calls"] for row in await db.fetch("SELECT calls FROM grants")} == {3}
