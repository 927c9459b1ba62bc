"""What is in flight, looked at a hundred times a second by a connection that nothing cuts off."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tests.chaos.caps import LimitName
from tests.chaos.patience import holds_within

LOOK_SEC = 0.01
GONE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
LIVE = """
SELECT a.campaign_no, a.trunk_no, a.from_number, n.name AS node, count(*) AS up
FROM attempts a LEFT JOIN nodes n USING (node_no) WHERE a.ended_at IS NULL GROUP BY 1, 2, 3, 4
"""
Looks = list[tuple[float, int]]


class Watch:
    """Looks into the database, which is away at times.

    Args:
        dsn: of the database itself.
    """

    def __init__(self, dsn: str) -> None:
        self.times: list[float] = []
        self._dsn = dsn
        self._seen: list[Counter[LimitName]] = []
        self._calling: set[str] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for as long as the block lasts."""
        looking = asyncio.create_task(self._look_again_and_again())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait((looking,))

    async def sees_calls_of(self, node: str, sec: float) -> bool:
        """Wait, for so long at most, until a node has calls."""
        return await holds_within(lambda: node in self._calling, sec)

    def looks(self) -> dict[LimitName, Looks]:
        """How many were up at each look, by limit."""
        found = defaultdict[LimitName, Looks](list)
        for name in {name for seen in self._seen for name in seen}:
            found[name] = [(at, seen[name]) for at, seen in zip(self.times, self._seen, strict=True)]
        return found

    async def _look_again_and_again(self) -> None:
        while True:
            try:
                await self._look_while_it_lasts()
            except GONE:
                await asyncio.sleep(LOOK_SEC)

    async def _look_while_it_lasts(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=2, command_timeout=5)
        try:
            while True:
                began = time.time()
                self._note(began, await connection.fetch(LIVE))
                await asyncio.sleep(LOOK_SEC)
        finally:
            connection.terminate()

    def _note(self, at: float, rows: list[asyncpg.Record]) -> None:
        seen = Counter[LimitName]()
        for row in rows:
            names = (("workspace", 0), ("campaign", row["campaign_no"]), ("trunk", row["trunk_no"]))
            for name in (*names, ("caller", row["from_number"])):
                seen[name] += row["up"]
        self._calling = {row["node"] for row in rows}
        self.times.append(at)
        self._seen.append(seen)
