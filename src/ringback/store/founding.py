"""A new workspace with its first keys."""

import random
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.errors import Conflict
from ringback.ids import Ids
from ringback.store.database import Connection
from ringback.store.keys import Scope, create_key, make_secret
from ringback.store.queries import load
from ringback.store.workspaces import create_workspace, workspace_names

_SQL = load("founding")

DEFAULT_CAP = 500
"""Concurrent calls of a new workspace."""


class Founded(NamedTuple):
    """A workspace that was made. The secrets are in no other place.

    Attributes:
        workspace_no: its number.
        workspace_id: its id.
        live_key: the secret of a key with `admin`.
        test_key: of one for simulator trunks alone.
    """

    workspace_no: int
    workspace_id: UUID
    live_key: str
    test_key: str


async def found_workspace(
    db: Connection, name: str, cap: int | None, ids: Ids, chance: random.Random, now: Instant
) -> Founded:
    """Make a workspace, in a transaction.

    Args:
        db: in that transaction.
        name: no other workspace may have it.
        cap: its concurrent calls, None for no cap.
        ids: makes its id and those of its keys.
        chance: where their secrets come from.
        now: when.

    Raises:
        Conflict: `workspace_exists`.
    """
    await db.execute(_SQL["hold_names"])
    if name in await workspace_names(db):
        remedy = "give another name, to `ringback init` by --workspace NAME"
        raise Conflict("workspace_exists", f"there is a workspace {name} already: {remedy}")
    workspace_id = ids.new(now)
    workspace_no = await create_workspace(db, workspace_id, name, cap, now)
    live, test = (make_secret(ids.new(now), is_live, chance) for is_live in (True, False))
    for secret, kind in ((live, "live"), (test, "test")):
        await create_key(db, workspace_no, secret, f"first {kind} key", [Scope.ADMIN], now)
    return Founded(workspace_no, workspace_id, live.text, test.text)


async def is_operators(db: Connection, workspace_no: int) -> bool:
    """Whether a workspace is the operator's: the first of the installation."""
    first: bool = await db.fetchval(_SQL["is_first"], workspace_no)
    return first
