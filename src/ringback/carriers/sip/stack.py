"""The SIP stack of a worker.

Its own call objects would miss events that come before `dial` returns, and each would look at every event: so there is
one listener, and what comes for a handle that is not known yet is kept for a moment.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import baresip
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError
from baresip.events import Event, StackEvent

from ringback.carriers.sip.buffers import make_room
from ringback.carriers.sip.callers import Caller, address, over_trunk, past_trunk, registered, sip_uri
from ringback.carriers.sip.crossing import Crossing
from ringback.carriers.sip.mapped import mirror
from ringback.carriers.sip.runtime import Audio, Runtime
from ringback.carriers.sip.settings import SipSettings

CALLS_PER_AGENT = 25
"""One user agent of the stack holds 255 calls at most, and looks through them all for a number for the next one."""

REGISTER_SEC = 600
"""How long a registration lasts; the stack renews it in time."""

EXPECTED_GAP = 64
"""Early events are kept for so many handles at most."""

_FINAL = re.compile(r"(?P<code>[1-6]\d\d)(?: [^,]*)?(?:,(?P<reason>.*))?", re.DOTALL)
_Q850 = re.compile(r"Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})", re.IGNORECASE)


_CODECS = {"pcmu": "pcmu", "pcma": "pcma", "g722": "g722/16000/1", "opus": "opus/48000/2"}
"""Our names of the codecs, and the stack's."""


class StackRefused(Exception):
    """The stack would not do it; nothing was sent."""


class Kind(StrEnum):
    """What the stack tells of a call."""

    RINGING = "ringing"
    MEDIA = "media"
    ANSWERED = "answered"
    MOVED = "moved"
    DIGIT = "digit"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class News:
    """One event of a call; `text` is the digit, or the stack's words for how it closed."""

    kind: Kind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Final:
    """What the words of a closed call say.

    Attributes:
        sip_code: the final response, None where none came.
        q850: the cause in its Reason header (RFC 3326).
    """

    sip_code: int | None
    q850: int | None


def read_closed(text: str) -> Final:
    """Read such words as `486 Busy Here,Q.850;cause=17;text="User busy"`."""
    match = _FINAL.fullmatch(text)
    code = int(match["code"]) if match else None
    cause = _Q850.search(match["reason"] or "") if match else None
    return Final(code, int(cause[1]) if cause else None)


_KINDS = {
    Event.CALL_RINGING: Kind.RINGING,
    Event.CALL_PROGRESS: Kind.MEDIA,
    Event.CALL_ESTABLISHED: Kind.ANSWERED,
    Event.CALL_REDIRECT: Kind.MOVED,
    Event.CALL_CLOSED: Kind.CLOSED,
}


def _nobody(_news: News) -> None:
    """Listens to a call that is over."""


class StackCall:
    """One dial in the stack.

    Args:
        call: the library's own.
        listener: told of its events.
        agent: the user agent that it counts for.
    """

    def __init__(self, call: baresip.Call, listener: Callable[[News], None], agent: "_Agent") -> None:
        self._call = call
        self._audio = Audio(call.handle)
        self._digit = ""
        self.listener = listener
        self.agent = agent
        self.closed = False
        self.rtp_sent = self.rtp_received = 0

    @property
    def sip_call_id(self) -> str:
        """The Call-ID on the wire, once it is known."""
        return self._call.call_id or ""

    def hear(self, event: StackEvent) -> None:
        """Take an event of the stack."""
        if event.call_id and not self._call.call_id:
            self._call.call_id = event.call_id
        if event.event is Event.CALL_DTMF_START:
            self._digit = event.text or ""
        elif event.event is Event.CALL_DTMF_END:
            # the start tells the digit, the end tells that it was pressed once
            digit, self._digit = self._digit, ""
            if digit:
                self.listener(News(Kind.DIGIT, digit))
        elif event.event in _KINDS:
            listener = self.listener
            if event.event is Event.CALL_CLOSED:
                self.closed, self.listener = True, _nobody  # who listens knows us: a circle would be left
                self._count(event.stats)
            listener(News(_KINDS[event.event], event.text or ""))

    def _count(self, stats: dict[str, dict[str, int]]) -> None:
        """Packets of media, each way."""
        self.rtp_sent = stats.get("tx", {}).get("packets", 0)
        self.rtp_received = stats.get("rx", {}).get("packets", 0)

    async def press(self, key: str) -> None:
        """Press a key and let it go; nothing where it is over."""
        if not self.closed:
            try:
                await self._call.send_dtmf(key)
            except (BaresipError, ValueError):
                return  # its end crossed ours, or there is no such key

    async def hang_up(self) -> None:
        """CANCEL or BYE; nothing where it is over."""
        if not self.closed:
            try:
                await self._call.hangup()
            except BaresipError:
                return  # its end crossed ours

    def rate(self) -> int:
        """Samples a second of both directions, 0 until there is audio."""
        try:
            info = self._audio.info()
        except AudioNotActive:
            return 0
        return info.tx_sample_rate if info.tx_ready and info.rx_ready else 0

    def write(self, pcm: bytes) -> int:
        """Queue 16-bit mono audio; returns the bytes that there was room for."""
        try:
            return int(self._audio.write(pcm))
        except (AudioNotActive, AudioRestarted):
            return 0

    def clear(self) -> None:
        """Drop what is queued."""
        try:
            self._audio.flush_tx()
        except (AudioNotActive, AudioRestarted):
            return

    def queued(self) -> int:
        """Bytes that are queued."""
        try:
            return self._audio.queued()
        except AudioNotActive:
            return 0

    def read(self, most: int) -> bytes:
        """What came from the far end."""
        try:
            return self._audio.read(most)
        except (AudioNotActive, AudioRestarted):
            return b""


@dataclass(eq=False, slots=True)
class _Agent:
    """A user agent of the stack, and how many calls it has."""

    ua: baresip.UserAgent
    calls: int = 0


@dataclass(slots=True)
class _Known:
    """The calls by handle, what came before a handle was known, and those who call us."""

    calls: dict[int, StackCall] = field(default_factory=dict)
    early: dict[int, list[StackEvent]] = field(default_factory=dict)
    strangers: set[int] = field(default_factory=set)


class Stack:
    """The running stack of this process: there can be one.

    Args:
        settings: of the trunk.
        crossing: from the stack's threads to the loop.
        on_message: told of each SIP message from the stack's log thread: whether it was sent, and its text.
        on_death: called when the SIP thread has died.
    """

    def __init__(
        self,
        settings: SipSettings,
        crossing: Crossing,
        on_message: Callable[[bool, str], None],
        on_death: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._runtime = Runtime(crossing, on_death)
        self._agents: dict[Caller, list[_Agent]] = {}
        self._making = asyncio.Lock()
        self._registered: baresip.UserAgent | None = None
        self._known = _Known()
        self._mirror: tuple[asyncio.DatagramTransport, int] | None = None

    async def start(self) -> None:
        """Bring it up.

        Raises:
            StackRefused: it cannot be.
        """
        try:
            await self._start()
        except (BaresipError, ValueError, OSError) as failed:
            raise StackRefused(str(failed)) from failed

    async def _start(self) -> None:
        _silence(self._on_message)
        self._runtime.subscribe(self._hear)
        settings = self._settings
        if settings.media_address is not None:
            self._mirror = await mirror(settings.media_address)
        await self._runtime.start(
            baresip.Config(
                net_interface=settings.net_interface,
                max_concurrent_calls=None,
                sip_trace=True,
                native_log_level="error",
                extra_config_text=_extra(settings),
            )
        )
        make_room()
        if settings.register and settings.username:
            self._registered = await self._new_agent(self._account(registered(settings, REGISTER_SEC)))
            await self._registered.register()
        await self._agent(over_trunk(settings, None))

    async def dial(
        self, to_number: str, from_number: str | None, headers: Mapping[str, str], listener: Callable[[News], None]
    ) -> StackCall:
        """Send an INVITE over the trunk. The listener may be told of events before this returns.

        Raises:
            StackRefused: nothing was sent.
        """
        caller = over_trunk(self._settings, from_number)
        return await self._invite(sip_uri(self._settings, to_number), caller, headers, listener)

    async def follow(
        self, uri: str, from_number: str | None, headers: Mapping[str, str], listener: Callable[[News], None]
    ) -> StackCall:
        """Send an INVITE to where a 3xx pointed; another host never sees the trunk's password.

        Raises:
            StackRefused: nothing was sent.
        """
        if ";transport=" not in uri:
            uri = f"{uri};transport={self._settings.transport}"
        if uri.partition("@")[2].partition(";")[0] != address(self._settings):
            return await self.call_out(uri, from_number, headers, listener)
        return await self._invite(uri, over_trunk(self._settings, from_number), headers, listener)

    async def call_out(
        self, uri: str, from_number: str | None, headers: Mapping[str, str], listener: Callable[[News], None]
    ) -> StackCall:
        """Send an INVITE past the trunk, straight to an address: it never sees the trunk's password.

        Raises:
            StackRefused: nothing was sent.
        """
        return await self._invite(uri, past_trunk(self._settings, from_number, uri), headers, listener)

    async def _invite(
        self, uri: str, caller: Caller, headers: Mapping[str, str], listener: Callable[[News], None]
    ) -> StackCall:
        try:
            agent = await self._agent(caller)
            agent.calls += 1
            try:
                call = await agent.ua.dial(uri, dict(headers))
            except BaseException:
                agent.calls -= 1
                raise
        except (BaresipError, ValueError) as refused:
            raise StackRefused(str(refused)) from refused
        self._runtime.unsubscribe(call._on_stack_event)  # it would look at every event of every call
        ours = StackCall(call, listener, agent)
        self._known.calls[call.handle] = ours
        for event in self._known.early.pop(call.handle, ()):
            self._tell(call.handle, ours, event)
        return ours

    async def ping(self) -> None:
        """Returns once the SIP thread has answered."""
        await self._runtime.ping()

    async def close(self) -> None:
        """Take it down; calls that are up are dropped without a word, so hang up first."""
        await self._runtime.close()
        if self._mirror is not None:
            self._mirror[0].close()

    def _account(self, caller: Caller) -> baresip.Account:
        """As the library has it."""
        more: tuple[str, ...] = ("mediaenc=srtp-mand",) if caller.encrypts else ()
        if self._mirror and caller.announces:
            more += ("medianat=stun", f"stunserver=stun:127.0.0.1:{self._mirror[1]}")
        return baresip.Account(
            user=caller.user,
            domain=caller.domain,
            password=caller.password,
            registrar=caller.proxy,
            reg_interval=caller.register_sec,
            transport=caller.transport,
            audio_codecs=tuple(_CODECS[codec] for codec in self._settings.codecs),
            auth_user=caller.auth_user,
            extra_params=more,
        )

    async def _agent(self, caller: Caller) -> _Agent:
        """A user agent for a caller that has room for one more call."""
        async with self._making:
            agents = self._agents.setdefault(caller, [])
            free = next((agent for agent in agents if agent.calls < CALLS_PER_AGENT), None)
            if free is None:
                free = _Agent(await self._new_agent(self._account(caller)))
                agents.append(free)
            return free

    async def _new_agent(self, account: baresip.Account) -> baresip.UserAgent:
        ua = await baresip.UserAgent.create(self._runtime, account)
        ua.on_incoming(_refuse)
        return ua

    def _hear(self, event: StackEvent) -> None:
        call = self._known.calls.get(event.call)
        if call is not None:
            self._tell(event.call, call, event)
        elif event.event is Event.CALL_INCOMING:
            self._known.strangers.add(event.call)
        elif event.call in self._known.strangers:
            if event.event is Event.CALL_CLOSED:
                self._known.strangers.discard(event.call)
        elif event.call:
            self._known.early.setdefault(event.call, []).append(event)
            if len(self._known.early) > EXPECTED_GAP:
                del self._known.early[next(iter(self._known.early))]

    def _tell(self, handle: int, call: StackCall, event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED and not call.closed:
            del self._known.calls[handle]
            call.agent.calls -= 1
        call.hear(event)


def _refuse(call: baresip.Call) -> None:
    """Nobody calls us: what comes in is a scanner."""
    _REFUSALS.add(task := asyncio.get_running_loop().create_task(_reject(call)))
    task.add_done_callback(_REFUSALS.discard)


async def _reject(call: baresip.Call) -> None:
    with suppress(BaresipError):  # who called has thought better of it
        await call.reject()


_REFUSALS: set[asyncio.Task[None]] = set()


JITTER = ("audio_jitter_buffer_type adaptive", "audio_jitter_buffer_ms 10-200")
"""What comes in waits so long for what was overtaken: the stack's own 100 ms would be heard in a talk with a bot."""


def _extra(settings: SipSettings) -> str:
    """What the stack's own configuration has no field for."""
    lines = [f"rtp_ports {settings.media_port_low}-{settings.media_port_high}", *JITTER]
    if not settings.verify and settings.transport == "tls":
        lines.append("sip_verify_server no")
    else:  # an agent may call out over TLS, whatever the trunk has
        lines += ["sip_verify_server yes", f"sip_cafile {settings.ca_file or '/etc/ssl/certs/ca-certificates.crt'}"]
    return "\n".join(lines) + "\n"


def _silence(on_message: Callable[[bool, str], None]) -> None:
    """The stack's own lines hold numbers: none of them goes to the log."""
    everything, wire = logging.getLogger("baresip"), logging.getLogger("baresip.native.sip")
    everything.propagate = False
    everything.setLevel(logging.CRITICAL)

    def log(_level: int, _form: str, said: str) -> None:
        """Hand a SIP message on, on the stack's log thread; a record of it would cost as much as all else there."""
        head, _, text = said.partition("\n")
        on_message(head.startswith("TX"), text)

    wire.log = log  # type: ignore[method-assign,assignment]  # it is called so, and in no other way
