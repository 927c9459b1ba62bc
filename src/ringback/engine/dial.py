"""Dial: claim what is due within the caps and commit the intents. The trunk hears of nothing before that."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Dial
from ringback.domain.call import CallState
from ringback.domain.decision import Withheld
from ringback.domain.limits import LaneKey, LimitKey, LimitKind, Room, allot, dial_gap, most_in_a_span, pace, split
from ringback.engine.budget import BudgetReached, Budgets
from ringback.engine.callers import Callers, Pools, Scale, caps_of, counted, hold_pools, pool_rooms
from ringback.engine.contact import count
from ringback.engine.live import DoubtfulClaim, LiveAttempt, Pace, Route
from ringback.engine.look_back import learn_earlier_dials
from ringback.engine.node import Node
from ringback.engine.plan import DialPlan
from ringback.engine.routes import InOrder, LaneRoutes, Routes, carrier_rooms, in_order, stranded
from ringback.engine.withhold import by_time, decision, forbidden_in, may_dial, told, without_consent
from ringback.engine.worth import Worth
from ringback.events import Claimed
from ringback.store import decisions, queue
from ringback.store.database import Connection, Record
from ringback.store.decisions import Decision
from ringback.store.queue import DueLane, Intent, Over, Take, Waiting

AHEAD = TimeDelta(milliseconds=100)
"""Paced dials are claimed so long before their instant, so that a pace does not mean a transaction for each dial."""

LOOK_AGAIN = TimeDelta(milliseconds=40)
"""A trunk that takes so many dials at this moment tells nobody when it takes more: it is asked again so soon."""

LOOK_EVERY = TimeDelta(milliseconds=250)
"""For so long full batches may follow one another without a look at which lanes are due."""

LOOK_BACK_EVERY = TimeDelta(seconds=10)
"""How soon a row is found that another node passed over or that came with a time that was over already."""

LOOK_BACK_SHARE = 50
"""A look back may not take more than one part in so many of the time: under an old snapshot it takes long."""

SETTLED_LATE = TimeDelta(seconds=5)
"""A dial that goes on over another trunk is due when it was refused, which may be settled so much later."""

NO_TIME = TimeDelta()

EVEN = 0.5
"""The share of redials among single calls, which have no campaign to say so."""

Stream: TypeAlias = tuple[LaneKey, bool]
"""A lane's first dials, or its redials (True)."""


@dataclass(slots=True)
class _Batch:
    """What one claim comes to: each row that it took is in exactly one of the first three.

    Attributes:
        intents: to be dialled.
        postponed: to wait on.
        ended: never to be dialled.
        decided: why those of the latter two are not dialled that were due.
        taken_up_to: by stream, when the last row was due: what lies before is taken, and dead.
        loosened: rows that may go over any trunk of their campaign from now on.
        uncounted: dials that wait until what was dialled before is counted.
    """

    intents: list[LiveAttempt] = field(default_factory=list)
    postponed: list[Waiting] = field(default_factory=list)
    ended: list[Over] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)
    taken_up_to: dict[Stream, Instant] = field(default_factory=dict)
    loosened: int = 0
    uncounted: list[LiveAttempt] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.intents) + len(self.postponed) + len(self.ended) + self.loosened


class Dialler:
    """The duty that begins dials.

    Args:
        node: what the duties share.
        batch: dials in a claim at most.
    """

    def __init__(self, node: Node, batch: int) -> None:
        self._node = node
        self._batch = batch
        self._taken_up_to: dict[Stream, Instant] = {}
        self._look_back_at = Instant.MIN
        self._owed: dict[LaneKey, float] = {}
        self._routes = Routes(node.plans, node.trunks)
        self._worth = Worth()
        self._budgets = Budgets(node.publish)
        self._callers = Callers()
        self._full = False
        self._looked_at = Instant.MIN
        self._last_due: list[DueLane] = []
        self.next_due: Instant | None = None

    async def run_once(self) -> int:
        """Claim a batch and commit its intents; returns how many rows left the queue or moved in it."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        due = await self._due(now)
        if not due:
            return 0
        batch = await self._claim(due)
        unknown = bool(self._node.permits.unknown)  # another trunk may have room where this one proves to have none
        if not batch and (await self._node.permits.ask(now) or unknown):
            batch = await self._claim(due)
        self._full = len(batch) >= self._batch
        for attempt in batch.intents:
            self._node.hand.add(attempt)
        if batch:
            claim_sec = (self._node.clock.now() - now).total("seconds")
            expired = sum(call.final_status == CallState.EXPIRED for call in batch.ended)
            self._node.publish(Claimed(len(batch.intents), len(batch.postponed), expired, claim_sec))
        if batch.decided:
            self._node.publish(told(batch.decided))
        if batch.uncounted:
            async with self._node.database.transaction() as db:
                await count(db, batch.uncounted, now)
        return len(batch)

    async def _due(self, now: Instant) -> list[DueLane]:
        """The lanes with a due dial; sets when the next one is due.

        After a full batch the same lanes have more, most likely: for a moment they are taken from without a look.
        """
        if self._full and now < self._looked_at + LOOK_EVERY:
            return self._last_due
        self._looked_at = now
        waiting = await self._look(now)
        unready, checks = self._node.briefs.unready, self._node.checks
        due_at = {
            lane: max(lane.due_at, unready.campaign_until(lane.key[:2]), checks.until(lane.key.workspace_no))
            for lane in waiting
        }
        self.next_due = min((at for at in due_at.values() if at > now), default=None)
        self._last_due = [lane for lane, at in due_at.items() if at <= now]
        return self._last_due

    async def _look(self, now: Instant) -> list[DueLane]:
        """What waits from where this node left off, and now and then from the very beginning."""
        back = now >= self._look_back_at
        marks = {} if back else {queue.stream_name(*s): at.format_iso() for s, at in self._taken_up_to.items()}
        async with self._node.database.connection() as db:
            waiting = await queue.due_lanes(db, json.dumps(marks))
        if back:
            after = self._node.clock.now()
            self._look_back_at = after + max(LOOK_BACK_EVERY, (after - now) * LOOK_BACK_SHARE)
            first = {(lane.key, lane.redial): lane.due_at for lane in waiting}
            # a lane that is empty now begins anew; one in which something older waits goes back to it
            self._taken_up_to = {s: min(at, first[s]) for s, at in self._taken_up_to.items() if s in first}
        return waiting

    async def _claim(self, due: list[DueLane]) -> _Batch:
        """Look at the caps, take, and write the intents, in one transaction; nobody changes the permits meanwhile.

        All goes by the time at which its campaigns are held: to come to that may have taken long.
        """
        batch, transaction_id, in_use = _Batch(), "", list[LiveAttempt]()
        async with self._node.permits.lock:
            node_no = self._node.permits.follow_lease()  # to the end: the lease may be lost and won anew meanwhile
            try:
                async with self._node.database.transaction() as db:
                    seen = await queue.lanes_now(db, _lanes_of(due), node_no, self._node.clock.now())
                    now = self._node.clock.now()
                    if not self._node.lease.holds(now):
                        return _Batch()
                    rows = self._budgets.allowed(seen)
                    lanes, loosened = await self._open(db, rows, now)
                    pools, scale = await hold_pools(db, lanes), Scale(self._batch, now, AHEAD)
                    rooms = self._rooms(rows, lanes, pools, scale)
                    settings = {queue.lane_key(row): row for row in rows}
                    shares = {} if self._asks_first(lanes, pools) else self._allot(lanes, settings, rooms, now)
                    self._wake(rooms, now)
                    if not shares:
                        return _Batch(loosened=loosened)
                    transaction_id = rows[0]["transaction_id"]
                    pooled = {key.campaign_no for key, row in settings.items() if row["pool_no"]} - {0}
                    taken = await queue.take_due(db, self._takes(shares, settings, due), now, pooled)
                    await self._node.plans.learn_zones(db, {row["zone_set_no"] for row in taken})
                    batch = self._decide(taken, in_order(lanes, shares), node_no, now)
                    batch.loosened = loosened
                    self._number(batch, taken, pools, rooms, scale)
                    await self._forbid(db, batch, taken, now)
                    await learn_earlier_dials(db, batch.intents)
                    self._use(batch.intents)
                    in_use = batch.intents
                    paces = self._pace(batch.intents, rooms, now)
                    await self._write(db, batch, pools, now)
            except BudgetReached:
                return _Batch()  # all is rolled back, and the next look finds the lanes without it
            except BaseException:
                # it may or may not have been committed: its permits stay in use until rescue has found out
                if in_use:
                    self._node.hand.doubtful.append(DoubtfulClaim(transaction_id, in_use))
                raise
            self._node.permits.go_on_from(paces)
        self._routes.note(batch.intents)
        self._taken_up_to.update(batch.taken_up_to)
        return batch

    async def _open(self, db: Connection, rows: Sequence[Record], now: Instant) -> tuple[LaneRoutes, int]:
        """The lanes that may be dialled now; what waits for a trunk that takes none may go over another one."""
        lanes = self._routes.open(self._node.plans.refresh(rows, now))
        loose = stranded(rows, lanes)
        return lanes, await queue.loosen(db, loose, now) if loose else 0

    def _rooms(self, rows: Sequence[Record], lanes: LaneRoutes, pools: Pools, scale: Scale) -> dict[LimitKey, Room]:
        """What is left of each limit of the open lanes that has a cap, and of this node's own end of their trunks."""
        now = scale.now
        wanted = {key for routes in lanes.values() for route in routes.values() for key in route.limits}
        limits = {key: cap for row in rows for key, cap in queue.limits_of(row).items() if key in wanted}
        caps = {key: cap for key, cap in limits.items() if cap is not None} | caps_of(pools)
        rooms = {key: self._behind(key, room, now) for key, room in self._node.permits.rooms(caps, now).items()}
        ours = carrier_rooms(lanes, self._node.trunks) | self._node.checks.rooms(rows)
        return rooms | pool_rooms(pools, rooms, scale) | ours

    def _behind(self, key: LimitKey, room: Room, now: Instant) -> Room:
        """A pace whose dials go out late has its next free instant after those that wait to be placed."""
        waiting = self._node.hand.waiting(key)
        if room.dials_per_sec is None or not waiting:
            return room
        free_at = now + dial_gap(room.dials_per_sec) * waiting
        return replace(room, next_dial_at=max(free_at, room.next_dial_at or free_at))

    def _allot(
        self, lanes: LaneRoutes, settings: dict[LaneKey, Record], rooms: dict[LimitKey, Room], now: Instant
    ) -> dict[LaneKey, list[int]]:
        weights = {key: settings[key]["weight"] or 1 for key in lanes}
        wanted = self._routes.wanted(lanes, rooms, self._node.hand.up, weights)
        return allot(wanted, rooms, self._batch, now, AHEAD)

    def _asks_first(self, lanes: LaneRoutes, pools: Pools) -> bool:
        """Whether a trunk or a number would be passed over because this node has never asked for its part."""
        unknown = self._node.permits.unknown
        several = (route for routes in lanes.values() if len(routes) > 1 for route in routes.values())
        ways = (*(route.limits for route in several), *(pool.caps for pool in pools.values()))
        return bool(unknown) and any(not unknown.isdisjoint(limits) for limits in ways)

    def _takes(
        self, shares: dict[LaneKey, list[int]], settings: dict[LaneKey, Record], due: Sequence[DueLane]
    ) -> list[Take]:
        """How much to take of each lane. Where redials and first dials are both due, each kind has its share."""
        both = {lane.key for lane in due if lane.redial} & {lane.key for lane in due if not lane.redial}
        takes = []
        for key, share in ((key, len(ways)) for key, ways in shares.items()):
            redials, retry_share = share, settings[key]["retry_share"]
            if key in both:
                wanted = EVEN if retry_share is None else retry_share
                redials, self._owed[key] = split(share, wanted, self._owed.get(key, 0.0))
            froms = (self._taken_up_to.get((key, redial), Instant.MIN) for redial in (False, True))
            takes.append(Take(*key, share, redials, *froms))
        return takes

    def _wake(self, rooms: dict[LimitKey, Room], now: Instant) -> None:
        """Look again when the pace of a limit lets its next dial be claimed, and where a trunk's end may have room."""
        again = LOOK_AGAIN if any(key.kind is LimitKind.CARRIER for key in rooms) else None
        paced = [room.next_dial_at - AHEAD for room in rooms.values() if room.next_dial_at and room.dials_per_sec]
        looks = (*paced, self.next_due, now + again if again else None)
        ahead = [at for at in looks if at is not None and at > now]
        self.next_due = min(ahead, default=None)

    def _decide(self, taken: list[Record], routes: InOrder, node_no: int, now: Instant) -> _Batch:
        batch, openings = _Batch(), dict[int, tuple[DialPlan, bool]]()
        for row in taken:
            lane, plan = queue.lane_key(row), self._node.plans.plan(row)
            batch.taken_up_to[lane, row["attempt"] > 1] = row["due_at"] - (
                SETTLED_LATE if lane.is_given_trunk else NO_TIME
            )
            if id(plan) not in openings:  # the leads of a campaign in one place share theirs
                openings[id(plan)] = (plan, may_dial(plan, now))
            if lane.caller_no != row["own_caller_no"]:  # its caller number has got a limit since it was queued
                batch.postponed.append(_waiting(row, row["due_at"]))
            elif plan.requires_consent and (lacking := without_consent(row, plan, now)):
                self._withhold(batch, row, lacking, now)
            elif openings[id(plan)][1]:
                batch.intents.append(intent_of(row, plan, node_no, self._node.ids.new(now), next(routes[lane]), now))
            else:
                self._withhold(batch, row, by_time(row, plan, now), now)
        return batch

    def _number(
        self, batch: _Batch, taken: Sequence[Record], pools: Pools, rooms: dict[LimitKey, Room], scale: Scale
    ) -> None:
        """Give the dials of caller pools their numbers; where none can be had now, they wait."""
        if not pools:
            return
        without = self._callers.number(batch.intents, taken, pools, rooms, scale)
        batch.intents = [attempt for attempt in batch.intents if attempt.key not in without]
        for row in taken:
            key = (row["workspace_no"], row["call_id"], row["attempt"])
            if key in without.withheld:
                self._withhold(batch, row, without.withheld[key], scale.now)
            elif key in without.crowded:
                batch.postponed.append(_waiting(row, scale.now + LOOK_AGAIN))

    async def _forbid(self, db: Connection, batch: _Batch, taken: list[Record], now: Instant) -> None:
        """Withhold the dials that are not to be placed at any hour: no intent is written for them."""
        costly = await self._worth.not_worthwhile(db, batch.intents, now)
        worthwhile = [attempt for attempt in batch.intents if attempt.key not in costly]
        forbidden, batch.uncounted = await forbidden_in(db, worthwhile, now)
        forbidden = {**forbidden, **costly}
        if not forbidden:
            return
        batch.intents = [attempt for attempt in batch.intents if attempt.key not in forbidden]
        for row in taken:
            why = forbidden.get((row["workspace_no"], row["call_id"], row["attempt"]))
            if why is not None:
                self._withhold(batch, row, why, now)

    def _withhold(self, batch: _Batch, row: Record, why: Withheld, now: Instant) -> None:
        """Put a dial off to when it may be placed, or end its call where that is never, and say why."""
        batch.decided.append(decision(row, self._node.ids.new(now), why))
        if why.next_at is not None:
            batch.postponed.append(_waiting(row, why.next_at))
        elif why.final is not None:
            batch.ended.append(Over(row["workspace_no"], row["call_id"], *why.final))

    def _use(self, intents: Sequence[LiveAttempt]) -> None:
        for attempt in intents:
            self._node.permits.use(attempt.route.limits, 1)

    def _pace(
        self, intents: Sequence[LiveAttempt], rooms: dict[LimitKey, Room], now: Instant
    ) -> dict[LimitKey, Instant]:
        """Give each dial its own instant, by the pace of all its limits; returns how the paces go on after them."""
        rates = {key: room.dials_per_sec for key, room in rooms.items() if room.dials_per_sec is not None}
        if not rates:
            return {}
        gaps = {key: dial_gap(rate) for key, rate in rates.items()}
        paces = {key: as_pace(key, rate) for key, rate in rates.items()}
        wanted = [tuple(key for key in attempt.route.limits if key in gaps) for attempt in intents]
        slots, after = pace(gaps, {key: rooms[key].next_dial_at for key in gaps}, wanted, now)
        for attempt, slot, keys in zip(intents, slots, wanted, strict=True):
            attempt.place_at, attempt.paces = slot, tuple(paces[key] for key in keys)
        return after

    async def _write(self, db: Connection, batch: _Batch, pools: Pools, now: Instant) -> None:
        if batch.intents:
            counts, node_no = counted(batch.intents, pools, now) if pools else [], batch.intents[0].node_no
            await queue.intend(db, [_row(attempt) for attempt in batch.intents], node_no, now, counts)
        if batch.postponed:
            await queue.postpone(db, batch.postponed)
        if batch.ended:
            await queue.end(db, batch.ended, now)
        if batch.decided:
            await decisions.withhold(db, batch.decided, now)


def as_pace(key: LimitKey, dials_per_sec: float) -> Pace:
    """What a limit of this pace asks of each dial under it, late or not."""
    return Pace(key, *most_in_a_span(dials_per_sec))


def _lanes_of(due: Iterable[DueLane]) -> list[tuple[LaneKey, int]]:
    """Each lane with each of the trunks over which its dials may go, once."""
    return list(dict.fromkeys((lane.key, trunk_no) for lane in due for trunk_no in lane.via_trunk_nos))


def intent_of(row: Record, plan: DialPlan, node_no: int, attempt_id: UUID, route: Route, now: Instant) -> LiveAttempt:
    """The attempt that a row of the queue becomes, joined with its call."""
    ordinal, call_id = row["attempt"], row["call_id"]
    dial = Dial(attempt_id, call_id, ordinal, row["to_number"], plan.from_number, plan.bounds.zones)
    key = (row["workspace_no"], call_id, ordinal)
    refused_by = tuple(row["refused_by"] or ())
    return LiveAttempt(
        key,
        node_no,
        dial,
        plan,
        route,
        row["due_at"],
        now,
        refused_by=refused_by,
        debt_id=row["debt_id"],
        intent_at=now,
    )


def _row(attempt: LiveAttempt) -> Intent:
    dial, route = attempt.dial, attempt.route
    numbers = (route.lane.campaign_no, route.trunk[1], route.caller_no, attempt.plan.policy_version)
    return Intent(*attempt.key, dial.attempt_id, *numbers, dial.from_number, attempt.check is not None)


def _waiting(row: Record, at: Instant) -> Waiting:
    lane = (row["campaign_no"], row["trunk_no"], row["own_caller_no"])
    return Waiting(row["workspace_no"], row["call_id"], *lane, row["attempt"], at)
