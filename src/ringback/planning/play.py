"""One run of a campaign ahead of time: what the engine would do, decided by what the engine decides by.

Which rules bind a dial, whether it may be placed, over which trunk it goes, how many may begin, what follows its end
and what it costs, is asked of the very functions that a node's duties ask. What is done here is only what a database, a
carrier and a clock do: keep what waits in order, move time on, and remember.
"""

import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from copy import copy
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Ended
from ringback.domain.decision import Withheld
from ringback.domain.limits import LaneKey, LimitKey, Room, allot, dial_gap, pace, split
from ringback.domain.outcome import MEANINGS
from ringback.domain.plan import HOUR_SEC, Played
from ringback.engine.callers import Scale
from ringback.engine.dial import intent_of
from ringback.engine.live import LiveAttempt, Route
from ringback.engine.plan import DialPlan
from ringback.engine.routes import LaneRoutes, Routes, in_order
from ringback.engine.settle import settle_as
from ringback.engine.virtual import at_least
from ringback.engine.withhold import by_time, may_dial, without_consent
from ringback.planning.counting import Counting
from ringback.planning.money import Money
from ringback.planning.notes import Notes
from ringback.planning.numbers import Numbers, part_of_caps
from ringback.planning.people import People
from ringback.planning.stage import Lead, Stage

TICK = TimeDelta(seconds=1)
"""What happens within it is dealt with at once, as a node does that is busy; paces are kept within it too."""

BATCH = 500
NOBODY = UUID(int=0)

Queues = tuple[list[tuple[Instant, int, Lead]], list[tuple[Instant, int, Lead]]]
"""The first dials of a lane and its redials, each a heap by when they are due."""


class _Up(msgspec.Struct):
    """An attempt that is up, and how it will end."""

    lead: Lead
    attempt: LiveAttempt
    ended: Ended


class Play:
    """A run.

    Args:
        stage: what it is played on.
        people: who answers.
        speed: how many times faster than life they ring and talk; 0 is without any delay.
        chance: places the jitter.
    """

    def __init__(self, stage: Stage, people: People, speed: float, chance: random.Random) -> None:
        self._stage, self._people, self._speed, self._chance = stage, people, speed, chance
        self._now, self._order = stage.begins, itertools.count()
        self._waiting: dict[LaneKey, Queues] = {key: ([], []) for key in stage.lanes}
        self._up: list[tuple[Instant, int, _Up]] = []
        self._used: Counter[LimitKey] = Counter()
        self._by_lane: Counter[LaneKey] = Counter()
        self._numbers, self._counting = Numbers(stage, TICK), Counting(stage)
        self._caps = {key: part_of_caps(caps, stage.each) for key, caps in stage.caps.items()} | self._numbers.caps
        self._free_at: dict[LimitKey, Instant] = {}
        self._owed: defaultdict[LaneKey, float] = defaultdict(float)
        self._routes = Routes(stage.plans, stage.trunks)
        self._open: LaneRoutes = {}
        self._money = Money(stage)
        self._look_at = stage.begins
        self._notes = Notes(stage)

    def run(self) -> Played:
        """Play it to its end."""
        self._look()
        for lead in self._stage.leads:
            self._begin(copy(lead))
        while True:
            self._settle()
            while self._claim():
                pass
            wake = self._next_wake()
            if wake is None or wake >= self._stage.until:
                break
            self._now = at_least(self._now, wake, TICK)
            self._look()
        self._let_end()
        return self._close()

    def _look(self) -> None:
        """Take rules and trunks as they are in this hour: a rule pack may bind from a date on."""
        if self._now < self._look_at:
            return
        hour = (self._now.timestamp() // HOUR_SEC + 1) * HOUR_SEC
        self._look_at = Instant.from_timestamp(hour)
        rows = [row for rows in self._stage.lanes.values() for row in rows]
        self._open = self._routes.open(self._stage.plans.refresh(rows, self._now))

    def _begin(self, lead: Lead) -> None:
        """Put a lead where it is: it waits, is up, or waits for ever."""
        if lead.is_live:
            self._go_on(lead)
        elif self._stage.plans.plan(lead).bounds.waits_for_a_zone(self._now):
            self._notes.waits_for_ever(lead, by_time(lead, self._stage.plans.plan(lead), self._now))
        else:
            self._wait(lead)

    def _wait(self, lead: Lead) -> None:
        key = LaneKey(lead.workspace_no, lead.campaign_no, lead.trunk_no, lead.caller_no)
        heapq.heappush(self._waiting[key][lead.attempt > 1], (lead.due_at, next(self._order), lead))

    def _go_on(self, lead: Lead) -> None:
        """A call that is up now: how it ends is as open as of any other, but it is not over yet."""
        route = next((route for routes in self._open.values() for route in routes.values()), None)
        if route is None:
            self._notes.waits_for_ever(lead, None)
            return
        attempt = self._attempt(lead, self._stage.plans.plan(lead), route, lead.due_at)
        self._place(lead, attempt)

    def _settle(self) -> None:
        while self._up and self._up[0][0] <= self._now:
            self._end(heapq.heappop(self._up)[2])

    def _end(self, up: _Up) -> None:
        lead, attempt, ended = up.lead, up.attempt, up.ended
        result = settle_as(attempt, ended, self._chance.random(), self._stage.trunks)
        self._used.subtract(attempt.route.limits)
        self._by_lane[attempt.route.lane] -= 1
        self._notes.outcome(attempt, ended, *self._money.pay(attempt, result))
        if self._money.is_spent:
            self._notes.spent(ended.at)
        lead.dials += (attempt.place_at,)
        lead.last_number = attempt.dial.from_number
        if MEANINGS[ended.reason].reached:
            self._counting.talked(attempt, ended.at)
        if result.retry_at is None:
            self._notes.over(ended.at, str(result.stop_reason))
            return
        lead.refused_by = (*lead.refused_by, attempt.route.trunk[1]) if result.retry_trunk_no is not None else ()
        lead.attempt, lead.due_at, lead.trunk_no = lead.attempt + 1, result.retry_at, result.retry_trunk_no or 0
        self._wait(lead)

    def _claim(self) -> bool:
        """Take what there is room for; returns whether there may be room for more."""
        due = [key for key, queues in self._waiting.items() if key in self._open and any(map(self._is_due, queues))]
        if not due or self._money.is_spent:
            return False
        lanes = {key: self._open[key] for key in due}
        rooms, scale = self._rooms(), Scale(BATCH, self._now, TICK)
        rooms |= self._numbers.rooms(rooms, scale)
        weights = {key: self._stage.lanes[key][0]["weight"] or 1 for key in due}
        wanted = self._routes.wanted(lanes, rooms, self._by_lane, weights)
        shares = allot(wanted, rooms, BATCH, self._now, TICK)
        self._counting.begin_claim()
        routes, taken, intents = in_order(lanes, shares), 0, list[tuple[Lead, LiveAttempt]]()
        for key, share in shares.items():
            for lead in self._take(key, len(share)):
                taken += 1
                if (attempt := self._decide(lead, routes[key])) is not None:
                    intents.append((lead, attempt))
        moved = taken - len(intents)
        intents, waiting = self._numbers.give(intents, rooms, scale)
        for lead in waiting:
            self._wait(lead)
        attempts = [attempt for _, attempt in intents]
        self._counting.dialled(attempts, self._now)
        self._pace(attempts, rooms)
        self._routes.note(attempts)
        for lead, attempt in intents:
            self._place(lead, attempt)
        return moved > 0 or taken == BATCH

    def _is_due(self, queue: list[tuple[Instant, int, Lead]]) -> bool:
        return bool(queue) and queue[0][0] <= self._now

    def _rooms(self) -> dict[LimitKey, Room]:
        return {
            key: Room(None if most is None else most - self._used[key], pace, self._free_at.get(key))
            for key, (most, pace) in self._caps.items()
        }

    def _take(self, key: LaneKey, share: int) -> Iterator[Lead]:
        """Redials first, up to their share of what both kinds want; first dials have the rest."""
        first, redials = self._waiting[key]
        most = share
        if self._is_due(first) and self._is_due(redials):
            most, self._owed[key] = split(share, self._stage.lanes[key][0]["retry_share"], self._owed[key])
        taken = 0
        for queue, limit in ((redials, most), (first, share)):
            while taken < limit and self._is_due(queue):
                taken += 1
                yield heapq.heappop(queue)[2]

    def _decide(self, lead: Lead, routes: Iterator[Route]) -> LiveAttempt | None:
        """The intent to dial a lead; None where the dial is withheld."""
        plan = self._stage.plans.plan(lead)
        why = self._withheld(lead, plan)
        if why is None:
            return self._attempt(lead, plan, next(routes), self._now)
        if why.next_at is not None:
            self._note_want(lead, plan)
            lead.due_at = why.next_at
            self._wait(lead)
        else:
            self._notes.give_up(lead, plan, why, self._now)
        return None

    def _withheld(self, lead: Lead, plan: DialPlan) -> Withheld | None:
        if (lacking := without_consent(lead, plan, self._now)) is not None:
            return lacking
        if not may_dial(plan, self._now):
            return by_time(lead, plan, self._now)
        if (costly := self._money.too_costly(plan, lead.attempt)) is not None:
            return costly
        if lead.to_number in self._stage.listed:
            return self._stage.listed[lead.to_number]
        why = lead.put_off_by = self._counting.withheld(lead, plan, self._now)
        return why

    def _note_want(self, lead: Lead, plan: DialPlan) -> None:
        """Remember since when a lead waits for a slot whose hours are over before it has one."""
        due_at = max(lead.due_at, self._stage.begins)
        if lead.wanted_at is None and not may_dial(plan, self._now) and may_dial(plan, due_at):
            lead.wanted_at = due_at

    def _attempt(self, lead: Lead, plan: DialPlan, route: Route, at: Instant) -> LiveAttempt:
        attempt = intent_of(lead, plan, 0, NOBODY, route, at)
        if plan.policy.spacing.looks_back:
            attempt.earlier = lead.dials
        return attempt

    def _pace(self, attempts: list[LiveAttempt], rooms: dict[LimitKey, Room]) -> None:
        gaps = {key: dial_gap(room.dials_per_sec) for key, room in rooms.items() if room.dials_per_sec is not None}
        if not gaps or not attempts:
            return
        wanted = [tuple(key for key in attempt.route.limits if key in gaps) for attempt in attempts]
        slots, after = pace(gaps, {key: rooms[key].next_dial_at for key in gaps}, wanted, self._now)
        for attempt, slot in zip(attempts, slots, strict=True):
            attempt.place_at = slot
        self._free_at.update(after)

    def _place(self, lead: Lead, attempt: LiveAttempt) -> None:
        at, told = attempt.place_at, self._people.meet(attempt.dial, attempt.place_at)
        over_at = at + TimeDelta(seconds=told.over_after_sec / self._speed) if self._speed else at
        over_at = max(over_at, self._now)
        attempt.called_at = at
        how = (told.reason, told.ring_sec, told.talk_sec, told.answered_by, told.sip_code)
        ended = Ended(NOBODY, over_at, *how, rang=told.ring_sec > 0)
        self._used.update(attempt.route.limits)
        self._by_lane[attempt.route.lane] += 1
        heapq.heappush(self._up, (over_at, next(self._order), _Up(lead, attempt, ended)))
        if not lead.is_live:
            self._notes.dial(attempt, lead.wanted_at or attempt.due_at, over_at, len(self._up))
        lead.is_live, lead.wanted_at = False, None

    def _next_wake(self) -> Instant | None:
        """When there is something to do next; None where all are over, or wait for what does not come."""
        if self._money.is_spent:
            return self._up[0][0] if self._up else None
        heads = [(key, queue[0][0]) for key, queues in self._waiting.items() for queue in queues if queue]
        ahead = [at for _, at in heads if at > self._now]
        if self._up:
            ahead.append(self._up[0][0])
        held = {key for key, at in heads if at <= self._now}
        if held and self._free_at:
            ahead += [at - TICK for at in self._free_at.values() if at - TICK > self._now]
        if held - self._open.keys():
            ahead.append(self._look_at)
        return min(ahead, default=None)

    def _let_end(self) -> None:
        """What is up at the end of the run goes on to its own end, and is not dialled again within the run."""
        while self._up:
            self._end(heapq.heappop(self._up)[2])

    def _close(self) -> Played:
        usual_sec = self._notes.played.mean_sec
        for key, queues in self._waiting.items():
            for due_at, _, lead in (entry for queue in queues for entry in queue):
                self._notes.leave(lead, due_at, is_open=key in self._open)
                if (not self._money.is_spent and due_at <= self._now) or lead.wanted_at is not None:
                    self._notes.want(lead.wanted_at or due_at, usual_sec)
        return self._notes.close()
