"""Rescue: explain the attempts that a dead node left behind, so that no row stays where only it could move it."""

from collections.abc import AsyncIterator
from typing import TypeAlias

from whenever import Instant

from ringback.carriers.carrier import Dial, Ended, NeverPlaced, Over, Unknown
from ringback.domain.limits import LaneKey
from ringback.domain.outcome import EndReason
from ringback.engine.inquire import Inquirer
from ringback.engine.last_word import end_attempts
from ringback.engine.live import LiveAttempt, Route
from ringback.engine.look_back import learn_earlier_dials
from ringback.engine.node import Node
from ringback.engine.plan import DialPlan
from ringback.engine.settle import settle_as
from ringback.engine.trunks import Trunk
from ringback.events import NodeEnded, NodesExplained, Rescued
from ringback.store import attempts, nodes, queue
from ringback.store.attempts import Result, Withdrawal
from ringback.store.database import Connection, Record

BATCH = 500

IN_PROGRESS = "in progress"

Fate: TypeAlias = tuple[LiveAttempt, Result] | Withdrawal
"""What is to be written for an orphan: how it ended, or that it never was placed."""


class Rescuer:
    """The duty that explains attempts that no living node answers for.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._read_to = attempts.START
        self._inquirer = Inquirer()

    async def run_once(self) -> int:
        """End the nodes whose lease is over and explain a batch of what they left; returns how much was explained."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        async with self._node.database.connection() as db:
            taken_back = await self._clear_doubts(db, now)
            for node_no, name in await nodes.end_expired(db, now):
                self._node.publish(NodeEnded(node_no, name))
            ended = await nodes.unexplained(db)
            if not ended:
                return taken_back
            explained = await self._explain(db, ended, now)
            if closed := await nodes.explain(db, now):
                self._node.publish(NodesExplained(closed))
        return taken_back + explained

    async def hand_over(self) -> None:
        """End this node, whose lease is given up, and no other: others get its permits at once.

        Raises:
            ClockSkewed: the clock is wrong, and by it more would be given back than is free: others do it.
        """
        lease = self._node.lease
        async with self._node.database.connection() as db:
            await nodes.end_expired(db, self._node.clock.now(), only=lease.node_no)
            await nodes.explain(db, await lease.agreed_now(db))

    async def _explain(self, db: Connection, ended: list[int], now: Instant) -> int:
        rows = await attempts.orphans(db, ended, self._read_to, BATCH)
        more = len(rows) == BATCH
        self._read_to = (rows[-1]["intent_at"], rows[-1]["call_id"]) if more else attempts.START
        fates = [fate async for fate in self._fates(db, rows, now)]
        over = [fate for fate in fates if not isinstance(fate, Withdrawal)]
        withdrawals = [fate for fate in fates if isinstance(fate, Withdrawal)]
        if over:
            await end_attempts(db, over, self._node)
        if withdrawals:
            await attempts.withdraw(db, withdrawals, now)
        if fates:
            self._node.hand.room.set()
            unknown = sum(result.end_reason == EndReason.OUTCOME_UNKNOWN for _, result in over)
            self._node.publish(Rescued(len(withdrawals), len(over) - unknown, unknown, len(rows) - len(fates)))
        # calls that are still up do not hide those behind them
        return len(fates) or int(more)

    async def _clear_doubts(self, db: Connection, now: Instant) -> int:
        """Take back the claims of this node of which it had not heard whether they were committed: it placed none."""
        taken_back = 0
        for claim in list(self._node.hand.doubtful):
            if await queue.transaction_state(db, claim.transaction_id) == IN_PROGRESS:
                continue
            rows = [Withdrawal(*attempt.key, attempt.dial.attempt_id, now) for attempt in claim.attempts]
            taken_back += len(await attempts.withdraw(db, rows, now))
            self._node.hand.doubtful.remove(claim)
            for attempt in claim.attempts:
                self._node.permits.free(attempt.node_no, attempt.route.limits)
            self._node.publish(Rescued(len(rows), 0, 0, 0))
        return taken_back

    async def _fates(self, db: Connection, rows: list[Record], now: Instant) -> AsyncIterator[Fate]:
        """What is to be written for each orphan; nothing for one that is still up, or whose trunk may yet tell."""
        live, asked = self._node.hand.live, [row for row in rows if not row["unchecked"]]
        for row in rows:
            if row["unchecked"] and row["attempt_id"] not in live:  # no trunk has heard of it
                yield Withdrawal(row["workspace_no"], row["call_id"], row["attempt"], row["attempt_id"], now)
        rows = asked
        await self._node.plans.learn_zones(db, {row["zone_set_no"] for row in rows})
        orphans = [known for row in rows if (known := self._orphan(row, now)) is not None]
        await learn_earlier_dials(db, (orphan for orphan, _ in orphans))
        for orphan, trunk in orphans:
            match await self._inquirer.what_became(trunk.carrier, orphan.dial, now):
                case NeverPlaced():
                    yield Withdrawal(*orphan.key, orphan.dial.attempt_id, now)
                case Over(placed_at=placed_at, ended=ended):
                    orphan.called_at = placed_at
                    yield orphan, settle_as(orphan, ended, self._node.chance.random(), self._node.trunks)
                case Unknown():
                    lost = Ended(orphan.dial.attempt_id, now, EndReason.OUTCOME_UNKNOWN)
                    yield orphan, settle_as(orphan, lost, self._node.chance.random(), self._node.trunks)

    def _orphan(self, row: Record, now: Instant) -> tuple[LiveAttempt, Trunk] | None:
        """What is known of an orphan, with its trunk; None where this node has it, or its trunk is not to be had."""
        if row["attempt_id"] in self._node.hand.live:
            return None
        trunk = self._node.trunks.refresh((row["workspace_no"], row["trunk_no"]), row)
        return None if trunk is None else (_left(row, self._node.plans.orphan_plan(row, now), trunk), trunk)


def _left(row: Record, plan: DialPlan, trunk: Trunk) -> LiveAttempt:
    """What another node left, as far as its end needs it: its limits are for others to count."""
    zones = plan.bounds.zones
    dial = Dial(row["attempt_id"], row["call_id"], row["attempt"], row["to_number"], row["from_number"], zones)
    lane, route_trunk = LaneKey(row["workspace_no"], row["campaign_no"], 0, 0), (row["workspace_no"], row["trunk_no"])
    tariff, ends = (trunk.billing, trunk.deck_id), (trunk.carrier.longest, trunk.hold)
    route = Route(lane, route_trunk, row["caller_no"], (), *tariff, *ends)
    key, at = (row["workspace_no"], row["call_id"], row["attempt"]), row["intent_at"]
    refused_by = tuple(row["refused_by"] or ())
    return LiveAttempt(
        key,
        row["node_no"],
        dial,
        plan,
        route,
        at,
        at,
        placed_by=at,
        called_at=row["called_at"],
        refused_by=refused_by,
        debt_id=row["debt_id"],
    )
