import pytest
from whenever import Instant, TimeDelta

from ringback.store import nodes

T0 = Instant.from_utc(2026, 3, 2, 12)
LEASE = TimeDelta(seconds=10)


@pytest.fixture
async def db(make_world):
    """A connection to a database without nodes."""
    world = await make_world()
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
