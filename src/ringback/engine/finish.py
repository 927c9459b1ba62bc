"""Finish: complete the campaigns that have nothing left to dial, and end those whose time is over."""

from whenever import Instant, TimeDelta

from ringback.domain.call import CallState
from ringback.engine.node import Node
from ringback.engine.withhold import by_campaign_end, told
from ringback.events import CampaignsFinished
from ringback.store import decisions, finish
from ringback.store.database import Connection
from ringback.store.decisions import Decision

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
            ended = await self._end_waiting(db, now)
            await finish.reopen(db, now - LATELY)
            completed = await finish.complete_empty(db, now)
        if ended < BATCH:
            self._cancelled_since = now - LATELY
        if completed:
            self._node.publish(CampaignsFinished(completed))
        return ended + completed

    async def _end_waiting(self, db: Connection, now: Instant) -> int:
        """End calls whose campaign is over; for those that expire it is a decision, and is written down as one."""
        async with db.transaction():
            ended = await finish.end_waiting(db, now, self._cancelled_since, BATCH)
            expired = [self._decision(call, now) for call in ended if call.how == CallState.EXPIRED]
            if expired:
                await decisions.withhold(db, expired, now)
        if expired:
            self._node.publish(told(expired))
        return len(ended)

    def _decision(self, call: finish.EndedCall, now: Instant) -> Decision:
        why = by_campaign_end(call.ends_at or now)
        return Decision(call.workspace_no, call.call_id, self._node.ids.new(now), call.attempt, why)
