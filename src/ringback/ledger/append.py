"""Append: what ended becomes entries."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple
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


class _Lot(NamedTuple):
    """Entries of a workspace that are written together, from one or several lots of bodies.

    Attributes:
        workspace_id: whose.
        entries: how many.
        packed: bodies that were made when their attempts ended, lot by lot.
        bodies: those that were made of rows.
    """

    workspace_id: UUID
    entries: int
    packed: list[bytes]
    bodies: list[bytes]


async def append(db: Connection, now: Instant, limit: int) -> int:
    """Enter what is to be entered, about so much at most; returns how much. One transaction, for the only writer.

    Args:
        db: a connection within a transaction that is the only writer.
        now: when the entries are written.
        limit: no more is taken once there are so many of a kind.
    """
    lots = _lots(await ledger.take_ready(db, limit), await ledger.take(db, limit))
    if not lots:
        return 0
    so_far = await ledger.come_to(db, list(lots))
    blocks = []
    for workspace_no, lot in lots.items():
        before = stand(lot.workspace_id, so_far.get(workspace_no))
        # a thread of its own: compressing and hashing let the loop go on
        blocks.append(await asyncio.to_thread(_block, workspace_no, lot, before, now))
    await ledger.append(db, blocks, now)
    return sum(lot.entries for lot in lots.values())


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


def _lots(ready: Iterable[Record], made: Iterable[Record]) -> dict[int, _Lot]:
    """What was taken, by workspace."""
    lots: dict[int, _Lot] = {}
    for rows, is_ready in ((ready, True), (made, False)):
        for row in rows:
            lot = lots.get(row["workspace_no"]) or _Lot(row["workspace_id"], 0, [], [])
            (lot.packed if is_ready else lot.bodies).append(row["bodies"])
            lots[row["workspace_no"]] = lot._replace(entries=lot.entries + row["entries"])
    return lots


def _block(workspace_no: int, lot: _Lot, before: Written, now: Instant) -> Block:
    first_no, prev = before.peaks.size + 1, before.head
    bodies = b"\n".join((*map(isal_zlib.decompress, lot.packed), *lot.bodies))
    after = write(before, bodies.split(b"\n"), show_instant(now))
    [packed] = lot.packed if len(lot.packed) == 1 and not lot.bodies else [pack(bodies)]
    return Block(workspace_no, first_no, lot.entries, prev, packed, after.head, after.peaks.pack())
