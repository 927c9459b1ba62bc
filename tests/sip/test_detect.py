"""Who has answered, and when a machine records, on sounds that are made for one thing each."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sip.sounds import RATE, pcm, quiet, tone, voice

from ringback.carriers.sip.agents.detection_settings import Detect
from ringback.carriers.sip.detect import CADENCES, Beep, Cadence, Detector, Ending, Why
from ringback.carriers.sip.hearing import Hearing, Sort
from ringback.domain.outcome import AnsweredBy

FAST, FULL = Detect.FAST, Detect.FULL
HUMAN, MACHINE, UNKNOWN = AnsweredBy
PAGE = (Path(__file__).parents[2] / "docs" / "amd.md").read_text(encoding="utf-8")

HELLO = (quiet(0.5), voice(0.6), quiet(6))
NOTES = tuple(tone(0.25, hertz) for hertz in (523, 587, 659, 698, 784, 880))
CASES = [
    ("a hello", FAST, HELLO, HUMAN, Why.GREETING_ENDED, 1.9),
    ("a hello", FULL, HELLO, HUMAN, Why.GREETING_ENDED, 2.3),
    ("one after a pause", FAST, (quiet(1.0), voice(1.0), quiet(6)), HUMAN, Why.GREETING_ENDED, 2.5),
    ("one that comes too late", FAST, (quiet(1.5), voice(0.9), quiet(6)), UNKNOWN, Why.TIME_UP, 2.5),
    ("one that comes late", FULL, (quiet(2.3), voice(0.9), quiet(6)), HUMAN, Why.GREETING_ENDED, 4.4),
    ("a long greeting", FAST, (quiet(0.3), voice(6)), MACHINE, Why.LONG_GREETING, 2.1),
    ("a long greeting", FULL, (quiet(0.3), voice(6)), MACHINE, Why.LONG_GREETING, 3.5),
    ("two sentences", FULL, (voice(1.5), quiet(0.9), voice(2.0), quiet(6)), MACHINE, Why.LONG_GREETING, 3.2),
    ("many words", FULL, (voice(0.14), quiet(0.1)) * 20, MACHINE, Why.MANY_WORDS, 2.05),
    ("speech to the end of the time", FULL, (quiet(2.3), voice(6)), UNKNOWN, Why.TIME_UP, 5.0),
    ("nobody", FAST, (quiet(6),), UNKNOWN, Why.NOBODY_SPOKE, 2.5),
    ("nobody", FULL, (quiet(6),), UNKNOWN, Why.NOBODY_SPOKE, 2.5),
    ("a click", FULL, (quiet(0.5), voice(0.05), quiet(6)), UNKNOWN, Why.NOBODY_SPOKE, 2.5),
    ("hum", FULL, (tone(6, 50, loud=0.1),), UNKNOWN, Why.NOBODY_SPOKE, 2.5),
    ("the end of a ring", FAST, (tone(0.4, 440, 480), *HELLO), HUMAN, Why.GREETING_ENDED, 2.3),
    ("the end of a ring", FULL, (tone(1.9, 425), quiet(1.5), *HELLO[1:]), HUMAN, Why.GREETING_ENDED, 5.0),
    ("a ring and nobody", FULL, (tone(1.9, 400, 450), quiet(6)), UNKNOWN, Why.NOBODY_SPOKE, 4.4),
    (
        "no such number",
        FAST,
        (quiet(0.3), tone(0.33, 950), tone(0.33, 1400), tone(0.33, 1800), quiet(6)),
        MACHINE,
        Why.INFORMATION_TONES,
        1.1,
    ),
    ("a fax that calls", FAST, (quiet(0.5), tone(0.5, 1100), quiet(6)), MACHINE, Why.FAX, 0.8),
    ("a fax that answers", FAST, (quiet(0.5), tone(3, 2100), quiet(6)), MACHINE, Why.FAX, 1.0),
    ("a melody", FAST, (*NOTES, quiet(6)), MACHINE, Why.MUSIC, 0.8),
    ("a beep after a word", FULL, (voice(0.8), quiet(0.3), tone(0.4, 1000), quiet(6)), MACHINE, Why.BEEP, 1.2),
    ("a beep after nothing", FULL, (quiet(0.5), tone(0.4, 1000), quiet(6)), UNKNOWN, Why.NOBODY_SPOKE, 2.9),
    ("nothing at all", FULL, (np.zeros(6 * RATE),), UNKNOWN, Why.NOBODY_SPOKE, 2.5),
]


@pytest.mark.parametrize("noise", [0.0, 0.003], ids=["clean", "noisy"])
@pytest.mark.parametrize(
    ("mode", "parts", "who", "why", "at_sec"), [case[1:] for case in CASES], ids=[f"{c[0]}, {c[1]}" for c in CASES]
)
def test_who_it_is(mode, parts, who, why, at_sec, noise):
    """By what is heard, with its reason, in its time; noise of a line 50 dB below the loudest changes nothing."""
    verdict = Detector(RATE, mode).take(pcm(*parts, noise=noise))
    assert (verdict.answered_by, verdict.why) == (who, why)
    assert verdict.at_sec == pytest.approx(at_sec, abs=0.11)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=30), st.sampled_from([HELLO, CASES[5][2], CASES[17][2]]))
def test_pieces_change_nothing(sizes, parts):
    """However audio comes, the verdict is the same, at the same time."""
    whole = pcm(*parts)
    detector, beep, rest = Detector(RATE, FULL), Beep(RATE), whole
    for size in [*sizes, len(whole)]:
        detector.take(rest[: 2 * size])
        beep.take(rest[: 2 * size])
        rest = rest[2 * size :]
    assert detector.verdict == Detector(RATE, FULL).take(whole)
    assert beep.ending == Beep(RATE).take(whole)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_rate_of_the_line_changes_nothing(rate):
    """A codec that has more of a voice is heard as a telephone is."""
    for parts in (HELLO, CASES[5][2], CASES[17][2], CASES[18][2]):
        at_8000 = np.frombuffer(pcm(*parts), np.int16)
        heard = Detector(rate, FULL).take(soxr.resample(at_8000, RATE, rate).tobytes())
        told = Detector(RATE, FULL).take(at_8000.tobytes())
        assert (heard.why, heard.at_sec) == (told.why, pytest.approx(told.at_sec, abs=0.05))


def test_verdict_stands():
    """What is heard after it changes nothing."""
    detector = Detector(RATE, FAST)
    verdict = detector.take(pcm(*HELLO))
    assert detector.take(pcm(voice(10))) is verdict is detector.verdict


GREETING = (quiet(0.5), voice(3.0), quiet(0.5))
ENDINGS = [
    ("a beep", (*GREETING, tone(0.5, 1000), quiet(9)), Ending.BEEP, 4.9),
    ("a short one", (*GREETING, tone(0.15, 2400), quiet(9)), Ending.BEEP, 4.55),
    ("a long and low one", (*GREETING, tone(1.9, 330), quiet(9)), Ending.BEEP, 6.3),
    ("two in a row", (*GREETING, tone(0.3, 900), quiet(0.2), tone(0.3, 900), quiet(9)), Ending.BEEP, 5.2),
    ("two pitches", (*GREETING, tone(0.3, 900), tone(0.3, 1300), quiet(9)), Ending.BEEP, 5.0),
    ("a soft one", (*GREETING, tone(0.5, 1000, loud=0.02), quiet(9)), Ending.BEEP, 4.9),
    ("one that comes late", (voice(3.0), quiet(3.0), tone(0.5, 1000), quiet(9)), Ending.BEEP, 6.9),
    ("none", (*GREETING, quiet(9)), Ending.SILENCE, 7.5),
    ("one that is too short", (*GREETING, tone(0.05, 1000), quiet(9)), Ending.SILENCE, 7.5),
    ("a tone that is too long", (*GREETING, tone(2.5, 1000), quiet(9)), Ending.SILENCE, 10.5),
    ("one that is too high", (*GREETING, tone(0.5, 3000), quiet(9)), Ending.SILENCE, 8.5),
    ("keys", (*GREETING, tone(0.5, 697, 1209), quiet(9)), Ending.SILENCE, 8.5),
    ("one before more words", (*GREETING, tone(0.5, 1000), quiet(0.2), voice(1.0), quiet(9)), Ending.SILENCE, 9.7),
    ("one before a word", (tone(0.5, 1000), quiet(1.0), voice(1.0), quiet(9)), Ending.SILENCE, 6.5),
    ("no end of words", (voice(0.5), quiet(0.5)) * 40, Ending.TIME_UP, 30.0),
    ("nothing at all", (quiet(40),), Ending.TIME_UP, 30.0),
]


@pytest.mark.parametrize(
    ("parts", "ending", "at_sec"), [each[1:] for each in ENDINGS], ids=[each[0] for each in ENDINGS]
)
def test_machine_records_after_its_beep(parts, ending, at_sec):
    """When the beep is over, or it is silent without one, or at the latest."""
    beep = Beep(RATE)
    assert beep.take(pcm(*parts)) is ending
    assert beep.at_sec == pytest.approx(at_sec, abs=0.11)


def test_noise_of_a_line_is_learned():
    """A noise that is as loud as a soft voice is no voice, once it was there for a while."""
    sorts = [heard.sort for heard in Hearing(RATE).take(pcm(voice(2.0, 0.01), voice(1.0, 0.1), voice(1.0, 0.01)))]
    assert set(sorts[25:95]) == {Sort.QUIET}
    assert set(sorts[102:148]) == {Sort.VOICE}
    assert set(sorts[155:]) == {Sort.QUIET}


def test_tone_that_glides_is_a_voice():
    """Its pitch must stay."""
    at = np.arange(RATE) / RATE
    glide = 0.2 * np.sin(2 * np.pi * (500 * at + 400 * at**2))
    assert Sort.TONE not in {heard.sort for heard in Hearing(RATE).take(pcm(quiet(0.5), glide))}


def test_parameters_are_on_the_page():
    """Each with its value in both modes, and there is no other."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)
    assert {name: (float(fast), float(full)) for name, fast, full in rows} == {
        each.name: (float(getattr(CADENCES[FAST], each.name)), float(getattr(CADENCES[FULL], each.name)))
        for each in fields(Cadence)
    }


def test_reasons_are_on_the_page():
    """Each with what it says, and there is no other."""
    table = PAGE.partition("| why |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Why)
    table = PAGE.partition("| recording |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Ending)
