"""What is answered to Prometheus: the figures of all processes of a server, and how its database stands."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from whenever import Instant

from ringback import __version__
from ringback.clock import Clock, SystemClock, seconds
from ringback.errors import DatabaseUnavailable
from ringback.ids import TRUNK, show
from ringback.store.database import API_SETTINGS, connect
from ringback.store.gauges import Figures, read_figures
from ringback.telemetry.metrics import FOLDER

AGAIN = seconds(1)
READING_SEC = 5.0
"""The database has so long to answer; a scrape that is late is lost whole, with all that needs no database."""

Read = Callable[[], Awaitable[Figures]]


def new_folder(data: Path) -> Path:
    """An empty folder for the figures of a server that starts."""
    folder = data / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


class Scraper:
    """Answers scrapes within a process that has an event loop and a database.

    Args:
        folder: of the server's processes.
        read: asks the database; not again within a second, for nobody needs a key to scrape.
        clock: tells when that is over.
    """

    def __init__(self, folder: Path, read: Read, clock: Clock) -> None:
        self._folder = folder
        self._read = read
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[Instant, Figures] | None = None

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """All figures as text, and its content type.

        Args:
            accept: the formats that the asking side takes, as in HTTP; OpenMetrics is one of them.
        """
        registry = CollectorRegistry()
        registry.register(MultiProcessCollector(None, str(self._folder)))  # type: ignore[no-untyped-call]
        registry.register(_Standing(await self._figures()))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    async def _figures(self) -> Figures:
        async with self._one_at_a_time:
            if self._last is None or self._last[0] <= self._clock.now():
                figures = await within(READING_SEC, self._read)
                self._last = self._clock.now() + AGAIN, figures
            return self._last[1]


async def read_standing(dsn: str) -> Figures:
    """How the database stands, over a connection of its own: for who asks seldom and has no loop to keep one on."""
    try:
        database = await connect(dsn, size=1, settings=API_SETTINGS)
    except DatabaseUnavailable:
        return Figures()
    figures = await read_figures(database, SystemClock().now())
    await database.close()
    return figures


async def within(sec: float, read: Read) -> Figures:
    """The figures, or none after so long: a server that hangs does not keep us, however slowly it is given up."""
    reading = asyncio.ensure_future(read())
    done, _ = await asyncio.wait((reading,), timeout=sec)
    if done:
        return reading.result()
    reading.cancel()
    return Figures()


@contextmanager
def served(host: str, port: int, folder: Path, read: Read, clock: Clock) -> Iterator[None]:
    """Answer scrapes on a port of their own, from threads of this process.

    Args:
        host: the address to listen on.
        port: likewise.
        folder: of the server's processes.
        read: asks the database, on an event loop of the scrape's own; not again within a second.
        clock: tells when that is over.

    Raises:
        OSError: the address is not to be had.
    """
    registry = CollectorRegistry()
    registry.register(MultiProcessCollector(None, str(folder)))  # type: ignore[no-untyped-call]
    registry.register(_StandingNow(read, clock))
    server, thread = start_http_server(port, host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Standing(Collector):
    """Figures that were read."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The series of the figures that are there."""
        return standing(self._figures)


class _StandingNow(Collector):
    """Figures that are read when they are asked for, by one thread at a time."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._last: tuple[Instant, Figures] | None = None

    def describe(self) -> Iterable[Metric]:
        """The names; the registry would collect once to learn them."""
        return standing(Figures(0, 0, 0, {}, 0))

    def collect(self) -> Iterable[Metric]:
        """The series of the figures that can be read."""
        with self._one_at_a_time:
            if self._last is None or self._last[0] <= self._clock.now():
                figures = asyncio.run(within(READING_SEC, self._read))
                self._last = self._clock.now() + AGAIN, figures
            return standing(self._last[1])


def standing(figures: Figures) -> list[Metric]:
    """How the database stands, as series; what was not read has none."""
    build = GaugeMetricFamily("ringback_build_info", "The release, as a label of 1.", labels=["version"])
    build.add_metric([__version__], 1)
    trunks = None if figures.in_flight is None else sum(figures.in_flight.values())
    plain = {
        "ringback_database_up": ("Whether the database answered.", float(figures.nodes_alive is not None)),
        "ringback_nodes_alive": ("Nodes that hold a lease, on all servers.", figures.nodes_alive),
        "ringback_queue_calls": ("Calls that wait for a dial; an estimate beyond 1,000.", figures.waiting),
        "ringback_oldest_due_seconds": ("Since when the oldest due dial waits.", figures.oldest_due_sec),
        "ringback_in_flight_attempts": ("Attempts that have no end yet.", trunks),
        "ringback_unexplained_seconds": (
            "Since when the node is silent whose attempts are not explained.",
            figures.unexplained_sec,
        ),
    }
    by_trunk = GaugeMetricFamily("ringback_trunk_in_flight_attempts", "The same by trunk.", labels=["trunk"])
    for trunk_id, attempts in (figures.in_flight or {}).items():
        by_trunk.add_metric([show(TRUNK, trunk_id)], attempts)
    told = [GaugeMetricFamily(name, meaning, value) for name, (meaning, value) in plain.items() if value is not None]
    return [build, *told, *([] if figures.in_flight is None else [by_trunk])]
