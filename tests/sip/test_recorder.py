"""Both sides of a call on one time line, at times of the test's own."""

import numpy as np
import pytest

from ringback.carriers.sip.recorder import Recorder

RATE = 8000
FRAME_SEC = 0.02
FRAME = round(FRAME_SEC * RATE)


def said(number, sec=FRAME_SEC):
    """Audio that is known again: every sample is the number."""
    return np.full(round(sec * RATE), number, np.int16).tobytes()


class Call:
    """A call that is recorded, in which time passes by frames.

    Attributes:
        now: the time.
    """

    def __init__(self):
        self.now = 50.0
        self.recorder = Recorder(RATE, self.now)
        self.queue = b""
        self._woven = b""

    def write(self, pcm):
        """We say something."""
        self.recorder.said(pcm, len(self.queue), self.now)
        self.queue += pcm

    def clear(self):
        """What is not out stays in."""
        self.recorder.cleared(len(self.queue), self.now)
        self.queue = b""

    def pass_by(self, sec, hears=()):
        """Let time pass: what is queued goes out, and the person says the numbers, a frame each, then nothing."""
        hears = list(hears)
        for _ in range(round(sec / FRAME_SEC)):
            self.now += FRAME_SEC
            self.queue = self.queue[2 * FRAME :]
            if hears:
                self.recorder.heard(said(hears.pop(0)), self.now)

    def look(self):
        """Take what is certain."""
        self._woven += self.recorder.take(len(self.queue), self.now)

    def sides(self):
        """End it; the person's samples and ours."""
        self._woven += self.recorder.finish(self.now)
        both = np.frombuffer(self._woven, np.int16).reshape(-1, 2)
        return both[:, 0], both[:, 1]


@pytest.fixture
def call():
    """One that has begun."""
    return Call()


def spans(side, least=1):
    """Where something is in a side: (number, from, to) in seconds."""
    edges = np.flatnonzero(np.diff(side)) + 1
    pieces = zip([0, *edges], [*edges, len(side)], strict=True)
    return [(int(side[a]), round(a / RATE, 2), round(b / RATE, 2)) for a, b in pieces if side[a] and b - a >= least]


def test_each_side_is_where_it_was_heard(call):
    """The person on the left, we on the right, at their times, with silence between."""
    call.pass_by(1.0)
    call.pass_by(0.5, [1] * 25)
    call.write(said(2, 0.3))
    call.pass_by(1.5)
    left, right = call.sides()
    assert len(left) == len(right) == 3 * RATE
    assert spans(left) == [(1, 1.0, 1.5)]
    assert spans(right) == [(2, 1.5, 1.8)]


def test_looking_changes_nothing(call):
    """However often what is certain is taken."""
    other = Call()
    for step in range(120):
        for one in (call, other):
            one.pass_by(0.1, [1] * 5 if step % 30 < 17 else [])
            if step % 40 in (3, 4, 9):
                one.write(said(2, 0.25))
        other.look()
    assert [spans(side) for side in call.sides()] == [spans(side) for side in other.sides()]


def test_what_is_queued_is_recorded_as_it_goes_out(call):
    """A message that was written at once lasts as long as it plays, and one behind it follows it."""
    call.write(said(2, 2.0))
    call.pass_by(1.0)
    call.look()
    call.write(said(3, 1.0))
    call.pass_by(3.0)
    assert spans(call.sides()[1]) == [(2, 0.0, 2.0), (3, 2.0, 3.0)]


def test_what_was_dropped_was_never_said(call):
    """But for what had gone out by then."""
    call.write(said(2, 2.0))
    call.pass_by(0.5)
    call.clear()
    call.pass_by(0.5)
    call.write(said(3, 0.5))
    call.pass_by(1.0)
    assert spans(call.sides()[1]) == [(2, 0.0, 0.5), (3, 1.0, 1.5)]


def test_what_is_queued_at_the_end_was_not_heard(call):
    """They hung up before."""
    call.write(said(2, 2.0))
    call.pass_by(1.0)
    left, right = call.sides()
    assert len(left) == RATE
    assert spans(right) == [(2, 0.0, 1.0)]


def test_packets_that_are_late_leave_no_hole(call):
    """What stood still for half a second and then came at once is all there, and what follows is at its time."""
    call.pass_by(0.5, [1] * 25)
    call.pass_by(0.5)
    call.look()
    call.recorder.heard(said(1, 0.5), call.now)
    call.pass_by(0.5, [1] * 25)
    assert spans(call.sides()[0]) == [(1, 0.0, 1.5)]


def test_a_person_of_whom_nothing_comes_is_silent(call):
    """Far ends may send nothing while nobody speaks; what they say then is at its time."""
    call.pass_by(0.2, [1] * 10)
    for _ in range(100):
        call.pass_by(0.1)
        call.look()
    call.pass_by(0.2, [4] * 10)
    assert spans(call.sides()[0]) == [(1, 0.0, 0.2), (4, 10.2, 10.4)]


def test_small_delays_are_not_heard(call):
    """A writer and packets that are some milliseconds off leave no clicks."""
    for step in range(50):
        call.now += 0.003 * (step % 3)
        call.write(said(2))
        call.recorder.heard(said(1), call.now)
        call.pass_by(FRAME_SEC)
        call.now -= 0.003 * (step % 3)
    assert [len(spans(side)) for side in call.sides()] == [1, 1]


def test_what_came_before_the_beginning_is_left_out(call):
    """Such as the ring, which waited to be read."""
    call.pass_by(0.1)
    call.recorder.heard(said(7, 0.9) + said(1, 0.1), call.now)
    call.pass_by(0.1, [1] * 5)
    assert spans(call.sides()[0]) == [(1, 0.0, 0.2)]


def test_what_it_holds_is_bounded(call):
    """Though nothing comes of one side, or nothing that is written ever goes out."""
    call.write(said(2, 1.0))
    most = 0
    for _ in range(600):
        call.now += 0.1
        call.recorder.heard(said(1, 0.1), call.now)
        call.look()
        most = max(most, len(call.recorder._left.held))
    assert most < 12 * RATE
