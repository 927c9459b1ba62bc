"""The way from one node to PostgreSQL, on which all that happens to a connection may happen."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.chaos.plan import Kind

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""A socket that lingers for no time is closed by a reset."""
COMMIT = b"COMMIT;\0"
EXECUTE = b"E\0\0\0\x09\0"
"""Execute of the unnamed portal, as the driver sends it."""
PATIENCE_SEC = 4.0


@dataclass(eq=False)
class _Pair:
    """A node's connection and the one to PostgreSQL that belongs to it."""

    node: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: bool = False
    pumps: list["asyncio.Task[None]"] = field(default_factory=list)

    def end(self, *, reset: bool = False) -> None:
        """Nothing more goes either way; what is on its way is gone where it is a reset."""
        for writer in (self.node, self.server):
            if reset and (plug := writer.get_extra_info("socket")) is not None and plug.family == socket.AF_INET:
                with suppress(OSError):  # it is closed already
                    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort() if reset else writer.close()


class Link:
    """A small TCP proxy before a PostgreSQL server that listens on a Unix socket.

    Args:
        dsn: the server's.
    """

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
        self._path = Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"
        self._user, self._database = parts.username, parts.path.strip("/")
        self._pairs: set[_Pair] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._armed: Kind | None = None
        self._when: Callable[[], bool] = lambda: True
        self._struck = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen; the DSN that leads through here."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{self._user}@127.0.0.1:{port}/{self._database}?sslmode=disable"

    async def close(self) -> None:
        """End all connections and listen no more."""
        assert self._server is not None
        self._server.close()
        self._flows.set()
        pumps = [pump for pair in self._pairs for pump in pair.pumps]
        self._drop()
        await asyncio.gather(*pumps)
        await self._server.wait_closed()

    async def stall(self, sec: float) -> None:
        """Let no byte pass for so long; all of them go on afterwards."""
        self._flows.clear()
        await asyncio.sleep(sec)  # the plan's own time: nothing is waited for
        self._flows.set()

    async def cut(
        self, kind: Kind, patience_sec: float = PATIENCE_SEC, *, when: Callable[[], bool] = lambda: True
    ) -> Kind | None:
        """Cut the next connection on which the moment for it comes, or drop all that there are if none comes in time.

        Args:
            kind: how.
            patience_sec: how long the moment is waited for.
            when: whether there is anything to be cut at all.

        Returns:
            What was done; None where there was nothing.
        """
        self._struck.clear()
        self._armed, self._when = kind, when
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_sec):
                await self._struck.wait()
        self._armed = None
        if self._struck.is_set():
            return kind
        return Kind.DROP if when() and self._drop() else None

    def _drop(self) -> int:
        for pair in self._pairs:
            pair.end(reset=True)
        return len(self._pairs)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_unix_connection(str(self._path))
        except OSError:
            writer.close()
            return
        pair = _Pair(writer, server)
        self._pairs.add(pair)
        pair.pumps = [
            asyncio.create_task(self._pump(pair, reader, server, requests=True)),
            asyncio.create_task(self._pump(pair, answers, writer, requests=False)),
        ]
        await asyncio.wait(pair.pumps)
        self._pairs.discard(pair)

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, requests: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                if (rest := self._fate(pair, chunk, requests)) is not None:
                    self._struck.set()
                writer.write(chunk if rest is None else rest)
                await writer.drain()
                if rest is not None:
                    break
        pair.end()

    def _fate(self, pair: _Pair, chunk: bytes, requests: bool) -> bytes | None:
        """What still passes of the last chunk that a connection carries; None where it goes on."""
        if pair.deaf:
            return None if requests else b""
        if self._armed is None or not self._when() or not _is_moment(self._armed, chunk, requests):
            return None
        kind, self._armed = self._armed, None
        if kind is Kind.DROP:
            self._drop()
        # after these two PostgreSQL hears the request and does it, and nobody hears what it says
        pair.deaf = kind in (Kind.CUT_ANSWER, Kind.CUT_COMMIT)
        if pair.deaf:
            return None
        return chunk[: len(chunk) // 2] if kind is Kind.CUT_MESSAGE else b""


def _is_moment(kind: Kind, chunk: bytes, requests: bool) -> bool:
    if kind in (Kind.DROP, Kind.CUT_MESSAGE):
        return len(chunk) > 1
    return requests and (COMMIT if kind is Kind.CUT_COMMIT else EXECUTE) in chunk
