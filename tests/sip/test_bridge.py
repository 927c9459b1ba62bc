"""The bridging agent on a loop whose time passes at once: what either hears, and when it is given up."""

import asyncio
from contextlib import suppress

import numpy as np
import pytest
from tests.sip.virtual_line import VirtualLine, VirtualLoop

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.bridge import LEAST_AHEAD_SEC, Pipe, run
from ringback.carriers.sip.agents.waiting import sound_of
from ringback.errors import CarrierUnavailable

URI = "sip:bot@pbx.example.com"
FRAME = 320


class Talker(VirtualLine):
    """A line on which somebody speaks, frame by frame as time passes.

    Attributes:
        pressed: the keys that were pressed for it.
    """

    def __init__(self, rate=8000):
        super().__init__(None, rate)
        self.pressed = ""
        self._speaks_from = None
        self._taken = 0

    def speak(self):
        """From now on."""
        self._speaks_from = self._now()

    def read(self):
        """A frame for every 20 ms that have passed, each of samples of its own."""
        if self._speaks_from is None or self.over.is_set():
            return b""
        first, self._taken = self._taken, int((self._now() - self._speaks_from) / 0.02 + 1e-6)
        return self.said(first, self._taken)

    def said(self, first, end):
        """Those frames."""
        count = self.rate // 50
        return np.repeat(np.arange(first, end), count).astype(np.int16).tobytes()

    async def press(self, key):
        """Takes a while."""
        await asyncio.sleep(0.1)
        self.pressed += key


class Other(Talker):
    """The other end of a bridge."""

    def __init__(self, rate=0):
        super().__init__(rate)
        self.answered = asyncio.Event()
        self.sip_code, self.words, self.sip_call_id = None, "", "other@host"
        self.hung_up = False

    def answer(self, rate=8000):
        """Pick up."""
        self.rate, self.sip_code = rate, 200
        self.answered.set()

    def refuse(self, code, words=""):
        """It comes to nothing."""
        self.sip_code, self.words = code, words
        self.over.set()

    def hang_up(self):
        """It is over."""
        self.hung_up = True
        self.over.set()


class Person(Talker):
    """Who was called; `others` are whom the agent called for them, with what headers."""

    def __init__(self, other, refused=None):
        super().__init__()
        self.calls = []
        self._other, self._refused = other, refused

    async def call_out(self, uri, headers):
        """Give the other end that there is."""
        self.calls.append((uri, headers))
        if self._refused:
            raise CarrierUnavailable(self._refused)
        return self._other


def bridged(*steps, refused=None, variables=None, **settings):
    """Let the agent have a call on which things happen, each after so many seconds; the person hangs up after 60.

    Returns:
        the person, the other end, and how long the agent had the call.
    """

    async def hold():
        loop = asyncio.get_running_loop()
        other = Other()
        person = Person(other, refused)
        began = loop.time()
        agent = asyncio.create_task(run(person, Agent("sip", {"uri": URI, **settings}, variables or {})))

        def hang_up():
            person.over.set()
            agent.cancel()

        for sec, step in (*steps, (60, lambda *_: hang_up())):
            loop.call_later(sec, step, person, other)
        with suppress(asyncio.CancelledError):
            await agent
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)
        return person, other, loop.time() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(hold())


def answers(_, other):
    """The other end picks up, and both begin to speak."""
    other.answer()
    other.speak()
    _.speak()


def without_silence(heard):
    """The frames of what was heard that were said by somebody, each once, in their order."""
    return list(dict.fromkeys(value for value in np.frombuffer(bytes(heard), np.int16).tolist() if value > 0))


def test_ring_back_is_heard_until_somebody_answers():
    """Two seconds of tone, and four of silence; what was queued of it is dropped at the answer."""
    person, _, _ = bridged((7, lambda _, other: other.answer()), (9, lambda _, other: other.hang_up()))
    tone = sound_of("ring_back", 8000)
    assert bytes(person.heard) == (2 * tone)[: len(person.heard)]
    assert person.heard_sec == pytest.approx(7.0, abs=0.05)
    assert np.abs(np.frombuffer(tone[: 2 * 16_000], np.int16)).max() > 3000
    assert not any(tone[2 * 16_000 :])
    assert person.gaps == []


@pytest.mark.parametrize(("sound", "loud_sec"), [("tone", 0.2), ("silence", 0.0)])
def test_another_sound_can_be_wanted(sound, loud_sec):
    """A short tone every three seconds, or nothing."""
    person, _, _ = bridged((2.7, lambda _, other: other.refuse(486)), while_ringing=sound)
    loud = np.abs(np.frombuffer(bytes(person.heard), np.int16)) > 100
    assert np.flatnonzero(loud).max(initial=0) / 8000 == pytest.approx(loud_sec, abs=0.01)


def test_what_is_heard_before_the_answer_takes_its_place():
    """An announcement of a call centre: nobody hears a ring over it, and nothing of it is lost at the answer."""

    def announce(_, other):
        other.rate = 8000
        other.speak()

    person, _, _ = bridged((1, announce), (2, lambda _, other: other.answer()), (3, lambda _, other: other.hang_up()))
    heard = np.frombuffer(bytes(person.heard), np.int16)
    first = int(np.flatnonzero(heard == 1)[0])
    assert first / 8000 == pytest.approx(1.1, abs=0.06)
    assert without_silence(person.heard[2 * first :]) == list(range(1, 99))


def test_each_hears_the_other_in_time():
    """Whole and in order, and never more than a little late, until the other end hangs up; then the agent is done."""
    person, other, sec = bridged((1, answers), (11, lambda _, other: other.hang_up()))
    assert sec == pytest.approx(11, abs=0.05)
    for heard in (person.heard[2 * 8000 :], other.heard):
        assert without_silence(heard) == list(range(1, 499))
    assert other.most_sec <= LEAST_AHEAD_SEC + 0.021
    assert person.notes == {"bridge": {"sip_call_id": "other@host", "sip_code": 200, "ring_sec": 1.0, "talk_sec": 10.0}}


def test_person_who_hangs_up_is_not_waited_for():
    """The other end is hung up on."""
    person, other, sec = bridged((1, answers))
    assert (round(sec, 3), other.hung_up) == (60, True)
    assert "agent_error" not in person.notes


def test_keys_go_both_ways():
    """One after the other."""

    def press(person, other):
        for key in "12#":
            person.digits.put_nowait(key)
        other.digits.put_nowait("9")

    person, other, _ = bridged((1, answers), (2, press), (4, lambda _, other: other.hang_up()))
    assert (other.pressed, person.pressed) == ("12#", "9")


def test_what_is_said_and_pressed_before_the_answer_goes_nowhere():
    """Keys that were pressed at nobody choose nothing in a menu."""

    def hurry(person, _):
        person.speak()
        person.digits.put_nowait("1")

    def answer(_, other):
        other.answer()

    person, other, _ = bridged((1, hurry), (2, answer), (4, lambda _, other: other.hang_up()))
    assert (other.pressed, person.digits.empty()) == ("", True)
    assert without_silence(other.heard)[0] == pytest.approx(51, abs=1)


def test_who_answers_and_hangs_up_at_once_has_answered():
    """Before it was even looked at; nothing is wrong."""

    def both(_, other):
        other.answer(rate=0)
        other.over.set()

    person, _, _ = bridged((1, both))
    assert "agent_error" not in person.notes
    assert person.notes["bridge"]["sip_code"] == 200


@pytest.mark.parametrize(
    ("step", "sec", "error"),
    [
        (lambda _, other: other.refuse(486), 1, "the other end is busy (SIP 486)"),
        (lambda _, other: other.refuse(600), 1, "the other end is busy (SIP 600)"),
        (lambda _, other: other.refuse(404), 1, "the other end did not take the call (SIP 404)"),
        (
            lambda _, other: other.refuse(None, "Connection refused [111]"),
            1,
            "the other end could not be reached: Connection refused [111]",
        ),
        (lambda *_: None, 5, "the other end did not answer within 5 s"),
        (lambda _, other: other.answer(rate=0), 3, "there was no audio with the other end"),
    ],
)
def test_what_comes_to_nothing_is_noted(step, sec, error):
    """And the agent is done; nobody is left at the other end."""
    person, other, took = bridged((1, step), ring_timeout_sec=5)
    assert person.notes["agent_error"] == error
    assert (round(took), other.hung_up) == (sec, True)


def test_what_cannot_be_called_is_noted():
    """Because the stack refuses it, or because the settings are of another release."""
    person, _, _ = bridged(refused="no local address toward pbx.example.com")
    assert person.notes == {"agent_error": "the other end could not be called: no local address toward pbx.example.com"}
    person, _, _ = bridged(music="jazz")
    assert "settings.music is not known" in person.notes["agent_error"]
    assert person.calls == []


def test_other_end_is_told_of_the_call():
    """By headers, the agent's own among them; variables that there is no room for are noted."""
    variables = {"name": "Ann", "\u00e9": 1}
    person, _, _ = bridged((1, lambda _, other: other.refuse(486)), headers={"X-Queue": "sales"}, variables=variables)
    assert person.calls == [(f"{URI};transport=udp", {"X-Queue": "sales", "X-Ringback-Var-name": "Ann"})]
    assert person.notes["variables_left_out"] == ["\u00e9"]


@pytest.fixture
def loop():
    """A loop on which time stands."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner


class TestPipe:
    """One direction."""

    async def passed(self, frames, rate=8000):
        """What is queued when so many frames came at once."""
        source, sink = Talker(), Talker(rate)
        pipe = Pipe(source, sink)
        source.speak()
        await asyncio.sleep(frames * 0.02)
        assert pipe.pass_on()
        return source, sink, pipe

    def test_a_frame_after_a_pause_has_silence_before_it(self, loop):
        """So that the next one may be a little late."""
        source, sink, _ = loop.run(self.passed(2))
        assert bytes(sink.heard) == bytes(FRAME) + source.said(0, 2)

    def test_many_frames_at_once_have_none(self, loop):
        """There is enough ahead as it is."""
        source, sink, _ = loop.run(self.passed(7))
        assert bytes(sink.heard) == source.said(0, 7)

    def test_after_a_turn_that_was_very_late_the_newest_are_heard(self, loop):
        """Or all that follows would be as late."""
        source, sink, _ = loop.run(self.passed(9))
        assert bytes(sink.heard) == source.said(6, 9)

    def test_what_is_queued_is_dropped_for_what_is_newer(self, loop):
        """Where more and more of it would wait."""

        async def hurried():
            source, sink, pipe = await self.passed(7)
            source._speaks_from -= 0.04
            pipe.pass_on()
            return source, sink

        source, sink = loop.run(hurried())
        assert bytes(sink.heard) == source.said(7, 9)

    @pytest.mark.parametrize("rate", [16000, 48000])
    def test_rates_may_differ(self, loop, rate):
        """As much is heard as was said."""
        _, sink, _ = loop.run(self.passed(5, rate))
        assert sink.heard_sec == pytest.approx(0.1)

    def test_nothing_said_is_nothing_passed_on(self, loop):
        """A far end that is silent sends nothing, and nothing is made up for it."""

        async def silent():
            sink = Talker()
            assert not Pipe(Talker(), sink).pass_on()
            return sink

        assert not loop.run(silent()).heard
