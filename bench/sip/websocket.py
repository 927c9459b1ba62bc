"""How long does audio take between a person and a bot, over real calls?"""

import asyncio
import json
import re
import statistics
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.carriers.over_sip import trunk
from tests.sip.dialling import Dialling, dialling
from tests.sip.media import FRAME_MS, MediaPort, Stream, media_port, rtp
from tests.sip.numbers import Manner, number
from tests.sip.scenario import Pace
from tests.sip.sipp import Sipp, sipp

from bench.figures import Context, Figure, Limit, amount
from bench.machine import cpu_sec
from bench.sip.marks import Finder, marked
from ringback.carriers.carrier import Agent, Answered
from ringback.errors import RingbackError

ONE_CORE = Limit(1, most=True)
MOST_P99, LEAST_THROUGH = Limit(60, most=True), Limit(0.999)
WARM_FRAMES, LAST_FRAMES = 150, 25
"""The first and last ones of a call are not judged: at the one end the bot is not there yet, at the other no longer."""
END_SEC = 30.0
_AUDIO_PORT = re.compile(r"^m=audio (\d+)", re.MULTILINE)


@dataclass(slots=True)
class Talker:
    """Somebody who says numbered frames, and hears the bot's.

    Attributes:
        to_number: who they are.
        port: where they are heard, and from where they hear.
        said_ns: when each frame was said, Unix time.
    """

    to_number: str
    port: int
    said_ns: list[int] = field(default_factory=list)

    def say(self, media: MediaPort) -> None:
        """The next frame."""
        turn = len(self.said_ns)
        packet = rtp(turn, marked(turn), self.port)
        self.said_ns.append(time.time_ns())
        media.send(packet, self.port)


@dataclass(slots=True)
class Times:
    """Milliseconds of each frame that came through, and how many were to."""

    took_ms: list[float] = field(default_factory=list)
    said: int = 0

    def add(self, said_ns: Sequence[int], heard_ns: dict[int, int]) -> None:
        """One call, one way."""
        judged = range(WARM_FRAMES, len(said_ns) - LAST_FRAMES)
        self.said += len(judged)
        self.took_ms += [(heard_ns[turn] - said_ns[turn]) / 1e6 for turn in judged if turn in heard_ns]


async def measure(context: Context, folder: Path) -> list[Figure]:
    """So many talk at once."""
    calls, sec = (3, 5.0) if context.quick else (30, 30.0)
    bot = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.sip.bot", stdout=PIPE, limit=1 << 24)
    assert bot.stdout is not None
    try:
        url = (await bot.stdout.readline()).decode().strip()
        with context.step(f"{calls} people talk to a bot"), media_port() as media:
            with sipp(folder / "sipp", media_port=media.port, pace=Pace(ring=500)) as far_end:
                settings = trunk(far_end, max_call_sec=300, codecs=["pcmu"])
                async with dialling(settings, folder) as over:
                    talkers, cores = await _talk(over, far_end, media, calls, sec, url)
            async with asyncio.timeout(END_SEC):
                told = [json.loads(await bot.stdout.readline()) for _ in talkers]
            streams = media.streams()
    finally:
        with suppress(ProcessLookupError):
            bot.kill()
        await bot.wait()
    return _figures(*_compare(talkers, streams, told), cores, calls)


async def _talk(
    over: Dialling, far_end: Sipp, media: MediaPort, calls: int, sec: float, url: str
) -> tuple[list[Talker], float]:
    """Call them, and let them talk from the first moment on, as phones do; returns what a worker's core had to do."""
    agent = Agent("websocket", {"url": url})
    numbers = [number(Manner.STAYS, serial) for serial in range(calls)]
    attempts = [await over.place(to_number, agent) for to_number in numbers]
    talkers = [Talker(to_number, await _media_of(far_end, to_number)) for to_number in numbers]
    [worker] = over.workers()
    talking = asyncio.create_task(asyncio.to_thread(_say_all, talkers, media, sec))
    for attempt in attempts:
        await over.heard(attempt, Answered)
    used = cpu_sec(worker.pid)
    await talking
    return talkers, (cpu_sec(worker.pid) - used) / sec


def _say_all(talkers: list[Talker], media: MediaPort, sec: float) -> None:
    """A frame of each every 20 ms, each in a time of its own."""
    never, start = threading.Event(), time.monotonic()
    for turn in range(round(sec * 1000 / FRAME_MS)):
        for place, talker in enumerate(talkers):
            due = start + (turn + place / len(talkers)) * FRAME_MS / 1000
            never.wait(max(due - time.monotonic(), 0))
            talker.say(media)


async def _media_of(far_end: Sipp, to_number: str) -> int:
    """The port where a call of ours takes its audio."""
    for _ in range(500):
        call = next((call for call in far_end.calls() if call.number == to_number), None)
        if call is not None and (found := _AUDIO_PORT.search(call.messages[0].text)):
            return int(found[1])
        await asyncio.sleep(0.02)
    raise RingbackError(f"no INVITE to {to_number} came")


def _compare(talkers: list[Talker], streams: list[Stream], told: list[dict[str, object]]) -> tuple[Times, Times]:
    """What each said beside what the other heard: towards the bot, and towards the person."""
    to_bot, to_person = Times(), Times()
    bots = {each["to_number"]: each for each in told}
    by_port = {stream.port: stream for stream in streams}
    for talker in talkers:
        bot: dict[str, object] = bots[talker.to_number]
        heard, said = bot["heard_ns"], bot["said_ns"]
        assert isinstance(heard, dict)
        assert isinstance(said, list)
        to_bot.add(talker.said_ns, {int(turn): at for turn, at in heard.items()})
        ear = Finder()
        for packet in by_port[talker.port].packets:
            ear.take(packet.payload, packet.at_ns)
        to_person.add(_in_turn(said), ear.found_ns)
    return to_bot, to_person


def _in_turn(said_ns: Sequence[int]) -> list[int]:
    """When each frame could begin to be played at best: a bot that says two at once waits for the first to be over."""
    turns: list[int] = []
    for at in said_ns:
        turns.append(max(at, turns[-1] + FRAME_MS * 1_000_000) if turns else at)
    return turns


def _figures(to_bot: Times, to_person: Times, cores: float, calls: int) -> list[Figure]:
    what = f"websocket: {calls} calls both ways"
    return [
        *_one_way(f"{what}, from the person to the bot", to_bot),
        *_one_way(f"{what}, from the bot to the person", to_person),
        Figure(f"{what}, cores in use by the worker", cores, "cores", ONE_CORE),
    ]


def _one_way(what: str, times: Times) -> list[Figure]:
    parts = statistics.quantiles(times.took_ms, n=1000, method="inclusive")
    spread = f"p50 {amount(parts[499])}, p95 {amount(parts[949])}, p99.9 {amount(parts[998])}"
    return [
        Figure(f"{what}, 99 of 100 frames within", parts[989], "ms", MOST_P99, rounds=spread),
        Figure(f"{what}, frames that came", len(times.took_ms) / times.said, "of those said", LEAST_THROUGH),
    ]
