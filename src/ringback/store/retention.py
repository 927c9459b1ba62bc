"""Old calls go, or lose what tells who they were to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("retention")
_STATEMENT = {"delete": "delete_old", "anonymise": "anonymise_old"}
_DECISIONS = {"delete": "drop_decisions", "anonymise": "bare_decisions"}

REDACTED = "redacted:"
"""What the number of a call begins with that was anonymised."""


class Rule(NamedTuple):
    """How long a workspace keeps its calls.

    Attributes:
        workspace_no: whose rule it is.
        days: after the end of a call.
        mode: `delete` or `anonymise`.
    """

    workspace_no: int
    days: int
    mode: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What a batch came to.

    Attributes:
        last: the last call that was looked at, None where there was none.
        count: how many were looked at.
        moved: how many were deleted or anonymised.
        first_left: the first that is to be looked at again, for its time is yet to come; None where there is none.
    """

    last: UUID | None
    count: int
    moved: int
    first_left: UUID | None


async def rules(db: Connection) -> list[Rule]:
    """The workspaces that do not keep calls for ever."""
    return [Rule(*row) for row in await db.fetch(_SQL["rules"])]


async def is_eldest(db: Connection, node_no: int, now: Instant) -> bool:
    """Whether of all nodes that live this one is the oldest: what one node does is not done by others too."""
    eldest: bool = await db.fetchval(_SQL["is_eldest"], node_no, now)
    return eldest


async def retire(db: Connection, rule: Rule, after: UUID, now: Instant, limit: int) -> Looked:
    """Delete or anonymise those of the next calls, in the order of their making, that have been over for long enough.

    What agents told of them goes in both cases.

    Args:
        db: a connection; the batch is one transaction.
        rule: whose calls, and what becomes of them.
        after: the last call that was looked at.
        now: the time.
        limit: calls to look at, at most.
    """
    until = now - TimeDelta(hours=24 * rule.days)
    async with db.transaction():
        row = await db.fetchrow(_SQL[_STATEMENT[rule.mode]], rule.workspace_no, after, _made_at(until), limit, until)
        if row["moved"]:
            await db.execute(_SQL["drop_reports"], rule.workspace_no, row["moved"])
            await db.execute(_SQL[_DECISIONS[rule.mode]], rule.workspace_no, row["moved"])
    looked, settled = row["looked"], {*row["moved"], *row["done"]}
    first_left = next((call_id for call_id in looked if call_id not in settled), None)
    return Looked(looked[-1] if looked else None, len(looked), len(row["moved"]), first_left)


async def drop_told(db: Connection, workspace_no: int, call_ids: Sequence[UUID]) -> None:
    """What agents told of calls that were anonymised, and what their decisions tell of the person, goes."""
    await db.execute(_SQL["drop_reports"], workspace_no, call_ids)
    await db.execute(_SQL["bare_decisions"], workspace_no, call_ids)


def is_redacted(number: str) -> bool:
    """Whether what stands in the place of a number says that the call was anonymised."""
    return number.startswith(REDACTED)


def _made_at(at: Instant) -> UUID:
    """The least id that a call which was made at `at` can have: one that was made later was not over by then."""
    return UUID(int=max(at.timestamp(unit="millisecond"), 0) << 80)
