"""Far ends that were hung up on and have not said that they know: they are told again once the stack has given up.

The stack repeats a BYE or a CANCEL for 32 s (RFC 3261, sections 17.1.2.2 and 17.1.1.2). A network that is away for
longer would leave a person on a line, or a phone ringing. So would an INVITE that arrives after the stack has given
up on it: a response to it that comes late is met by a CANCEL, or by an ACK and a BYE, at once.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from ringback.carriers.sip.request import Peer, ack, address_of, ask, bye, cancel, next_hop, tell
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
        self._late = asyncio.Event()

    async def keep(self) -> None:
        """Look again and again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SEC):
                    await self._late.wait()
            self._late.clear()
            await self.run_once()

    def hurry(self) -> None:
        """Look at once: there is one who speaks late."""
        self._late.set()

    async def run_once(self) -> None:
        """Tell those whom the stack tells no more."""
        now = self._now()
        left = list(self._wires.leaving.items())
        waiting = [(key, each) for key, each in left if each.late or now - each.since > STACK_SEC]
        for at in range(0, len(waiting), WIDTH):
            await asyncio.gather(*(self._tell(key, each) for key, each in waiting[at : at + WIDTH]))

    async def _tell(self, key: str, leaving: Leaving) -> None:
        told = self._now() - leaving.since > LONGEST_SEC
        if not told:
            with suppress(OSError):  # the network is still away
                told = await self._say_goodbye(leaving)
        if told and self._wires.leaving.get(key) is leaving:  # or it was picked up meanwhile
            self._wires.leaving.pop(key, None)

    async def _say_goodbye(self, leaving: Leaving) -> bool:
        """Whether the far end says that it knows."""
        invite, accepted = leaving.noted.invite, leaving.noted.accepted
        goodbye = bye(invite, accepted, token_hex(8)) if accepted else cancel(invite)
        peer = address_of(next_hop(invite), self._peer)
        peer = address_of(goodbye.target or "", peer)
        if accepted and leaving.late:
            await tell(ack(invite, accepted, token_hex(8)), peer, ANSWER_SEC)
        return await ask(goodbye, peer, ANSWER_SEC) is not None
