"""Rescue: explain the attempts that a dead node left behind, so that no row stays where only it could move it."""

from collections.abc import AsyncIterator

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Dial, Ended, NeverPlaced, Over, Unknown
from ringback.domain.billing import Billing
from ringback.domain.outcome import EndReason
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.plan import DialPlan
from ringback.engine.settle import settle_as
from ringback.events import Rescued
from ringback.store import attempts
from ringback.store.attempts import Result, Withdrawal
from ringback.store.database import Connection, Record

BATCH = 500

DOUBT_LASTS = TimeDelta(minutes=5)
"""A commit that was cut off may still come about on the server: longer than any statement may run."""


class Rescuer:
    """The duty that explains attempts that no living node answers for.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    async def run_once(self) -> int:
        """Explain a batch of orphans; returns how many were settled or taken back."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        doubtful = frozenset(self._node.hand.doubtful_claims)
        async with self._node.database.connection() as db:
            rows = await attempts.orphans(db, now, self._node.lease.node_no, sorted(doubtful), BATCH)
            fates = [fate async for fate in self._fates(db, rows, now)]
            results = [fate for fate in fates if isinstance(fate, Result)]
            withdrawals = [fate for fate in fates if isinstance(fate, Withdrawal)]
            if results:
                await attempts.settle(db, results)
            if withdrawals:
                await attempts.withdraw(db, withdrawals, now)
        if len(rows) < BATCH:
            self._node.hand.doubtful_claims -= {at for at in doubtful if at < now - DOUBT_LASTS}
        if fates:
            self._node.hand.room.set()
            unknown = sum(result.end_reason == EndReason.OUTCOME_UNKNOWN for result in results)
            still_up = len(rows) - len(fates)
            self._node.publish(Rescued(len(withdrawals), len(results) - unknown, unknown, still_up))
        return len(fates)

    async def _fates(self, db: Connection, rows: list[Record], now: Instant) -> AsyncIterator[Result | Withdrawal]:
        """What is to be written for each orphan; nothing for one that is still up, or whose trunk may yet tell."""
        await self._node.plans.learn_zones(db, {row["zone_set_no"] for row in rows})
        for row in rows:
            if row["attempt_id"] in self._node.hand.live:
                continue
            if row["node_no"] == self._node.lease.node_no:
                yield _withdrawal(row)  # a claim in doubt: this node knows that it placed none of it
                continue
            trunk = self._node.trunks.refresh((row["workspace_no"], row["trunk_no"]), row)
            if trunk is None:
                continue
            orphan = _orphan(row, self._node.plans.orphan_plan(row), trunk.billing)
            match await trunk.carrier.look_up(orphan.dial):
                case NeverPlaced():
                    yield _withdrawal(row)
                case Over(placed_at=placed_at, ended=ended):
                    orphan.called_at = placed_at
                    yield settle_as(orphan, ended, self._node.chance.random())
                case Unknown():
                    lost = Ended(orphan.dial.attempt_id, now, EndReason.OUTCOME_UNKNOWN)
                    yield settle_as(orphan, lost, self._node.chance.random())


def _withdrawal(row: Record) -> Withdrawal:
    key = (row["workspace_no"], row["call_id"], row["attempt"], row["attempt_id"])
    return Withdrawal(*key, _lane_trunk_no(row))


def _lane_trunk_no(row: Record) -> int:
    return 0 if row["campaign_no"] else row["trunk_no"]


def _orphan(row: Record, plan: DialPlan, billing: Billing) -> LiveAttempt:
    zones = plan.bounds.zones
    return LiveAttempt(
        key=(row["workspace_no"], row["call_id"], row["attempt"]),
        node_no=row["node_no"],
        dial=Dial(row["attempt_id"], row["call_id"], row["attempt"], row["to_number"], row["from_number"], zones),
        campaign_no=row["campaign_no"],
        lane_trunk_no=_lane_trunk_no(row),
        trunk=(row["workspace_no"], row["trunk_no"]),
        policy=plan.policy,
        policy_version=plan.policy_version,
        bounds=plan.bounds,
        billing=billing,
        place_at=row["intent_at"],
        called_at=row["called_at"],
    )
