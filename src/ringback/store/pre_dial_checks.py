"""Whom a workspace has asked before each dial, and the intents that wait for the answer."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.store.attempts import Key
from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("pre_dial_checks")


class Allowed(NamedTuple):
    """An intent whose dial is allowed, in the order of the statement; `debt` is what it is counted under besides."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    campaign_no: int
    to_number: str
    debt: str | None


async def read_check(db: Connection, workspace_no: int) -> dict[str, Any] | None:
    """The check of a workspace as it is stored, None for none."""
    text: str | None = await db.fetchval(_SQL["read_check"], workspace_no)
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])


async def hold_check(db: Connection, workspace_no: int) -> dict[str, Any] | None:
    """The same, held until the transaction ends."""
    text: str | None = await db.fetchval(_SQL["hold_check"], workspace_no)
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])


async def set_check(db: Connection, workspace_no: int, check: Mapping[str, Any] | None) -> None:
    """Have every dial that is claimed from now on checked, or none."""
    written = None if check is None else msgspec.json.encode(check).decode()
    await db.execute(_SQL["set_check"], workspace_no, written)


async def read_questions(db: Connection, calls: Iterable[tuple[int, UUID]]) -> dict[tuple[int, UUID], Record]:
    """What is told of each of these calls."""
    rows = await db.fetch(_SQL["questions"], *columns(calls, width=2))
    return {(row["workspace_no"], row["call_id"]): row for row in rows}


async def admit(db: Connection, allowed: Iterable[Allowed], node_no: int, now: Instant) -> dict[Key, bool]:
    """Let intents be dialled, in a transaction; returns those that still may be, each with whether it is counted.

    Args:
        db: a connection, in a transaction.
        allowed: by their workspaces.
        node_no: this node; where it has ended none is.
        now: from now on they are intents, and are counted so by contact rules.
    """
    rows = await db.fetch(_SQL["admit"], *columns(allowed, width=7), node_no, now)
    if not rows:
        return {}
    dials = [
        (row["workspace_no"], key, row["intent_at"]) for row in rows for key in (row["to_number"], row["debt"]) if key
    ]
    counted = {tuple(row) for row in await db.fetch(_SQL["recount"], *columns(dials), now)}
    return {
        (row["workspace_no"], row["call_id"], row["attempt"]): (row["workspace_no"], row["to_number"]) in counted
        for row in rows
    }
