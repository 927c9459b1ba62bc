"""How long audio takes through the websocket agent and back: `python -m tests.sip.latency --calls 30 --sec 20`.

The far end of each call says a frame every 20 ms, a bot in a process of its own says it back at once, and it is looked
at when the line was given it, and when the line sends it, which it does every 20 ms. What is between is ours, the bot's
and the loopback's: no SIP stack, no network.
"""

import argparse
import asyncio
import random
import struct
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import numpy as np
from tests.sip.memory_line import MemoryLine, ids_of

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.mulaw import SILENCE, decode, encode
from ringback.carriers.sip.agents.websocket import run
from ringback.carriers.sip.line import FRAME_SEC

BOT = Path(__file__).parents[2] / "examples" / "websocket_bot.py"
FRAME_BYTES = 320


class Stopwatch(MemoryLine):
    """A line whose far end says numbered frames.

    Attributes:
        given: seconds from a frame's being said to the line's being given it back.
        sent: seconds until the line sends it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(ids_of(UUID(int=number), UUID(int=number)))
        self.given: list[float] = []
        self.sent: list[float] = []
        self._said_at: dict[int, float] = {}
        self._loop = asyncio.get_running_loop()

    def write(self, pcm: bytes) -> int:
        """Frames come whole."""
        self._note(pcm, self.given)
        return super().write(pcm)

    async def talk(self, sec: float) -> None:
        """Say a frame and send a frame every 20 ms, each in a time of its own."""
        await asyncio.gather(self._turns(sec, self._say), self._turns(sec, self._send))

    async def _turns(self, sec: float, do) -> None:
        due = self._loop.time() + random.uniform(0, FRAME_SEC)
        for number in range(round(sec / FRAME_SEC)):
            await asyncio.sleep(due - self._loop.time())
            due += FRAME_SEC
            do(number)

    def _say(self, number: int) -> None:
        self._said_at[number] = self._loop.time()
        self.say(_frame(number))

    def _send(self, _: int) -> None:
        self.play(FRAME_SEC)
        self._note(bytes(self.heard), self.sent)
        self.heard.clear()

    def _note(self, pcm: bytes, times: list[float]) -> None:
        for at in range(0, len(pcm), FRAME_BYTES):
            said_at = self._said_at.get(_number(pcm[at : at + 8]))
            if said_at is not None:
                times.append(self._loop.time() - said_at)


def _frame(number: int) -> bytes:
    """Its number is in the first four codes, seven bits in each: codes from 0x80 on come back as they were."""
    codes = [0x80 | number >> shift & 0x7F for shift in (21, 14, 7, 0)]
    return decode(struct.pack(">4B", *codes) + 156 * SILENCE).tobytes()


def _number(pcm: bytes) -> int:
    number = 0
    for code in encode(np.frombuffer(pcm, np.int16)):
        number = number << 7 | code & 0x7F
    return number


@asynccontextmanager
async def example_bot() -> AsyncIterator[str]:
    """The URL of the example bot, in a process of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(BOT), "0", stdout=PIPE)
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def measure(calls: int, sec: float) -> list[Stopwatch]:
    """So many calls at once, for so long."""
    async with example_bot() as url:
        lines = [Stopwatch(number) for number in range(calls)]
        agents = [asyncio.create_task(run(line, Agent("websocket", {"url": url}))) for line in lines]
        await asyncio.gather(*(line.talk(sec) for line in lines))
        for line in lines:
            line.over.set()
        await asyncio.gather(*agents)
    return lines


def show(name: str, times: list[float]) -> None:
    """Print the spread of some times."""
    at = quantiles(times, n=1000)
    milli = [1000 * value for value in (at[499], at[949], at[989], at[998], max(times))]
    print(f"{name:24}", *(f"{label} {value:5.1f}" for label, value in zip(_LABELS, milli, strict=True)), "ms")


_LABELS = ("p50", "p95", "p99", "p99.9", "max")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--sec", type=float, default=20)
    asked = parser.parse_args()
    lines = asyncio.run(measure(asked.calls, asked.sec))
    for name in ("given", "sent"):
        show(f"{asked.calls} calls, until {name}", [time for line in lines for time in getattr(line, name)])
    frames = sum(len(line.given) for line in lines)
    print(
        f"{frames} of {asked.calls * round(asked.sec / FRAME_SEC)} frames came back",
        [line.notes for line in lines if line.notes],
    )


if __name__ == "__main__":
    main()
