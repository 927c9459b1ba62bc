"""A database whose work is part of one transaction."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from ringback.store.database import Connection, Database


class Within(Database):
    """Lends the connection of a transaction that is under way to one at a time, and others of the pool beside it.

    So whoever borrows one connection after the other does all of it in that transaction. Who holds the first and asks
    for a second has what is outside it, as always: what it does by that one was never part of the first one's work.

    Args:
        database: lends the others.
        connection: in a transaction.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self.is_lent = False

    def connection(self) -> Any:
        """The connection of the transaction if it is free, and otherwise another one."""
        return self._database.connection() if self.is_lent else _Lent(self, self._connection)


class _Lent(AbstractAsyncContextManager[Connection]):
    def __init__(self, owner: Within, connection: Connection) -> None:
        self._owner = owner
        self._connection = connection

    async def __aenter__(self) -> Connection:
        self._owner.is_lent = True
        return self._connection

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._owner.is_lent = False
