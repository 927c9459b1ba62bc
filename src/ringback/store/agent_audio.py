"""The recordings of message agents: in the database, so that every node has them."""

from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("agent_audio")


async def keep_audio(
    db: Connection, workspace_no: int, agent_id: UUID, sha256: str, seconds: float, content: bytes, now: Instant
) -> None:
    """Give a message agent its recording, in place of the one before or of its text.

    Args:
        db: the store.
        workspace_no: whose agent.
        agent_id: which; one that is not there, or is of another kind, is left alone.
        sha256: of the content, in hexadecimal.
        seconds: how long it plays.
        content: FLAC.
        now: the present.
    """
    await db.execute(_SQL["keep_audio"], workspace_no, agent_id, sha256, seconds, content, now)


async def drop_audio(db: Connection, workspace_no: int, agent_id: UUID) -> None:
    """Delete an agent's recording, if it has one."""
    await db.execute(_SQL["drop_audio"], workspace_no, agent_id)


async def find_audio(db: Connection, workspace_no: int, agent_id: UUID) -> Record | None:
    """An agent's recording with its checksum, None where it has none."""
    return await db.fetchrow(_SQL["audio"], workspace_no, agent_id)
