"""Sweep: delete the recordings of calls that are kept no longer. Each server has its own, and deletes its own."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice

from whenever import Instant, TimeDelta

from ringback.carriers.sip.recording_files import Named, made_before
from ringback.engine.node import Node
from ringback.events import DutyFailed, RecordingsDeleted
from ringback.store import recordings, retention
from ringback.store.retention import Rule

BATCH = 500
"""Files that are looked at for one question to the database."""

REST = TimeDelta(hours=1)
"""Between two looks."""


class Sweeper:
    """The duty that deletes recordings.

    Only those of workspaces that do not keep calls for ever, and only files as old as calls must be to go: whatever
    database this server was given, a recording that may still be wanted stays.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._rests_until = Instant.MIN

    async def run_once(self) -> int:
        """Look at all that are old enough, unless that was done within the hour; returns 0, for a pause."""
        now = self._node.clock.now()
        if now < self._rests_until:
            return 0
        async with self._node.database.connection() as db:
            rules = await retention.rules(db)
        deleted = sum([await self._sweep(rule, now) for rule in rules])
        self._rests_until = now + REST
        if deleted:
            self._node.publish(RecordingsDeleted(deleted))
        return 0

    async def _sweep(self, rule: Rule, now: Instant) -> int:
        files = made_before(self._node.folder, rule.workspace_no, now - TimeDelta(hours=24 * rule.days))
        deleted, faults = 0, list[OSError]()
        while batch := await asyncio.to_thread(_next, files, faults):
            async with self._node.database.connection() as db:
                kept = await recordings.kept_calls(db, rule.workspace_no, [file.call_id for file in batch])
            gone = [file for file in batch if file.call_id not in kept]
            deleted += await asyncio.to_thread(_delete, gone, faults)
        if faults:
            why = f"{len(faults)} times something could not be deleted: {faults[0]}"
            self._node.publish(DutyFailed("sweep", why))
        return deleted


def _next(files: Iterator[Named], faults: list[OSError]) -> list[Named]:
    """Some more, none where folders cannot be looked into."""
    try:
        return list(islice(files, BATCH))
    except OSError as fault:
        faults.append(fault)
        return []


def _delete(files: Sequence[Named], faults: list[OSError]) -> int:
    """Delete what can be; how many."""
    deleted = 0
    for file in files:
        try:
            file.path.unlink(missing_ok=True)
            deleted += 1
        except OSError as fault:
            faults.append(fault)
    return deleted
