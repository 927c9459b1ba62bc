"""Place: ask the trunk for each committed intent, once, at its instant, while this node may still dial."""

import asyncio
from collections import deque

import msgspec
from whenever import Instant

from ringback.carriers.carrier import Answered, Ended, NeverPlaced, Over, StillUp, Unknown
from ringback.domain.attempt import AttemptState
from ringback.domain.outcome import EndReason
from ringback.engine.inquire import Inquirer
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.stop import Stopper
from ringback.errors import CarrierError, CarrierUnavailable, NotAsked
from ringback.events import HungUp, Placed, TrunkRefused, Withdrawn
from ringback.ids import ATTEMPT, show
from ringback.store import attempts, finish
from ringback.store.attempts import Withdrawal

SLICE = 50
"""After so many dials the others who work have their turn."""

WIDTH = 64
"""Dials that trunks are being asked for at a time: one that answers slowly holds up none of the others."""


class Placer:
    """The duty that hands intents to the carriers. It may run several times over: each takes what is to be placed.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.placed = 0
        self.stopper = Stopper(node)
        self._withdrawing = asyncio.Lock()

    async def run_once(self) -> int:
        """Place the intents whose instant has come; returns how many left this node's hand or reached a trunk."""
        await self.stopper.look(self._node.hand, self._node.clock.now())
        ready = deque(await self._brief(self._node.hand.take_placeable(self._node.clock.now())))
        count, late_sec = len(ready), list[float]()
        await asyncio.gather(*(self._place_some(ready, late_sec) for _ in range(min(count, WIDTH))))
        if late_sec:
            self.placed += len(late_sec)
            self._node.publish(Placed(len(late_sec), tuple(late_sec)))
        if self._node.hand.unplaced:
            unready = all(attempt.due_again_at for attempt in self._node.hand.unplaced)
            ended = "the lease or the calling window ended before the dial, or its number may not be called"
            await self.withdraw("their agents are not ready here" if unready else ended)
        return count

    async def withdraw(self, why: str) -> None:
        """Take back the intents that no trunk was asked for: the same dials are due again.

        Raises:
            DatabaseUnavailable: they are kept, and taken back the next time or by rescue.
        """
        async with self._withdrawing:
            unplaced, now = list(self._node.hand.unplaced), self._node.clock.now()
            if not unplaced:  # another one of us has taken them back
                return
            rows = [Withdrawal(*a.key, a.dial.attempt_id, max(a.due_again_at or now, now)) for a in unplaced]
            async with self._node.database.connection() as db:
                taken_back = await attempts.withdraw(db, rows, now)
            for attempt in unplaced:
                self._node.let_go(attempt)
            del self._node.hand.unplaced[: len(unplaced)]
        self._node.publish(Withdrawn(len(taken_back), why))

    async def hang_up_cancelled(self) -> int:
        """Hang up what rings in campaigns that were cancelled with that wish; returns 0, for a pause."""
        ringing: dict[tuple[int, int], list[LiveAttempt]] = {}
        for attempt in self._node.hand.live.values():
            if attempt.route.lane.campaign_no and self._rings(attempt) and not attempt.hung_up:
                ringing.setdefault(attempt.route.lane[:2], []).append(attempt)
        if not ringing:
            return 0
        async with self._node.database.connection() as db:
            cancelled = await finish.to_hang_up(db, list(ringing))
        answered = {event.attempt_id for event in self._node.hand.inbox if isinstance(event, Answered)}
        still = [a for campaign in cancelled for a in ringing[campaign] if a.dial.attempt_id not in answered]
        calls = [attempt for attempt in still if self._rings(attempt)]  # that was looked up for some time
        for attempt in calls:
            attempt.hung_up = True
            await self._node.trunks.carrier(attempt.route.trunk).hang_up(attempt.dial.attempt_id)
        if calls:
            self._node.publish(HungUp(len(calls)))
        return 0

    def _rings(self, attempt: LiveAttempt) -> bool:
        asked = attempt.called_at is not None and attempt.dial.attempt_id in self._node.hand.live
        return asked and attempt.state is not AttemptState.IN_PROGRESS

    async def _brief(self, ready: list[LiveAttempt]) -> list[LiveAttempt]:
        """Let the dials of carriers that want it name what handles the call.

        Raises:
            DatabaseUnavailable: all of them are taken back.
        """
        wanting = [a for a in ready if self._node.trunks.carrier(a.route.trunk).wants_agents]
        if not wanting:
            return ready
        try:
            agents = await self._node.briefs.brief(wanting, self._node.clock.now())
        except BaseException:
            self._node.hand.unplaced.extend(ready)
            raise
        unready = {a.dial.attempt_id: a for a in wanting if a.dial.attempt_id not in agents}
        for attempt in wanting:
            attempt.dial = msgspec.structs.replace(attempt.dial, agent=agents.get(attempt.dial.attempt_id))
        self._node.hand.unplaced.extend(unready.values())
        return [a for a in ready if a.dial.attempt_id not in unready]

    async def _place_some(self, ready: deque[LiveAttempt], late_sec: list[float]) -> None:
        """Place one after another of what nobody else has begun with."""
        while ready:
            if len(ready) % SLICE == 0:
                await asyncio.sleep(0)  # a claim that has its answer need not wait for all of them
                if not ready:
                    return
            attempt = ready.popleft()
            now = self._node.clock.now()
            if self._may_place(attempt, now) and await self._place(attempt, now):
                late_sec.append((now - attempt.due_at).total("seconds"))
            else:
                self._node.hand.unplaced.append(attempt)

    def _may_place(self, attempt: LiveAttempt, now: Instant) -> bool:
        """Whether lease and window still allow it; an intent of a lease that was lost may be another node's by now."""
        lease = self._node.lease
        if attempt.is_stopped or now > attempt.placeable_until:
            return False
        return lease.holds(now) and lease.node_no == attempt.node_no and attempt.plan.bounds.first_dial(now) == now

    def _by(self, attempt: LiveAttempt, now: Instant) -> Instant:
        """Until when it may be dialled at most: a calling window shuts with a minute, and not within one."""
        minute_end = Instant.from_timestamp(now.timestamp() // 60 * 60 + 60)
        ends_at = attempt.plan.bounds.ends_at or Instant.MAX
        return min(self._node.lease.until, minute_end, ends_at, attempt.placeable_until)

    async def _place(self, attempt: LiveAttempt, now: Instant) -> bool:
        """Ask the trunk; False where it certainly was not asked, so that the dial can be taken back."""
        # set first: once the trunk may have been asked, this dial is never taken back
        self._was_asked(attempt, now)
        carrier = self._node.trunks.carrier(attempt.route.trunk)
        try:
            self._was_asked(attempt, await carrier.place(attempt.dial, self._by(attempt, now)))
        except NotAsked:
            attempt.called_at = None
            return False
        except CarrierUnavailable as refused:
            self._end(attempt, EndReason.NETWORK_FAILURE, refused)
        except CarrierError as refused:
            # it may have been dialled: never asked for again, but asked about
            match await Inquirer().what_became(carrier, attempt.dial, now):
                case NeverPlaced():
                    self._end(attempt, EndReason.NETWORK_FAILURE, refused)
                case Over(ended=ended):
                    self._node.hand.hear(ended)
                case Unknown():
                    self._end(attempt, EndReason.OUTCOME_UNKNOWN, refused)
                case StillUp() | None:
                    pass  # its events come, or it is asked about once it is overdue
        return True

    def _was_asked(self, attempt: LiveAttempt, at: Instant) -> None:
        attempt.called_at = at
        if attempt.mark is not None:  # its paces go by this
            attempt.mark.at = at

    def _end(self, attempt: LiveAttempt, reason: EndReason, refused: CarrierError) -> None:
        self._node.publish(
            TrunkRefused(
                self._node.trunks.shown(attempt.route.trunk), str(refused), show(ATTEMPT, attempt.dial.attempt_id)
            )
        )
        known = reason is not EndReason.OUTCOME_UNKNOWN
        self._node.hand.hear(Ended(attempt.dial.attempt_id, self._node.clock.now(), reason, placed=not known))
