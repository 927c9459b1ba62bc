"""The audit trail: who changed what. A row is written by the transaction of the change."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.audit import Shown, difference
from ringback.store.database import Connection
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("audit")

KEPT = TimeDelta(hours=24 * 730)
"""For how long changes are kept."""


Note: TypeAlias = Callable[[Connection, Shown | None, Shown | None], Awaitable[None]]
"""Takes down what something was before and is after, in the transaction that changes it."""


class Author(NamedTuple):
    """Who changes something.

    Attributes:
        kind: `api_key`, `attempt` for an agent with an attempt's token, or `operator` for who is at the machine.
        key_id: of the API key, None for the others.
        last_four: characters of its secret.
    """

    kind: str
    key_id: UUID | None = None
    last_four: str | None = None


OPERATOR = Author("operator")


class Change(NamedTuple):
    """One change on its way into the trail.

    Attributes:
        workspace_no: whose things are changed.
        entry_id: its own; the transactions of one change have it in common.
        at: when.
        author: who.
        operation: by which request, such as `PATCH /v1/agents/{id}`, or by which command.
        kind: of what is changed, such as `agent`.
        thing_id: its public id; None for what a workspace has one of.
        request_id: of the request; None for a command.
    """

    workspace_no: int
    entry_id: UUID
    at: Instant
    author: Author
    operation: str
    kind: str
    thing_id: str | None
    request_id: str | None = None

    async def note(self, db: Connection, before: Shown | None = None, after: Shown | None = None) -> None:
        """Keep what differs, in the transaction of the change; what it was before is what was said first.

        Args:
            db: in that transaction.
            before: what there was, None for nothing.
            after: what there is, None for nothing.
        """
        if not db.is_in_transaction():
            raise RuntimeError(f"{self.operation} is noted outside of its transaction")
        replaced, by = difference(_plain(before), _plain(after))
        what = (self.operation, self.kind, self.thing_id, _written(replaced), _written(by), self.request_id)
        await db.execute(_SQL["note"], self.workspace_no, self.entry_id, self.at, *self.author, *what)


class Wanted(NamedTuple):
    """Which changes are wanted; None is all.

    Attributes:
        operation: by which they were made.
        kind: of the things that were changed.
        thing_id: of the one thing.
        key_id: of the API key that made them.
        since: made then or later.
        until: made before.
    """

    operation: str | None
    kind: str | None
    thing_id: str | None
    key_id: UUID | None
    since: Instant | None
    until: Instant | None


async def list_changes(db: Connection, workspace_no: int, wanted: Wanted, part: Part) -> Listing:
    """The changes of a workspace, newest first."""
    span = [None if at is None else _made_at(at) for at in (wanted.since, wanted.until)]
    return await read_part(db, _SQL["entries"], _SQL["count_entries"], (workspace_no, *wanted[:4], *span), part)


async def forget_changes(db: Connection, now: Instant, limit: int) -> int:
    """Let changes go that have been kept for long enough, at most so many of each workspace; returns how many."""
    done: str = await db.execute(_SQL["forget"], _made_at(now - KEPT), limit)
    return int(done.rpartition(" ")[2])


def _made_at(at: Instant) -> UUID:
    """The least id of what was made then."""
    return UUID(int=max(at.timestamp(unit="millisecond"), 0) << 80)


def _plain(shown: Shown | None) -> Any:
    """What is shown as JSON has it, also what is in it as text that was encoded before."""
    return None if shown is None else msgspec.json.decode(msgspec.json.encode(shown))


def _written(kept: Shown | None) -> str | None:
    return None if kept is None else msgspec.json.encode(kept).decode()
