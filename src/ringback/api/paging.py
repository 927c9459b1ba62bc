"""Pages and cursors of lists."""

from collections.abc import Callable
from typing import Any

from ringback.api.fields import NOBODY, Field, Fields, identifier, whole
from ringback.errors import Invalid
from ringback.ids import show
from ringback.store.database import Record
from ringback.store.listing import Listing, Part

MOST_PER_PAGE = 100
LAST_PAGE = 1_000_000


def list_fields(prefix: str, **filters: Field) -> Fields:
    """The query of a list: its filters, and which part of it is wanted.

    Args:
        prefix: of its items' ids; a cursor is the id of the last item that was seen.
        filters: the fields that narrow it.
    """
    paging = {
        "page": whole(1, LAST_PAGE),
        "limit": whole(1, MOST_PER_PAGE, default=20),
        "cursor": identifier(prefix),
    }
    return Fields(**filters, **paging)


def part_of(query: dict[str, Any]) -> Part:
    """The part of a list that a query asks for.

    Raises:
        Invalid: page and cursor are both given, or the cursor is none of ours.
    """
    page, limit, cursor = query["page"], query["limit"], query["cursor"]
    if page is not None and cursor is not None:
        raise Invalid(["page and cursor exclude each other; give one of them"])
    if cursor == NOBODY:
        raise Invalid(["cursor must be the next_cursor of an earlier answer"])
    return Part(limit, ((page or 1) - 1) * limit, cursor)


def list_body(
    listing: Listing, query: dict[str, Any], prefix: str, id_column: str, show_row: Callable[[Record], dict[str, Any]]
) -> dict[str, Any]:
    """The answer of a list: its items, where they lie in the whole, and how to go on."""
    limit = query["limit"]
    meta: dict[str, Any] = {"limit": limit}
    if listing.total is not None:
        pages = -(-listing.total // limit)
        meta = {"page": query["page"] or 1, "limit": limit, "total": listing.total, "totalPages": pages}
    meta["next_cursor"] = show(prefix, listing.rows[-1][id_column]) if listing.more else None
    return {"data": [show_row(row) for row in listing.rows], "meta": meta}
