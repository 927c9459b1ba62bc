"""Caller numbers that have caps of their own: whatever is dialled from one of them is bound by its limit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from whenever import Instant

from ringback.domain.limits import LimitKey, LimitKind
from ringback.errors import Conflict
from ringback.store.database import Connection, Record
from ringback.store.limits import lock_limit, set_caps
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("callers")


async def create_caller(
    db: Connection,
    workspace_no: int,
    caller_id: UUID,
    number: str,
    max_concurrent_calls: int | None,
    dials_per_sec: float | None,
    now: Instant,
) -> int:
    """Register a number in E.164, in a transaction; a cap of None is no cap. Returns its number in the store.

    Dials that are claimed from then on are bound, those of calls that wait already among them.

    Raises:
        Conflict: `caller_number_exists`.
    """
    caps = (max_concurrent_calls, dials_per_sec)
    caller_no: int | None = await db.fetchval(_SQL["create_caller"], workspace_no, caller_id, number, now, *caps)
    if caller_no is None:
        raise Conflict("caller_number_exists", f"{number} is a caller number of this workspace already")
    await db.execute(_SQL["bind_waiting"], workspace_no, number, caller_no)
    return caller_no


async def find_caller(db: Connection, workspace_no: int, caller_id: UUID) -> Record | None:
    """The caller number with its caps, None where the workspace has no such number."""
    return await db.fetchrow(_SQL["caller"], workspace_no, caller_id)


async def list_callers(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's caller numbers, newest first."""
    return await read_part(db, _SQL["callers"], _SQL["count_callers"], (workspace_no,), part)


async def change_caller(db: Connection, caller: Record, changes: Mapping[str, Any]) -> Record | None:
    """Change max_concurrent_calls or dials_per_sec, in a transaction; the rest stays. None where it was deleted."""
    key = _limit(caller)
    await lock_limit(db, key)
    current = await find_caller(db, caller["workspace_no"], caller["caller_id"])
    if current is None:
        return None
    now = {**dict(current), **changes}
    await set_caps(db, key, now["max_concurrent_calls"], now["dials_per_sec"])
    return await find_caller(db, caller["workspace_no"], caller["caller_id"])


async def delete_caller(db: Connection, caller: Record, now: Instant) -> bool:
    """Take a number's caps away and it off the list, in a transaction; False where somebody else did.

    Raises:
        Conflict: `caller_number_in_pool`.
    """
    key = _limit(caller)
    await lock_limit(db, key)
    if await db.fetchval(_SQL["in_pool"], caller["workspace_no"], caller["caller_no"]):
        raise Conflict("caller_number_in_pool", f"{caller['number']} is in a caller pool: take it out of that first")
    if await db.fetchval(_SQL["delete_caller"], caller["workspace_no"], caller["caller_no"], now) is None:
        return False
    await set_caps(db, key, None, None)
    return True


def _limit(caller: Record) -> LimitKey:
    return LimitKey(caller["workspace_no"], LimitKind.CALLER, caller["caller_no"])
