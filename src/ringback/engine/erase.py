"""Erase: go on with erasures that waited for calls to end, and delete the recordings of what was erased."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from whenever import Instant, TimeDelta

from ringback.carriers.sip.recording_files import find
from ringback.engine.node import Node
from ringback.events import DutyFailed, RecordingsDeleted
from ringback.store import erasures
from ringback.store.database import Record

AGAIN = TimeDelta(minutes=10)
"""A recording may be closed a moment after its call is over, and clocks are apart: each erasure is looked at twice."""


class Eraser:
    """The duty that ends erasures. Each server has recordings of its own, and deletes its own.

    Where it has come to is in memory only: a node that begins looks at all that was ever erased, once.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._looked_at = Instant.MIN

    async def run_once(self) -> int:
        """Erase what is over by now; returns 0, for a pause."""
        now = self._node.clock.now()
        async with self._node.database.transaction() as db:
            await erasures.go_on(db, self._node.ids, now)
        since = self._looked_at if self._looked_at == Instant.MIN else self._looked_at - AGAIN
        async with self._node.database.connection() as db:
            attempts = await erasures.erased_since(db, since)
        self._looked_at = now
        deleted, faults = await asyncio.to_thread(_delete, self._node.folder, attempts)
        if deleted:
            self._node.publish(RecordingsDeleted(deleted))
        if faults:
            self._looked_at = since
            self._node.publish(DutyFailed("erase", f"{faults} recordings could not be deleted; they are tried again"))
        return 0


def _delete(folder: Path, attempts: Sequence[Record]) -> tuple[int, int]:
    deleted = faults = 0
    for row in attempts:
        found = find(folder, row["workspace_no"], row["call_id"], row["attempt"], row["attempt_id"])
        if found is None:
            continue
        try:
            found[0].unlink(missing_ok=True)
            deleted += 1
        except OSError:
            faults += 1
    return deleted, faults
