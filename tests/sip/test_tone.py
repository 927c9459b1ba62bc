import numpy as np
import pytest
from tests.sip.memory_line import MemoryLine, playing

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents import tone
from ringback.carriers.sip.agents.tone import TONE_HZ, TONE_SEC, is_loud, run, tone_of

PLAN = Agent("tone", {})


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_the_tone_is_one_of_its_pitch(rate):
    """As long as it is to be, without a click at either end, and not at full volume."""
    samples = np.frombuffer(tone_of(rate), np.int16).astype(float)
    assert len(samples) == TONE_SEC * rate
    loudest = np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples)
    assert abs(loudest - TONE_HZ) < 1
    assert abs(samples[0]) + abs(samples[-1]) < 200
    assert 7000 < np.abs(samples).max() < 9000


@pytest.mark.parametrize(
    ("pcm", "loud"),
    [
        (b"", False),
        (b"\x00", False),
        (bytes(320), False),
        (np.full(160, 300, np.int16).tobytes(), False),
        (np.full(160, -400, np.int16).tobytes(), True),
        (np.array([-32768], np.int16).tobytes(), True),
        (tone_of(8000)[1600:1920] + b"\x00", True),
    ],
)
def test_hiss_is_not_taken_for_sound(pcm, loud):
    """Nor an odd byte for a sample."""
    assert is_loud(pcm) is loud


@pytest.fixture
def brief(monkeypatch):
    """The call is a short one."""
    monkeypatch.setattr(tone, "LISTEN_SEC", 0.4)


@pytest.mark.parametrize(("said", "heard"), [(tone_of(8000)[:8000], True), (bytes(8000), False), (b"", False)])
async def test_what_comes_in_is_noted(brief, said, heard):
    """Sound, silence, or nothing at all."""
    line = MemoryLine({})
    line.say(said)
    async with playing(line, speed=10):
        await run(line, PLAN)
    line.play(TONE_SEC)
    assert line.notes == {"heard": heard}
    assert is_loud(bytes(line.heard))
    assert bytes(line.heard) == tone_of(8000)[: len(line.heard)]


async def test_who_hangs_up_is_not_waited_for():
    """It is over at once, and noted all the same."""
    line = MemoryLine({})
    line.over.set()
    await run(line, PLAN)
    assert line.notes == {"heard": False}
