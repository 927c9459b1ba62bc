"""How many requests an API key has made in the present minute, over all servers."""

from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("rate_limits")

WINDOW_SEC = 60
AT_A_TIME = 1_000
_KEPT_WINDOWS = 60


class Reserved(NamedTuple):
    """What a server may let through.

    Attributes:
        window_no: in which window, counted from 1970.
        taken: reserved by all servers in it.
        reserved: of those, for this server and just now.
    """

    window_no: int
    taken: int
    reserved: int


def window_of(now: Instant) -> int:
    """The window that an instant is in."""
    return now.timestamp() // WINDOW_SEC


async def reserve_requests(
    db: Connection, workspace_no: int, key_id: UUID, now: Instant, limit: int, most: int
) -> Reserved:
    """Reserve some requests of the present window; none where none is left.

    Args:
        db: a connection.
        workspace_no: whose key it is.
        key_id: the key.
        now: tells the window.
        limit: requests in a window.
        most: that are wanted.
    """
    row = await db.fetchrow(_SQL["reserve_requests"], workspace_no, key_id, window_of(now), limit, most)
    return Reserved(*row)


async def forget_windows(db: Connection, now: Instant) -> int:
    """Let go what is an hour old; returns how many rows that were."""
    return int(await db.fetchval(_SQL["forget_windows"], window_of(now) - _KEPT_WINDOWS, AT_A_TIME))
