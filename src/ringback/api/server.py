"""The API on a port of this machine, within the process that runs the node."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

BACKLOG = 1024
LOOK_AGAIN_SEC = 0.01


async def serve(app: Any, host: str, port: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve until `stop` is set.

    Args:
        app: an ASGI application.
        host: an address to listen on.
        port: likewise.
        stop: set by who wants it to end; answers that are on their way are finished.
        ready: called once requests are taken.

    Raises:
        OSError: the address is not to be had.
    """
    _check_free(host, port)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=BACKLOG,
        log_enabled=False,
        websockets=False,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await _accepting(host, port, serving)
        ready()
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # its library gives it none
        await serving


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
