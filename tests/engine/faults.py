"""A database and a far end at whose steps a node can be made to die, or to be cut off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.world import World

from ringback.engine.engine import Engine
from ringback.errors import DatabaseUnavailable
from ringback.store.database import Database


class Died(Exception):
    """The node's process ends here."""


class Steps:
    """Counts what a node does outside its own memory, and ends it after one of them.

    Args:
        last: the node dies after so many steps; 0 is never.
    """

    def __init__(self, last: int = 0) -> None:
        self.count = 0
        self.last = last

    async def take(self, step: Any) -> Any:
        """Take a step, unless dead; a node that died does nothing more, in none of its tasks."""
        if self.last and self.count >= self.last:
            step.close()
            raise Died
        self.count += 1
        mine = self.count
        found = await step
        if mine == self.last:
            raise Died
        return found


class FragileDatabase(Database):
    """The real one; each statement and each commit is a step."""

    def __init__(self, real: Database, steps: Steps) -> None:
        super().__init__(real._pool)
        self._steps = steps

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection whose statements are steps."""
        async with super().connection() as connection:
            yield _Stepping(connection, self._steps)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A transaction; a node that dies before its commit leaves nothing of it."""
        async with self.connection() as connection:
            transaction = connection.real.transaction()
            await transaction.start()
            committed = False
            try:
                yield connection
                committed = True
                await self._steps.take(transaction.commit())
            finally:
                if not committed:
                    await transaction.rollback()


class _Stepping:
    def __init__(self, real: Any, steps: Steps) -> None:
        self.real, self._steps = real, steps

    async def fetch(self, *args: Any) -> Any:
        """As asyncpg's."""
        return await self._steps.take(self.real.fetch(*args))

    async def fetchval(self, *args: Any) -> Any:
        """As asyncpg's."""
        return await self._steps.take(self.real.fetchval(*args))

    async def execute(self, *args: Any) -> Any:
        """As asyncpg's."""
        return await self._steps.take(self.real.execute(*args))

    def transaction(self) -> Any:
        """As asyncpg's."""
        return self.real.transaction()


class _Placing:
    """A carrier at which each placing is a step."""

    def __init__(self, real: Any, steps: Steps) -> None:
        self._real, self._steps = real, steps

    async def place(self, dial: Any, by: Any) -> Any:
        return await self._steps.take(self._real.place(dial, by))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def mortal(world: World, last: int, name: str = "a", **options: Any) -> tuple[Engine, Steps]:
    """An engine that dies after so many steps."""
    steps = Steps(last)
    engine = await world.engine(name, database=FragileDatabase(await world.engine_database(), steps), **options)
    make = engine.node.trunks._make
    engine.node.trunks._make = lambda *trunk: _Placing(make(*trunk), steps)
    return engine, steps


class CutOff(Database):
    """The real one, until a commit's answer is lost.

    Args:
        real: what stands behind it.
    """

    def __init__(self, real: Database) -> None:
        super().__init__(real._pool)
        self.cut: str | None = None
        self._held: tuple[Any, Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A transaction. With `cut` "after", its commit is done and not heard of; with "late", it is yet to be done."""
        connection = await self._pool.acquire()
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        if self.cut == "late":
            self._held = (connection, transaction)
        else:
            await transaction.commit()
            await self._pool.release(connection)
        if self.cut:
            self.cut = None
            raise DatabaseUnavailable("cut off")

    async def come_about(self) -> None:
        """The commit that was under way is done at last."""
        assert self._held is not None
        connection, transaction = self._held
        await transaction.commit()
        await self._pool.release(connection)
