"""The rows of an export, read as they lie: a cursor over one snapshot, so that any number of them takes no memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any

import msgspec
from whenever import Instant

from ringback.domain.export import Kind
from ringback.store.database import Connection, Database, Record, connect
from ringback.store.queries import load

_SQL = load("export_rows")
_STATEMENTS = {Kind.CALLS: "calls", Kind.ATTEMPTS: "attempts", Kind.DECISIONS: "decisions"}

# It reads all there is, once: a sequential scan and a hash join are what that wants, and one core is enough.
SETTINGS = {
    "jit": "off",
    "work_mem": "48MB",
    "cursor_tuple_fraction": "1",
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": "120s",
}


def arguments(workspace_no: int, kind: Kind, filters: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the statements take, of filters as they are kept."""
    second = {Kind.CALLS: "final_reason", Kind.ATTEMPTS: "end_reason", Kind.DECISIONS: "rule"}[kind]
    times = [None if filters.get(name) is None else Instant.parse_iso(filters[name]) for name in ("from", "to")]
    return (
        workspace_no,
        filters.get("campaign_no"),
        *times,
        filters.get("to_number"),
        filters.get("status"),
        filters.get(second),
    )


@asynccontextmanager
async def reading(dsn: str) -> AsyncIterator[Database]:
    """A connection that reads what an export is made of."""
    database = await connect(dsn, size=1, settings=SETTINGS)
    try:
        yield database
    finally:
        await database.close()


async def about_how_many(db: Connection, workspace_no: int, kind: Kind, filters: Mapping[str, Any]) -> int:
    """How many rows it will have, as the planner guesses it from its statistics."""
    statement = f"EXPLAIN (FORMAT JSON) {_SQL[_STATEMENTS[kind]]}"
    [plan] = msgspec.json.decode(await db.fetchval(statement, *arguments(workspace_no, kind, filters)))
    return int(plan["Plan"]["Plan Rows"])


async def read_rows(
    database: Database, workspace_no: int, kind: Kind, filters: Mapping[str, Any], batch: int
) -> AsyncGenerator[list[Record], None]:
    """The rows, so many at a time, all of one instant. Times are whole microseconds since 2000-01-01."""
    async with database.connection() as db:
        # an Instant for each of fifty million times would take longer than all the rest
        await db.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_to_micros, decoder=itemgetter(0), format="tuple"
        )
        async with db.transaction(isolation="repeatable_read", readonly=True):
            cursor = await db.cursor(_SQL[_STATEMENTS[kind]], *arguments(workspace_no, kind, filters))
            while rows := await cursor.fetch(batch, timeout=600):
                yield rows


EPOCH_SEC = 946_684_800
"""2000-01-01, from which PostgreSQL counts."""


def _to_micros(at: Instant) -> tuple[int]:
    return (at.timestamp(unit="nanosecond") // 1000 - EPOCH_SEC * 1_000_000,)
