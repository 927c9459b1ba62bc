"""When keys were used last: kept in memory, and written now and then for all of them at once."""

import asyncio
import logging
from uuid import UUID

from whenever import Instant

from ringback.errors import DatabaseUnavailable
from ringback.store.database import Database, ServerError
from ringback.store.keys import Use, note_uses

_LOG = logging.getLogger("ringback.last_use")

WRITE_SEC = 30.0
"""A last use is told this late at most; one that a killed server had not written is not told at all."""


class Uses:
    """What was used since it was written last."""

    def __init__(self) -> None:
        self._since: dict[UUID, Use] = {}

    def note(self, workspace_no: int, key_id: UUID, at: Instant) -> None:
        """A key was used; costs a request no query."""
        self._since[key_id] = Use(workspace_no, key_id, at)

    async def run_once(self, database: Database) -> None:
        """Write it down; what cannot be written now is kept for the next time."""
        uses, self._since = self._since, {}
        if not uses:
            return
        unwritten = uses
        try:
            async with database.connection() as db:
                await note_uses(db, list(uses.values()))
            unwritten = {}
        except DatabaseUnavailable:
            pass
        except ServerError as refused:
            _LOG.warning("PostgreSQL does not take when keys were used last: %s", refused)
        finally:
            self._since = unwritten | self._since  # also where it was cut off in the middle

    async def keep(self, database: Database) -> None:
        """Write it down again and again, for ever."""
        while True:
            await asyncio.sleep(WRITE_SEC)
            await self.run_once(database)
