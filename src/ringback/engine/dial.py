"""Dial: claim what is due within the caps and commit the intents. The trunk hears of nothing before that."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Dial
from ringback.domain.limits import Lane, LimitKey, Room, allot, gap, pace_all
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.plan import DialPlan
from ringback.engine.trunks import Trunk, TrunkKey
from ringback.errors import DatabaseUnavailable
from ringback.events import Claimed
from ringback.store import queue
from ringback.store.database import Connection, Record
from ringback.store.queue import DueLane, Intent, Waiting

AHEAD = TimeDelta(milliseconds=100)
"""Paced dials are claimed so long before their instant, so that a pace does not mean a transaction for each dial."""


@dataclass(slots=True)
class _Batch:
    """What one claim comes to: each row that it took is in exactly one of these."""

    intents: list[LiveAttempt] = field(default_factory=list)
    postponed: list[Waiting] = field(default_factory=list)
    expired: list[tuple[int, UUID]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.intents) + len(self.postponed) + len(self.expired)


class Dialler:
    """The duty that begins dials.

    Args:
        node: what the duties share.
        batch: dials in a claim at most.
    """

    def __init__(self, node: Node, batch: int) -> None:
        self._node = node
        self._batch = batch
        self.next_due: Instant | None = None

    async def run_once(self) -> int:
        """Claim a batch and commit its intents; returns how many rows left the queue or moved in it."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        async with self._node.database.connection() as db:
            waiting = await queue.due_lanes(db)
        self.next_due = min((lane.due_at for lane in waiting if lane.due_at > now), default=None)
        due = [lane for lane in waiting if lane.due_at <= now]
        if not due:
            return 0
        try:
            batch = await self._claim(due, now)
        except DatabaseUnavailable:
            # it may or may not have been committed: rescue looks for intents of this instant that nobody placed
            self._node.hand.doubtful_claims.add(now)
            raise
        for attempt in batch.intents:
            self._node.hand.add(attempt)
        if batch:
            self._node.publish(Claimed(len(batch.intents), len(batch.postponed), len(batch.expired)))
        return len(batch)

    async def _claim(self, due: list[DueLane], now: Instant) -> _Batch:
        """Lock the limits, then count, then take, then write the intents: one transaction, in this order."""
        async with self._node.database.transaction() as db:
            limits = await queue.lock_limits(db, [lane.lane for lane in due])
            lanes = await queue.lanes_now(db, due)
            rooms = queue.rooms(limits, lanes)
            self._wake_for_pace(rooms, now)
            ready = self._ready(lanes)
            shares = allot(ready, rooms, self._batch, now, AHEAD)
            if not shares:
                return _Batch()
            taken = await queue.take_due(db, shares, now)
            await self._node.plans.learn_zones(db, {row["zone_set_no"] for row in taken})
            batch = self._decide(taken, {lane.key: trunk for lane, trunk in ready.items()}, now)
            await self._write(db, batch, _pace(batch.intents, ready, rooms, now), now)
        return batch

    def _wake_for_pace(self, rooms: dict[LimitKey, Room], now: Instant) -> None:
        """Look again when the pace of a limit lets its next dial be claimed."""
        paced = [room.next_dial_at - AHEAD for room in rooms.values() if room.next_dial_at and room.dials_per_sec]
        ahead = [at for at in (*paced, self.next_due) if at is not None and at > now]
        self.next_due = min(ahead, default=None)

    def _ready(self, lanes: dict[Lane, Record]) -> dict[Lane, tuple[TrunkKey, Trunk]]:
        """The lanes that may be dialled now, each with its trunk."""
        ready = {}
        for lane in self._node.plans.refresh(lanes):
            key = (lane.key[0], lanes[lane]["via_trunk_no"])
            trunk = self._node.trunks.refresh(key, lanes[lane])
            if trunk is not None:
                ready[lane] = (key, trunk)
        return ready

    def _decide(
        self, taken: list[Record], trunks: dict[tuple[int, int, int], tuple[TrunkKey, Trunk]], now: Instant
    ) -> _Batch:
        batch = _Batch()
        for row in taken:
            plan = self._node.plans.plan(row)
            at = plan.bounds.first_dial(now)
            if at is None:
                batch.expired.append((row["workspace_no"], row["call_id"]))
            elif at > now:
                batch.postponed.append(_waiting(row, at))
            else:
                key, trunk = trunks[row["workspace_no"], row["campaign_no"], row["trunk_no"]]
                batch.intents.append(_intent(row, plan, self._node, key, trunk, now))
        return batch

    async def _write(self, db: Connection, batch: _Batch, paced: dict[LimitKey, Room], now: Instant) -> None:
        if batch.intents:
            await queue.intend(db, [_row(attempt) for attempt in batch.intents], batch.intents[0].node_no, now)
        if batch.postponed:
            await queue.postpone(db, batch.postponed)
        if batch.expired:
            await queue.expire(db, batch.expired, now)
        if paced:
            await queue.set_pace(db, paced)


def _pace(
    intents: list[LiveAttempt], lanes: Iterable[Lane], rooms: dict[LimitKey, Room], now: Instant
) -> dict[LimitKey, Room]:
    """Give each dial its own instant, by the pace of all its limits; returns the paced limits after them."""
    limits = {lane.key: lane.limits for lane in lanes}
    wanted = [limits[attempt.key[0], attempt.campaign_no, attempt.lane_trunk_no] for attempt in intents]
    slots, after = pace_all(rooms, wanted, now)
    for attempt, slot, keys in zip(intents, slots, wanted, strict=True):
        attempt.place_at, attempt.gap = slot, gap(rooms[key] for key in keys)
    return {key: room for key, room in after.items() if room.dials_per_sec is not None}


def _intent(row: Record, plan: DialPlan, node: Node, key: TrunkKey, trunk: Trunk, now: Instant) -> LiveAttempt:
    ordinal, zones = row["attempt"], plan.bounds.zones
    dial = Dial(node.ids.new(now), row["call_id"], ordinal, row["to_number"], plan.from_number, zones)
    return LiveAttempt(
        key=(row["workspace_no"], row["call_id"], ordinal),
        node_no=node.lease.node_no,
        dial=dial,
        campaign_no=row["campaign_no"],
        lane_trunk_no=row["trunk_no"],
        trunk=key,
        policy=plan.policy,
        policy_version=plan.policy_version,
        bounds=plan.bounds,
        billing=trunk.billing,
        place_at=now,
    )


def _row(attempt: LiveAttempt) -> Intent:
    dial, trunk_no = attempt.dial, attempt.trunk[1]
    return Intent(
        *attempt.key, dial.attempt_id, attempt.campaign_no, trunk_no, attempt.policy_version, dial.from_number
    )


def _waiting(row: Record, at: Instant) -> Waiting:
    return Waiting(row["workspace_no"], row["call_id"], row["campaign_no"], row["trunk_no"], row["attempt"], at)
