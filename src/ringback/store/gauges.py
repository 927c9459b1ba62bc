"""How a database stands, in figures that cost about the same at any size of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from whenever import Instant

from ringback.errors import DatabaseUnavailable
from ringback.store.database import Connection, Database
from ringback.store.queries import load

_SQL = load("gauges")

COUNTED = 1_000
"""So many waiting calls are counted one by one; more are estimated."""

READ_SEC = 1.0
"""A figure that takes longer is left out: an old snapshot may keep millions of dead rows where few live."""

T = TypeVar("T")
Read = Callable[[Connection, Instant, float], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was read; None for what could not be in time.

    Attributes:
        nodes_alive: how many nodes hold a lease.
        waiting: how many calls wait for a dial, exactly or nearly.
        oldest_due_sec: for how long the dial waits that has been due the longest; 0 where none is due.
        in_flight: attempts without an end, by the trunk's id.
        unexplained_sec: for how long the node is silent that left unexplained attempts; 0 where none did.
    """

    nodes_alive: int | None = None
    waiting: int | None = None
    oldest_due_sec: float | None = None
    in_flight: Mapping[UUID, int] | None = None
    unexplained_sec: float | None = None


async def read_figures(database: Database, now: Instant, patience_sec: float = READ_SEC) -> Figures:
    """Read all figures, one after the other; once the database is away, no further one.

    Args:
        database: any connections.
        now: the present instant.
        patience_sec: how long each may take.
    """

    async def read(figure: Read[T]) -> T | None:
        try:
            async with database.connection() as db:
                return await figure(db, now, patience_sec)
        except DatabaseUnavailable:  # what takes too long comes as this too
            return None

    nodes_alive = await read(_nodes_alive)
    if nodes_alive is None:
        return Figures()
    return Figures(
        nodes_alive,
        await read(_waiting),
        await read(_oldest_due_sec),
        await read(_in_flight),
        await read(_unexplained_sec),
    )


async def _nodes_alive(db: Connection, now: Instant, patience_sec: float) -> int:
    return int(await db.fetchval(_SQL["alive"], now, timeout=patience_sec))


async def _waiting(db: Connection, _: Instant, patience_sec: float) -> int:
    row = await db.fetchrow(_SQL["waiting"], COUNTED, timeout=patience_sec)
    few = row["counted"] < COUNTED
    return int(row["counted"] if few else max(row["estimate"], COUNTED))


async def _oldest_due_sec(db: Connection, now: Instant, patience_sec: float) -> float:
    return _seconds_since(await db.fetchval(_SQL["oldest_due"], now, timeout=patience_sec), now)


async def _in_flight(db: Connection, _: Instant, patience_sec: float) -> dict[UUID, int]:
    rows: Any = await db.fetch(_SQL["in_flight"], timeout=patience_sec)
    return {row["trunk_id"]: row["calls"] for row in rows}


async def _unexplained_sec(db: Connection, now: Instant, patience_sec: float) -> float:
    return _seconds_since(await db.fetchval(_SQL["silent_since"], now, timeout=patience_sec), now)


def _seconds_since(at: Instant | None, now: Instant) -> float:
    return 0.0 if at is None else max((now - at).total("seconds"), 0.0)
