"""Read: the entries of a ledger, byte for byte as they were when they were chained."""

from collections.abc import AsyncIterator, Iterator

from ringback.domain.ledger import entry_hash, entry_line
from ringback.ledger.append import show_instant, unpack
from ringback.store import ledger
from ringback.store.database import Connection, Record


async def entries_of(db: Connection, workspace_no: int) -> AsyncIterator[bytes]:
    """All entries of a ledger, in order, without an end of line."""
    async for block in ledger.blocks(db, workspace_no):
        for line in _entries(block):
            yield line


def _entries(block: Record) -> Iterator[bytes]:
    previous, written_at = block["prev"], show_instant(block["written_at"])
    for number, body in enumerate(unpack(block["bodies"]), block["first_no"]):
        line = entry_line(body, number, previous, written_at)
        previous = entry_hash(line)
        yield line
