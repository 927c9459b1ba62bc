"""Status: how a workspace's ledger stands."""

from typing import Any

from whenever import Instant

from ringback.ledger.append import show_instant
from ringback.ledger.key import fingerprint
from ringback.store import ledger
from ringback.store.database import Connection, Record


async def status_of(db: Connection, workspace_no: int, now: Instant) -> dict[str, Any]:
    """How many entries it has, how far behind it is, and what was signed last.

    Args:
        db: a connection.
        workspace_no: whose.
        now: by which it is behind.
    """
    row, waits = await ledger.standing(db, workspace_no), await ledger.waiting(db, workspace_no)
    return {
        "entries": row["entries"] if row else 0,
        "written_at": show_instant(row["written_at"]) if row else None,
        "waiting": waits["attempts"],
        "behind_sec": _behind_sec(waits, now),
        "checkpoint": _checkpoint(row) if row and row["made_at"] else None,
        "keys": [fingerprint(key) for key in await ledger.signers(db, workspace_no)],
    }


def _behind_sec(waits: Record, now: Instant) -> int:
    return 0 if waits["since"] is None else max(int((now - waits["since"]).total("seconds")), 0)


def _checkpoint(row: Record) -> dict[str, Any]:
    return {
        "entries": row["signed"],
        "made_at": show_instant(row["made_at"]),
        "root": row["root"].hex(),
        "key": fingerprint(row["public_key"]),
    }
