"""Workspaces: the tenants."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.limits import LimitKey, LimitKind
from ringback.store.database import Connection, Record
from ringback.store.limits import lock_limit, set_caps
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load
from ringback.store.rule_packs import give_purpose, rule_workspace

_SQL = load("workspaces")


class Retention(NamedTuple):
    """How long a workspace keeps calls that are over.

    Attributes:
        days: after a call's end; None for ever.
        mode: what becomes of it then: `delete` or `anonymise`.
    """

    days: int | None
    mode: str = "delete"


async def create_workspace(
    db: Connection, workspace_id: UUID, name: str, max_concurrent_calls: int | None, now: Instant
) -> int:
    """Make a workspace; None is no cap. Returns its number."""
    number: int = await db.fetchval(_SQL["create_workspace"], workspace_id, name, now, max_concurrent_calls)
    return number


async def find_workspace(db: Connection, workspace_no: int) -> Record:
    """The workspace with its cap."""
    return await db.fetchrow(_SQL["workspace"], workspace_no)


async def change_workspace(db: Connection, workspace_no: int, changes: Mapping[str, Any]) -> Record:
    """Change what is given, in a transaction; the rest stays. Returns it as it is then."""
    key = LimitKey(workspace_no, LimitKind.WORKSPACE, 0)
    await lock_limit(db, key)
    if "name" in changes:
        await db.execute(_SQL["rename_workspace"], workspace_no, changes["name"])
    if "max_concurrent_calls" in changes:
        await set_caps(db, key, changes["max_concurrent_calls"], None)
    if "retention" in changes:
        kept: Retention = changes["retention"]
        await db.execute(_SQL["keep_calls_for"], workspace_no, kept.days, kept.mode)
    if "rule_packs" in changes:
        await rule_workspace(db, workspace_no, changes["rule_packs"])
    if "purpose" in changes:
        await give_purpose(db, workspace_no, changes["purpose"])
    if "timezone" in changes:
        await db.execute(_SQL["set_timezone"], workspace_no, changes["timezone"])
    if "requests_per_min" in changes:
        await db.execute(_SQL["set_requests"], workspace_no, changes["requests_per_min"])
    return await find_workspace(db, workspace_no)


async def hold_timezone(db: Connection, workspace_no: int) -> str | None:
    """The workspace's time zone, which stays so until this transaction is over; None is none."""
    zone: str | None = await db.fetchval(_SQL["hold_timezone"], workspace_no)
    return zone


async def settle_in_zone(db: Connection, workspace_no: int, zone_set_no: int, now: Instant) -> None:
    """Take those of a workspace's leads who wait without a known zone to be in that one from now on."""
    await db.execute(_SQL["settle_in_zone"], workspace_no, zone_set_no, now)


async def workspace_names(db: Connection) -> list[str]:
    """The names of all workspaces of this installation; for its operator alone."""
    return [row["name"] for row in await db.fetch(_SQL["workspace_names"])]


async def list_workspaces(db: Connection, part: Part) -> Listing:
    """All workspaces of this installation, newest first; for its operator alone."""
    return await read_part(db, _SQL["workspaces"], _SQL["count_workspaces"], (), part)
