"""The websocket agent: hands an answered call to a bot that speaks Twilio's Media Streams."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.protocol import State

from ringback import config
from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.beat import beat
from ringback.carriers.sip.agents.media_stream import Clear, Mark, Media, MediaStream, parameters, parse
from ringback.carriers.sip.agents.playing import Ears, Player
from ringback.carriers.sip.agents.resample import factor_of
from ringback.carriers.sip.agents.websocket_settings import parse_websocket
from ringback.carriers.sip.line import FRAME_SEC, Line
from ringback.errors import Invalid

ERROR = "agent_error"
IGNORED = "agent_messages_ignored"

LONGEST_MESSAGE = 1 << 20
"""Bytes of a bot's message: a minute and a half of audio. A longer one ends the connection."""

_WELL_CLOSED = frozenset({1000, 1001, 1005})
"""A bot that is done: RFC 6455, section 7.4.1."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a bot is waited for, in seconds.

    Attributes:
        open_sec: until it has taken the connection.
        frozen_sec: while it is silent and does not even answer a ping, and while it takes no audio.
        part_sec: until it has taken our last words and closed.
    """

    open_sec: float = 5.0
    frozen_sec: float = 20.0
    part_sec: float = 1.0


async def run(line: Line, plan: Agent, patience: Patience = Patience()) -> None:
    """Let the bot have the call until either has had enough. What went wrong is noted, and ends the call.

    Args:
        line: the answered call.
        plan: has `url` and `headers` in its settings, unsealed.
        patience: with the bot.
    """
    try:
        factor_of(line.rate)
        socket = await _open(plan, patience)
    except (Invalid, OSError, ValueError, WebSocketException) as failed:
        line.notes[ERROR] = _unreached(failed, patience)
        return
    talk = _Talk(line, socket, MediaStream(line.ids["attempt_id"]), patience)
    await talk.hold(parameters(plan.variables, line.ids, plan.token))


async def _open(plan: Agent, patience: Patience) -> ClientConnection:
    """A connection to the bot: direct, without redirects, and without pings of the library's.

    The library takes a bot for dead that we do not read for a while, since its pongs wait behind its audio.
    """
    asked = parse_websocket(plan.settings, plain=config.plain_websockets())
    opening = _Direct(
        asked["url"],
        additional_headers=asked["headers"],
        user_agent_header="Ringback",
        compression=None,
        proxy=None,
        ssl=_trust() if asked["url"].startswith("wss:") else None,
        open_timeout=patience.open_sec,
        close_timeout=patience.part_sec,
        ping_interval=None,
        max_size=LONGEST_MESSAGE,
    )
    return await opening


class _Direct(connect):
    """Goes where it was told to, and nowhere else: headers hold secrets."""

    def process_redirect(self, exc: Exception) -> Exception:
        """A redirect is an answer like any other but 101."""
        return exc


@cache
def _trust() -> ssl.SSLContext:
    """The authorities of this machine; reading them takes so long that it is done once."""
    return ssl.create_default_context()


def _unreached(failed: Exception, patience: Patience) -> str:
    """Why there is no connection, without the address: it may hold a secret."""
    if isinstance(failed, TimeoutError):
        return f"the bot did not take the connection within {patience.open_sec:g} s"
    if isinstance(failed, InvalidStatus):
        return f"the bot answered with HTTP {failed.response.status_code}"
    if isinstance(failed, ssl.SSLCertVerificationError):
        return f"the bot's certificate is not trusted: {failed.verify_message}"
    if isinstance(failed, InvalidHandshake):
        return f"the bot speaks no WebSocket: {failed}"
    return f"the bot could not be reached: {getattr(failed, 'strerror', None) or failed}"


class _Talk:
    """One call with its bot.

    Args:
        line: the call.
        socket: to the bot.
        stream: makes our messages.
        patience: with the bot.
    """

    def __init__(self, line: Line, socket: ClientConnection, stream: MediaStream, patience: Patience) -> None:
        self._line = line
        self._socket = socket
        self._stream = stream
        self._patience = patience
        self._player = Player(line)
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._ears = Ears(line, self._loop.time())
        self._silent_turns = self._stuck_turns = 0
        self._listening: asyncio.Task[None]

    async def hold(self, start: dict[str, str]) -> None:
        """From the first word to the last."""
        self._outbox.put_nowait(self._stream.connected())
        self._outbox.put_nowait(self._stream.start(start))
        self._listening = self._loop.create_task(self._listen())
        others = [self._loop.create_task(self._speak()), self._loop.create_task(self._ping())]
        try:
            await beat().keep(self._turn)
        finally:
            for task in (self._listening, *others):
                task.cancel()
            await self._part()

    def _turn(self, now: float) -> bool:
        """What is due by now, and whether the talk is over. A late turn makes up for those that it missed."""
        if self._line.over.is_set():
            return True
        self._player.feed()
        if self._listening.done():
            self._listening.result()
            return self._player.is_done
        if self._is_frozen():
            self._line.notes[ERROR] = f"the bot has been frozen for {self._patience.frozen_sec:g} s"
            return True
        self._pass_on(now)
        return False

    def _pass_on(self, now: float) -> None:
        """What there is for the bot by now."""
        messages = [self._stream.mark(name) for name in self._player.passed()]
        while not self._line.digits.empty():
            messages.append(self._stream.dtmf(self._line.digits.get_nowait()))
        messages += map(self._stream.media, self._ears.frames(now))
        if messages and not self._send_at_once(messages):
            for message in messages:
                self._outbox.put_nowait(message)

    def _send_at_once(self, messages: list[bytes]) -> bool:
        """Whether they went without a task being woken for each: while the bot takes what it is given, that can be."""
        socket = self._socket
        if not self._outbox.empty() or socket.state is not State.OPEN or socket.transport.get_write_buffer_size():
            return False
        for message in messages:
            socket.protocol.send_text(message)
        socket.send_data()
        return True

    def _is_frozen(self) -> bool:
        """Whether nothing came, though it was taken, or not all went, for so many turns: time that we slept is ours."""
        self._silent_turns = 0 if self._player.is_full else self._silent_turns + 1
        self._stuck_turns = 0 if self._outbox.empty() else self._stuck_turns + 1
        return max(self._silent_turns, self._stuck_turns) * FRAME_SEC > self._patience.frozen_sec

    async def _listen(self) -> None:
        """Until the bot has closed. It is not read while it is far ahead of what is played."""
        try:
            while True:
                self._hear(await self._socket.recv(decode=False))
                await self._player.room()
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code not in _WELL_CLOSED:
                self._line.notes[ERROR] = f"the bot broke off: {closed}"

    def _hear(self, message: bytes) -> None:
        self._silent_turns = 0
        match parse(message, self._stream.stream_sid):
            case Media(media=media):
                self._player.add(media.payload)
            case Mark(mark=mark):
                self._player.mark(mark.name)
            case Clear():
                for name in self._player.clear():
                    self._outbox.put_nowait(self._stream.mark(name))
            case None:
                self._line.notes[IGNORED] = self._line.notes.get(IGNORED, 0) + 1

    async def _speak(self) -> None:
        """In a task of its own, so that a bot that does not listen stops nobody but itself."""
        with suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._outbox.get(), text=True)

    async def _ping(self) -> None:
        """Each pong is a sign of life."""
        with suppress(ConnectionClosed):
            while True:
                await (await self._socket.ping())
                self._silent_turns = 0
                await asyncio.sleep(self._patience.frozen_sec / 4)

    async def _part(self) -> None:
        """Say that the call is over, and close."""
        try:
            async with asyncio.timeout(2 * self._patience.part_sec):
                await self._socket.send(self._stream.stop(), text=True)
                await self._socket.close()
        except (ConnectionClosed, TimeoutError):
            pass
        finally:
            self._socket.transport.abort()
