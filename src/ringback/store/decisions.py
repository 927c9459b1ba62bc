"""Decisions: dials that were due and were not placed, and why."""

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.decision import Withheld
from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("decisions")


class Decision(NamedTuple):
    """Why one dial was not placed.

    Attributes:
        workspace_no: the tenant.
        call_id: of which call.
        decision_id: its id, where it becomes a row of its own.
        attempt: the ordinal of the dial that was due.
        why: the rule, what it went by, and until when.
    """

    workspace_no: int
    call_id: UUID
    decision_id: UUID
    attempt: int
    why: Withheld


async def withhold(db: Connection, decided: Iterable[Decision], now: Instant) -> None:
    """Write decisions down, in the transaction that puts their dials off or ends their calls.

    Whoever calls has taken the calls' rows out of the queue, so that nobody else decides about them at this moment.
    """
    rows = [(*one[:4], *_why(one.why)) for one in sorted(decided, key=itemgetter(0, 1))]
    await db.execute(_SQL["withhold"], *columns(rows), now)


async def read_decisions(db: Connection, workspace_no: int, call_id: UUID) -> list[Record]:
    """The decisions about a call, oldest first."""
    return list(await db.fetch(_SQL["decisions"], workspace_no, call_id))


async def has_call(db: Connection, workspace_no: int, call_id: UUID) -> bool:
    """Whether the workspace has this call."""
    known: bool = await db.fetchval(_SQL["is_call"], workspace_no, call_id)
    return known


def _why(why: Withheld) -> tuple[str, str | None, str | None, str, Instant | None]:
    return why.rule, why.pack, why.pack_version, msgspec.json.encode(dict(why.inputs)).decode(), why.next_at
