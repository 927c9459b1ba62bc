"""Append: what ended becomes entries."""

import asyncio
import zlib
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from whenever import Instant

from ringback.domain.ledger import Written, genesis, write
from ringback.domain.merkle import Peaks
from ringback.store import ledger
from ringback.store.database import Connection, Record
from ringback.store.ledger import Block

LEVEL = 1
"""Of compression: half a second of a core for a million entries, and a fifth of their size."""


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
    theirs = {key: list(group) for key, group in groupby(rows, key=itemgetter("workspace_no", "workspace_id"))}
    so_far = await ledger.come_to(db, [workspace_no for workspace_no, _ in theirs])
    blocks = []
    for (workspace_no, workspace_id), group in theirs.items():
        bodies = [row["body"] for row in group]
        before = stand(workspace_id, so_far.get(workspace_no))
        # a thread of its own: compressing lets the loop go on
        packed = await asyncio.to_thread(pack, bodies)
        blocks.append(_block(workspace_no, before, bodies, packed, now))
    await ledger.append(db, blocks, now)
    return len(rows)


def stand(workspace_id: UUID, row: Record | None) -> Written:
    """Where a ledger has come to, by its row; None where it has no entry."""
    if row is None:
        return Written(genesis(workspace_id), Peaks())
    return Written(row["head"], Peaks.unpack(row["entries"], row["peaks"]))


def pack(bodies: Sequence[str]) -> bytes:
    """Bodies as they are kept: a line each, compressed. JSON in canonical form has no line's end in it."""
    return zlib.compress("\n".join(bodies).encode(), LEVEL)


def unpack(packed: bytes) -> list[str]:
    """The bodies that `pack` was given.

    Raises:
        zlib.error: it is damaged.
    """
    return zlib.decompress(packed).decode().split("\n")


def show_instant(at: Instant) -> str:
    """A time as it stands in entries and checkpoints: RFC 3339 in UTC with milliseconds."""
    return at.format_iso(unit="millisecond")


def _block(workspace_no: int, before: Written, bodies: Sequence[str], packed: bytes, now: Instant) -> Block:
    first_no, prev = before.peaks.size + 1, before.head
    after = write(before, bodies, show_instant(now))
    return Block(workspace_no, first_no, len(bodies), prev, packed, after.head, after.peaks.pack())
