"""Nodes and their leases."""

from whenever import Instant

from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("nodes")


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
        number: int | None = await db.fetchval(_SQL["enlist"], name, version, now, lease_until, last_no, take_over)
    return number


async def heartbeat(db: Connection, node_no: int, now: Instant, lease_until: Instant) -> bool:
    """Prolong the lease; False where it was over or taken over before."""
    return await db.fetchval(_SQL["heartbeat"], node_no, now, lease_until) is not None


async def leave(db: Connection, node_no: int, now: Instant) -> None:
    """End the lease now."""
    await db.execute(_SQL["leave"], node_no, now)


async def server_time(db: Connection) -> Instant:
    """The time on the database server's clock."""
    found: Instant = await db.fetchval(_SQL["server_time"])
    return found
