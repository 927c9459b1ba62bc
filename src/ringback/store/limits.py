"""Caps as their owner sets them. The engine's own use of them is in queue.py."""

from ringback.domain.limits import LimitKey
from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("limits")


async def lock_limit(db: Connection, key: LimitKey) -> None:
    """Hold a limit until the transaction ends: until then no dial that it binds is claimed.

    Lock it before the row of its campaign, trunk or workspace, as everybody does.
    """
    await db.execute(_SQL["lock_limit"], key.workspace_no, key.kind, key.ref_no)


async def set_caps(
    db: Connection, key: LimitKey, max_concurrent_calls: int | None, dials_per_sec: float | None
) -> None:
    """Change a limit; None is no cap."""
    await db.execute(_SQL["set_caps"], key.workspace_no, key.kind, key.ref_no, max_concurrent_calls, dials_per_sec)
