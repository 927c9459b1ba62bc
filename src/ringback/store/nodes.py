"""Nodes and their leases."""

from whenever import Instant

from ringback.store.database import Connection
from ringback.store.queries import load, migrations
from ringback.store.queue import columns

_SQL = load("nodes")
_GRANTS = load("grants")

SCHEMA_VERSION = migrations()[-1][0]
"""Of this release; a node says it of itself, so that a newer one knows with whom it shares the database."""


async def enlist(
    db: Connection,
    name: str,
    version: str,
    now: Instant,
    lease_until: Instant,
    *,
    last_no: int = 0,
    take_over: bool = True,
) -> int | None:
    """Begin a node under a name that is its alone.

    Args:
        db: a connection.
        name: the node's.
        version: of its release.
        now: when it begins.
        lease_until: how long it may dial for now.
        last_no: the number that the same process had before, 0 for none.
        take_over: whoever has the name is known to be dead, and its lease ends now.

    Returns:
        its number; None where another node has the name and holds its lease.
    """
    async with db.transaction():
        await db.execute(_SQL["lock_name"], name)
        who = (name, version, now, lease_until, last_no, take_over, SCHEMA_VERSION)
        number: int | None = await db.fetchval(_SQL["enlist"], *who)
    return number


async def heartbeat(
    db: Connection, node_no: int, now: Instant, lease_until: Instant, live_calls: int = 0, dials_per_sec: float = 0.0
) -> bool:
    """Prolong the lease, and say how busy the node is; False where it was over or taken over before."""
    beat = (node_no, now, lease_until, live_calls, dials_per_sec)
    return await db.fetchval(_SQL["heartbeat"], *beat) is not None


async def leave(db: Connection, node_no: int, now: Instant) -> None:
    """End the lease now."""
    await db.execute(_SQL["leave"], node_no, now)


async def end_expired(db: Connection, now: Instant, only: int | None = None) -> list[tuple[int, str]]:
    """End the nodes whose lease is over, so that nothing more of theirs is committed.

    Args:
        db: a connection.
        now: by a clock that is right, unless it is the node itself that ends.
        only: the number of the one node that may be ended; None for all.

    Returns:
        numbers and names.
    """
    async with db.transaction():
        ended = [(row["node_no"], row["name"]) for row in await db.fetch(_SQL["end_expired"], now, only)]
        if ended:
            await db.execute(_GRANTS["adopt"], [number for number, _ in ended])
    return ended


async def unexplained(db: Connection) -> list[int]:
    """The nodes that have ended and may have left something."""
    return [row["node_no"] for row in await db.fetch(_SQL["unexplained"])]


async def explain(db: Connection, now: Instant) -> int:
    """Take back what ended nodes do not use any more, and close those that left nothing; returns how many."""
    async with db.transaction():
        held = await db.fetch(_GRANTS["limits_of_ended"])
        if held:
            await db.fetch(_GRANTS["lock_limits"], *columns(sorted(tuple(row) for row in held)))
            await db.execute(_GRANTS["shrink"], now)
            await db.execute(_GRANTS["drop_empty"])
        return len(await db.fetch(_SQL["explain"], now))


async def server_time(db: Connection) -> Instant:
    """The time on the database server's clock."""
    found: Instant = await db.fetchval(_SQL["server_time"])
    return found
