"""Append: what ended becomes entries."""

import asyncio
from uuid import UUID

from isal import isal_zlib
from whenever import Instant

from ringback.domain.ledger import Written, genesis, write
from ringback.domain.merkle import Peaks
from ringback.store import ledger
from ringback.store.database import Connection, Record
from ringback.store.ledger import Block

LEVEL = 1
"""Of compression: a second of a core for a million entries, and a fifth of their size."""


async def append(db: Connection, now: Instant, limit: int) -> int:
    """Enter what is to be entered, at most so much; returns how much. One transaction, for the only writer.

    Args:
        db: a connection within a transaction that is the only writer.
        now: when the entries are written.
        limit: entries at most.
    """
    rows = await ledger.take(db, limit)
    if not rows:
        return 0
    so_far = await ledger.come_to(db, [row["workspace_no"] for row in rows])
    blocks = []
    for row in rows:
        before = stand(row["workspace_id"], so_far.get(row["workspace_no"]))
        # a thread of its own: compressing and hashing let the loop go on
        blocks.append(await asyncio.to_thread(_block, row, before, now))
    await ledger.append(db, blocks, now)
    return sum(row["entries"] for row in rows)


def stand(workspace_id: UUID, row: Record | None) -> Written:
    """Where a ledger has come to, by its row; None where it has no entry."""
    if row is None:
        return Written(genesis(workspace_id), Peaks())
    return Written(row["head"], Peaks.unpack(row["entries"], row["peaks"]))


def pack(bodies: bytes) -> bytes:
    """Bodies as they are kept: a line each, compressed. JSON in canonical form has no line's end in it."""
    return isal_zlib.compress(bodies, LEVEL)


def unpack(packed: bytes) -> list[bytes]:
    """The bodies that `pack` was given.

    Raises:
        isal_zlib.error: it is damaged.
    """
    return isal_zlib.decompress(packed).split(b"\n")


def show_instant(at: Instant) -> str:
    """A time as it stands in entries and checkpoints: RFC 3339 in UTC with milliseconds."""
    return at.format_iso(unit="millisecond")


def _block(row: Record, before: Written, now: Instant) -> Block:
    first_no, prev = before.peaks.size + 1, before.head
    after = write(before, row["bodies"].split(b"\n"), show_instant(now))
    packed = pack(row["bodies"])
    return Block(row["workspace_no"], first_no, row["entries"], prev, packed, after.head, after.peaks.pack())
