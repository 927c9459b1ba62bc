import random
from uuid import UUID

import numpy as np
import pytest
from tests.sip.memory_line import CAPACITY_SEC, MemoryLine, ids_of

from ringback.carriers.sip.agents.mulaw import SILENCE, decode, encode
from ringback.carriers.sip.agents.playing import AHEAD_SEC, LULL_SEC, MOST_ITEMS, MOST_SEC, Ears, Player

TURN_SEC = 0.02


def audio(sec: float, seed: int = 1) -> bytes:
    """Mu-law noise without the second zero, so that it is the same after the way through a line."""
    return random.Random(seed).randbytes(round(sec * 8000)).replace(b"\x7f", b"\x00")


@pytest.fixture
def line() -> MemoryLine:
    """A line at 8 kHz."""
    return MemoryLine(ids_of(UUID(int=1), UUID(int=2)))


def heard(line: MemoryLine) -> bytes:
    """What the far end has heard, as mu-law."""
    return encode(np.frombuffer(bytes(line.heard), np.int16))


def play_on(line: MemoryLine, player: Player, sec: float) -> list[str]:
    """Let time pass in turns; returns the marks that were passed."""
    passed = []
    for _ in range(round(sec / TURN_SEC)):
        line.play(TURN_SEC)
        player.feed()
        passed += player.passed()
    return passed


def test_what_is_added_is_played_in_its_order(line):
    """However it is cut, and however much of it comes at once."""
    player, said = Player(line), audio(3)
    for at in range(0, len(said), 777):
        player.add(said[at : at + 777])
    play_on(line, player, 3.1)
    assert heard(line) == said
    assert player.is_done


def test_the_line_has_enough_for_a_pause_of_ours_and_no_more(line):
    """So that `clear` is heard at once even where the line itself could not drop anything."""
    player = Player(line)
    player.add(audio(5))
    assert AHEAD_SEC <= line.queued_sec() < AHEAD_SEC + 0.1 < CAPACITY_SEC
    line.play(0.1)
    player.feed()
    assert line.queued_sec() >= AHEAD_SEC


def test_a_line_without_room_loses_nothing(line):
    """What it does not take is given to it later, odd bytes too."""
    narrow, player, said = line.write, Player(line), audio(1)
    line.write = lambda pcm: narrow(pcm[:77])
    player.add(said)
    while not player.is_done:
        line.play(0.001)
        player.feed()
    assert heard(line) == said


def test_a_mark_is_passed_when_what_is_before_it_was_played(line):
    """Not before, and not with what is after it."""
    player = Player(line)
    player.mark("at once")
    assert player.passed() == ["at once"]
    player.add(audio(1))
    player.mark("first")
    player.mark("too")
    player.add(audio(0.5))
    player.mark("second")
    assert play_on(line, player, 0.98) == []
    assert play_on(line, player, 0.02) == ["first", "too"]
    assert play_on(line, player, 0.48) == []
    assert play_on(line, player, 0.02) == ["second"]


def test_clear_drops_what_was_not_played_and_returns_its_marks(line):
    """In their order; what is added then is played at once."""
    player, said = Player(line), audio(2)
    player.add(said)
    player.mark("heard half")
    player.add(audio(2, seed=2))
    player.mark("not heard")
    play_on(line, player, 0.5)
    assert player.clear() == ["heard half", "not heard"]
    assert player.is_done
    player.add(audio(0.1, seed=3))
    player.mark("again")
    assert play_on(line, player, 0.1) == ["again"]
    assert heard(line) == said[:4000] + audio(0.1, seed=3)


def test_at_another_rate_marks_and_lengths_are_the_same():
    """A line at 16 kHz."""
    line = MemoryLine(ids_of(UUID(int=1), UUID(int=2)), 16000)
    player = Player(line)
    player.add(audio(0.4))
    player.mark("end")
    assert play_on(line, player, 0.38) == []
    assert play_on(line, player, 0.02) == ["end"]
    assert len(line.heard) == 0.4 * 16000 * 2


async def test_a_bot_far_ahead_waits_for_room(line):
    """By time, and by the number of pieces; `clear` makes room at once."""
    player = Player(line)
    for second in range(int(MOST_SEC) + 2):
        player.add(audio(1, second))
    assert player.is_full
    play_on(line, player, 2)
    assert not player.is_full
    await player.room()
    for _ in range(MOST_ITEMS):
        player.mark("m")
    assert player.is_full
    player.clear()
    await player.room()


def frames_of(line: MemoryLine, ears: Ears, pcm: bytes, now: float) -> list[bytes]:
    """What is heard of something that was said."""
    line.say(pcm)
    return ears.frames(now)


def test_what_is_said_is_heard_in_frames(line):
    """Of 20 ms; what is left over is in the next."""
    ears, said = Ears(line, 0.0), audio(1)
    pcm = decode(said).tobytes()
    frames = [frame for at in range(0, len(pcm), 500) for frame in frames_of(line, ears, pcm[at : at + 500], 0.0)]
    assert {len(frame) for frame in frames} == {160}
    assert b"".join(frames) == said


def test_what_was_said_before_is_not_heard(line):
    """A bot that takes long to connect hears what is said when it has."""
    line.say(decode(audio(0.5)).tobytes())
    assert frames_of(line, Ears(line, 0.0), decode(audio(0.02, seed=2)).tobytes(), 0.0) == [audio(0.02, seed=2)]


def test_what_was_said_before_anybody_listened_is_heard_first(line):
    """It may be the only thing that they say; what came after that, before the bot was there, is not heard."""
    line.unheard = decode(audio(0.5)).tobytes()
    line.say(decode(audio(1, seed=3)).tobytes())
    frames = frames_of(line, Ears(line, 0.0), decode(audio(0.04, seed=2)).tobytes(), 0.0)
    assert b"".join(frames) == audio(0.5) + audio(0.04, seed=2)


def test_a_packet_that_is_late_adds_nothing(line):
    """A pause shorter than a lull is none."""
    ears = Ears(line, 0.0)
    assert frames_of(line, ears, b"", LULL_SEC - 0.01) == []
    assert len(frames_of(line, ears, decode(audio(0.2)).tobytes(), LULL_SEC + 0.01)) == 10


def test_a_far_end_that_sends_nothing_is_silent(line):
    """The bot is sent silence for as long as nothing comes, and what comes then at once."""
    ears = Ears(line, 0.0)
    frames_of(line, ears, decode(audio(0.1)).tobytes(), 1.0)
    silent = [frame for turn in range(51) for frame in ears.frames(1.0 + turn * TURN_SEC)]
    assert len(silent) in (49, 50)
    assert set(silent) == {160 * SILENCE}
    assert len(frames_of(line, ears, decode(audio(0.1)).tobytes(), 2.01)) == 5
