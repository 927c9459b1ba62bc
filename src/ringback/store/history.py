"""The retry history of a call."""

from uuid import UUID

from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("history")


async def read_history(db: Connection, workspace_no: int, call_id: UUID) -> list[Record]:
    """A row for each attempt, oldest first, each with its call's columns.

    A call that was never dialled is one row whose `attempt` is None; no row at all is no such call.
    """
    return list(await db.fetch(_SQL["history"], workspace_no, call_id))
