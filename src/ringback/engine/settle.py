"""Settle: turn what the carriers report into outcomes, the next dial or the call's end. A batch a transaction."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from whenever import Instant

from ringback.carriers.carrier import Answered, CallEvent, Ended, Ringing
from ringback.domain.attempt import TRANSITIONS, AttemptEvent, AttemptState
from ringback.domain.billing import charge
from ringback.domain.call import final_state
from ringback.domain.outcome import MEANINGS, EndReason, Status
from ringback.domain.retry import RetryAt, Stop, decide
from ringback.domain.ways import FAIL_OVER, FailOver, fail_over, was_refused
from ringback.engine.details import keep, opted_out
from ringback.engine.last_word import end_attempts
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.trunks import Trunks
from ringback.events import AttemptsEnded, AttemptTrail, Settled, StrayEvent
from ringback.ids import ATTEMPT, show
from ringback.store import agent_reports, attempts
from ringback.store.attempts import Progress, Result

SLICE = 200
"""After so many events the others who work have their turn."""

LATELY = 10_000
"""Attempts that are over of which a node remembers that they were its own."""


class Settler:
    """The duty that ends attempts.

    Args:
        node: what the duties share.
        batch: events in a batch at most.
    """

    def __init__(self, node: Node, batch: int) -> None:
        self._node = node
        self._batch = batch
        self._unsaved: dict[attempts.Key, tuple[LiveAttempt, Result]] = {}
        self._moved: dict[attempts.Key, LiveAttempt] = {}
        self._lately: set[UUID] = set()
        self._before: set[UUID] = set()

    async def run_once(self) -> int:
        """Take the events that came and write down what they mean; returns how many attempts moved.

        What was decided is kept until the database has it, so a lost connection loses no outcome.

        Raises:
            DatabaseUnavailable: nothing was written, or it is not known; the next run writes it again, guarded.
        """
        for count, event in enumerate(self._next_events(), 1):
            self._take(event)
            if count % SLICE == 0:
                await asyncio.sleep(0)  # a claim that has its answer need not wait for all of them
        moved = len(self._unsaved) + len(self._moved)
        if self._unsaved:
            await self._end()
        if self._moved:
            await self._write_progress()
        return moved

    def _next_events(self) -> Iterable[CallEvent]:
        inbox = self._node.hand.inbox
        while inbox and len(self._unsaved) < self._batch:
            yield inbox.popleft()

    def _take(self, event: CallEvent) -> None:
        attempt = self._node.hand.live.get(event.attempt_id)
        if attempt is None:
            mine = event.attempt_id in self._lately or event.attempt_id in self._before
            self._stray(event, "over" if mine else "unknown")
            return
        if attempt.key in self._unsaved:
            self._stray(event, "over")
            return
        match event:
            case Ended():
                self._moved.pop(attempt.key, None)
                self._unsaved[attempt.key] = (attempt, self._settle_as(attempt, event))
            case Ringing(at=at):
                attempt.rang_at = attempt.rang_at or at
                self._move(attempt, event, AttemptEvent.RINGS)
            case Answered(at=at):
                attempt.answered_at = attempt.answered_at or at
                self._move(attempt, event, AttemptEvent.IS_ANSWERED)

    def _settle_as(self, attempt: LiveAttempt, ended: Ended) -> Result:
        return settle_as(attempt, ended, self._node.chance.random(), self._node.trunks)

    def _move(self, attempt: LiveAttempt, event: CallEvent, moved_by: AttemptEvent) -> None:
        """Move a live attempt on; an event that its state has no use for came twice or out of order."""
        state = TRANSITIONS[attempt.state].get(moved_by)
        if state is None:
            again = (attempt.state is AttemptState.RINGING) == (moved_by is AttemptEvent.RINGS)
            self._stray(event, "repeated" if again else "out_of_order")
            return
        attempt.state = state
        self._moved[attempt.key] = attempt

    def _stray(self, event: CallEvent, why: str) -> None:
        self._node.publish(StrayEvent(show(ATTEMPT, event.attempt_id), type(event).__name__, why))

    async def _end(self) -> None:
        began = self._node.clock.now()
        results = {key: result for key, (_, result) in self._unsaved.items()}
        async with self._node.database.connection() as db:
            ended = await end_attempts(db, list(self._unsaved.values()), self._node)
            missed = results.keys() - ended
            # the guard passed these over: ended by somebody else, or just then written to and to be tried again
            again = await attempts.still_live(db, sorted(missed)) if missed else set()
        over = [self._unsaved.pop(key) for key in results.keys() - again]
        for attempt, result in over:
            self._node.let_go(attempt, result.held_until)
        self._remember(attempt.dial.attempt_id for attempt, _ in over)
        outcomes = Counter(result.end_reason for key, result in results.items() if key in ended)
        took_sec = (self._node.clock.now() - began).total("seconds")
        self._node.publish(Settled(len(ended), len(missed), took_sec, outcomes))
        self._node.publish(AttemptsEnded(lambda: [_trail(*pair) for pair in over if pair[0].key in ended]))
        await self._drop_unused_tokens(over)

    async def _drop_unused_tokens(self, over: Iterable[tuple[LiveAttempt, Result]]) -> None:
        """Most dials are not answered, and their agents were never told."""
        unused = [attempt.key for attempt, result in over if _was_for_nobody(attempt, result)]
        if unused:
            async with self._node.database.connection() as db:
                await agent_reports.drop_unused(db, unused)

    def _remember(self, attempt_ids: Iterable[UUID]) -> None:
        """Keep the last of the attempts that are over, so that what still comes for them is told from the unknown."""
        if len(self._lately) > LATELY:
            self._before, self._lately = self._lately, set()
        self._lately.update(attempt_ids)

    async def _write_progress(self) -> None:
        steps = [Progress(*a.key, a.dial.attempt_id, a.state, a.called_at, a.answered_at) for a in self._moved.values()]
        async with self._node.database.connection() as db:
            await attempts.progress(db, steps)
        self._moved.clear()


def settle_as(attempt: LiveAttempt, ended: Ended, chance: float, trunks: Trunks) -> Result:
    """What is to be written for an attempt that is over: its outcome, its cost, and what follows."""
    meaning = MEANINGS[ended.reason]
    answered = meaning.status is Status.COMPLETED
    decision, trunk_no = _follow(attempt, ended, chance, trunks)
    bill = charge(attempt.route.billing, ended.duration_sec, answered)
    return Result(
        *attempt.key,
        attempt.dial.attempt_id,
        called_at=attempt.called_at,
        answered_at=attempt.answered_at,
        ended_at=ended.at,
        status=meaning.status,
        end_reason=ended.reason,
        duration_sec=ended.duration_sec,
        ring_sec=ended.ring_sec,
        answered_by=ended.answered_by,
        sip_code=ended.sip_code,
        billed_sec=bill.billed_sec,
        cost_micros=bill.cost_micros,
        currency=attempt.route.billing.currency,
        retry_at=decision.at if isinstance(decision, RetryAt) else None,
        retry_rule=decision.rule if isinstance(decision, RetryAt) else None,
        stop_reason=None if isinstance(decision, RetryAt) else decision.reason,
        final_status=None if isinstance(decision, RetryAt) else final_state(decision.reason, meaning.status),
        campaign_no=attempt.route.lane.campaign_no,
        held_until=_held_until(attempt) if ended.reason is EndReason.OUTCOME_UNKNOWN else None,
        retry_trunk_no=trunk_no,
        details=keep(ended.details),
    )


def _follow(attempt: LiveAttempt, ended: Ended, chance: float, trunks: Trunks) -> tuple[RetryAt | Stop, int | None]:
    """What follows an attempt, and over which trunk it must go: None where that is open."""
    decision = decide(
        attempt.plan.policy,
        attempt.dial.attempt,
        ended.reason,
        ended.at,
        attempt.plan.bounds,
        chance,
        dials=attempt.dials,
        opted_out=opted_out(ended.details),
    )
    elsewhere = _elsewhere(attempt, ended, chance, trunks)
    if elsewhere is None:
        return decision, None
    shown = trunks.shown((attempt.route.trunk[0], elsewhere.trunk_no))
    return RetryAt(elsewhere.at, f"{FAIL_OVER}: {shown}"), elsewhere.trunk_no


def _elsewhere(attempt: LiveAttempt, ended: Ended, chance: float, trunks: Trunks) -> FailOver | None:
    """Over which other trunk a dial goes on at once, where this one refused it before anything rang."""
    rang = ended.rang or ended.ring_sec > 0 or attempt.rang_at is not None or attempt.answered_at is not None
    if len(attempt.plan.ways) < 2 or not was_refused(ended.reason, ended.sip_code, rang=rang, placed=ended.placed):
        return None
    workspace_no, trunk_no = attempt.route.trunk
    return fail_over(
        attempt.plan.ways,
        (*attempt.refused_by, trunk_no),
        lambda other: trunks.accepts((workspace_no, other)),
        attempt.plan.policy.max_attempts - attempt.dial.attempt,
        attempt.plan.bounds,
        ended.at,
        chance,
    )


def _was_for_nobody(attempt: LiveAttempt, result: Result) -> bool:
    """Whether an attempt's token was surely told to no agent."""
    has_token = attempt.dial.agent is not None and bool(attempt.dial.agent.token)
    return has_token and result.answered_at is None and result.end_reason != EndReason.OUTCOME_UNKNOWN


def _held_until(attempt: LiveAttempt) -> Instant:
    """Until when a call of which nobody knows how it ended may still be up."""
    return (attempt.called_at or attempt.place_at) + attempt.route.hold


def _trail(attempt: LiveAttempt, result: Result) -> AttemptTrail:
    return AttemptTrail(
        call_id=attempt.dial.call_id,
        attempt_id=attempt.dial.attempt_id,
        attempt=attempt.dial.attempt,
        end_reason=result.end_reason,
        intent_at=attempt.place_at,
        called_at=attempt.called_at,
        rang_at=attempt.rang_at,
        answered_at=attempt.answered_at,
        ended_at=result.ended_at,
    )
