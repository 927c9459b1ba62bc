"""Trunks: the ways to place calls."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from whenever import Instant

from ringback.domain.limits import LimitKey, LimitKind
from ringback.store.database import Connection, Record
from ringback.store.limits import lock_limit, set_caps
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("trunks")


async def create_trunk(
    db: Connection,
    workspace_no: int,
    trunk_id: UUID,
    name: str,
    kind: str,
    settings: str,
    billing: str,
    max_concurrent_calls: int | None,
    dials_per_sec: float | None,
    now: Instant,
    lost_call_hold_sec: int | None = None,
) -> int:
    """Make a trunk; `settings` and `billing` are JSON, a cap of None is no cap. Returns its number.

    A call of which nobody knows how it ended keeps its slot for `lost_call_hold_sec`, or until it can no longer be up.
    """
    number: int = await db.fetchval(
        _SQL["create_trunk"],
        workspace_no,
        trunk_id,
        name,
        kind,
        settings,
        billing,
        now,
        max_concurrent_calls,
        dials_per_sec,
        lost_call_hold_sec,
    )
    return number


async def find_trunk(db: Connection, workspace_no: int, trunk_id: UUID) -> Record | None:
    """The trunk with its caps, None where the workspace has no such trunk."""
    return await db.fetchrow(_SQL["trunk"], workspace_no, trunk_id)


async def list_trunks(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's trunks, newest first."""
    return await read_part(db, _SQL["trunks"], _SQL["count_trunks"], (workspace_no,), part)


async def trunks_called(db: Connection, trunk_id: UUID | None, name: str) -> list[Record]:
    """The trunks of this id or name in all workspaces of this installation; for its operator alone."""
    rows: list[Record] = await db.fetch(_SQL["trunks_called"], trunk_id, name)
    return rows


async def change_trunk(db: Connection, trunk: Record, changes: Mapping[str, Any]) -> Record | None:
    """Change what is named, in a transaction; the rest stays.

    Args:
        db: within a transaction.
        trunk: which.
        changes: name, billing (JSON), max_concurrent_calls, dials_per_sec or lost_call_hold_sec.
    """
    workspace_no, trunk_no = trunk["workspace_no"], trunk["trunk_no"]
    key = LimitKey(workspace_no, LimitKind.TRUNK, trunk_no)
    await lock_limit(db, key)
    now = {**dict(await find_trunk(db, workspace_no, trunk["trunk_id"]) or trunk), **changes}
    columns = (now["name"], now["billing"], now["lost_call_hold_sec"])
    await db.execute(_SQL["change_trunk"], workspace_no, trunk_no, *columns)
    await set_caps(db, key, now["max_concurrent_calls"], now["dials_per_sec"])
    return await find_trunk(db, workspace_no, trunk["trunk_id"])
