"""Bots that an agent can be connected to: real WebSocket servers on this machine."""

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Do = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One call at a bot.

    Attributes:
        got: its messages, as they came.
        closed: how it closed, once it has.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.got: list[dict[str, Any]] = []
        self.closed: int | None = None

    def of(self, event: str) -> list[dict[str, Any]]:
        """The messages of one kind."""
        return [message for message in self.got if message["event"] == event]

    @property
    def stream_sid(self) -> str:
        """As it was told."""
        return self.of("start")[0]["start"]["streamSid"]

    @property
    def audio(self) -> bytes:
        """All mu-law audio up to now."""
        return b"".join(b64decode(message["media"]["payload"]) for message in self.of("media"))

    async def read(self, until: Callable[[], bool] = lambda: False) -> None:
        """Read until something is so, or until the call is over."""
        async for message in self.socket:
            self.got.append(json.loads(message))
            if until():
                return
        self.closed = self.socket.close_code

    async def read_to(self, event: str, count: int = 1) -> None:
        """Read until there are so many messages of a kind."""
        await self.read(lambda: len(self.of(event)) >= count)

    async def say(self, ulaw: bytes) -> None:
        """Have audio played."""
        await self.send("media", media={"payload": b64encode(ulaw).decode()})

    async def mark(self, name: str) -> None:
        """Ask to be told when it was played."""
        await self.send("mark", mark={"name": name})

    async def send(self, event: str, **content: Any) -> None:
        """Send any message."""
        await self.socket.send(json.dumps({"event": event, "streamSid": self.stream_sid} | content))


class Bot:
    """A bot and the calls that it had."""

    def __init__(self) -> None:
        self.url = ""
        self.visits: list[Visit] = []
        self.headers: list[dict[str, str]] = []


@asynccontextmanager
async def bot(do: Do, **options: Any) -> AsyncIterator[Bot]:
    """A bot that does something with each call."""
    there = Bot()

    async def meet(socket: ServerConnection) -> None:
        visit = Visit(socket)
        there.visits.append(visit)
        there.headers.append({name.lower(): value for name, value in socket.request.headers.raw_items()})
        await do(visit)

    async with serve(meet, "127.0.0.1", 0, **options) as server:
        scheme = "wss" if "ssl" in options else "ws"
        there.url = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/calls"
        yield there
        server.close(close_connections=True)
