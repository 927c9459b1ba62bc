"""Asks an HTTP server as fast as it answers, and costs little itself."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringback.errors import RingbackError

_OK = b"HTTP/1.1 200 "
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Load:
    """How a server did.

    Attributes:
        answers: how many.
        per_sec: how many a second.
        median_ms: the median time from a request to its whole answer.
        p99_ms: 99 of 100 answers came within.
    """

    answers: int
    per_sec: float
    median_ms: float
    p99_ms: float


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last answer is whole."""

    def __init__(self, requests: Iterator[bytes], times: list[float], over: "asyncio.Future[None]") -> None:
        self._requests = requests
        self._times = times
        self._over = over
        self._received = bytearray()
        self._left = 0
        self._asked_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            self._received += data
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._left = end + 4 + self._length(bytes(self._received[:end])) - len(self._received)
            self._received.clear()
        if not self._left:
            self._times.append(time.perf_counter() - self._asked_at)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed a connection: {exc}")

    def _ask(self) -> None:
        if self._transport is not None and not self._over.done():
            self._asked_at = time.perf_counter()
            self._transport.write(next(self._requests))

    def _length(self, head: bytes) -> int:
        if not head.startswith(_OK):
            self._fail(f"the server answered {head[:60]!r}")
        return int(head.lower().partition(_LENGTH)[2].split(b"\r\n", 1)[0])

    def _fail(self, why: str) -> None:
        if not self._over.done():
            self._over.set_exception(RingbackError(why))


async def drive(host: str, port: int, requests: Sequence[bytes], connections: int, sec: float) -> Load:
    """Send the requests over and over, each connection one at a time.

    Args:
        host: where the server is.
        port: likewise.
        requests: whole GET requests.
        connections: how many, all kept alive.
        sec: for so long.

    Raises:
        RingbackError: an answer was not 200, or a connection was lost.
    """
    loop = asyncio.get_running_loop()
    times: list[float] = []
    over: asyncio.Future[None] = loop.create_future()
    source = itertools.cycle(requests)
    opened = [
        (await loop.create_connection(lambda: _Connection(source, times, over), host, port))[0]
        for _ in range(connections)
    ]
    begun, count = time.perf_counter(), len(times)
    await asyncio.wait((over,), timeout=sec)
    took, answers = time.perf_counter() - begun, len(times) - count
    if over.done():
        over.result()
    over.set_result(None)
    for transport in opened:
        transport.close()
    parts = statistics.quantiles(times, n=100)
    return Load(answers, answers / took, 1000 * parts[49], 1000 * parts[98])


async def fetch(host: str, port: int, request: bytes) -> bytes:
    """The body of one answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(_OK), head
    body = await reader.readexactly(int(head.lower().partition(_LENGTH)[2].split(b"\r\n", 1)[0]))
    writer.close()
    return body
