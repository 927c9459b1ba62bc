"""What agents report of attempts: transcripts and analyses, and the tokens by which they may."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.store.attempts import Key
from ringback.store.database import Connection, Record
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("agent_reports")


class Report(StrEnum):
    """What can be told of an attempt."""

    TRANSCRIPT = "transcript"
    ANALYSIS = "analysis"


_KEEP = {Report.TRANSCRIPT: "keep_transcript", Report.ANALYSIS: "keep_analysis"}
_FIRST = {Report.TRANSCRIPT: "first_transcript", Report.ANALYSIS: "first_analysis"}


class KeptToken(NamedTuple):
    """The token of an attempt as it is kept, in the order of the statement.

    Attributes:
        workspace_no: whose call.
        call_id: which.
        attempt: its ordinal.
        attempt_id: its id: another node's attempt of the same ordinal keeps its own token.
        token_hash: SHA-256 of the token.
    """

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    token_hash: bytes


async def keep_tokens(db: Connection, tokens: Iterable[KeptToken]) -> None:
    """Let the agents of live attempts report by these tokens."""
    await db.execute(_SQL["keep_tokens"], *columns(sorted(tokens), width=5))


async def drop_unused(db: Connection, attempts: Iterable[Key]) -> None:
    """Forget the tokens of attempts that nobody answered."""
    await db.execute(_SQL["drop_unused"], *columns(sorted(attempts), width=3))


async def find_token(db: Connection, attempt: Key) -> Record | None:
    """The `token_hash` of an attempt and when it `ended_at`; None where it has no token."""
    return await db.fetchrow(_SQL["token"], *attempt)


async def lock_told_of(db: Connection, workspace_no: int, call_id: UUID, attempt: int | None) -> Record | None:
    """A call that is to be told of, kept from being retired until the end of the transaction.

    Args:
        db: in a transaction.
        workspace_no: whose call.
        call_id: which.
        attempt: which of its attempts; None is the last one.

    Returns:
        whether it `is_bare`, the `attempt`, None where there is none, and the `kind` of its trunk; None for no call.
    """
    return await db.fetchrow(_SQL["told_of"], workspace_no, call_id, attempt)


async def keep_report(db: Connection, report: Report, attempt: Key, content: str, now: Instant) -> None:
    """Keep what is told of an attempt, in place of what was told before.

    Args:
        db: where `lock_told_of` found it.
        report: what it is.
        attempt: of which.
        content: JSON.
        now: the present.
    """
    await db.execute(_SQL[_KEEP[report]], *attempt, content, now)


async def keep_first_report(db: Connection, report: Report, attempt: Key, content: str, now: Instant) -> bool:
    """Keep what is told by an attempt's token; False where it was told before, which stays."""
    return await db.fetchval(_SQL[_FIRST[report]], *attempt, content, now) is not None


async def read_reports(db: Connection, workspace_no: int, call_id: UUID) -> list[Record]:
    """What was told of a call's attempts: `attempt`, `transcript` and `analysis`, the last two JSON or None."""
    return list(await db.fetch(_SQL["reports"], workspace_no, call_id))
