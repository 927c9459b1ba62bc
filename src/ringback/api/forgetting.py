"""Lets go what the API keeps for a time only."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ringback.clock import Clock
from ringback.errors import DatabaseUnavailable
from ringback.store.database import Connection, Database, ServerError
from ringback.store.idempotency import forget_answers
from ringback.store.rate_limits import forget_windows

_LOG = logging.getLogger("ringback.forgetting")

REST_SEC = 60.0

_FORGET: tuple[Callable[..., Awaitable[int]], ...] = (forget_answers, forget_windows)


class Forgetting:
    """The duty that does so. Every server does it: who meets another one takes what that one does not.

    Args:
        database: the store.
        clock: tells `now`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run_once(self) -> int:
        """Let go all that is too old; returns how much that was."""
        async with self._database.connection() as db:
            return sum([await self._all(db, forget) for forget in _FORGET])

    async def _all(self, db: Connection, forget: Callable[..., Awaitable[int]]) -> int:
        gone = 0
        while some := await forget(db, self._clock.now()):
            gone += some
        return gone

    async def keep(self) -> None:
        """Do so again and again, for ever; what cannot be done now is done the next time."""
        while True:
            await asyncio.sleep(REST_SEC)
            try:
                await self.run_once()
            except DatabaseUnavailable:
                continue
            except ServerError as refused:
                _LOG.warning("PostgreSQL does not let old answers go: %s", refused)
