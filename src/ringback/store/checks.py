"""What a database is asked by who looks after it. Each question is put once, and may take long: nobody waits for it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from whenever import Instant

from ringback.domain.hours import CallingWindow
from ringback.domain.window import Zones
from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.windows import window_of

T = TypeVar("T")

_SQL = load("checks")

SETTINGS = (
    "autovacuum",
    "default_transaction_isolation",
    "fsync",
    "full_page_writes",
    "idle_in_transaction_session_timeout",
    "max_connections",
    "reserved_connections",
    "server_version_num",
    "statement_timeout",
    "superuser_reserved_connections",
    "synchronous_commit",
    "track_counts",
    "transaction_timeout",
)
"""Some are newer than the oldest server that we work on."""

SHOWN = 20
"""Of rows that are wrong so many are named; that there are any is enough."""

LONGEST_SEC = 60.0
"""A look, at all calls of a large database too."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who keeps an old state of the database in sight.

    Attributes:
        what: the program and its pid, or the name of a prepared transaction.
        state: such as `idle in transaction`; `prepared`.
        since: from when on.
    """

    what: str
    state: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Server:
    """The PostgreSQL server.

    Attributes:
        settings: by name, as it shows them.
        is_standby: it only follows another server.
        connections: how many clients are connected.
        hidden: how many sessions in our database are of roles whose transactions this one may not see.
        holders: transactions that are older than they should be, of those that it may see.
        idle_slots: replication slots that nobody reads.
    """

    settings: dict[str, str]
    is_standby: bool
    connections: int
    hidden: int
    holders: list[Holder]
    idle_slots: list[str]


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node that has not been explained.

    Attributes:
        name: its own.
        lease_until: how long it may dial.
        ended_at: when another one ended it.
        live: its attempts that have no end.
    """

    name: str
    lease_until: Instant
    ended_at: Instant | None
    live: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody of a campaign who should have been dialled.

    Attributes:
        campaign: its number within its workspace, after that of the workspace.
        name: the campaign's.
        window: its calling window.
        due_at: when the dial was due.
        zones: where the person may be.
        to_number: the person's number.
        region: ISO 3166-2, None where it is not known.
        is_spent: whether the budget of the campaign or its workspace is.
    """

    campaign: tuple[int, int]
    name: str
    window: CallingWindow
    due_at: Instant
    zones: Zones
    to_number: str
    region: str | None
    is_spent: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that should not be as they are.

    Attributes:
        abandoned: live attempts whose node is explained.
        endless: live attempts that are older than any call.
        nowhere: calls that are not over and wait for nothing.
        resurrected: calls that are over and wait.
    """

    abandoned: int
    endless: int
    nowhere: list[UUID]
    resurrected: list[UUID]


@dataclass(frozen=True, slots=True)
class TableState:
    """A table that is written all the time.

    Attributes:
        name: its own.
        live: rows, about.
        dead: row versions that nobody needs and that are still there, about.
        vacuumed_at: when they were last removed.
    """

    name: str
    live: int
    dead: int
    vacuumed_at: Instant | None


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A trunk.

    Attributes:
        name: its own.
        kind: such as simulator.
        settings: as JSON.
    """

    name: str
    kind: str
    settings: str


async def within_a_minute(look: Awaitable[T]) -> T | None:
    """What a look finds; None where it takes longer than a minute, or than the server lets it."""
    try:
        async with asyncio.timeout(LONGEST_SEC):
            return await look
    except (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError):
        return None


async def read_server(db: Connection, older_than: Instant) -> Server:
    """The server, and the transactions on it that began before an instant of its own clock."""
    row = await db.fetchrow(_SQL["server"])
    holders = [Holder(f"{r['program']} (pid {r['pid']})", *r[2:]) for r in await db.fetch(_SQL["holders"], older_than)]
    holders += [
        Holder(r["gid"], "prepared", r["since"]) for r in await db.fetch(_SQL["prepared"]) if r["since"] < older_than
    ]
    slots = [r["name"] for r in await db.fetch(_SQL["slots"])]
    settings = {r["name"]: r["setting"] for r in await db.fetch(_SQL["settings"], list(SETTINGS))}
    return Server(settings, row["is_standby"], row["connections"], row["hidden"], holders, slots)


async def read_nodes(db: Connection) -> list[KnownNode]:
    """The nodes that live or are not explained."""
    return [KnownNode(*row) for row in await db.fetch(_SQL["nodes"])]


async def read_abandoned(db: Connection) -> int:
    """How many live attempts belong to no node that is yet to be explained."""
    count: int = await db.fetchval(_SQL["abandoned"])
    return count


async def read_endless(db: Connection, since: Instant) -> int:
    """How many attempts are live since before then."""
    count: int = await db.fetchval(_SQL["endless"], since)
    return count


async def read_nowhere(db: Connection) -> list[UUID]:
    """Calls that are not over and wait for nothing."""
    return [row["call_id"] for row in await db.fetch(_SQL["nowhere"], SHOWN)]


async def read_resurrected(db: Connection) -> list[UUID]:
    """Calls that are over and wait."""
    return [row["call_id"] for row in await db.fetch(_SQL["resurrected"], SHOWN)]


async def read_tables(db: Connection) -> list[TableState]:
    """The tables that are written all the time."""
    return [TableState(*row) for row in await db.fetch(_SQL["tables"])]


async def read_unlimited(db: Connection) -> list[tuple[str, str]]:
    """Kind and name of what has no row in limits, and so may not be dialled."""
    return [(row["kind"], row["name"]) for row in await db.fetch(_SQL["without_limits"])]


async def read_shut(db: Connection) -> list[tuple[str, str]]:
    """Kind and name of what has a cap of 0 although a campaign runs."""
    return [(row["kind"], row["name"]) for row in await db.fetch(_SQL["shut"])]


async def read_trunks(db: Connection) -> list[TrunkRow]:
    """All trunks."""
    return [TrunkRow(*row) for row in await db.fetch(_SQL["trunks"])]


async def read_overdue(db: Connection, now: Instant, since: Instant) -> list[Waiting]:
    """Those who have waited since then in campaigns of which nobody was dialled meanwhile."""
    rows: list[Any] = await db.fetch(_SQL["overdue"], since, now, SHOWN)
    moving = {}
    for campaign in {(row["workspace_no"], row["campaign_no"]) for row in rows}:
        moving[campaign] = await db.fetchval(_SQL["dialled_since"], *campaign, since)
    return [
        Waiting(
            (row["workspace_no"], row["campaign_no"]),
            row["name"],
            window_of(row),
            row["due_at"],
            tuple(row["zones"]),
            row["to_number"],
            row["region"],
            row["is_spent"],
        )
        for row in rows
        if not moving[row["workspace_no"], row["campaign_no"]]
    ]
