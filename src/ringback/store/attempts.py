"""Attempts from their end: settled, withdrawn, or left behind by a node that died."""

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("attempts")

Key = tuple[int, UUID, int]
"""(workspace_no, call_id, attempt)."""


class Result(NamedTuple):
    """How an attempt ended and what was decided, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    called_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant
    status: str
    end_reason: str
    duration_sec: int
    ring_sec: int
    answered_by: str | None
    sip_code: int | None
    billed_sec: int
    cost_micros: int
    currency: str
    retry_at: Instant | None
    retry_rule: str | None
    stop_reason: str | None
    final_status: str | None
    campaign_no: int
    lane_trunk_no: int


class Progress(NamedTuple):
    """How far a live attempt has come, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    status: str
    called_at: Instant | None
    answered_at: Instant | None


class Withdrawal(NamedTuple):
    """An intent that never reached a trunk, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    lane_trunk_no: int


Row = TypeVar("Row", Result, Progress, Withdrawal)


async def settle(db: Connection, results: Sequence[Result]) -> set[Key]:
    """End attempts with all that follows; returns those that this call ended and nobody before it."""
    return _keys(await db.fetch(_SQL["settle"], *columns(_in_key_order(results))))


async def progress(db: Connection, steps: Sequence[Progress]) -> None:
    """Write down how far live attempts have come."""
    await db.execute(_SQL["progress"], *columns(_in_key_order(steps)))


async def withdraw(db: Connection, intents: Sequence[Withdrawal], now: Instant) -> set[Key]:
    """Take back intents that certainly never reached a trunk; their dials are due at `now`."""
    return _keys(await db.fetch(_SQL["withdraw"], *columns(_in_key_order(intents)), now))


async def still_live(db: Connection, keys: Sequence[Key]) -> set[Key]:
    """Which of these attempts have no end yet."""
    return _keys(await db.fetch(_SQL["still_live"], *columns(keys, width=3)))


async def orphans(db: Connection, now: Instant, node_no: int, doubtful: Sequence[Instant], limit: int) -> list[Record]:
    """Live attempts that no living node answers for, the oldest first.

    Args:
        db: a connection.
        now: leases that end here or before are over.
        node_no: the asking node.
        doubtful: times of its own claims of which it never heard whether they were committed.
        limit: at most so many.
    """
    return list(await db.fetch(_SQL["orphans"], now, node_no, list(doubtful), limit))


def _in_key_order(rows: Sequence[Row]) -> list[Row]:
    """The order in which rows are locked, so that two nodes that write to the same ones cannot lock each other out."""
    return sorted(rows, key=itemgetter(0, 1, 2))


def _keys(rows: Sequence[Record]) -> set[Key]:
    return {(row["workspace_no"], row["call_id"], row["attempt"]) for row in rows}
