"""What a backup asks a database, and what is done to a restored one before anybody dials on it."""

from dataclasses import dataclass

import msgspec
from whenever import Instant

from ringback.domain.billing import parse_billing
from ringback.domain.outcome import MEANINGS, EndReason
from ringback.store.attempts import Result, settle
from ringback.store.database import Connection, Database, Record
from ringback.store.queries import load

_SQL = load("backup")

LONGEST_SEC = 3600.0
"""For counting the rows of large tables, and for looking at all of them after a restore."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup has.

    Attributes:
        snapshot: the name of what its transaction sees, as long as that is open.
        schema: the newest migration.
        rows: how many, by table.
    """

    snapshot: str
    schema: int
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Halted:
    """What kept a restored database from dialling by itself.

    Attributes:
        paused: the names of the campaigns that ran.
        cancelled: how many calls without a campaign were ended.
        live: how many attempts of campaigns had no end; the first node explains them.
    """

    paused: list[str]
    cancelled: int
    live: int


async def contents(db: Connection) -> Contents:
    """What this transaction sees; it has to be one that sees the same throughout."""
    snapshot: str = await db.fetchval(_SQL["export_snapshot"])
    return Contents(snapshot, await db.fetchval(_SQL["schema_of"]), await count_rows(db))


async def count_rows(db: Connection) -> dict[str, int]:
    """How many rows the tables have, by table."""
    return {row["name"]: row["rows"] for row in await db.fetch(_SQL["row_counts"], timeout=LONGEST_SEC)}


async def rows_copied(database: Database) -> dict[str, int]:
    """How many rows were copied so far of the tables that are being copied."""
    async with database.connection() as db:
        return {row["name"]: row["rows"] for row in await db.fetch(_SQL["copied"])}


async def refresh_statistics(db: Connection) -> None:
    """Let the planner know the tables."""
    await db.execute(_SQL["refresh_statistics"], timeout=LONGEST_SEC)


async def halt(database: Database, now: Instant) -> Halted:
    """See to it that a restored database dials nobody by itself: somebody may have been dialled since the backup.

    Campaigns that run are paused. A call without a campaign cannot be, so it is over: cancelled, and an attempt of it
    that had no end ends as one of which nobody knows.
    """
    async with database.transaction() as db:
        paused = [row["name"] for row in await db.fetch(_SQL["pause_running"])]
        waiting = await db.fetch(_SQL["cancel_waiting_singles"], now, timeout=LONGEST_SEC)
        up = await db.fetch(_SQL["live_singles"])
        if up:
            await settle(db, [_lost(row, now) for row in up])
        live: int = await db.fetchval(_SQL["live_in_campaigns"])
    return Halted(sorted(paused), len(waiting) + len(up), live)


def _lost(row: Record, now: Instant) -> Result:
    """The end of an attempt whose call is over with it."""
    unknown = EndReason.OUTCOME_UNKNOWN
    return Result(
        workspace_no=row["workspace_no"],
        call_id=row["call_id"],
        attempt=row["attempt"],
        attempt_id=row["attempt_id"],
        called_at=None,
        answered_at=None,
        ended_at=now,
        status=MEANINGS[unknown].status,
        end_reason=unknown,
        duration_sec=0,
        ring_sec=0,
        answered_by=None,
        sip_code=None,
        billed_sec=0,
        cost_micros=0,
        currency=parse_billing(msgspec.json.decode(row["billing"])).currency,
        retry_at=None,
        retry_rule=None,
        stop_reason="cancelled",
        final_status="cancelled",
        campaign_no=0,
        held_until=None,
    )
