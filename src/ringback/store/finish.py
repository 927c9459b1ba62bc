"""The end of campaigns."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("finish")


class EndedCall(NamedTuple):
    """A call that waited in a campaign which is over.

    Attributes:
        workspace_no: the tenant.
        call_id: which.
        attempt: the ordinal of the dial for which it waited.
        ends_at: the campaign's end, None where it had none.
        how: `expired` or `cancelled`.
    """

    workspace_no: int
    call_id: UUID
    attempt: int
    ends_at: Instant | None
    how: str


async def end_waiting(db: Connection, now: Instant, cancelled_since: Instant, limit: int) -> list[EndedCall]:
    """End calls that wait in campaigns which are over; returns them.

    Args:
        db: a connection, in a transaction that says why.
        now: whose end has passed by then is over.
        cancelled_since: campaigns that were cancelled after that are looked at as well.
        limit: at most so many calls.
    """
    return [EndedCall(*row) for row in await db.fetch(_SQL["end_waiting"], now, limit, cancelled_since)]


async def to_hang_up(db: Connection, campaigns: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of these campaigns are cancelled and hang up what rings."""
    rows = await db.fetch(_SQL["to_hang_up"], *columns(campaigns, width=2))
    return {(row["workspace_no"], row["campaign_no"]) for row in rows}


async def reopen(db: Connection, finished_since: Instant) -> int:
    """Run the campaigns again that were completed since then although dials of theirs wait; returns how many."""
    done: str = await db.execute(_SQL["reopen"], finished_since)
    return int(done.rpartition(" ")[2])


async def complete_empty(db: Connection, now: Instant) -> int:
    """Complete the running campaigns that had leads and have none left to dial; returns how many."""
    async with db.transaction():
        idle = await db.fetch(_SQL["lock_idle"])
        return len(await db.fetch(_SQL["complete_empty"], now, *columns(idle))) if idle else 0
