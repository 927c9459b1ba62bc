"""Attempts from their end: settled, withdrawn, or left behind by a node that died."""

from collections.abc import Sequence
from operator import itemgetter
from secrets import token_bytes
from typing import NamedTuple, TypeVar
from uuid import UUID

from whenever import Instant

from ringback.domain.ledger import SALT_BYTES
from ringback.store import caller_pools, contacts
from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("attempts")


Key = tuple[int, UUID, int]
"""(workspace_no, call_id, attempt)."""


class Result(NamedTuple):
    """How an attempt ended and what was decided; `details` is JSON."""

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
    held_until: Instant | None
    retry_trunk_no: int | None = None
    details: str | None = None


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
    """An intent that never reached a trunk, and when its dial is due again, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    due_at: Instant


_OWN = (
    "call_id",
    "attempt",
    "attempt_id",
    "called_at",
    "answered_at",
    "ended_at",
    "duration_sec",
    "ring_sec",
    "billed_sec",
    "cost_micros",
    "retry_at",
    "details",
)
_own = itemgetter(*map(Result._fields.index, _OWN))
_VERDICT = tuple(name for name in Result._fields if name not in _OWN)
_verdict = itemgetter(*map(Result._fields.index, _VERDICT))
"""Most attempts of a batch end in one of a few ways: what they have in common is sent once."""

Row = TypeVar("Row", Result, Progress, Withdrawal)


class Bodies(NamedTuple):
    """What the ledger will say of attempts of a workspace that end together, in the order of the statement.

    Attributes:
        workspace_no: whose.
        entries: how many attempts: all that end of it in this batch.
        since: when the first of them ended.
        packed: the bodies, a line each, compressed.
    """

    workspace_no: int
    entries: int
    since: Instant
    packed: bytes


async def settle(
    db: Connection, results: Sequence[Result], salts: Sequence[bytes] | None = None, bodies: Sequence[Bodies] = ()
) -> set[Key]:
    """End attempts with all that follows; returns those that this call ended and nobody before it.

    Args:
        db: a connection.
        results: how they ended.
        salts: what hides their numbers in the ledger, one each in the same order; None for new ones.
        bodies: what the ledger will say of them; what is missing, or not as they ended, is made of the rows.
    """
    verdicts: dict[tuple[object, ...], int] = {}
    salted = zip(results, salts or new_salts(len(results)), strict=True)
    own = [
        (*_own(r), salt, verdicts.setdefault(_verdict(r), len(verdicts) + 1))
        for r, salt in sorted(salted, key=lambda pair: pair[0][:3])
    ]
    rows = (*columns(own, width=len(_OWN) + 2), *columns(verdicts), *columns(bodies, width=len(Bodies._fields)))
    return _keys(await db.fetch(_SQL["settle"], *rows))


def new_salts(count: int) -> list[bytes]:
    """So many salts; no salt tells anything of another."""
    chance = token_bytes(SALT_BYTES * count)
    return [chance[at : at + SALT_BYTES] for at in range(0, len(chance), SALT_BYTES)]


async def progress(db: Connection, steps: Sequence[Progress]) -> None:
    """Write down how far live attempts have come."""
    await db.execute(_SQL["progress"], *columns(_in_key_order(steps)))


async def withdraw(db: Connection, intents: Sequence[Withdrawal], now: Instant) -> set[Key]:
    """Take back intents that certainly never reached a trunk; their dials are due again."""
    async with db.transaction():
        rows = await db.fetch(_SQL["withdraw"], *columns(_in_key_order(intents)), now)
        if rows:
            counted = [
                (row["workspace_no"], key, row["intent_at"])
                for row in rows
                for key in contacts.keys_of(row["to_number"], row["debt_id"])
            ]
            numbered = [(row["workspace_no"], row["caller_no"], row["intent_at"]) for row in rows if row["caller_no"]]
            if numbered:  # first, as in a claim: or the two could lock each other out
                await caller_pools.uncount(db, numbered)
            await contacts.uncount(db, counted)
    return _keys(rows)


async def still_live(db: Connection, keys: Sequence[Key]) -> set[Key]:
    """Which of these attempts have no end yet."""
    return _keys(await db.fetch(_SQL["still_live"], *columns(keys, width=3)))


async def earlier_dials(db: Connection, keys: Sequence[Key]) -> dict[Key, tuple[Instant, ...]]:
    """When the calls of these attempts were dialled before them, oldest first."""
    rows = await db.fetch(_SQL["earlier_dials"], *columns(keys, width=3))
    return {(row["workspace_no"], row["call_id"], row["attempt"]): tuple(row["dialled_at"] or ()) for row in rows}


Place = tuple[Instant, UUID]
"""(intent_at, call_id): how far orphans were read."""

START: Place = (Instant.MIN, UUID(int=0))


async def orphans(db: Connection, nodes: Sequence[int], after: Place, limit: int) -> list[Record]:
    """Live attempts of nodes that have ended, the oldest first, from a place on and at most so many."""
    return list(await db.fetch(_SQL["orphans"], list(nodes), *after, limit))


def _in_key_order(rows: Sequence[Row]) -> list[Row]:
    """The order in which rows are locked, so that two nodes that write to the same ones cannot lock each other out."""
    return sorted(rows, key=itemgetter(0, 1, 2))


def _keys(rows: Sequence[Record]) -> set[Key]:
    return {(row["workspace_no"], row["call_id"], row["attempt"]) for row in rows}
