import pytest
from tests.postgres import drop_database
from tests.world import NOON, migrated
from whenever import TimeDelta

from ringback import __version__
from ringback.store import api_servers, nodes
from ringback.store.database import connect
from ringback.store.node_list import drain, list_nodes

LEASE = TimeDelta(seconds=10)


@pytest.fixture
async def db(postgres):
    """A connection to a database of this release."""
    dsn = await migrated(postgres)
    database = await connect(dsn, size=1, settings={})
    async with database.connection() as connection:
        yield connection
    await database.close()
    await drop_database(dsn)


async def begun(db, name, at=NOON):
    """The number of a node that begins."""
    number = await nodes.enlist(db, name, __version__, at, at + LEASE)
    assert number is not None
    return number


async def states(db, after_sec):
    """The state of each so long after noon, by name and role."""
    return {(one.name, one.role): one.state for one in await list_nodes(db, NOON + TimeDelta(seconds=after_sec))}


async def test_a_node_is_shown_from_its_beginning_to_its_end(db):
    """It dials, drains when told to end, is dead when its lease is over, and explained by others; then it is gone."""
    number = await begun(db, "one")
    assert await states(db, 1) == {("one", "dial"): "dialling"}
    await drain(db, number, NOON)
    assert await states(db, 1) == {("one", "dial"): "draining"}
    assert await states(db, 11) == {("one", "dial"): "lease over"}
    await db.execute("UPDATE nodes SET ended_at = $1", NOON)
    assert await states(db, 11) == {("one", "dial"): "explaining"}
    await db.execute("UPDATE nodes SET explained_at = $1", NOON)
    assert await states(db, 11) == {}


async def test_an_api_is_shown_for_as_long_as_it_answers(db):
    """One that died is shown as such until one of its name begins, or for an hour."""
    number = await api_servers.enlist(db, "one", NOON, NOON + LEASE)
    assert await api_servers.heartbeat(db, number, NOON, NOON + LEASE)
    assert await states(db, 1) == {("one", "api"): "answering"}
    assert await states(db, 11) == {("one", "api"): "lease over"}
    later = NOON + TimeDelta(minutes=10)
    await api_servers.enlist(db, "two", later, later + LEASE)
    assert await states(db, 601) == {("one", "api"): "lease over", ("two", "api"): "answering"}
    again = await api_servers.enlist(db, "one", later, later + LEASE)
    assert not await api_servers.heartbeat(db, number, later, later + LEASE)
    await api_servers.leave(db, again)
    much_later = NOON + TimeDelta(hours=2)
    await api_servers.enlist(db, "three", much_later, much_later + LEASE)
    assert await states(db, 7201) == {("three", "api"): "answering"}


async def test_an_api_that_was_started_again_is_shown_once(db):
    """Whoever had its name is forgotten when that lease is over, though it was not yet when the new one began."""
    await api_servers.enlist(db, "one", NOON, NOON + LEASE)
    await api_servers.enlist(db, "two", NOON, NOON + LEASE)
    began = NOON + TimeDelta(seconds=5)
    number = await api_servers.enlist(db, "one", began, began + LEASE)
    assert len(await list_nodes(db, began)) == 3
    later = NOON + TimeDelta(seconds=11)
    assert await api_servers.heartbeat(db, number, later, later + LEASE)
    shown = [(one.name, one.state) for one in await list_nodes(db, later)]
    assert shown == [("one", "answering"), ("two", "lease over")]


async def test_an_api_that_has_been_gone_for_an_hour_is_not_shown(db):
    """Whether or not another one has begun since then."""
    await api_servers.enlist(db, "one", NOON, NOON + LEASE)
    assert await states(db, 3609) == {("one", "api"): "lease over"}
    assert await states(db, 3610) == {}


async def test_what_a_node_says_of_itself_is_shown(db):
    """Its release, since when it works, its calls and its pace."""
    number = await begun(db, "one")
    later = NOON + TimeDelta(seconds=2)
    assert await nodes.heartbeat(db, number, later, later + LEASE, 7, 3.5)
    (shown,) = await list_nodes(db, later)
    assert (shown.version, shown.started_at, shown.heartbeat_at) == (__version__, NOON, later)
    assert (shown.live_calls, shown.dials_per_sec) == (7, 3.5)
