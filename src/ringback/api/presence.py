"""Says in the database that this API answers, so that nobody takes away what it needs, and that operators see it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ringback.clock import seconds
from ringback.errors import DatabaseUnavailable
from ringback.store import api_servers
from ringback.store.database import Database, ServerError
from ringback.store.nodes import server_time

_LOG = logging.getLogger("ringback.presence")

LEASE_SEC = 20.0
BEAT_SEC = 5.0


class Presence:
    """The word of one API.

    Args:
        database: where it is given.
        name: of the server.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._server_no = 0

    async def run_once(self) -> None:
        """Give it, or prolong it.

        Raises:
            DatabaseUnavailable: it cannot be given.
            ServerError: PostgreSQL refuses it.
        """
        async with self._database.connection() as db:
            now = await server_time(db)  # an API has no use for a clock of its own, and nobody checks that one
            until = now + seconds(LEASE_SEC)
            if not self._server_no or not await api_servers.heartbeat(db, self._server_no, now, until):
                self._server_no = await api_servers.enlist(db, self._name, now, until)

    async def keep(self) -> None:
        """Prolong it for ever; what cannot be written now is written the next time."""
        while True:
            await asyncio.sleep(BEAT_SEC)
            with _told_of_trouble():
                await self.run_once()

    async def leave(self) -> None:
        """Take it back; where that fails it runs out."""
        with _told_of_trouble():
            async with self._database.connection() as db:
                await api_servers.leave(db, self._server_no)


@contextmanager
def _told_of_trouble() -> Iterator[None]:
    """While the database is away there is nothing to say; why it refuses is for the operator to know."""
    try:
        yield
    except DatabaseUnavailable:
        return
    except ServerError as refused:
        _LOG.warning("PostgreSQL does not take the word that this API answers: %s", refused)
