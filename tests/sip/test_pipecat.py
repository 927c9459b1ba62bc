import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from tests.chaos.patience import eventually, holds_within
from tests.sip.memory_line import MemoryLine, ids_of, playing

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.websocket import run

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "pipecat" / "bin" / "python"
ENOUGH_SEC = 60.0
RATE = 8000
ATTEMPT_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class PipecatBot:
    """The bot of pipecat_bot.py, in a process of its own.

    Attributes:
        url: where it takes calls.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""

    async def said(self) -> dict:
        """The next thing that it prints."""
        line = await asyncio.wait_for(self._process.stdout.readline(), ENOUGH_SEC)
        return json.loads(line)


@pytest.fixture
async def pipecat():
    """A running bot."""
    assert PYTHON.exists(), "there is no Pipecat; `make test` installs it, and so does `make .venv/pipecat/ready`"
    # Without its own folder in the path, where names of the tests would hide those of the standard library.
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-P", Path(__file__).with_name("pipecat_bot.py"), stdout=PIPE, stderr=DEVNULL, env=_environment()
    )
    there = PipecatBot(process)
    try:
        there.url = (await there.said())["url"]
        yield there
    finally:
        process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    """Without our own paths."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def speech(sec: float) -> np.ndarray:
    """Something between 300 and 3,000 Hz that sounds like nothing else in itself, so that it is found again."""
    at = np.arange(round(sec * RATE)) / RATE
    sweep = np.sin(2 * np.pi * (300 * at + (3000 - 300) / (2 * sec) * at**2))
    return np.rint(9000 * sweep).astype(np.int16)


def likeness(heard: bytes, said: np.ndarray) -> float:
    """The best correlation of what was said with a part of what was heard; 1 is the same."""
    there = np.frombuffer(heard, np.int16).astype(float)
    if len(there) < len(said):
        return 0.0
    size = 1 << (len(there) + len(said)).bit_length()
    found = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(said.astype(float), size)), size)
    energy = np.concatenate(([0.0], np.cumsum(there**2)))
    norms = np.sqrt(energy[len(said) :] - energy[: -len(said)]) * np.linalg.norm(said)
    return float(np.max(found[: len(norms)] / np.maximum(norms, 1.0)))


def loudness(line: MemoryLine) -> float:
    """Of the last half second that was heard."""
    return float(np.frombuffer(bytes(line.heard[-RATE:]), np.int16).std())


async def talk_until_heard(line: MemoryLine, said: np.ndarray) -> None:
    """Say something until it comes back as it was; Pipecat fills in silence where it is late itself."""
    async with asyncio.timeout(ENOUGH_SEC):
        while True:
            line.say(said.tobytes())
            if await holds_within(lambda: likeness(bytes(line.heard), said) > 0.99, 3.0):
                return


async def test_a_pipecat_pipeline_takes_the_call_for_one_of_twilios(pipecat):
    """It finds out by itself whose call it is, says back what it hears, is interrupted, and ends the call."""
    line = MemoryLine(ids_of(ATTEMPT_ID, ATTEMPT_ID))
    async with playing(line):
        task = asyncio.create_task(run(line, Agent("websocket", {"url": pipecat.url}, {"name": "Ann"}, "tok_1")))
        told = await pipecat.said()
        assert told["carrier"] == "twilio"
        assert told["call"]["stream_id"] == f"MZ{ATTEMPT_ID.hex}"
        assert told["call"]["call_id"] == f"CA{ATTEMPT_ID.hex}"
        assert told["call"]["body"]["name"] == "Ann"
        assert told["call"]["body"]["to_number"] == line.ids["to_number"]

        await talk_until_heard(line, speech(0.5))
        await eventually(lambda: loudness(line) < 50, ENOUGH_SEC)
        line.digits.put_nowait("1")
        await eventually(lambda: loudness(line) > 5000, ENOUGH_SEC)
        line.digits.put_nowait("2")
        await eventually(lambda: loudness(line) < 50, ENOUGH_SEC / 2)
        line.digits.put_nowait("#")
        await asyncio.wait_for(task, ENOUGH_SEC)
    assert line.notes == {}


async def test_a_pipecat_pipeline_ends_with_the_call(pipecat):
    """It is told, and is done with it."""
    line = MemoryLine(ids_of(ATTEMPT_ID, ATTEMPT_ID))
    async with playing(line):
        task = asyncio.create_task(run(line, Agent("websocket", {"url": pipecat.url})))
        told = await pipecat.said()
        line.over.set()
        await asyncio.wait_for(task, ENOUGH_SEC)
    assert await pipecat.said() == {"ended": told["call"]["call_id"]}
