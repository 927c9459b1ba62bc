"""One dial in a worker, from its INVITE to its end; once it is answered it is the line of an agent."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.detection_settings import Detect, parse_detection, split_detection
from ringback.carriers.sip.agents.recording_settings import split_recorded
from ringback.carriers.sip.callers import sip_uri
from ringback.carriers.sip.line import FRAME_SEC, Audio, RunAgent
from ringback.carriers.sip.other_end import CallOut
from ringback.carriers.sip.protocol import Closed, FromWorker, NotSent, PickedUp, Place, Rang, Sent, Wire, as_unix
from ringback.carriers.sip.settings import SipSettings
from ringback.carriers.sip.stack import Kind, News, Stack, StackCall, StackRefused, read_closed
from ringback.carriers.sip.tape import Tape, prepare_tape
from ringback.carriers.sip.wire import ATTEMPT_HEADER, Noted, Seen, Wires
from ringback.clock import Clock
from ringback.errors import CarrierUnavailable
from ringback.ids import ATTEMPT, CALL, show

AGENTS = {
    "message": "ringback.carriers.sip.agents.message",
    "websocket": "ringback.carriers.sip.agents.websocket",
    "sip": "ringback.carriers.sip.agents.bridge",
    "tone": "ringback.carriers.sip.agents.tone",  # of a trunk's test: the API makes none
}
"""The kinds of agent that a worker runs, each with the module whose `run` it is."""

SCREENING = "ringback.carriers.sip.screening"
"""Taken in by the calls that want it, as it works with NumPy."""

RATES = {"pcmu": 8000, "pcma": 8000, "g722": 16000, "opus": 48000}
"""Samples a second of a call with this codec."""

WAIT_FOR_FINAL_SEC = 12.0
"""After a CANCEL the final response is waited for so long: it says whether the answer crossed it. Over UDP a far end
has sent it six times by then (RFC 3261, section 17.2.1); of five thousand, each with a loss of 20 %, less than one is
lost six times."""

MOST_REDIRECTS = 5
"""A dial is sent on so often at most."""

NEWS_SEC = 2.0
"""The messages themselves come by another thread than the stack's news of them, and at most so much later."""

AGENT_END_SEC = 2.0
"""An agent has so long to say goodbye to its own far end once the call is over."""

OTHERS_END_SEC = 0.5
"""Whom the agent has called is hung up on within that; one that was silent all the time takes longer, by itself."""

TAIL_SEC = 0.1
"""What has left the queue is still a frame or two from the wire: who hangs up at once cuts off the last sound."""

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
        self._tape: Tape | None = None
        self._early: list[News] | None = []
        self._rang = self._answered = self._early_media = self._alerted = False
        self._ours = self._pressed = self._moved_to = ""
        self._tried = {_whom(sip_uri(settings, place.to_number))}
        self.unheard = b""
        self._timer: asyncio.TimerHandle | None = None
        self._agent: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._responded, self._seen = asyncio.Event(), asyncio.Event()
        self._others: list[CallOut] = []
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
            call = await self._stack.dial(self._place.to_number, self._from(), self._headers(), self._hear)
        except StackRefused as refused:
            self._refuse(str(refused))
            return
        self._tell(Sent(self._place.attempt_id, now))
        self._after(self._settings.ring_timeout_sec, "ring_timeout")
        if self._place.agent is not None:
            self._do(self._prepare(self._place.agent))
        self._go_on_with(call)

    def _go_on_with(self, call: StackCall) -> None:
        """An INVITE is out: hear what came of it already, and then the rest."""
        self._call = call
        self.ids["sip_call_id"] = call.sip_call_id
        self._wires.follow(call.sip_call_id, self.see)
        early, self._early = self._early or [], None
        for news in early:
            self._hear(news)
        if self._ours:  # hung up meanwhile
            self._do(self.end(self._ours))

    def _may_follow(self, text: str) -> bool:
        """Whether a dial that is over goes on elsewhere, where a 3xx points (RFC 3261, section 8.1.3.4)."""
        code, target = read_closed(text).sip_code or 0, _whom(self._moved_to)
        wanted = self._settings.follow_redirects and 300 <= code < 400 and not self._ours and not self._answered
        return wanted and bool(target) and target not in self._tried and len(self._tried) <= MOST_REDIRECTS

    async def _follow(self, text: str) -> None:
        """Go on where a 3xx points; `text` is how it ends where that cannot be."""
        uri, self._moved_to = self._moved_to, ""
        self._tried.add(_whom(uri))
        self._alerted = self._alerted or self._noted().alerted
        self._wires.forget(self.ids["sip_call_id"])
        self._early = []
        try:
            self._go_on_with(await self._stack.follow(uri, self._from(), self._headers(), self._hear))
        except StackRefused:
            self._early = None
            self._close(text)

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
        self._seen.set()
        if seen.anew:
            self._responded.clear()
        elif seen.takes:
            self._responded.set()
        if seen.weighty:
            self._tell(Wire(self._place.attempt_id, self._now(), seen.sent, seen.text))

    def write(self, pcm: bytes) -> int:
        """Queue audio for the far end."""
        return 0 if self._audio is None or self.over.is_set() else self._audio.write(pcm)

    def clear(self) -> None:
        """Drop what is queued and has not gone out."""
        if self._audio is not None:
            self._audio.clear()

    def queued_sec(self) -> float:
        """How much of what was written has not gone out yet."""
        return 0.0 if self._audio is None or self.over.is_set() else self._audio.queued() / (2 * self.rate)

    def read(self) -> bytes:
        """What has come from the far end since the last read."""
        return b"" if self._audio is None or self.over.is_set() else self._audio.read(2 * self.rate)

    @property
    def _audio(self) -> Audio | None:
        """The call's audio, with the ear of its recording where there is one."""
        return self._call if self._tape is None else self._tape.audio

    async def press(self, key: str) -> None:
        """Press a key."""
        if self._call is not None:
            await self._call.press(key)

    async def call_out(self, uri: str, headers: Mapping[str, str]) -> CallOut:
        """Call somebody for the agent, from the same number; it is hung up on when this call ends.

        Raises:
            CarrierUnavailable: nothing was sent.
        """
        other = CallOut(self._stack, self._wires, self._tell_of_other, self._now)
        self._others.append(other)
        # whoever asked may be cancelled when the INVITE is out
        await asyncio.shield(self._do(other.dial(uri, self._from(), headers)))
        if other.refused:
            raise CarrierUnavailable(other.refused)
        return other

    def _tell_of_other(self, seen: Seen) -> None:
        self._tell(Wire(self._place.attempt_id, self._now(), seen.sent, seen.text, out=True))

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
            case Kind.MOVED:
                self._moved_to = news.text.partition(",")[2]
            case Kind.CLOSED if self._may_follow(news.text):
                self._do(self._follow(news.text))
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

    async def _prepare(self, agent: Agent) -> None:
        """Let the agent make ready while it rings."""
        rate = RATES[self._settings.codecs[0]]
        if agent.kind in AGENTS:
            prepare = getattr(import_module(AGENTS[agent.kind]), "prepare", None)
            if prepare is not None:
                await prepare(agent, self.folder, rate)
            await prepare_tape(agent, self.folder, rate)

    async def _converse(self, agent: Agent) -> None:
        """Let the agent have the call, unless a machine has answered that it is not to speak to; then hang up."""
        ours = "agent"
        try:
            if not await self._audio_up(agent):
                self.notes["agent_error"] = "there was no audio"
            elif await self._is_for(agent):
                await self._hand_over(agent)
            else:
                ours = "machine"
        except Exception as failed:  # noqa: BLE001  # an agent's fault ends its call and no other
            self.notes["agent_error"] = f"{type(failed).__name__}: {failed}"
        await self.end(ours)

    async def _hand_over(self, agent: Agent) -> None:
        """Let the agent have the call, once the person knows that it is recorded."""
        if self._tape is not None:
            await self._tape.announce()
        settings = split_recorded(split_detection(agent.settings)[1])[1]
        run: RunAgent = import_module(AGENTS[agent.kind]).run
        await run(self, msgspec.structs.replace(agent, settings=settings))
        with suppress(TimeoutError):
            async with asyncio.timeout(TAIL_SEC):
                await self.over.wait()

    async def _is_for(self, agent: Agent) -> bool:
        """Whether the agent is to have the call: where it wants to know who answered, that is found out first."""
        detection = parse_detection(agent.settings)
        if detection.detect is Detect.NONE:
            return True
        if self._early_media:
            self.read()  # the ring, and whatever else came before the answer
        heard = await import_module(SCREENING).screen(self, detection)
        self.unheard = heard or b""
        return heard is not None

    async def _audio_up(self, agent: Agent) -> bool:
        """Wait for the audio; where the call is recorded, it is from then on."""
        assert self._call is not None  # noqa: S101  # it was answered
        try:
            async with asyncio.timeout(AUDIO_UP_SEC):
                while not (rate := self._call.rate()):  # noqa: ASYNC110  # the stack tells nobody of it
                    await asyncio.sleep(FRAME_SEC)
        except TimeoutError:
            return False
        self.rate = rate
        if agent.recording:
            self._tape = Tape(self._call, agent, self)
        return True

    def _close(self, text: str) -> None:
        at = self._now()
        self.over.set()
        if self._tape is not None:
            self._tape.stop()
        if self._timer is not None:
            self._timer.cancel()
        for other in self._others:
            other.hang_up()
        if self._agent is not None and self._agent is not asyncio.current_task():
            self._agent.cancel()
        self._do(self._report(at, text))

    async def _report(self, at: float, text: str) -> None:
        """Tell how it ended, once the wire has told what it can and the agent has put away its things."""
        if self._agent is not None:
            await asyncio.wait([self._agent], timeout=AGENT_END_SEC)
        if self._others:
            await self._part()
        if self._tape is not None:
            self.notes |= await self._tape.notes()
        final = read_closed(text)
        noted = await self._seen_to_its_end(final.sip_code)
        code = 200 if self._answered else final.sip_code or noted.final
        connected = code is not None and 200 <= code < 300  # also by a 200 that crossed our CANCEL
        self._tell(
            Closed(
                self._place.attempt_id,
                at,
                sip_code=code,
                q850=final.q850 if final.sip_code else noted.q850,
                retry_after=noted.retry_after,
                text="" if final.sip_code else text,
                ours=self._ours,
                silent=not noted.responded,
                early_media=self._early_media,
                alerted=self._alerted or noted.alerted,
                sip_call_id=self.ids["sip_call_id"],
                digits=self.notes.pop("digits", self._pressed),
                answered_by=self.notes.pop("answered_by", "unknown") if connected else None,
                opted_out=bool(self.notes.pop("opted_out", False)),
                rtp_sent=self._call.rtp_sent if self._call else 0,
                rtp_received=self._call.rtp_received if self._call else 0,
                notes=self.notes,
            )
        )
        self._wires.leave(self.ids["sip_call_id"], at, hung_up=bool(self._ours))
        self._let_go()
        self._done(self)

    def _let_go(self) -> None:
        """Leave no circle: it is seldom looked for those, so that a worker would grow by all that it has had."""
        self._agent = self._tape = self._timer = None
        self._others.clear()

    async def _seen_to_its_end(self, code: int | None) -> Noted:
        """What was seen of it on the wire, once that has caught up with the stack's own news."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NEWS_SEC if code is not None else WAIT_FOR_FINAL_SEC):
                while not (self._answered or self._noted().tells_all(code)):
                    self._seen.clear()
                    await self._seen.wait()
        return self._noted()

    async def _part(self) -> None:
        """Let the far ends of the agent hear that they were hung up on, before this process may end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OTHERS_END_SEC):
                for other in self._others:
                    await other.over.wait()

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

    def _do(self, step: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _now(self) -> float:
        return as_unix(self._clock.now())


def _whom(uri: str) -> str:
    """A SIP URI without its parameters."""
    return uri.strip("<> ").partition(";")[0]
