"""Finish: complete the campaigns that have nothing left to dial, and end those whose time is over."""

from whenever import Instant, TimeDelta

from ringback.engine.node import Node
from ringback.events import CampaignsFinished
from ringback.store import finish

BATCH = 5_000

LATELY = TimeDelta(hours=1)
"""For so long after it was cancelled a campaign is looked at for calls that came back; by a new node, once, always."""


class Finisher:
    """The duty that closes campaigns.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cancelled_since = Instant.MIN

    async def run_once(self) -> int:
        """End what waits in campaigns that are over, then complete the empty ones; returns how much it moved."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        async with self._node.database.connection() as db:
            ended = await finish.end_waiting(db, now, self._cancelled_since, BATCH)
            completed = await finish.complete_empty(db, now)
        if ended < BATCH:
            self._cancelled_since = now - LATELY
        if completed:
            self._node.publish(CampaignsFinished(completed))
        return ended + completed
