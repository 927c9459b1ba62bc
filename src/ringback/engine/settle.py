"""Settle: turn what the carriers report into outcomes, the next dial or the call's end. A batch a transaction."""

from collections.abc import Iterable

from ringback.carriers.carrier import Answered, CallEvent, Ended, Ringing
from ringback.domain.attempt import TRANSITIONS, AttemptEvent
from ringback.domain.billing import charge
from ringback.domain.call import final_state
from ringback.domain.outcome import MEANINGS, Status
from ringback.domain.retry import RetryAt, decide
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.events import Settled, StrayEvent
from ringback.ids import ATTEMPT, show
from ringback.store import attempts
from ringback.store.attempts import Progress, Result


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

    async def run_once(self) -> int:
        """Take the events that came and write down what they mean; returns how many attempts moved.

        What was decided is kept until the database has it, so a lost connection loses no outcome.

        Raises:
            DatabaseUnavailable: nothing was written, or it is not known; the next run writes it again, guarded.
        """
        for event in self._next_events():
            self._take(event)
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
        if attempt is None or attempt.key in self._unsaved:
            self._node.publish(StrayEvent(show(ATTEMPT, event.attempt_id), type(event).__name__))
            return
        match event:
            case Ringing():
                self._move(attempt, AttemptEvent.RINGS)
            case Answered(at=at):
                attempt.answered_at = attempt.answered_at or at
                self._move(attempt, AttemptEvent.IS_ANSWERED)
            case Ended():
                self._moved.pop(attempt.key, None)
                self._unsaved[attempt.key] = (attempt, settle_as(attempt, event, self._node.chance.random()))

    def _move(self, attempt: LiveAttempt, event: AttemptEvent) -> None:
        """Move a live attempt on; an event that its state has no use for came twice or late."""
        state = TRANSITIONS[attempt.state].get(event)
        if state is not None:
            attempt.state = state
            self._moved[attempt.key] = attempt

    async def _end(self) -> None:
        results = {key: result for key, (_, result) in self._unsaved.items()}
        async with self._node.database.connection() as db:
            ended = await attempts.settle(db, list(results.values()))
            missed = results.keys() - ended
            # the guard passed these over: ended by somebody else, or just then written to and to be tried again
            again = await attempts.still_live(db, sorted(missed)) if missed else set()
        for key in results.keys() - again:
            attempt, _ = self._unsaved.pop(key)
            self._node.hand.forget(attempt.dial.attempt_id)
        self._node.publish(Settled(len(ended), len(missed)))

    async def _write_progress(self) -> None:
        steps = [Progress(*a.key, a.dial.attempt_id, a.state, a.called_at, a.answered_at) for a in self._moved.values()]
        async with self._node.database.connection() as db:
            await attempts.progress(db, steps)
        self._moved.clear()


def settle_as(attempt: LiveAttempt, ended: Ended, chance: float) -> Result:
    """What is to be written for an attempt that is over: its outcome, its cost, and what follows."""
    meaning = MEANINGS[ended.reason]
    answered = meaning.status is Status.COMPLETED
    decision = decide(attempt.policy, attempt.dial.attempt, ended.reason, ended.at, attempt.bounds, chance)
    bill = charge(attempt.billing, ended.duration_sec, answered)
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
        currency=attempt.billing.currency,
        retry_at=decision.at if isinstance(decision, RetryAt) else None,
        retry_rule=decision.rule if isinstance(decision, RetryAt) else None,
        stop_reason=None if isinstance(decision, RetryAt) else decision.reason,
        final_status=None if isinstance(decision, RetryAt) else final_state(decision.reason, meaning.status),
        campaign_no=attempt.campaign_no,
        lane_trunk_no=attempt.lane_trunk_no,
    )
