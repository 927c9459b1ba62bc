"""What an explanation is put together from: looked at, and not held."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import asyncpg
from whenever import Instant, TimeDelta

from ringback.domain.limits import LimitKey, LimitKind
from ringback.errors import Impossible
from ringback.store.analytics import LONGEST_SEC, bound
from ringback.store.contacts import Before, Numbered
from ringback.store.database import Connection, Database, Record
from ringback.store.queries import load

_SQL = load("explain")

LATELY = TimeDelta(seconds=1)


@asynccontextmanager
async def reading_much(database: Database) -> AsyncIterator[Connection]:
    """A connection in a transaction with one snapshot that may read much, but not for long.

    Raises:
        Impossible: `analysis_too_large`: it takes too long.
    """
    async with database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
        await bound(db)
        try:
            yield db
        except asyncpg.QueryCanceledError as late:
            raise Impossible(
                "analysis_too_large", f"this takes longer than {LONGEST_SEC} s: ask again when less waits"
            ) from late


class Use(NamedTuple):
    """What is used of a limit: calls that are up, and those of them that were dialled within the last second."""

    calls: int
    dials: int


async def read_turn(db: Connection, workspace_no: int, call_id: UUID) -> Record | None:
    """A call as a claim would take it, with its last attempt and its last decision; None for no such call."""
    return await db.fetchrow(_SQL["turn"], workspace_no, call_id)


async def read_lanes(
    db: Connection, workspace_no: int, campaign_no: int, trunk_no: int, caller_no: int
) -> list[Record]:
    """A lane as a claim would see it, a row for each trunk that its dials may go over."""
    return list(await db.fetch(_SQL["lanes_seen"], workspace_no, campaign_no, trunk_no, caller_no))


async def read_use(
    db: Connection, workspace_no: int, limits: Collection[LimitKey], now: Instant
) -> dict[LimitKey, Use]:
    """What is used of these limits of a workspace at this moment."""
    kinds, refs = [str(key.kind) for key in limits], [key.ref_no for key in limits]
    rows = await db.fetch(_SQL["in_use"], workspace_no, kinds, refs, now - LATELY)
    return {
        LimitKey(workspace_no, LimitKind(row["kind"]), row["ref_no"]): Use(row["calls"], row["dials"]) for row in rows
    }


async def node_lives(db: Connection, now: Instant) -> bool:
    """Whether any node could dial."""
    lives: bool = await db.fetchval(_SQL["node_lives"], now)
    return lives


async def read_contact(db: Connection, number: Numbered) -> Before:
    """What is known of a number; nothing is counted or held."""
    row = await db.fetchrow(_SQL["contact"], *number)
    return Before([], None) if row is None else Before(row["dials"], row["talked_at"])


async def read_not_due(db: Connection, workspace_no: int, campaign_no: int, at: Instant) -> list[Record]:
    """The dials of a campaign that are not due at an instant, by what has put them off."""
    return list(await db.fetch(_SQL["not_due"], workspace_no, campaign_no, at))


async def read_due_groups(db: Connection, workspace_no: int, campaign_no: int, at: Instant) -> list[Record]:
    """The dials of a campaign that are due at an instant, by where the leads may be; in a transaction."""
    await db.execute(_SQL["in_key_order"])
    return list(await db.fetch(_SQL["due_groups"], workspace_no, campaign_no, at))


async def count_due(db: Connection, workspace_no: int, campaign_no: int, at: Instant) -> int:
    """How many dials of a campaign are due at an instant."""
    due: int = await db.fetchval(_SQL["count_due"], workspace_no, campaign_no, at)
    return due
