"""What is done about who has answered, on a line in its own time."""

import asyncio

import pytest
from tests.sip.sounds import RATE, pcm, quiet, tone, voice
from tests.sip.virtual_line import VirtualLine, VirtualLoop

from ringback.carriers.sip.agents.detection_settings import Detect, Detection, OnMachine
from ringback.carriers.sip.detect import LATEST_SEC
from ringback.carriers.sip.screening import LATE_SEC, screen

HELLO = pcm(quiet(0.5), voice(0.6), quiet(10))
GREETING = pcm(quiet(0.5), voice(6.0), quiet(0.5), tone(0.5, 1000), quiet(40))
FRAME = 2 * RATE // 50


class SayingLine(VirtualLine):
    """A line on which something is said.

    Args:
        said: it.
        folder: as of any line.
        silent: whether nothing is sent where there is nothing to be heard.
        speed: at which it comes.
    """

    def __init__(self, said, folder, *, silent=False, speed=1.0):
        super().__init__(folder)
        self._frames = [said[at : at + FRAME] for at in range(0, len(said), FRAME)]
        self._silent = silent
        self._speed = speed
        self._began = self._now()
        self._taken = 0

    def read(self):
        """The frames since the last look."""
        if self.over.is_set():
            return b""
        now = int((self._now() - self._began) * self._speed * 50 + 1e-6)
        frames, self._taken = self._frames[self._taken : now], now
        return b"".join(frame for frame in frames if not self._silent or max(frame) > 1)


def screened(said, folder, detect=Detect.FULL, on_machine=OnMachine.HANG_UP, **how):
    """What the agent is to hear, the notes, and how long it took."""

    async def run():
        line, began = SayingLine(said, folder, **how), asyncio.get_running_loop().time()
        heard = await screen(line, Detection(detect, on_machine))
        return heard, line.notes, asyncio.get_running_loop().time() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def test_without_detection_nothing_is_heard(tmp_path):
    """The agent has the call at once, and nobody says who answered."""
    assert screened(HELLO, tmp_path, Detect.NONE) == (b"", {}, 0.0)


@pytest.mark.parametrize(("detect", "after_sec"), [(Detect.FAST, 1.9), (Detect.FULL, 2.3)])
@pytest.mark.parametrize("on_machine", OnMachine)
def test_a_person_is_handed_to_the_agent_with_what_they_said(tmp_path, detect, after_sec, on_machine):
    """Whatever is done with machines."""
    heard, notes, sec = screened(HELLO, tmp_path, detect, on_machine)
    assert notes["answered_by"] == "human"
    assert notes["detection"] == {"why": "greeting_ended", "after_sec": pytest.approx(after_sec, abs=0.05)}
    assert sec == pytest.approx(after_sec, abs=0.15)
    assert heard == HELLO[: len(heard)]
    assert len(heard) / 2 / RATE == pytest.approx(sec, abs=0.03)


def test_a_machine_is_not_for_the_agent(tmp_path):
    """Unless it is told otherwise."""
    heard, notes, sec = screened(GREETING, tmp_path)
    assert (heard, notes["answered_by"], notes["detection"]["why"]) == (None, "machine", "long_greeting")
    assert sec == pytest.approx(3.7, abs=0.15)


def test_a_machine_is_the_agents_at_once_where_it_is_to_continue(tmp_path):
    """With what was said."""
    heard, notes, sec = screened(GREETING, tmp_path, on_machine=OnMachine.CONTINUE)
    assert notes["answered_by"] == "machine"
    assert (heard, sec) == (GREETING[: len(heard)], pytest.approx(3.7, abs=0.15))


def test_a_message_is_left_after_the_beep(tmp_path):
    """When it is over; of the greeting the agent hears nothing."""
    heard, notes, sec = screened(GREETING, tmp_path, on_machine=OnMachine.MESSAGE)
    assert (heard, notes["answered_by"]) == (b"", "machine")
    assert notes["detection"]["recording"] == "beep"
    assert notes["detection"]["recording_sec"] == pytest.approx(7.9, abs=0.05)
    assert 7.5 < sec == pytest.approx(7.9, abs=0.15)


def test_a_message_is_left_at_once_where_the_beep_is_over_already(tmp_path):
    """What told that it is a machine may be its beep."""
    said = pcm(voice(0.8), quiet(0.3), tone(0.4, 1000), quiet(40))
    _, notes, sec = screened(said, tmp_path, on_machine=OnMachine.MESSAGE)
    assert (notes["detection"]["why"], notes["detection"]["recording"]) == ("beep", "beep")
    assert sec == pytest.approx(1.9, abs=0.15)


def test_a_message_is_left_in_the_end(tmp_path):
    """Of a machine that never stops."""
    _, notes, sec = screened(pcm(voice(60)), tmp_path, on_machine=OnMachine.MESSAGE)
    assert notes["detection"]["recording"] == "time_up"
    assert sec == pytest.approx(LATEST_SEC, abs=0.15)


@pytest.mark.parametrize(
    ("said", "who", "sec"), [(HELLO, "human", 2.3), (GREETING, "machine", 7.9), (pcm(quiet(40)), "unknown", 2.5)]
)
def test_what_is_not_sent_is_silence(tmp_path, said, who, sec):
    """Many send nothing while there is nothing to be heard (RFC 3389)."""
    heard, notes, after_sec = screened(said, tmp_path, on_machine=OnMachine.MESSAGE, silent=True)
    assert notes["answered_by"] == who
    assert after_sec == pytest.approx(sec, abs=0.4)
    assert heard is not None


@pytest.mark.parametrize(("detect", "total_sec"), [(Detect.FAST, 2.5), (Detect.FULL, 5.0)])
def test_there_is_a_latest_time(tmp_path, detect, total_sec):
    """Of the clock, though only a part of the audio comes."""
    _, notes, sec = screened(pcm(quiet(1), voice(60)), tmp_path, detect, speed=0.3)
    assert notes["answered_by"] == "unknown"
    assert total_sec < sec <= total_sec + LATE_SEC + 0.15
