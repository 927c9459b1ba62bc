"""The agent of a trunk's test: plays a short tone, and notes whether anything but silence came back."""

import asyncio

import numpy as np

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.line import FRAME_SEC, Line

TONE_HZ = 440
TONE_SEC = 1.5
LISTEN_SEC = 2.0
"""So long the call is up, the tone from its beginning."""

AHEAD_SEC = 0.2
LOUD = 330
"""40 dB below the loudest that there is: more than the hiss of a line."""


async def run(line: Line, plan: Agent) -> None:  # noqa: ARG001  # the signature is that of all agents
    """Play and listen; returns after `LISTEN_SEC`.

    Args:
        line: the call. Its notes get `heard`: whether something loud came in.
        plan: nothing of it is needed.
    """
    line.notes["heard"] = False
    tone, loop = tone_of(line.rate), asyncio.get_running_loop()
    end = loop.time() + LISTEN_SEC
    while not line.over.is_set() and loop.time() < end:
        if tone and line.queued_sec() < AHEAD_SEC:
            tone = tone[line.write(tone[: 2 * int(AHEAD_SEC * line.rate)]) :]
        line.notes["heard"] |= is_loud(line.read())
        await asyncio.sleep(FRAME_SEC)


def tone_of(rate: int) -> bytes:
    """The tone at this rate, begun and ended softly."""
    at = np.arange(int(TONE_SEC * rate)) / rate
    swell = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.02)
    return bytes((8000 * swell * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.int16).tobytes())


def is_loud(pcm: bytes) -> bool:
    """Whether there is more than the hiss of a line in it."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16)
    return bool(samples.size and np.abs(samples.astype(np.int32)).max() > LOUD)
