"""What the database knows of recordings; they are files of the nodes that made them."""

from collections.abc import Sequence
from uuid import UUID

from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("recordings")


async def find_recording(db: Connection, workspace_no: int, call_id: UUID, attempt: int) -> Record | None:
    """An attempt that may have a recording: its `attempt_id`, its `node`, and whether one `is_kept` for sure.

    None where there is no such attempt, or its call was anonymised.
    """
    return await db.fetchrow(_SQL["recording"], workspace_no, call_id, attempt)


async def kept_calls(db: Connection, workspace_no: int, call_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these calls of a workspace that are there and were not anonymised."""
    return {row["call_id"] for row in await db.fetch(_SQL["kept_calls"], workspace_no, list(call_ids))}
