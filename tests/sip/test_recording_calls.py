"""Real calls that are recorded: over loopback, in a worker of their own."""

import os
import signal
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile
from tests.carriers.over_sip import comes_true
from tests.chaos.patience import eventually
from tests.sip.dialling import dialling
from tests.sip.phone import phone
from tests.sip.recordings import pitch, tone, write_sound
from tests.sip.sipp import HOST

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.settings import parse_settings
from ringback.domain.outcome import EndReason

RATE = 8000
ENOUGH_SEC = 60


def agent(folder, name, sec=0.6, **settings):
    """A message agent that plays a tone of 900 Hz, and is recorded."""
    sound = write_sound(folder / "tone.flac", sec, 16000, hertz=900.0)
    return Agent("message", {"audio": str(sound), "pause_sec": 0.2, **settings}, {"name": "Ada"}, recording=name)


def sides(path):
    """Both sides of a recording: the person's and ours."""
    both, rate = soundfile.read(path)
    assert rate == RATE
    return both[:, 0], both[:, 1]


def loud(side):
    """From where to where something is to be heard, in samples."""
    found = np.flatnonzero(np.abs(side) > 0.05)
    return int(found[0]), int(found[-1]) + 1


def likeness(one, other):
    """The correlation of two sounds, whichever begins a few samples before the other."""
    same = min(len(one), len(other)) - 16
    return max(np.corrcoef(one[at : at + same], other[8 : 8 + same])[0, 1] for at in range(16))


@asynccontextmanager
async def on_the_phone(folder):
    """A telephone, and what dials it."""
    async with phone() as far_end:
        named = {"host": HOST, "port": far_end.port, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
        async with dialling(parse_settings(named), folder) as calls:
            yield far_end, calls


async def test_both_sides_are_in_the_file_apart_and_in_time(tmp_path):
    """The person says a tone while nobody of ours listens, we play another; each is where it was heard."""
    async with on_the_phone(tmp_path) as (far_end, calls):
        path = tmp_path / "recordings/1/a.wav"
        attempt = await calls.place("+14155552671", agent(tmp_path, "recordings/1/a.wav", 1.2, record="wav"))
        await eventually(path.exists, ENOUGH_SEC)
        await far_end.say((tone(0.6, hertz=500.0) * 20_000).astype(np.int16).tobytes())
        ended = await calls.ended(attempt)
        assert "agent_error" not in ended.details
        heard_at_phone = far_end.heard()
    left, right = sides(path)
    assert ended.details["recording"] == {"format": "wav", "sec": pytest.approx(len(left) / RATE, abs=0.06)}
    person, ours = loud(left), loud(right)
    assert pitch(left[slice(*person)], RATE) == pytest.approx(500, abs=5)
    assert pitch(right[slice(*ours)], RATE) == pytest.approx(900, abs=5)
    assert (person[1] - person[0]) / RATE >= 0.3
    assert (ours[1] - ours[0]) / RATE >= 1.15
    if (ours[1] - ours[0]) / RATE < 1.25:  # or there was a hole in it, since the worker was held up
        assert likeness(heard_at_phone[slice(*loud(heard_at_phone))], right[slice(*ours)]) > 0.99
    assert path.stat().st_mode & 0o077 == 0


async def test_announcement_comes_first_and_is_recorded(tmp_path):
    """Before the agent says anything; the recording begins with it."""
    settings = {"record": "wav", "announcement": "{name}, we record."}
    async with on_the_phone(tmp_path) as (far_end, calls):
        ended = await calls.end("+14155552671", agent(tmp_path, "recordings/1/c.wav", **settings))
        assert "recording_error" not in ended.details
        heard_at_phone = far_end.heard()
    _, right = sides(tmp_path / "recordings/1/c.wav")
    begins, ends = loud(right)
    assert pitch(right[ends - RATE // 2 : ends], RATE) == pytest.approx(900, abs=5)
    assert abs(pitch(right[begins : begins + RATE // 2], RATE) - 900) > 100
    assert (ends - begins) / RATE > 1.3
    assert len(heard_at_phone) / RATE > 1.3


async def test_nobody_is_recorded_who_could_not_be_told(tmp_path, monkeypatch):
    """The speech command fails: the call goes on, and its attempt says why there is no recording."""
    monkeypatch.setenv("RINGBACK_SPEECH_COMMAND", "false")
    settings = {"record": "wav", "announcement": "This call is recorded."}
    async with on_the_phone(tmp_path) as (far_end, calls):
        ended = await calls.end("+14155552671", agent(tmp_path, "recordings/1/d.wav", 0.3, **settings))
        assert "announcement could not be spoken" in ended.details["recording_error"]
        assert ended.details.keys().isdisjoint({"recording", "agent_error"})
        assert np.abs(far_end.heard()).max() > 0.1
    assert not (tmp_path / "recordings").exists()


async def test_worker_that_is_killed_leaves_what_it_recorded(tmp_path):
    """Nobody can tell how the call ends, but that there is a recording."""
    async with on_the_phone(tmp_path) as (_, calls):
        path = tmp_path / "recordings/1/e.wav"
        attempt = await calls.place("+14155552671", agent(tmp_path, "recordings/1/e.wav", 9.0, record="wav"))
        await eventually(lambda: path.exists() and path.stat().st_size > RATE * 4, ENOUGH_SEC)
        [worker] = calls.workers()
        os.kill(worker.pid, signal.SIGKILL)
        ended = await calls.ended(attempt)
        assert await comes_true(lambda: not worker.is_running() or worker.status() == "zombie")
    assert (ended.reason, ended.details) == (EndReason.OUTCOME_UNKNOWN, {"recording": {"format": "wav"}})
    assert len(sides(path)[0]) / RATE > 0.9
