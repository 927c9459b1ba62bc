"""Retain: let calls go, or what tells who they were to, once they have been over for as long as they are to be kept."""

from dataclasses import dataclass
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.engine.node import Node
from ringback.events import Retired
from ringback.store import retention
from ringback.store.audit import forget_changes
from ringback.store.database import Connection
from ringback.store.retention import Rule

BATCH = 1_000
BEFORE_ALL = UUID(int=0)
REST = TimeDelta(minutes=10)
"""Between two looks at the calls that have come of age since: they are few."""

ROUND = TimeDelta(hours=24)
"""Between two looks at all that were left: what is kept for days may be kept for another one."""


@dataclass(slots=True)
class _Walk:
    """How far the walk over the calls of a workspace has come, in the order of their making.

    Attributes:
        began_at: when it last set out from the first call that was left.
        after: the last call that was looked at.
        first_left: the first one whose time is yet to come: the next round begins there.
        rests_until: it has come to the calls that are too young, and goes on then; None while it walks.
    """

    began_at: Instant
    after: UUID = BEFORE_ALL
    first_left: UUID | None = None
    rests_until: Instant | None = None


class Retainer:
    """The duty that ends what is kept for a time only. Of the nodes that live the oldest does it for all.

    Where it has come to is in memory only: a node that begins looks at everything once.

    Args:
        node: what the duties share.
        batch: calls that are looked at in one transaction.
    """

    def __init__(self, node: Node, batch: int = BATCH) -> None:
        self._node = node
        self._batch = batch
        self._walks: dict[Rule, _Walk] = {}

    async def run_once(self) -> int:
        """Look at a batch of calls of each workspace that has a rule; returns how many were looked at.

        The audit trail is let go here too, what is too old of it at once.

        0 means that nothing is to be done for now; it is cheap then.
        """
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        async with self._node.database.connection() as db:
            if not await retention.is_eldest(db, self._node.lease.node_no, now):
                self._walks.clear()
                return 0
            rules = await retention.rules(db)
            self._walks = {rule: self._walks.get(rule) or _Walk(now) for rule in rules}
            looked = sum([await self._step(db, rule, walk, now) for rule, walk in self._walks.items()])
            return looked + await forget_changes(db, now, self._batch)

    async def _step(self, db: Connection, rule: Rule, walk: _Walk, now: Instant) -> int:
        if walk.rests_until is not None:
            if now < walk.rests_until:
                return 0
            _set_out(walk, now)
        looked = await retention.retire(db, rule, walk.after, now, self._batch)
        if looked.moved:
            self._node.publish(Retired(rule.workspace_no, looked.moved, rule.mode))
        walk.first_left = walk.first_left or looked.first_left
        walk.after = looked.last or walk.after
        if looked.count < self._batch:
            walk.rests_until = now + REST
        return looked.count


def _set_out(walk: _Walk, now: Instant) -> None:
    """Go on from where it came to; once a day from the first call that was left behind."""
    walk.rests_until = None
    if now < walk.began_at + ROUND:
        return
    walk.began_at = now
    if walk.first_left is not None:
        walk.after, walk.first_left = UUID(int=walk.first_left.int - 1), None
