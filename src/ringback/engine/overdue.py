"""Overdue: ask the trunk about a live attempt of which it has told nothing for longer than any call may last."""

from collections import Counter

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Ended, NeverPlaced, Over, StillUp, Unknown
from ringback.domain.outcome import EndReason
from ringback.engine.inquire import Inquirer
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.events import LookedUp

ASK_AGAIN = TimeDelta(seconds=30)
"""How soon a trunk is asked again about a call that it says is still up."""


class Overseer:
    """The duty that explains attempts whose events do not come.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._inquirer = Inquirer()

    async def run_once(self) -> int:
        """Look up the overdue attempts of this node; what is found comes in as an event. Returns 0, for a pause."""
        now = self._node.clock.now()
        overdue = [a for a in self._node.hand.live.values() if a.called_at is not None and a.overdue_at <= now]
        if not overdue:
            return 0
        found = Counter([await self._explain(attempt, now) for attempt in overdue])
        kinds = (found[kind] for kind in (Over, StillUp, Unknown, NeverPlaced))
        self._node.publish(LookedUp(len(overdue), *kinds))
        return 0

    async def _explain(self, attempt: LiveAttempt, now: Instant) -> type:
        carrier = self._node.trunks.carrier(attempt.route.trunk)
        known = await self._inquirer.what_became(carrier, attempt.dial, now)
        hear = self._node.hand.hear
        match known:
            case Over(ended=ended):
                hear(ended)
            case StillUp():
                attempt.look_up_at = now + ASK_AGAIN
            case NeverPlaced():
                hear(Ended(attempt.dial.attempt_id, now, EndReason.NETWORK_FAILURE, placed=False))
            case Unknown():
                hear(Ended(attempt.dial.attempt_id, now, EndReason.OUTCOME_UNKNOWN))
            case None:
                pass  # it is asked again the next time
        return type(known)
