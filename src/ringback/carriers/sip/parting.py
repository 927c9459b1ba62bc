"""Far ends that were hung up on and have not said that they know: they are told again once the stack has given up.

The stack repeats a BYE or a CANCEL for 32 s (RFC 3261, sections 17.1.2.2 and 17.1.1.2). A network that is away for
longer would leave a person on a line, or a phone ringing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from ringback.carriers.sip.request import Peer, address_of, ask, bye, cancel, next_hop
from ringback.carriers.sip.wire import Leaving, Wires

STACK_SEC = 33.0
"""For so long the stack asks by itself."""

LOOK_SEC = 5.0
ANSWER_SEC = 4.0
LONGEST_SEC = 900.0
"""Nobody is told after that: a far end ends by itself what it hears nothing of, sooner or later."""

WIDTH = 20
"""So many are told at a time."""


class Parting:
    """Tells them.

    Args:
        wires: knows them.
        peer: where requests of the trunk go.
        now: Unix time.
    """

    def __init__(self, wires: Wires, peer: Peer, now: Callable[[], float]) -> None:
        self._wires = wires
        self._peer = peer
        self._now = now

    async def keep(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            await self.run_once()

    async def run_once(self) -> None:
        """Tell those whom the stack tells no more."""
        now = self._now()
        waiting = [(key, each) for key, each in list(self._wires.leaving.items()) if now - each.since > STACK_SEC]
        for at in range(0, len(waiting), WIDTH):
            await asyncio.gather(*(self._tell(key, each) for key, each in waiting[at : at + WIDTH]))

    async def _tell(self, key: str, leaving: Leaving) -> None:
        told = self._now() - leaving.since > LONGEST_SEC
        if not told:
            invite, accepted = leaving.noted.invite, leaving.noted.accepted
            goodbye = bye(invite, accepted, token_hex(8)) if accepted else cancel(invite)
            peer = address_of(next_hop(invite), self._peer)
            with suppress(OSError):  # the network is still away
                told = await ask(goodbye, address_of(goodbye.target or "", peer), ANSWER_SEC) is not None
        if told:
            self._wires.leaving.pop(key, None)
