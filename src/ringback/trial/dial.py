"""The test call: one dial over a SIP trunk, with a carrier of its own that lives no longer than it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ringback.carriers.carrier import Agent, CallEvent, Dial, Ended
from ringback.carriers.sip.advice import Facts
from ringback.carriers.sip.carrier import SipCarrier, open_sip
from ringback.carriers.sip.check import check_sip
from ringback.carriers.sip.health import peer_of, why_silent
from ringback.carriers.sip.ladder import Ladder, Rung, demands_srtp, host_of
from ringback.carriers.sip.protocol import Closed, FromWorker, PickedUp, Rang, Wire
from ringback.carriers.sip.settings import SipSettings
from ringback.clock import Clock, seconds
from ringback.errors import CarrierError
from ringback.ids import Ids

START_SEC = 20.0
"""The stack may take so long to come up and to register."""

BEYOND_SEC = 90.0
"""After the ring time-out at the latest all is over: a short talk, and what is lost on the way."""

GIVE_UP_SEC = 5.0
"""For so long the far end may confirm a call that was given up by Ctrl-C."""

LAST_SEC = 4.0
"""For so long the last messages may come in after the end."""

LOOK_SEC = 0.02

_TONE = Agent("tone", {})


@dataclass(frozen=True, slots=True)
class Result:
    """What a test call came to.

    Attributes:
        facts: what advice is made of.
        ended: how the dial ended, None where there was none.
        rungs: the SIP messages.
        began_at: Unix time of the first INVITE, or of the first message.
    """

    facts: Facts
    ended: Ended | None
    rungs: tuple[Rung, ...]
    began_at: float


class TrialCall:
    """One test call.

    Args:
        settings: the trunk's, the password in the clear.
        clock: when it is.
        ids: makes those of the dial.
        folder: the data directory.
        on_rung: told of each message as it comes.
    """

    def __init__(
        self, settings: SipSettings, clock: Clock, ids: Ids, folder: Path, on_rung: Callable[[Rung], None]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._folder = folder
        self._on_rung = on_rung
        self._ladder = Ladder()
        self._closed: Closed | None = None
        self._ended: Ended | None = None
        self._rang = False
        self._answered_at: float | None = None
        self._refused = ""
        self._over = asyncio.Event()

    async def run(self, to_number: str, from_number: str | None, stop: asyncio.Event) -> Result:
        """Dial, and see it to its end.

        Args:
            to_number: whom to call.
            from_number: who calls, None for the trunk's own.
            stop: set when it is to be given up.
        """
        if fault := check_sip(self._settings):
            return self._result(replace(self._facts(), refused=fault))
        peer = peer_of(self._settings) if self._settings.options_sec else None
        asking = None if peer is None else asyncio.create_task(why_silent(self._settings, peer))
        carrier = open_sip(
            replace(self._settings, most_workers=1), self._clock, self._listen, self._folder, self._overhear
        )
        try:
            await self._dial(carrier, self._new_dial(to_number, from_number), stop)
            silent = None if asking is None or stop.is_set() else await asking
        finally:
            await carrier.close()
            if asking is not None:
                asking.cancel()
        facts = replace(self._facts(), interrupted=stop.is_set(), options_fault=silent)
        return self._result(facts)

    async def _dial(self, carrier: SipCarrier, dial: Dial, stop: asyncio.Event) -> None:
        if not await self._place(carrier, dial, stop):
            return
        if not await _until(self._over.is_set, self._settings.ring_timeout_sec + BEYOND_SEC, stop):
            await carrier.hang_up(dial.attempt_id)
            await _until(self._over.is_set, GIVE_UP_SEC)
        await _until(self._ladder.is_whole, LAST_SEC)

    async def _place(self, carrier: SipCarrier, dial: Dial, stop: asyncio.Event) -> bool:
        """Have it dialled; False where it is not."""
        by = self._clock.now() + seconds(START_SEC)
        placing = asyncio.create_task(carrier.place(dial, by))
        await _until(lambda: placing.done() or carrier.ailing is not None, START_SEC, stop)
        if not placing.done():
            placing.cancel()
        try:
            await placing
        except CarrierError as refused:
            self._refused = str(refused)
        except asyncio.CancelledError:
            self._refused = carrier.ailing or "no worker could be started in time"
        return not self._refused

    def _new_dial(self, to_number: str, from_number: str | None) -> Dial:
        now = self._clock.now()
        return Dial(self._ids.new(now), self._ids.new(now), 1, to_number, from_number, (), _TONE)

    def _listen(self, event: CallEvent) -> None:
        if isinstance(event, Ended):
            self._ended = event
            self._over.set()

    def _overhear(self, message: FromWorker) -> None:
        match message:
            case Wire(attempt_id=None, at=at, sent=sent, text=text):
                if rung := self._ladder.add(at, sent, text):
                    self._on_rung(rung)
            case Rang():
                self._rang = True
            case PickedUp(at=at):
                self._answered_at = at
            case Closed():
                self._closed = message

    def _facts(self) -> Facts:
        closed, rungs = self._closed, self._ladder.rungs
        talked_sec = closed.at - self._answered_at if closed and self._answered_at else 0.0
        return Facts(
            self._settings,
            closed,
            refused=self._refused or ("" if closed else "the worker of this call died"),
            rang=self._rang,
            answered=self._answered_at is not None,
            heard=bool(closed and closed.notes.get("heard")),
            wants_srtp=demands_srtp(rungs),
            media_host=next((host_of(rung.media) for rung in rungs if rung.sent and rung.media), ""),
            far_media_host=next((host_of(rung.media) for rung in rungs if not rung.sent and rung.media), ""),
            talked_sec=talked_sec,
            unregistered=unregistered(rungs),
        )

    def _result(self, facts: Facts) -> Result:
        return Result(facts, self._ended, tuple(self._ladder.rungs), self._ladder.began_at)


def unregistered(rungs: list[Rung]) -> int | None:
    """The code with which the last REGISTER was refused, None where it was not."""
    finals = [rung.status for rung in rungs if not rung.sent and rung.cseq.endswith("REGISTER") and rung.status]
    return finals[-1] if finals and finals[-1] >= 300 else None


async def _until(holds: Callable[[], bool], sec: float, stop: asyncio.Event | None = None) -> bool:
    """Wait until something is so; False where it is not after so long, or where it is given up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(sec):
            while not holds() and not (stop and stop.is_set()):  # noqa: ASYNC110  # several things end it
                await asyncio.sleep(LOOK_SEC)
    return holds()
