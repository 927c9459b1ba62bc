"""The message agent on a line, in the line's own time."""

import asyncio
import sys
import wave
from array import array

import pytest
from tests.sip.virtual_line import Call, VirtualLine

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.message import MOST_AHEAD_SEC, PIECE_SEC, Sound, parts_of, prepare, run
from ringback.carriers.sip.agents.message_settings import parse_message
from ringback.config import SPEECH_COMMAND

RATE = 8000
SPEAKER = """
import sys, wave
from array import array
text = sys.stdin.buffer.read().decode()
with wave.open(sys.stdout.buffer, "wb") as sound:
    sound.setparams((1, 2, 8000, 0, "NONE", ""))
    sound.writeframes(array("h", [ord(c) for c in text for _ in range(800)]).tobytes())
"""


def silence(sec):
    """So much of nothing."""
    return bytes(2 * round(sec * RATE))


def spoken(text):
    """A text as our speaker says it: a tenth of a second for each character, each with its own level."""
    return array("h", [ord(char) for char in text for _ in range(800)]).tobytes()


@pytest.fixture
def recording(tmp_path):
    """Three seconds that are never silent, and their samples."""
    pcm = array("h", [1 + n % 5000 for n in range(3 * RATE)]).tobytes()
    path = tmp_path / "recording.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(pcm)
    return path, pcm


@pytest.fixture
def speak(tmp_path, monkeypatch):
    """Holds a call that is spoken on; the time that speech takes is not in it."""
    script = tmp_path / "speaker.py"
    script.write_text(SPEAKER)
    monkeypatch.setenv(SPEECH_COMMAND, f"'{sys.executable}' '{script}'")

    def call(settings, variables=None, **how):
        if "opt_out_text" in settings:
            asyncio.run(prepare(Agent("message", {"text": settings["opt_out_text"]}), tmp_path, RATE))
        return Call(settings, tmp_path, variables=variables, **how)

    return call


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, [0.5, Sound.MESSAGE]),
        ({"pause_sec": 0}, [0.0, Sound.MESSAGE]),
        ({"repeat": 3}, [0.5, Sound.MESSAGE, 1.0, Sound.MESSAGE, 1.0, Sound.MESSAGE]),
        ({"repeat": 2, "repeat_pause_sec": 2}, [0.5, Sound.MESSAGE, 2.0, Sound.MESSAGE]),
    ],
)
def test_what_is_played_and_when(settings, parts):
    """A pause, the message, and again."""
    assert parts_of(parse_message(settings)) == parts


def test_recording_is_played_to_its_last_frame(tmp_path, recording):
    """Sample by sample, without a gap, and the agent returns when it has gone out, not before and not much later."""
    path, pcm = recording
    call = Call({"audio": str(path)}, tmp_path)
    assert bytes(call.line.heard) == silence(0.5) + pcm
    assert call.line.gaps == []
    assert 3.5 <= call.sec <= 3.53
    assert call.line.notes == {}
    assert call.left == []


@pytest.mark.parametrize("capacity_sec", [0.3, 0.45, 1.0, 60.0])
def test_little_is_queued_and_it_is_seldom_looked_at(tmp_path, recording, capacity_sec):
    """However large the queue of the line is: enough ahead, never much, and some writes for each second."""
    path, pcm = recording
    call = Call({"audio": str(path), "repeat": 5}, tmp_path, capacity_sec=capacity_sec)
    assert bytes(call.line.heard) == silence(0.5) + pcm + (silence(1.0) + pcm) * 4
    assert call.line.gaps == []
    assert call.line.most_sec <= MOST_AHEAD_SEC + PIECE_SEC + 0.001
    assert call.line.writes <= 30 * call.sec


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_recording_is_played_at_the_rate_of_the_line(tmp_path, recording, rate):
    """As long as it is."""
    call = Call({"audio": str(recording[0])}, tmp_path, rate=rate)
    assert call.line.heard_sec == pytest.approx(3.5, abs=0.001)
    assert (call.line.gaps, call.line.notes) == ([], {})


def test_text_is_spoken_with_the_leads_variables(speak):
    """What is not there is left out, and noted."""
    call = speak({"text": "Hi {name} {x}, bye", "pause_sec": 0}, {"name": "Ada"})
    assert bytes(call.line.heard) == spoken("Hi Ada, bye")
    assert call.line.notes == {"unknown_variables": ["x"]}


def test_digits_are_collected_after_the_message(tmp_path, recording):
    """As many as are wanted; then the agent is done at once."""
    call = Call(
        {"audio": str(recording[0]), "collect_digits": {"n": 3, "timeout_sec": 5}},
        tmp_path,
        keys=[(4.0, "4"), (8.0, "2"), (12.5, "7"), (12.6, "9")],
    )
    assert call.line.notes == {"digits": "427"}
    assert call.sec == 12.5


def test_digits_are_waited_for_so_long(tmp_path, recording):
    """From the end of the message, and from each key on."""
    settings = {"audio": str(recording[0]), "collect_digits": {"n": 3, "timeout_sec": 5}}
    nobody = Call(settings, tmp_path)
    assert (nobody.sec, nobody.line.notes) == (pytest.approx(8.5, abs=0.05), {})
    one = Call(settings, tmp_path, keys=[(6.0, "1")])
    assert (one.sec, one.line.notes) == (pytest.approx(11.0, abs=0.05), {"digits": "1"})


def test_first_digit_ends_the_message(tmp_path, recording):
    """Who answers has understood; what is queued is taken back."""
    settings = {"audio": str(recording[0]), "repeat": 5, "collect_digits": {"n": 2}}
    call = Call(settings, tmp_path, keys=[(1.5, "1"), (3.0, "2")])
    assert call.line.heard_sec == pytest.approx(1.5, abs=0.001)
    assert (call.sec, call.line.notes) == (3.0, {"digits": "12"})


def test_keys_that_nobody_asked_for_are_kept_all_the_same(tmp_path, recording):
    """They change nothing."""
    call = Call({"audio": str(recording[0])}, tmp_path, keys=[(1.0, "5"), (3.4, "#")])
    assert call.line.notes == {"digits": "5#"}
    assert call.line.heard_sec == 3.5


def test_who_opts_out_is_told_so(speak):
    """The message stops, they hear that it was understood, and the call ends."""
    settings = {"text": "x" * 100, "opt_out_key": "9", "opt_out_text": "bye", "repeat": 3}
    call = speak(settings, keys=[(2.0, "9"), (2.1, "5")])
    heard = silence(0.5) + spoken("x" * 15) + spoken("bye")
    assert bytes(call.line.heard) == heard
    assert call.line.notes == {"digits": "5", "opted_out": True}
    assert call.sec == pytest.approx(2.3, abs=0.03)


def test_who_opts_out_after_the_message_is_told_so(speak):
    """While digits are waited for."""
    settings = {"text": "x", "opt_out_key": "*", "opt_out_text": "bye", "collect_digits": {"n": 4}, "pause_sec": 0}
    call = speak(settings, keys=[(2.0, "1"), (3.0, "*")])
    assert bytes(call.line.heard) == spoken("xbye")
    assert call.line.notes == {"digits": "1", "opted_out": True}


def test_opting_out_needs_no_words(tmp_path, recording):
    """Without a text for it the call ends."""
    call = Call({"audio": str(recording[0]), "opt_out_key": "9"}, tmp_path, keys=[(2.0, "9")])
    assert call.line.notes["opted_out"] is True
    assert call.sec == pytest.approx(2.0, abs=0.05)


def test_who_opts_out_and_hangs_up_at_once_has_opted_out(tmp_path, recording):
    """Keys of the last moment count."""
    settings = {"audio": str(recording[0]), "opt_out_key": "9"}
    call = Call(settings, tmp_path, over_sec=1.0, over_keys="19")
    assert call.line.notes == {"digits": "1", "opted_out": True}
    assert (call.sec, call.left) == (1.0, [])


def test_far_end_that_hangs_up_ends_it(tmp_path, recording):
    """At any moment: nothing more is written, and nothing is left running."""
    settings = {"audio": str(recording[0]), "collect_digits": {"n": 2}}
    for over_sec in (0.0, 0.3, 1.7, 3.4, 4.0, 8.0):
        call = Call(settings, tmp_path, over_sec=over_sec)
        assert (call.sec, call.left, call.line.notes) == (over_sec, [], {})


def test_line_that_is_over_is_left_although_nobody_says_so(tmp_path, recording):
    """`over` is enough, for each of the things that are waited for."""
    settings = {"audio": str(recording[0]), "collect_digits": {"n": 2}}
    for over_sec in (0.2, 3.4, 5.0):
        call = Call(settings, tmp_path, over_sec=over_sec, told=False)
        assert call.sec == pytest.approx(over_sec, abs=0.001)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "nothing to say"),
        ({"text": "{nobody}"}, "nothing to say"),
        ({"audio": "/nowhere/a.flac"}, "No such file"),
        ({"text": "Hello", "repeat": 77}, "settings.repeat"),
    ],
)
def test_message_that_cannot_be_played_is_noted(tmp_path, settings, why):
    """The call ends, and its attempt says why."""
    call = Call(settings, tmp_path)
    assert why in call.line.notes["agent_error"]
    assert call.left == []


async def test_speech_that_fails_is_noted(tmp_path, monkeypatch):
    """With the command's own words; making ready told nobody."""
    monkeypatch.setenv(SPEECH_COMMAND, "sh -c 'echo no such voice >&2; exit 1'")
    plan, line = Agent("message", {"text": "Hello", "pause_sec": 0}), VirtualLine(tmp_path)
    await prepare(plan, tmp_path, RATE)
    await run(line, plan)
    assert "no such voice" in line.notes["agent_error"]


def test_settings_of_a_newer_release_are_passed_over(tmp_path, recording):
    """A node of this one plays the message as well as it can."""
    call = Call({"audio": str(recording[0]), "mood": "merry"}, tmp_path)
    assert (call.line.heard_sec, call.line.notes) == (3.5, {})
