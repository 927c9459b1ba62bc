"""The recordings of message agents as files of this node: fetched from the store when they are first needed."""

import asyncio
from pathlib import Path
from uuid import UUID

from ringback.carriers.sip.cache import Cache
from ringback.store.agent_audio import find_audio
from ringback.store.database import Database


class AudioFiles:
    """A node's copies.

    Args:
        database: the store.
        folder: where they are kept, with what the workers make of them.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._cache: Cache | None = None

    async def path_of(self, workspace_no: int, agent_id: UUID, sha256: str) -> Path | None:
        """The file of an agent's recording, None where the agent has none any more.

        Args:
            workspace_no: whose agent.
            agent_id: which.
            sha256: what its settings said; where it was replaced since, the path is that of the new one.

        Raises:
            DatabaseUnavailable: it is not here yet, and cannot be fetched.
            OSError: it cannot be kept.
        """
        cache = self._cache = self._cache or Cache(self._folder)
        if (path := cache.find(_name(sha256))) is not None:
            return path
        async with self._database.connection() as db:
            row = await find_audio(db, workspace_no, agent_id)
        if row is None:
            return None

        async def write(draft: Path) -> None:
            await asyncio.to_thread(draft.write_bytes, row["bytes"])

        return await cache.file(_name(row["sha256"]), write)


def _name(sha256: str) -> str:
    return f"{sha256}.flac"
