"""A load balancer as simple as one can be: each connection goes to a server that says it is ready, in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

LOOK_SEC = 0.2
BYTES = 65_536


class Balancer:
    """Passes connections on.

    Attributes:
        backends: the URLs of the servers that there are; may be changed at any time.
        url: where it is.
    """

    def __init__(self) -> None:
        self.backends: list[str] = []
        self.url = ""
        self._ready: list[str] = []
        self._turn = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Balancer"]:
        """Take connections within the block."""
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        looking = asyncio.create_task(self._look())
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            looking.cancel()
            server.close()

    def sees(self, url: str) -> bool:
        """Whether connections go to this server."""
        return url in self._ready

    async def _look(self) -> None:
        async with httpx.AsyncClient(timeout=10) as client:
            while True:
                asked = list(self.backends)
                answers = await asyncio.gather(*(_is_ready(client, url) for url in asked))
                self._ready = [url for url, ready in zip(asked, answers, strict=True) if ready]
                await asyncio.sleep(LOOK_SEC)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._reach()
        if there is None:
            writer.close()
            return
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the next server that takes one."""
        for _ in range(2 * len(self._ready)):
            self._turn += 1
            url = httpx.URL(self._ready[self._turn % len(self._ready)])
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(url.host, url.port)
        return None


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get(f"{url}/readyz", headers={"connection": "close"})).is_success
    return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
