"""Connections to PostgreSQL. What breaks on the way there is DatabaseUnavailable, whatever the driver calls it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
from whenever import Instant

from ringback.errors import DatabaseUnavailable, OurError
from ringback.store.pulse import Pulse

Connection: TypeAlias = asyncpg.Connection
Record: TypeAlias = asyncpg.Record
ServerError: TypeAlias = asyncpg.PostgresError
"""What PostgreSQL says no by; that it is away is told as DatabaseUnavailable."""

_EPOCH_MICROS = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01

_GONE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,
)

ACQUIRE_SEC = 5.0
"""How long who needs a connection waits for one."""

COLLECT_EVERY = 50
"""How many connections are opened anew before those that they replaced are looked for."""

# Plans on the hot path must not depend on statistics: each row is looked up by its key, in a fresh table and in a
# large one alike. Hash and merge joins and sequential scans are what a planner without statistics errs towards.
ENGINE_SETTINGS = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
    # a node that is frozen in the middle of a transaction does not hold up the others for longer than that
    "idle_in_transaction_session_timeout": "3s",
}
# Requests look up by key too; what reads much has no index to be kept from.
API_SETTINGS = {"enable_seqscan": "off", "jit": "off"}


class Database:
    """A pool of connections that speak in Instants.

    Args:
        pool: made by `connect`.
        watched: feel the pulse of this server, and give nobody a connection while there is none; None does not.
    """

    def __init__(self, pool: Any, watched: str | None = None) -> None:
        self._pool = pool
        self._lent: set[Any] = set()
        self._pulse = None if watched is None else Pulse(watched, self._break_off)
        self._watch = None if self._pulse is None else asyncio.create_task(self._pulse.keep())

    def connection(self) -> "_Borrowed":
        """A connection of the pool; each statement is a transaction of its own.

        Raises:
            DatabaseUnavailable: there is none to be had, or it broke off.
        """
        if self._pulse is not None and self._pulse.is_lost:
            raise DatabaseUnavailable("PostgreSQL does not answer; it is asked again and again")
        return _Borrowed(self._pool, self._lent)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection within a transaction: committed at the end, rolled back when anything is raised."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close all connections, at once where they do not close by themselves in a few seconds."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait((self._watch,))
        self._pool.terminate()

    async def _break_off(self) -> None:
        """Tell whoever waits for an answer that there is none to be had; nobody is given these connections again."""
        await self._pool.expire_connections()
        for connection in tuple(self._lent):
            with suppress(asyncpg.InterfaceError):  # it broke before, and its holder has not come back with it yet
                connection.terminate()


class _Borrowed:
    """A connection for the time of a block: a class of its own, for every request and every duty goes through here."""

    __slots__ = ("_connection", "_lent", "_pool")

    def __init__(self, pool: Any, lent: set[Any]) -> None:
        self._pool = pool
        self._lent = lent
        self._connection: Any = None

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._pool.acquire(timeout=ACQUIRE_SEC)
        except _GONE as gone:
            raise _unavailable(gone) from gone
        self._lent.add(self._connection)
        return self._connection

    async def __aexit__(self, _: object, raised: BaseException | None, __: object) -> None:
        self._lent.discard(self._connection)
        gone = raised if self._tells_of_a_lost_server(raised) else None
        try:
            await self._pool.release(self._connection)
        except _GONE as lost:
            gone = gone or lost
        if gone is not None:
            raise _unavailable(gone) from gone

    def _tells_of_a_lost_server(self, raised: BaseException | None) -> bool:
        if isinstance(raised, _GONE):
            return True
        # the driver's words for a connection that is closed, but also for faults of ours
        return isinstance(raised, (asyncpg.InterfaceError, asyncpg.InternalClientError)) and _is_gone(self._connection)


async def connect(
    dsn: str, *, size: int, settings: dict[str, str], cache: int = 200, watched: bool = False
) -> Database:
    """Open a pool.

    Args:
        dsn: a PostgreSQL URL, or a Unix socket's.
        size: connections at most.
        settings: server settings of each connection.
        cache: prepared statements kept by each connection.
        watched: whoever waits on a server that hangs is told so within about ten seconds, instead of when it wakes.

    Raises:
        DatabaseUnavailable: the server does not answer.
        OurError: the DSN is not one.
    """
    with reaching_the_database(), _reading_the_dsn():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            init=_Newcomers().welcome,
            reset=_keep,
            server_settings={"application_name": "ringback", "timezone": "UTC", **settings},
            statement_cache_size=cache,
            max_cached_statement_lifetime=0,
            timeout=5,
            command_timeout=120,
        )
    return Database(pool, dsn if watched else None)


@contextmanager
def reaching_the_database() -> Iterator[None]:
    """Turn what the driver raises when the server is away into DatabaseUnavailable."""
    try:
        yield
    except _GONE as gone:
        raise _unavailable(gone) from gone


def _unavailable(gone: BaseException) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"PostgreSQL cannot be reached ({type(gone).__name__}); it is tried again")


@contextmanager
def _reading_the_dsn() -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError as wrong:
        raise OurError(f"the database's URL cannot be read: {wrong}") from wrong


def _is_gone(connection: Connection) -> bool:
    """Whether a connection is closed; the pool takes one that broke back at once, and then it tells nothing more."""
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        return True
    return closed


class _Newcomers:
    """What is done with each connection that a pool opens: it learns to speak in Instants.

    One that broke off leaves a cycle of 20 KB behind it. Python counts 40 objects there, and would leave thousands of
    them for days, as a node's process looks for cycles seldom.
    """

    def __init__(self) -> None:
        self._count = 0

    async def welcome(self, connection: Any) -> None:
        self._count += 1
        if self._count % COLLECT_EVERY == 0:
            gc.collect()
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_to_micros, decoder=_from_micros, format="tuple"
        )


async def _keep(_: Any) -> None:
    """Hand a connection back as it is: nothing here leaves state on one, and a reset is a round trip for each use."""


def _to_micros(at: Instant) -> tuple[int]:
    return (at.timestamp(unit="nanosecond") // 1000 - _EPOCH_MICROS,)


def _from_micros(value: tuple[int]) -> Instant:
    return Instant.from_timestamp((value[0] + _EPOCH_MICROS) * 1000, unit="nanosecond")
