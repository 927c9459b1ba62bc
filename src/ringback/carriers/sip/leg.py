"""One dial in a worker, from its INVITE to its end; once it is answered it is the line of an agent."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.detection_settings import Detect, parse_detection, split_detection
from ringback.carriers.sip.line import FRAME_SEC, RunAgent
from ringback.carriers.sip.protocol import Closed, FromWorker, NotSent, PickedUp, Place, Rang, Sent, Wire, as_unix
from ringback.carriers.sip.settings import SipSettings
from ringback.carriers.sip.stack import Kind, News, Stack, StackCall, StackRefused, read_closed
from ringback.carriers.sip.wire import ATTEMPT_HEADER, Noted, Seen, Wires
from ringback.clock import Clock
from ringback.ids import ATTEMPT, CALL, show

AGENTS = {
    "message": "ringback.carriers.sip.agents.message",
    "websocket": "ringback.carriers.sip.agents.websocket",
    "tone": "ringback.carriers.sip.agents.tone",  # of a trunk's test: the API makes none
}
"""The kinds of agent that a worker runs, each with the module whose `run` it is."""

SCREENING = "ringback.carriers.sip.screening"
"""Taken in by the calls that want it, as it works with NumPy."""

RATES = {"pcmu": 8000, "pcma": 8000, "g722": 16000, "opus": 48000}
"""Samples a second of a call with this codec."""

WAIT_FOR_FINAL_SEC = 0.25
"""After a CANCEL the final response is waited for so long; it says whether the answer crossed it."""

AGENT_END_SEC = 2.0
"""An agent has so long to say goodbye to its own far end once the call is over."""

AUDIO_UP_SEC = 2.0
"""Audio that is not there so long after the answer will not come."""


class Leg:
    """One dial. It is the `Line` of its agent.

    Args:
        place: what was asked for.
        settings: of the trunk.
        stack: the SIP stack.
        wires: what the messages on the wire tell.
        folder: the data directory.
        clock: the worker's.
        tell: sends to the node.
        done: called once it is over and told.
    """

    def __init__(
        self,
        place: Place,
        settings: SipSettings,
        stack: Stack,
        wires: Wires,
        folder: Path,
        clock: Clock,
        tell: Callable[[FromWorker], None],
        done: Callable[["Leg"], None],
    ) -> None:
        self._place = place
        self._settings = settings
        self._stack = stack
        self._wires = wires
        self._clock = clock
        self._tell = tell
        self._done = done
        self._call: StackCall | None = None
        self._early: list[News] | None = []
        self._rang = self._answered = self._early_media = False
        self._ours = self._pressed = ""
        self._unheard = b""
        self._timer: asyncio.TimerHandle | None = None
        self._agent: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._responded = asyncio.Event()
        self.folder = folder
        self.rate = 8000
        self.over = asyncio.Event()
        self.digits: asyncio.Queue[str] = asyncio.Queue()
        self.notes: dict[str, Any] = {}
        self.ids = {
            "attempt_id": show(ATTEMPT, place.attempt_id),
            "call_id": show(CALL, place.call_id),
            "to_number": place.to_number,
            "from_number": place.from_number or settings.from_number or "",
            "sip_call_id": "",
        }

    @property
    def attempt_id(self) -> Any:
        """Whose dial it is."""
        return self._place.attempt_id

    async def dial(self) -> None:
        """Send the INVITE, unless it is too late for it."""
        now = self._now()
        if now >= self._place.by:
            self._refuse("the time for this dial is over", late=True)
            return
        try:
            self._call = await self._stack.dial(self._place.to_number, self._from(), self._headers(), self._hear)
        except StackRefused as refused:
            self._refuse(str(refused))
            return
        self.ids["sip_call_id"] = self._call.sip_call_id
        self._tell(Sent(self._place.attempt_id, now))
        self._after(self._settings.ring_timeout_sec, "ring_timeout")
        self._do(self._prepare())
        early, self._early = self._early or [], None
        for news in early:
            self._hear(news)
        if self._ours:  # hung up meanwhile
            self._do(self.end(self._ours))

    async def end(self, ours: str) -> None:
        """CANCEL or BYE, for a reason of ours; the first one counts."""
        self._ours = self._ours or ours
        if self._call is not None:
            # an INVITE without any response cannot be cancelled yet (RFC 3261, section 9.1)
            await self._responded.wait()
            await self._call.hang_up()

    async def hang_up(self) -> None:
        """End it, as its agent."""
        await self.end("agent")

    def see(self, seen: Seen) -> None:
        """Take note of a message of this dial, and pass on what the node wants."""
        if not seen.sent:
            self._responded.set()
        if seen.weighty:
            self._tell(Wire(self._place.attempt_id, self._now(), seen.sent, seen.text))

    def write(self, pcm: bytes) -> int:
        """Queue audio for the far end."""
        return 0 if self._call is None or self.over.is_set() else self._call.write(pcm)

    def clear(self) -> None:
        """Drop what is queued and has not gone out."""
        if self._call is not None:
            self._call.clear()

    def queued_sec(self) -> float:
        """How much of what was written has not gone out yet."""
        return 0.0 if self._call is None or self.over.is_set() else self._call.queued() / (2 * self.rate)

    def read(self) -> bytes:
        """What has come from the far end since the last read; first, what came while it was found out who answered."""
        if self._call is None or self.over.is_set():
            return b""
        unheard, self._unheard = self._unheard, b""
        return unheard + self._call.read(2 * self.rate)

    def _from(self) -> str | None:
        return self._place.from_number

    def _headers(self) -> dict[str, str]:
        headers = {ATTEMPT_HEADER: self.ids["attempt_id"]}
        if self._settings.asserted_identity and self.ids["from_number"]:
            domain = self._settings.from_domain or self._settings.host
            headers["P-Asserted-Identity"] = f"<sip:{self.ids['from_number']}@{domain}>"
        return headers

    def _hear(self, news: News) -> None:
        if self._early is not None:
            self._early.append(news)
            return
        self._responded.set()
        match news.kind:
            case Kind.RINGING | Kind.MEDIA:
                self._early_media = self._early_media or news.kind is Kind.MEDIA
                self._ring()
            case Kind.ANSWERED:
                self._answer()
            case Kind.DIGIT:
                self._pressed += news.text
                self.digits.put_nowait(news.text)
            case Kind.CLOSED:
                self._close(news.text)

    def _ring(self) -> None:
        if not self._rang and not self._answered:
            self._rang = True
            self._tell(Rang(self._place.attempt_id, self._now()))

    def _answer(self) -> None:
        if self._answered:
            return
        self._answered = True
        self._tell(PickedUp(self._place.attempt_id, self._now()))
        if self._ours:  # the answer crossed our CANCEL
            self._do(self.end(self._ours))
            return
        self._after(self._settings.max_call_sec, "max_call")
        if self._place.agent is not None:
            self._agent = asyncio.get_running_loop().create_task(self._converse(self._place.agent))

    async def _prepare(self) -> None:
        """Let the agent make ready while it rings."""
        agent = self._place.agent
        if agent is not None and agent.kind in AGENTS:
            prepare = getattr(import_module(AGENTS[agent.kind]), "prepare", None)
            if prepare is not None:
                await prepare(agent, self.folder, RATES[self._settings.codecs[0]])

    async def _converse(self, agent: Agent) -> None:
        """Let the agent have the call, unless a machine has answered that it is not to speak to; then hang up."""
        ours = "agent"
        try:
            if not await self._audio_up():
                self.notes["agent_error"] = "there was no audio"
            elif await self._is_for(agent):
                run: RunAgent = import_module(AGENTS[agent.kind]).run
                await run(self, msgspec.structs.replace(agent, settings=split_detection(agent.settings)[1]))
            else:
                ours = "machine"
        except Exception as failed:  # noqa: BLE001  # an agent's fault ends its call and no other
            self.notes["agent_error"] = f"{type(failed).__name__}: {failed}"
        await self.end(ours)

    async def _is_for(self, agent: Agent) -> bool:
        """Whether the agent is to have the call: where it wants to know who answered, that is found out first."""
        detection = parse_detection(agent.settings)
        if detection.detect is Detect.NONE:
            return True
        if self._early_media:
            self.read()  # the ring, and whatever else came before the answer
        heard = await import_module(SCREENING).screen(self, detection)
        self._unheard = heard or b""
        return heard is not None

    async def _audio_up(self) -> bool:
        assert self._call is not None  # noqa: S101  # it was answered
        try:
            async with asyncio.timeout(AUDIO_UP_SEC):
                while not (rate := self._call.rate()):  # noqa: ASYNC110  # the stack tells nobody of it
                    await asyncio.sleep(FRAME_SEC)
        except TimeoutError:
            return False
        self.rate = rate
        return True

    def _close(self, text: str) -> None:
        at = self._now()
        self.over.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._agent is not None and self._agent is not asyncio.current_task():
            self._agent.cancel()
        self._do(self._report(at, text))

    async def _report(self, at: float, text: str) -> None:
        """Tell how it ended, once the wire has told what it can and the agent has put away its things."""
        if self._agent is not None:
            await asyncio.wait([self._agent], timeout=AGENT_END_SEC)
        final, noted = read_closed(text), self._noted()
        if not self._answered:
            for _ in range(5):
                if noted.final is not None or (not noted.responded and not self._ours):
                    break
                await asyncio.sleep(WAIT_FOR_FINAL_SEC / 5)
        code = 200 if self._answered else final.sip_code or noted.final
        self._tell(
            Closed(
                self._place.attempt_id,
                at,
                sip_code=code,
                q850=final.q850,
                retry_after=noted.retry_after,
                text="" if final.sip_code else text,
                ours=self._ours,
                silent=not noted.responded,
                early_media=self._early_media,
                sip_call_id=self.ids["sip_call_id"],
                digits=self.notes.pop("digits", self._pressed),
                answered_by=self.notes.pop("answered_by", "unknown") if self._answered else None,
                opted_out=bool(self.notes.pop("opted_out", False)),
                rtp_sent=self._call.rtp_sent if self._call else 0,
                rtp_received=self._call.rtp_received if self._call else 0,
                notes=self.notes,
            )
        )
        self._wires.forget(self.ids["sip_call_id"])
        self._done(self)

    def _noted(self) -> Noted:
        return self._wires.noted.get(self.ids["sip_call_id"]) or Noted()

    def _refuse(self, why: str, *, late: bool = False) -> None:
        self.over.set()
        self._tell(NotSent(self._place.attempt_id, why, late))
        self._done(self)

    def _after(self, sec: float, ours: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(sec, lambda: self._do(self.end(ours)))

    def _do(self, step: Any) -> None:
        task = asyncio.get_running_loop().create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _now(self) -> float:
        return as_unix(self._clock.now())
