"""Webhooks as their owners see them; what waits for them is sent by outbox.py."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("webhooks")


class WebhookPlan(NamedTuple):
    """What its owner says of a webhook.

    Attributes:
        url: where it leads.
        name: what it is called.
        events: what it is told of.
    """

    url: str
    name: str
    events: Sequence[str]


async def create_webhook(
    db: Connection, workspace_no: int, webhook_id: UUID, plan: WebhookPlan, sealed: Any, most: int, now: Instant
) -> bool:
    """Have a workspace told of events from now on; False where it has as many webhooks as it may have.

    Args:
        db: a connection, in a transaction.
        workspace_no: the tenant.
        webhook_id: its id.
        plan: what it is told, and where.
        sealed: the secret that events are signed by, as it is stored.
        most: webhooks of a workspace.
        now: when.
    """
    await db.execute(_SQL["hold_workspace"], workspace_no)
    wanted = (plan.url, plan.name, list(plan.events), msgspec.json.encode(sealed).decode())
    return await db.fetchval(_SQL["create_webhook"], workspace_no, webhook_id, *wanted, now, most) is not None


async def find_webhook(db: Connection, workspace_no: int, webhook_id: UUID) -> Record | None:
    """The webhook, None where the workspace has none of that id."""
    return await db.fetchrow(_SQL["webhook"], workspace_no, webhook_id)


async def hold_webhook(db: Connection, workspace_no: int, webhook_id: UUID) -> Record | None:
    """The same, held until the transaction ends."""
    return await db.fetchrow(_SQL["hold_webhook"], workspace_no, webhook_id)


async def list_webhooks(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The webhooks of a workspace, newest first."""
    return await read_part(db, _SQL["webhooks"], _SQL["count_webhooks"], (workspace_no,), part)


async def change_webhook(
    db: Connection, workspace_no: int, webhook_no: int, plan: WebhookPlan, now: Instant, *, enabled: bool
) -> None:
    """Change a webhook; one that is switched on has what waits for it sent."""
    wanted = (plan.url, plan.name, list(plan.events))
    await db.execute(_SQL["change_webhook"], workspace_no, webhook_no, *wanted, enabled, now)


async def rotate_secret(db: Connection, workspace_no: int, webhook_no: int, sealed: Any, before_until: Instant) -> None:
    """Sign by another secret, and until then by the one before too."""
    await db.execute(
        _SQL["rotate_secret"], workspace_no, webhook_no, msgspec.json.encode(sealed).decode(), before_until
    )


async def delete_webhook(db: Connection, workspace_no: int, webhook_id: UUID) -> bool:
    """Tell it nothing more, whatever waits; False where the workspace has none of that id."""
    return await db.fetchval(_SQL["delete_webhook"], workspace_no, webhook_id) is not None


async def ping(db: Connection, workspace_no: int, webhook_id: UUID, now: Instant) -> UUID | None:
    """Have a webhook tried out; returns the event's id, None where the workspace has no such webhook."""
    event_id: UUID | None = await db.fetchval(_SQL["ping"], workspace_no, webhook_id, now)
    return event_id


Place = tuple[Instant, int]
"""(due_at, event_no): how far what waits was read."""

START: Place = (Instant.MIN, 0)


async def waiting(db: Connection, workspace_no: int, webhook_no: int, after: Place, limit: int) -> list[Record]:
    """What waits for a webhook, from a place on."""
    return list(await db.fetch(_SQL["waiting"], workspace_no, webhook_no, *after, limit))


async def dead(db: Connection, workspace_no: int, webhook_no: int, after: UUID | None, limit: int) -> list[Record]:
    """The dead letters of a webhook, from an event on."""
    return list(await db.fetch(_SQL["dead"], workspace_no, webhook_no, after, limit))


async def revive(
    db: Connection, workspace_no: int, webhook_no: int, event_ids: Sequence[UUID] | None, now: Instant, most: int
) -> int:
    """Have dead letters sent again, those that are named or all; returns how many, at most so many."""
    ids = None if event_ids is None else list(event_ids)
    done: str = await db.execute(_SQL["revive"], workspace_no, webhook_no, now, ids, most)
    return int(done.rpartition(" ")[2])
