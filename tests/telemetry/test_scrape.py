"""What a scrape has when the database is away, hangs, or is asked too often."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
from whenever import Instant

from ringback.clock import VirtualClock, seconds
from ringback.store.gauges import Figures
from ringback.telemetry.scrape import Scraper, new_folder, read_standing, served, standing, within

NOON = Instant.from_utc(2026, 3, 2, 12)


def told(figures):
    """The series of figures, with their values."""
    return {sample.name: sample.value for family in standing(figures) for sample in family.samples}


async def test_database_that_is_away_is_told_and_nothing_else():
    """Nobody listens: the release is told, and that the database is not up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    figures = await read_standing(f"postgresql://nobody@127.0.0.1:{port}/nothing")
    assert told(figures) == {"ringback_build_info": 1, "ringback_database_up": 0}


async def test_database_that_hangs_is_given_up():
    """Even where the reading does not end when it is told to."""
    never = asyncio.Event()

    async def hang():
        try:
            await never.wait()
        finally:
            await never.wait()

    assert await within(0.01, hang) == Figures()
    never.set()


async def test_database_is_not_asked_twice_in_a_second(tmp_path):
    """Nobody needs a key to scrape, so scrapes must not be a load."""
    clock, asked = VirtualClock(NOON), []

    async def read():
        asked.append(clock.now())
        return Figures(nodes_alive=len(asked))

    scrape = Scraper(new_folder(tmp_path), read, clock)
    texts = [text for text, _ in await asyncio.gather(*(scrape("") for _ in range(5)))]
    assert all(b"ringback_nodes_alive 1.0" in text for text in texts)
    clock.advance_to(NOON + seconds(1))
    text, content_type = await scrape("application/openmetrics-text; version=1.0.0")
    assert b"ringback_nodes_alive 2.0" in text
    assert content_type.startswith("application/openmetrics-text")
    assert asked == [NOON, NOON + seconds(1)]


def test_database_is_not_asked_twice_in_a_second_on_a_port_of_its_own(tmp_path):
    """Many scrapes at once share one reading, though each has a thread of its own."""
    clock, asked = VirtualClock(NOON), []

    async def read():
        asked.append(clock.now())
        return Figures(nodes_alive=len(asked))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with served("127.0.0.1", port, new_folder(tmp_path), read, clock), ThreadPoolExecutor(5) as many:
        texts = list(many.map(lambda _: httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text, range(5)))
        assert all("ringback_nodes_alive 1.0" in text for text in texts)
        clock.advance_to(NOON + seconds(1))
        assert "ringback_nodes_alive 2.0" in httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    assert asked == [NOON, NOON + seconds(1)]


def test_figures_of_the_last_server_are_gone(tmp_path):
    """Each `serve` begins with an empty folder."""
    (new_folder(tmp_path) / "counter_node.db").write_bytes(b"old")
    assert list(new_folder(tmp_path).iterdir()) == []
