"""Place: ask the trunk for each committed intent, once, at its instant, while this node may still dial."""

import asyncio

from ringback.carriers.carrier import Ended, NeverPlaced, Over, Unknown
from ringback.domain.outcome import EndReason
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.errors import CarrierError, CarrierUnavailable
from ringback.events import TrunkRefused, Withdrawn
from ringback.store import attempts
from ringback.store.attempts import Withdrawal


class Placer:
    """The duty that hands intents to the carriers.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    async def run_once(self) -> int:
        """Place the intents whose instant has come; returns how many left this node's hand or reached a trunk."""
        ready = self._node.hand.take_placeable(self._node.clock.now())
        await asyncio.gather(*(self._place(attempt) for attempt in ready))
        if self._node.hand.unplaced:
            await self.withdraw("the lease or the calling window ended before the dial")
        return len(ready)

    async def withdraw(self, why: str) -> None:
        """Take back the intents that no trunk was asked for, so that the same dials are due again.

        Raises:
            DatabaseUnavailable: they are kept, and taken back the next time or by rescue.
        """
        unplaced = list(self._node.hand.unplaced)
        rows = [Withdrawal(*attempt.key, attempt.dial.attempt_id, attempt.lane_trunk_no) for attempt in unplaced]
        async with self._node.database.connection() as db:
            taken_back = await attempts.withdraw(db, rows, self._node.clock.now())
        for attempt in unplaced:
            self._node.hand.forget(attempt.dial.attempt_id)
        del self._node.hand.unplaced[: len(unplaced)]
        self._node.publish(Withdrawn(len(taken_back), why))

    async def _place(self, attempt: LiveAttempt) -> None:
        now, lease = self._node.clock.now(), self._node.lease
        # an intent from before the lease was lost and won again may be another node's by now
        may_dial = lease.holds(now) and lease.node_no == attempt.node_no
        if not may_dial or attempt.bounds.first_dial(now) != now:
            self._node.hand.unplaced.append(attempt)
            return
        # set first: once the trunk may have been asked, this dial is never taken back
        attempt.called_at = now
        carrier = self._node.trunks.carrier(attempt.trunk)
        try:
            attempt.called_at = await carrier.place(attempt.dial)
        except CarrierUnavailable as refused:
            self._end(attempt, EndReason.NETWORK_FAILURE, refused)
        except CarrierError as refused:
            # it may have been dialled: never asked for again, but asked about
            match await carrier.look_up(attempt.dial):
                case NeverPlaced():
                    self._end(attempt, EndReason.NETWORK_FAILURE, refused)
                case Over(ended=ended):
                    self._node.hand.hear(ended)
                case Unknown():
                    self._end(attempt, EndReason.OUTCOME_UNKNOWN, refused)

    def _end(self, attempt: LiveAttempt, reason: EndReason, refused: CarrierError) -> None:
        self._node.publish(TrunkRefused(str(attempt.trunk), str(refused)))
        self._node.hand.hear(Ended(attempt.dial.attempt_id, self._node.clock.now(), reason))
