"""Secrets as they are stored: in the settings of trunks and agents, of pre-dial checks and webhooks, sealed."""

from collections.abc import Callable
from typing import Any

import msgspec

from ringback.errors import SecretKeyError
from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("secrets")
_RESEAL = {"trunk": "reseal_trunk", "agent": "reseal_agent", "workspace": "reseal_check"}
_RESEAL |= {"webhook": "reseal_webhook", "webhook before": "reseal_webhook_before"}


async def reseal(db: Connection, renew: Callable[[Any], Any]) -> tuple[int, int]:
    """Put new seals on secrets that have old ones. Returns how many settings got them, and how many cannot be opened.

    Args:
        db: the store.
        renew: settings, with the secrets in them sealed anew; equal where there is nothing to do. It raises
            SecretKeyError where they cannot be opened.
    """
    renewed = shut = 0
    for row in await db.fetch(_SQL["sealed"]):
        stored = msgspec.json.decode(row["settings"])
        try:
            new = renew(stored)
        except SecretKeyError:
            shut += 1
            continue
        if new != stored:
            written = msgspec.json.encode(new).decode()
            await db.execute(_SQL[_RESEAL[row["kind"]]], row["workspace_no"], row["id"], row["settings"], written)
            renewed += 1
    return renewed, shut
