"""Caps as their owner sets them. What the nodes make of them is in grants.py."""

from ringback.domain.limits import LimitKey
from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("limits")


async def lock_limit(db: Connection, key: LimitKey) -> None:
    """Hold a limit until the transaction ends: two owners who change a part of it do so one after the other."""
    await db.execute(_SQL["lock_limit"], key.workspace_no, key.kind, key.ref_no)


async def set_caps(
    db: Connection, key: LimitKey, max_concurrent_calls: int | None, dials_per_sec: float | None
) -> None:
    """Change a limit; None is no cap. A node that claims after this is committed goes by it."""
    await db.execute(_SQL["set_caps"], key.workspace_no, key.kind, key.ref_no, max_concurrent_calls, dials_per_sec)
