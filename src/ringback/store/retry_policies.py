"""Retry policies that a workspace has named, their versions, and which of them was in force where."""

from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.errors import Conflict
from ringback.ids import CAMPAIGN, show
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("retry_policies")


class Pin(NamedTuple):
    """A version of a named policy."""

    policy_id: UUID
    version: int


async def create_policy(
    db: Connection, workspace_no: int, policy_id: UUID, name: str, retry: str, now: Instant
) -> None:
    """Name a policy; `retry` is what the store keeps of it, as JSON."""
    await db.execute(_SQL["create_policy"], workspace_no, policy_id, name, retry, now)


async def find_policy(db: Connection, workspace_no: int, policy_id: UUID) -> Record | None:
    """The policy with its newest version, None where the workspace has no such policy."""
    return await db.fetchrow(_SQL["policy"], workspace_no, policy_id)


async def list_policies(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's named policies, newest first."""
    return await read_part(db, _SQL["policies"], _SQL["count_policies"], (workspace_no,), part)


async def read_versions(db: Connection, workspace_no: int, policy_id: UUID) -> list[Record]:
    """All versions of a policy, oldest first."""
    return list(await db.fetch(_SQL["versions"], workspace_no, policy_id))


async def pin_policy(db: Connection, workspace_no: int, policy_id: UUID, version: int | None) -> Record | None:
    """A version of a policy, the newest for None, held until the transaction ends; None where there is none."""
    return await db.fetchrow(_SQL["pin"], workspace_no, policy_id, version)


async def lock_policy(db: Connection, workspace_no: int, policy_id: UUID) -> bool:
    """Hold a policy until the transaction ends; False where there is none."""
    return await db.fetchval(_SQL["lock_policy"], workspace_no, policy_id) is not None


async def rename_policy(db: Connection, workspace_no: int, policy_id: UUID, name: str) -> None:
    """Give a policy that is held another name."""
    await db.execute(_SQL["rename_policy"], workspace_no, policy_id, name)


async def add_version(db: Connection, workspace_no: int, policy_id: UUID, retry: str, now: Instant) -> None:
    """Change a policy that is held: a new version, unless it says what the newest one does."""
    await db.execute(_SQL["add_version"], workspace_no, policy_id, retry, now)


async def delete_policy(db: Connection, workspace_no: int, policy_id: UUID) -> None:
    """Delete a policy that is held.

    Raises:
        Conflict: `retry_policy_in_use`: a campaign that is not over goes by it.
    """
    if pins := await db.fetch(_SQL["pinned_by"], workspace_no, policy_id):
        named = ", ".join(show(CAMPAIGN, row["campaign_id"]) for row in pins)
        raise Conflict(
            "retry_policy_in_use", f"campaigns that are not over go by it, such as {named}: give them another one first"
        )
    await db.execute(_SQL["delete_policy"], workspace_no, policy_id)


async def campaign_policies(db: Connection, workspace_no: int, campaign_no: int) -> list[Record]:
    """What has been in force in a campaign, by its own counter."""
    return list(await db.fetch(_SQL["campaign_policies"], workspace_no, campaign_no))


async def policies_of_call(db: Connection, workspace_no: int, call_id: UUID) -> dict[int, Pin]:
    """By attempt, which named policy was in force for it, in its campaign."""
    rows = await db.fetch(_SQL["policies_of_call"], workspace_no, call_id)
    return {row["attempt"]: Pin(row["policy_id"], row["pinned_version"]) for row in rows}
