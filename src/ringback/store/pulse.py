"""Tells a database that hangs from one that is slow: a question of its own, asked again and again.

A statement may take minutes, an import's more, so no limit of time on statements would do. While the question is not
answered nobody is given a connection, and whoever waits on one is told that the database is away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg

from ringback.store.queries import load

_SQL = load("pulse")
_LOG = logging.getLogger("ringback.pulse")

ANSWER_SEC, EVERY_SEC = 7.0, 1.0

_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


class Pulse:
    """Feels whether a server answers, over a connection that is used for nothing else.

    Args:
        dsn: the server.
        lost: called each time that it is found not to answer.

    Attributes:
        is_lost: whether it did not answer when it was asked last.
    """

    def __init__(self, dsn: str, lost: Callable[[], Awaitable[None]]) -> None:
        self._dsn = dsn
        self._lost = lost
        self.is_lost = False

    async def keep(self) -> None:
        """Ask for ever, whatever happens: if nobody asked any more, a server that was lost would stay so."""
        while True:
            try:
                await self._ask_and_tell()
            except Exception:  # noqa: BLE001 - the boundary of a task that nobody waits for
                _LOG.exception("whether PostgreSQL answers could not be found out or told; it is asked again")
            await asyncio.sleep(EVERY_SEC / 2)

    async def _ask_and_tell(self) -> None:
        try:
            await self._ask_until_it_fails()
        except _LOST:
            self.is_lost = True
            await self._lost()
        except asyncpg.PostgresError:
            self.is_lost = False  # it refuses us one more connection, and so it lives

    async def _ask_until_it_fails(self) -> None:
        """Ends where the connection breaks off: another one may be had at once.

        Raises:
            OSError: no answer in time, or no connection; so do the others of `_LOST`.
        """
        connection = await asyncpg.connect(self._dsn, timeout=ANSWER_SEC, command_timeout=ANSWER_SEC)
        try:
            while True:
                await connection.fetchval(_SQL["pulse"])
                self.is_lost = False
                await asyncio.sleep(EVERY_SEC)
        except TimeoutError:
            raise
        except _LOST:
            return
        finally:
            connection.terminate()
