"""The files of recordings, and a call that is recorded, without a network."""

import asyncio
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from tests.chaos.patience import eventually
from tests.sip.recordings import pitch, tone

from ringback.carriers.sip import recording
from ringback.carriers.sip.recording import OpusFile, Recording, WavFile
from ringback.carriers.sip.recording_files import RecordAs

KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from ringback.carriers.sip import recording
file = getattr(recording, sys.argv[1])(Path(sys.argv[2]), 8000)
second = np.sin(2 * np.pi * np.outer(np.arange(8000) / 8000, [440, 1000]))
for _ in range(20):
    file.write((second[:4000] * 16000).astype(np.int16).tobytes())
os.kill(os.getpid(), 9)
"""
RATE = 8000
KINDS = pytest.mark.parametrize("kind", [RecordAs.WAV, RecordAs.OPUS])
ENOUGH_SEC = 30


def pcm(*sound):
    """Numbers from -1 to 1 as audio; of several sides, woven."""
    return (np.stack(sound, 1) * 32767).astype(np.int16).tobytes()


class StillCall:
    """A call's audio: what comes is given to it, and what is queued stays."""

    def __init__(self):
        self.came = b""
        self.queue = b""

    def write(self, audio):
        """There is room for a second."""
        taken = audio[: 2 * RATE - len(self.queue)]
        self.queue += taken
        return len(taken)

    def clear(self):
        """Nothing is queued."""
        self.queue = b""

    def queued(self):
        """All of it."""
        return len(self.queue)

    def read(self, most):
        """What came."""
        read, self.came = self.came[:most], self.came[most:]
        return read


def taped(call, path, kind):
    """A recording that begins now."""
    return Recording(call, path, kind, RATE, asyncio.get_running_loop().time())


@pytest.fixture
def call():
    """A call."""
    return StillCall()


def read(path):
    """Both sides of a recording as numbers, and its rate."""
    both, rate = soundfile.read(path)
    return both[:, 0], both[:, 1], rate


@KINDS
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_file_has_both_sides_apart(tmp_path, kind, rate):
    """Each by itself, at the rate of the call; nobody else may read it."""
    path = tmp_path / "a" / "b" / f"call.{kind}"
    file = recording.open_file(path, kind, rate)
    for _ in range(4):
        file.write(pcm(tone(0.5, rate, 500.0, 0.3), tone(0.5, rate, 1500.0, 0.3)))
    file.close()
    left, right, found = read(path)
    assert (found, len(left)) == (rate, pytest.approx(2 * rate, abs=rate / 50))
    assert (pitch(left, rate), pitch(right, rate)) == (pytest.approx(500, abs=2), pytest.approx(1500, abs=2))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("make", "lost_sec"), [(WavFile, 0.0), (OpusFile, 1.6)])
def test_what_a_killed_process_wrote_can_be_played(tmp_path, make, lost_sec):
    """All of it, but for the last page of Ogg."""
    path = tmp_path / "call"
    died = subprocess.run([sys.executable, "-c", KILLED, make.__name__, path], check=False, timeout=60)
    assert died.returncode == -9
    left, right, rate = read(path)
    assert 10 - lost_sec <= len(left) / rate <= 10.1
    assert (pitch(left, rate), pitch(right, rate)) == (pytest.approx(440, abs=2), pytest.approx(1000, abs=2))


async def test_call_is_recorded_and_goes_on_as_before(tmp_path, call):
    """Its audio passes through, both ways; the file has what was heard of it, and what is noted says so."""
    taping = taped(call, tmp_path / "call.wav", RecordAs.WAV)
    said, heard = pcm(tone(0.3, hertz=900.0)), pcm(tone(0.1))
    assert taping.write(said) == len(said) == taping.queued()
    await asyncio.sleep(0.4)
    call.queue = b""  # it has gone out
    call.came = heard
    assert taping.read(2 * RATE) == heard
    taping.write(said)
    taping.clear()
    assert call.queue == b""
    await asyncio.sleep(0.3)
    taping.stop()
    notes = await taping.noted()
    left, right, _ = read(tmp_path / "call.wav")
    assert notes == {"recording": {"format": "wav", "sec": round(len(left) / RATE, 1)}}
    assert len(left) / RATE == pytest.approx(taping._ended - taping._began, abs=0.01)
    assert np.flatnonzero(right)[-1] - np.flatnonzero(right)[0] == pytest.approx(0.3 * RATE, abs=2)
    loud = np.flatnonzero(left)
    assert loud[-1] - loud[0] == pytest.approx(0.1 * RATE, abs=2)
    assert loud[0] / RATE >= 0.29


async def test_listening_goes_on_where_nobody_reads(tmp_path, call):
    """The recording has all of it, and who reads later gets the last second."""
    taping = taped(call, tmp_path / "call.wav", RecordAs.WAV)
    for number in range(3):
        await asyncio.sleep(0.1)  # or it would be what came before the beginning
        call.came += pcm(np.full(RATE * 2 // 3, 0.1 * (number + 1)))
        await eventually(lambda: not call.came, ENOUGH_SEC)
    late = taping.read(2 * RATE)
    assert len(late) == 2 * RATE
    assert late.endswith(pcm(np.full(10, 0.3)))
    assert taping.read(2 * RATE) == b""
    taping.stop()
    await taping.noted()
    left, _, _ = read(tmp_path / "call.wav")
    assert np.count_nonzero(left > 0.15) == 2 * (RATE * 2 // 3)


@KINDS
async def test_disk_that_is_nearly_full_is_left_alone(tmp_path, call, monkeypatch, kind):
    """The call goes on; its attempt says why it has no recording."""
    monkeypatch.setattr(recording, "LEAST_FREE", 1 << 62)
    taping = taped(call, tmp_path / "call", kind)
    await eventually(taping._keeping.done, ENOUGH_SEC)
    assert taping.write(b"12") == 2
    taping.clear()
    call.came = b"34"
    assert taping.read(2) == b"34"
    taping.stop()
    notes = await taping.noted()
    assert notes.keys() == {"recording_error"}
    assert "disk" in notes["recording_error"]
    assert not (tmp_path / "call").exists()


async def test_disk_that_fills_up_ends_the_recording(tmp_path, call, monkeypatch):
    """What was recorded stays, and it is told that this is not all."""
    taping = taped(call, tmp_path / "call.wav", RecordAs.WAV)
    await eventually(lambda: taping._written, ENOUGH_SEC)
    monkeypatch.setattr(recording, "LEAST_FREE", 1 << 62)
    await eventually(taping._keeping.done, ENOUGH_SEC)
    taping.stop()
    notes = await taping.noted()
    assert notes.keys() == {"recording", "recording_error"}
    assert len(read(tmp_path / "call.wav")[0]) / RATE == pytest.approx(notes["recording"]["sec"], abs=0.06)


async def test_disk_that_stands_still_does_not_hold_up_the_end(tmp_path, call, monkeypatch):
    """The end of a call is told without it."""
    monkeypatch.setattr(recording, "CLOSE_SEC", 0.1)
    gate = os.pipe()
    monkeypatch.setattr(recording, "open_file", lambda *_: os.read(gate[0], 1))
    taping = taped(call, tmp_path / "call.wav", RecordAs.WAV)
    taping.stop()
    assert await taping.noted() == {"recording_error": "the disk is too slow"}
    os.write(gate[1], b"1")
    await asyncio.wait([taping._keeping], timeout=ENOUGH_SEC)
    assert taping._keeping.exception()
    for end in gate:
        os.close(end)
