"""The API on a port of this machine, and the way it ends: lame first, then without a request cut off."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BACKLOG = 1024
LOOK_AGAIN_SEC = 0.01


@dataclass(frozen=True, slots=True)
class Ending:
    """How the API is told to end.

    Attributes:
        leaving: set when it is to be asked no more: it still answers, and closes each connection after the answer.
        stop: set when it is to end; sets `leaving` too.
        lame_sec: how long it answers once it is leaving: for so long others may not know of it yet.
    """

    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    lame_sec: float = 0.0

    async def lame(self) -> None:
        """Wait until nothing new is to be expected: told to end, and lame for long enough."""
        leaving = asyncio.create_task(self._lame_long_enough())
        await self.stop.wait()
        self.leaving.set()
        await leaving

    async def _lame_long_enough(self) -> None:
        await self.leaving.wait()
        await asyncio.sleep(self.lame_sec)


async def serve(app: Any, host: str, port: int, ending: Ending, ready: Callable[[], None]) -> None:
    """Serve until `ending` says so, and then until requests under way are answered, however long that takes.

    Args:
        app: an ASGI application.
        host: an address to listen on.
        port: likewise.
        ending: by which it is told to end.
        ready: called once requests are taken.

    Raises:
        OSError: the address is not to be had.
    """
    # imported here: a node, which has ends like this one, has no use for it
    from granian.constants import Interfaces
    from granian.server.embed import Server

    _check_free(host, port)
    server = Server(
        _lame(app, ending.leaving),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=BACKLOG,
        log_enabled=False,
        websockets=False,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(ending.lame())
    try:
        await _accepting(host, port, serving)
        ready()
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # its library gives it none
        await serving


def _lame(app: Any, leaving: asyncio.Event) -> Any:
    """The application, whose clients are told to come no more once `leaving` is set."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, _closing(send) if leaving.is_set() else send)

    return answer


def _closing(send: Any) -> Any:
    """Sends as `send` does, and says that the connection ends with this answer (RFC 9112, section 9.6)."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return sending


def _check_free(host: str, port: int) -> None:
    """Refuse a port on which somebody listens: the server below would share it and take every other request."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


async def _accepting(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Wait until a connection is taken, or raise what keeps the server from it."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.wait((serving,), timeout=LOOK_AGAIN_SEC)
        else:
            writer.close()
            return
    await serving
    raise OSError(f"the server on {host}:{port} ended before it took a connection")
