"""The ledgers: what is to be entered, the blocks of entries, and the checkpoints. Nothing here changes an entry."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.queries import load, schema_version
from ringback.store.queue import columns

_SQL = load("ledger")

BLOCKS_AT_ONCE = 20


class Block(NamedTuple):
    """Entries that are written together.

    Attributes:
        workspace_no: whose.
        first_no: the number of the first.
        entries: how many.
        prev: the hash of the entry before the first.
        bodies: their bodies, a line each, compressed.
        head: the hash of the last.
        peaks: of the tree that the ledger is with them.
    """

    workspace_no: int
    first_no: int
    entries: int
    prev: bytes
    bodies: bytes
    head: bytes
    peaks: bytes


class Checkpoint(NamedTuple):
    """What was signed, in the order of the statement."""

    workspace_no: int
    entries: int
    made_at: Instant
    head: bytes
    root: bytes
    public_key: bytes
    signature: bytes


class Opening(NamedTuple):
    """What an attempt's commitments hide."""

    salt: UUID
    to_number: str
    from_number: str | None


async def is_only_writer(db: Connection) -> bool:
    """Whether nobody else writes into the ledgers until this transaction ends; it does not wait for that."""
    alone: bool = await db.fetchval(_SQL["only_writer"])
    return alone


async def take(db: Connection, limit: int) -> list[Record]:
    """Take what is to be entered, as bodies, by workspace; for the only writer."""
    return list(await db.fetch(_SQL["take"], limit))


async def take_ready(db: Connection, limit: int) -> list[Record]:
    """Take bodies that were made before, in lots, by workspace, until they are so many; for the only writer."""
    return list(await db.fetch(_SQL["take_ready"], limit))


async def gather(db: Connection, now: Instant, limit: int) -> int | None:
    """Have entered what older releases ended, a batch of attempts at a time.

    Returns:
        how many were looked at, 0 while a node of an older release lives; None once all were.
    """
    if await db.fetchval(_SQL["is_gathered"]):
        return None
    looked: int = await db.fetchval(_SQL["gather"], schema_version(), limit, now)
    return looked


async def come_to(db: Connection, workspaces: Sequence[int]) -> dict[int, Record]:
    """Where ledgers have come to, by workspace; those that have entries."""
    return {row["workspace_no"]: row for row in await db.fetch(_SQL["come_to"], list(workspaces))}


async def append(db: Connection, blocks: Sequence[Block], now: Instant) -> None:
    """Write blocks, one a ledger at most; for the only writer."""
    await db.execute(_SQL["append"], *columns(blocks), now)


async def unsigned(db: Connection) -> list[Record]:
    """The ledgers that have more entries than were signed."""
    return list(await db.fetch(_SQL["unsigned"]))


async def keep_checkpoint(db: Connection, checkpoint: Checkpoint) -> None:
    """Keep what was signed."""
    await db.execute(_SQL["keep_checkpoint"], *checkpoint)


async def standing(db: Connection, workspace_no: int) -> Record | None:
    """How a ledger stands, with its last checkpoint; None where it has no entry."""
    return await db.fetchrow(_SQL["standing"], workspace_no)


async def waiting(db: Connection, workspace_no: int) -> Record:
    """How much waits to be entered, and since when the oldest is over."""
    return await db.fetchrow(_SQL["waiting"], workspace_no)


async def signers(db: Connection, workspace_no: int) -> list[bytes]:
    """The keys that signed a ledger, the last one first."""
    return [row["public_key"] for row in await db.fetch(_SQL["signers"], workspace_no)]


async def blocks(db: Connection, workspace_no: int) -> AsyncIterator[Record]:
    """All blocks of a ledger, in order."""
    after = 0
    while rows := await db.fetch(_SQL["blocks"], workspace_no, after, BLOCKS_AT_ONCE):
        for row in rows:
            yield row
        after = rows[-1]["first_no"]


async def openings(
    db: Connection, workspace_no: int, keys: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Opening]:
    """What the commitments of attempts hide, by call and ordinal; those that were erased are not in it."""
    rows = await db.fetch(_SQL["openings"], workspace_no, *columns(keys, width=2))
    return {
        (row["call_id"], row["attempt"]): Opening(row["ledger_salt"], row["to_number"], row["from_number"])
        for row in rows
    }


async def calls_to(db: Connection, workspace_no: int, number: str) -> set[UUID]:
    """The calls of a workspace to a number."""
    return {row["call_id"] for row in await db.fetch(_SQL["calls_to"], workspace_no, number)}


async def workspaces(db: Connection) -> list[Record]:
    """All workspaces of the installation."""
    return list(await db.fetch(_SQL["workspaces"]))
