"""The far end of the SIP carrier's tests: SIPp, on loopback, in real time."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from tests.carriers.far_end import Behaviour, Condition, FarEnd
from tests.sip.messages import Call
from tests.sip.numbers import Manner, number, refusal
from tests.sip.scenario import Pace
from tests.sip.sipp import HOST, Sipp
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import Listener
from ringback.carriers.sip.carrier import SipCarrier, open_sip
from ringback.carriers.sip.settings import SipSettings, parse_settings
from ringback.clock import SystemClock

PATIENCE_SEC = 60.0
"""Longer than a transaction may take that nobody answers: 32 s (RFC 3261, section 17.1.1.2)."""

LOOK_SEC = 0.02
QUIET_SEC = 0.3
"""After the last message of a call an event of it would be here in so long."""

QUICK = Pace(ring=100, talk=1_200)
"""A conversation of one whole second, and no more of the rest than must be."""

NUMBERS = {
    Behaviour.ANSWERS: number(Manner.ANSWERS),
    Behaviour.BUSY: number(refusal(486)),
    Behaviour.RINGS_OUT: number(Manner.RINGS),
    Behaviour.INVALID: number(refusal(404)),
}


async def comes_true(condition: Condition, sec: float = PATIENCE_SEC) -> bool:
    """Wait until a condition holds, looking again and again; false where it does not in time."""
    deadline = time.monotonic() + sec
    while not (holds := condition()) and time.monotonic() < deadline:  # noqa: ASYNC110  # SIPp tells of nothing
        await asyncio.sleep(LOOK_SEC)
    return holds


def trunk(sipp: Sipp, **more: Any) -> SipSettings:
    """A trunk that leads to SIPp; it is not asked whether it is there, so that all SIPp sees is dials."""
    named = {"host": sipp.place.host, "port": sipp.port, "transport": sipp.transport, "net_interface": HOST}
    return parse_settings({**named, "from_number": "+14155550100", "options_sec": 0, "most_workers": 1, **more})


class SippFarEnd(FarEnd):
    """SIPp behind the SIP carrier. What a SIP trunk was asked cannot be asked of it afterwards.

    Args:
        sipp: it may have had calls before.
        folder: for the carriers' files.
        settings: of the trunk.
    """

    remembers = False

    def __init__(self, sipp: Sipp, folder: Path, settings: SipSettings) -> None:
        self.sipp = sipp
        self.folder = folder
        self.settings = settings
        self.clock = SystemClock()
        self.before = len(sipp.calls())

    def make_carrier(self, listener: Listener) -> SipCarrier:
        """A carrier of the trunk."""
        return open_sip(self.settings, self.clock, listener, self.folder)

    def number(self, behaviour: Behaviour) -> str:
        """The number for it."""
        return NUMBERS[behaviour]

    async def until(self, condition: Condition) -> None:
        """Wait."""
        assert await comes_true(condition), "it never came true"

    async def let_time_pass(self) -> None:
        """Until the far end says that all calls are over, and what that brings about has been heard."""
        assert await comes_true(lambda: all(call.is_over for call in self.calls())), "calls are up at the far end"
        await asyncio.sleep(QUIET_SEC)

    def now(self) -> Instant:
        """The time of the clock."""
        return self.clock.now()

    def calls(self) -> list[Call]:
        """What SIPp saw since this far end was made."""
        return self.sipp.calls()[self.before :]

    def asked_for(self, attempt_id: UUID) -> int:
        """By the INVITEs that came."""
        return [call.attempt for call in self.calls()].count(ids.show(ids.ATTEMPT, attempt_id))

    def left_running(self) -> list[str]:
        """Tasks, and workers."""
        workers = [child for child in psutil.Process().children() if "ringback.carriers.sip.worker" in child.cmdline()]
        return [str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}] + [str(each) for each in workers]
