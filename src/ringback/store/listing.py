"""Parts of long lists, newest first: by page, or from the item after which the reader goes on."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from ringback.store.database import Connection, Record


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is wanted.

    Attributes:
        limit: items at most.
        offset: items to leave out.
        before: only items with a smaller id, which are older; its cost does not grow with depth.
    """

    limit: int
    offset: int = 0
    before: UUID | None = None


class Listing(NamedTuple):
    """A part of a list.

    Attributes:
        rows: the items.
        more: whether there are older ones.
        total: items in the whole list, None where the reader goes on from an item.
    """

    rows: list[Record]
    more: bool
    total: int | None


async def read_part(db: Connection, find: str, count: str, wanted: tuple[object, ...], part: Part) -> Listing:
    """Run a list's two statements.

    Args:
        db: a connection.
        find: takes `wanted`, then before, limit and offset.
        count: takes `wanted`; not run where the reader goes on from an item.
        wanted: the workspace and the filters.
        part: which part.
    """
    rows = await db.fetch(find, *wanted, part.before, part.limit + 1, part.offset)
    total = None if part.before else await db.fetchval(count, *wanted)
    return Listing(rows[: part.limit], len(rows) > part.limit, total)
