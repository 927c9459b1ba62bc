"""Says in the database that this API answers, so that nobody takes away what it needs, and that operators see it."""

import asyncio
from contextlib import suppress

from ringback.clock import Clock, seconds
from ringback.errors import DatabaseUnavailable
from ringback.store import api_servers
from ringback.store.database import Database

LEASE_SEC = 20.0
BEAT_SEC = 5.0


class Presence:
    """The word of one API.

    Args:
        database: where it is given.
        clock: by which it holds.
        name: of the server.
    """

    def __init__(self, database: Database, clock: Clock, name: str) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._server_no = 0

    async def run_once(self) -> None:
        """Give it, or prolong it.

        Raises:
            DatabaseUnavailable: it cannot be given.
        """
        now = self._clock.now()
        until = now + seconds(LEASE_SEC)
        async with self._database.connection() as db:
            if not self._server_no or not await api_servers.heartbeat(db, self._server_no, now, until):
                self._server_no = await api_servers.enlist(db, self._name, now, until)

    async def keep(self) -> None:
        """Prolong it for ever; while the database is away there is nothing to prolong."""
        while True:
            await asyncio.sleep(BEAT_SEC)
            with suppress(DatabaseUnavailable):
                await self.run_once()

    async def leave(self) -> None:
        """Take it back."""
        with suppress(DatabaseUnavailable):
            async with self._database.connection() as db:
                await api_servers.leave(db, self._server_no)
