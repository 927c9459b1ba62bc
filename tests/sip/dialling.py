"""A SIP carrier, and what is heard of the dials that a test makes over it."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import psutil
from tests.carriers.over_sip import PATIENCE_SEC, comes_true

from ringback import ids
from ringback.carriers.carrier import Agent, CallEvent, Dial, Ended
from ringback.carriers.sip.carrier import SipCarrier, open_sip
from ringback.carriers.sip.protocol import FromWorker
from ringback.carriers.sip.settings import SipSettings
from ringback.clock import SystemClock, seconds

SERIALS = itertools.count(1)
Overhear = Callable[[FromWorker], None]


class Dialling:
    """An open carrier.

    Args:
        settings: of the trunk.
        folder: for the carrier's files.
        overhear: told of each SIP message.

    Attributes:
        carrier: it.
        events: what was heard.
        ends: how dials ended.
    """

    def __init__(self, settings: SipSettings, folder: Path, overhear: Overhear | None = None) -> None:
        self.events: list[CallEvent] = []
        self.carrier: SipCarrier = open_sip(settings, SystemClock(), self._hear, folder, overhear)
        self.ends: dict[UUID, Ended] = {}

    async def place(self, to_number: str, agent: Agent | None = None) -> UUID:
        """Dial; returns the attempt."""
        serial = next(SERIALS)
        attempt, call = UUID(int=0x7000 << 64 | 0xC << 60 | serial), UUID(int=0x7000 << 64 | 0xD << 60 | serial)
        dial = Dial(attempt, call, 1, to_number, None, ("UTC",), agent)
        await self.carrier.place(dial, SystemClock().now() + seconds(60))
        return attempt

    async def heard(self, attempt: UUID, kind: type[CallEvent]) -> None:
        """Wait until something was heard of a dial."""
        assert await comes_true(lambda: bool(self.of(attempt, kind))), f"no {kind.__name__} in {PATIENCE_SEC:.0f} s"

    async def ended(self, attempt: UUID, sec: float = PATIENCE_SEC) -> Ended:
        """How a dial ended, once it has."""
        assert await comes_true(lambda: attempt in self.ends, sec), f"not over within {sec:.0f} s"
        return self.ends[attempt]

    async def end(self, to_number: str, agent: Agent | None = None) -> Ended:
        """Dial, and wait for the end."""
        return await self.ended(await self.place(to_number, agent))

    def of(self, attempt: UUID, kind: type[CallEvent] | None = None) -> list[CallEvent]:
        """What was heard of a dial."""
        heard = [event for event in self.events if event.attempt_id == attempt]
        return heard if kind is None else [event for event in heard if isinstance(event, kind)]

    def workers(self) -> list[psutil.Process]:
        """The processes of the carriers that are open."""
        return [child for child in psutil.Process().children() if "ringback.carriers.sip.worker" in child.cmdline()]

    def _hear(self, event: CallEvent) -> None:
        self.events.append(event)
        if isinstance(event, Ended):
            self.ends[event.attempt_id] = event


@asynccontextmanager
async def dialling(settings: SipSettings, folder: Path, overhear: Overhear | None = None) -> AsyncIterator[Dialling]:
    """A carrier, until the block ends."""
    made = Dialling(settings, folder, overhear)
    try:
        yield made
    finally:
        await made.carrier.close()


def shown(attempt: UUID) -> str:
    """The attempt as the far end is told it."""
    return ids.show(ids.ATTEMPT, attempt)
