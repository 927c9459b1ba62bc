"""Retain: let calls go, or what tells who they were to, once they have been over for as long as they are to be kept."""

from dataclasses import dataclass
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.engine.node import Node
from ringback.events import Retired
from ringback.store import retention
from ringback.store.database import Connection
from ringback.store.retention import Rule

BATCH = 1_000
BEFORE_ALL = UUID(int=0)
REST = TimeDelta(minutes=10)
"""Between two walks over the calls of a workspace: what is kept for days may be kept for minutes more."""


@dataclass(slots=True)
class _Walk:
    """How far the walk over the calls of a workspace has come, in the order of their making.

    Attributes:
        after: the last call that was looked at.
        first_left: the first one whose time is yet to come: the next walk begins there.
        moved: how many this walk has deleted or anonymised.
        rests_until: the walk is over, and the next one begins then; None while it goes on.
    """

    after: UUID = BEFORE_ALL
    first_left: UUID | None = None
    moved: int = 0
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
            self._walks = {rule: self._walks.get(rule) or _Walk() for rule in rules}
            return sum([await self._step(db, rule, walk, now) for rule, walk in self._walks.items()])

    async def _step(self, db: Connection, rule: Rule, walk: _Walk, now: Instant) -> int:
        if walk.rests_until is not None:
            if now < walk.rests_until:
                return 0
            walk.rests_until = None
        looked = await retention.retire(db, rule, walk.after, now, self._batch)
        walk.moved += looked.moved
        walk.first_left = walk.first_left or looked.first_left
        walk.after = looked.last or walk.after
        if looked.count < self._batch:
            self._rest(rule, walk, now)
        return looked.count

    def _rest(self, rule: Rule, walk: _Walk, now: Instant) -> None:
        """The walk has come to the calls that are too young: the next one begins with the first that was left."""
        if walk.moved:
            self._node.publish(Retired(rule.workspace_no, walk.moved, rule.mode))
        after = walk.after if walk.first_left is None else UUID(int=walk.first_left.int - 1)
        self._walks[rule] = _Walk(after, rests_until=now + REST)
