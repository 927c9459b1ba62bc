"""Stop: intents whose number was put on the do-not-call list after their claim are taken back and not placed."""

import asyncio

from whenever import Instant, TimeDelta

from ringback.engine.live import InHand
from ringback.engine.node import Node
from ringback.events import IntentsStopped
from ringback.store import do_not_call

FRESH = TimeDelta(milliseconds=200)
"""So old may the last look at the list be when a dial is placed."""


class Stopper:
    """The duty that looks for what was put on the list since the claim.

    Args:
        node: what the duties share.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._looking = asyncio.Lock()
        self._looked_at = Instant.MIN

    async def run_once(self) -> int:
        """Mark the intents that are not to be placed; returns 0, for a pause.

        Raises:
            DatabaseUnavailable: nobody knows, and nothing is placed until somebody does.
        """
        async with self._looking:  # who knows an older list must not have the last word
            await self._mark()
        return 0

    async def look(self, hand: InHand, now: Instant) -> None:
        """The same in the moment of placing, unless somebody has looked just now."""
        next_at = hand.next_place_at()
        if next_at is None or next_at > now:
            return
        async with self._looking:
            if self._looked_at + FRESH <= now:
                await self._mark()

    async def _mark(self) -> None:
        began = self._node.clock.now()
        unasked = [attempt for attempt in self._node.hand.live.values() if attempt.called_at is None]
        if unasked:
            async with self._node.database.connection() as db:
                versions = await do_not_call.list_versions(db, {attempt.key[0] for attempt in unasked})
                newer = [attempt for attempt in unasked if attempt.list_version < versions[attempt.key[0]]]
                numbers = {(attempt.key[0], attempt.dial.to_number) for attempt in newer}
                entries = await do_not_call.listed(db, numbers, began) if newer else {}
            for attempt in newer:
                attempt.list_version = versions[attempt.key[0]]
                attempt.is_stopped = (attempt.key[0], attempt.dial.to_number) in entries
            if stopped := sum(attempt.is_stopped for attempt in newer):
                self._node.publish(IntentsStopped(stopped))
        self._looked_at = began
