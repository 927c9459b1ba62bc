"""Who has answered, a person or a machine, by when something is said and for how long; and when a machine has beeped.

Both are fed what is heard, in pieces of any size, and decide at the same hop whatever the pieces are. docs/amd.md tells
how, and how often they are wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ringback.carriers.sip.agents.detection_settings import Detect
from ringback.carriers.sip.hearing import HOP_SEC, Heard, Hearing, Sort
from ringback.domain.outcome import AnsweredBy


class Why(StrEnum):
    """What a verdict rests on."""

    GREETING_ENDED = "greeting_ended"
    LONG_GREETING = "long_greeting"
    MANY_WORDS = "many_words"
    BEEP = "beep"
    INFORMATION_TONES = "information_tones"
    FAX = "fax"
    MUSIC = "music"
    NOBODY_SPOKE = "nobody_spoke"
    TIME_UP = "time_up"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who it is.

    Attributes:
        answered_by: a person, a machine, or unknown, where that cannot be told.
        why: what it rests on.
        at_sec: of the audio that was heard by then.
    """

    answered_by: AnsweredBy
    why: Why
    at_sec: float


@dataclass(frozen=True, slots=True)
class Cadence:
    """How people answer, in seconds.

    Attributes:
        initial_silence_sec: after so long in which nobody spoke it is not known who is there.
        greeting_sec: whoever greets for longer is a machine.
        after_greeting_sec: whoever is silent for so long after a greeting is a person, who waits.
        min_word_sec: what is shorter is a click.
        between_words_sec: a pause that is not longer is within a word.
        max_words: whoever says more is a machine.
        total_sec: it is decided by then.
        waiting_sec: whoever is silent for so long by then, after a greeting, is a person.
    """

    initial_silence_sec: float
    greeting_sec: float
    after_greeting_sec: float
    max_words: int
    total_sec: float
    waiting_sec: float
    min_word_sec: float = 0.1
    between_words_sec: float = 0.05


CADENCES: Mapping[Detect, Cadence] = MappingProxyType(
    {
        Detect.FAST: Cadence(
            initial_silence_sec=2.5,
            greeting_sec=1.8,
            after_greeting_sec=0.8,
            max_words=5,
            total_sec=2.5,
            waiting_sec=0.4,
        ),
        Detect.FULL: Cadence(
            initial_silence_sec=2.5,
            greeting_sec=3.2,
            after_greeting_sec=1.2,
            max_words=8,
            total_sec=5.0,
            waiting_sec=0.6,
        ),
    }
)


class Detector:
    """Listens to the beginning of a call.

    Args:
        rate: samples a second of the line; a multiple of 8,000.
        mode: how long it may take.
        cadence: that of the mode, unless given.
    """

    def __init__(self, rate: int, mode: Detect, cadence: Cadence | None = None) -> None:
        self._hearing = Hearing(rate)
        self._cadence = cadence or CADENCES[mode]
        self._words = _Words(self._cadence.min_word_sec, self._cadence.between_words_sec)
        self._notes = _Notes()
        self._hops = self._hops_of_tone = 0
        self.verdict: Verdict | None = None

    def take(self, pcm: bytes) -> Verdict | None:
        """Hear so much more; the verdict, once there is one."""
        for heard in self._hearing.take(pcm):
            if self.verdict is None:
                self._hear(heard)
        return self.verdict

    def _hear(self, heard: Heard) -> None:
        self._hops += 1
        self._hops_of_tone += heard.sort is Sort.TONE
        self._words.hear(self._hops, heard.sort)
        self._notes.hear(self._hops, heard)
        found = self._by_tone() or self._by_greeting() or self._by_time()
        if found is not None:
            self.verdict = Verdict(*found, round(self._hops * HOP_SEC, 2))

    def _by_tone(self) -> tuple[AnsweredBy, Why] | None:
        why = self._notes.mean(spoken=self._words.count > 0)
        return None if why is None else (AnsweredBy.MACHINE, why)

    def _by_greeting(self) -> tuple[AnsweredBy, Why] | None:
        words, cadence = self._words, self._cadence
        if not words.count:
            return None
        if words.length > hops(cadence.greeting_sec):
            return AnsweredBy.MACHINE, Why.LONG_GREETING
        if words.count > cadence.max_words:
            return AnsweredBy.MACHINE, Why.MANY_WORDS
        if self._silent() >= hops(cadence.after_greeting_sec):
            return AnsweredBy.HUMAN, Why.GREETING_ENDED
        return None

    def _by_time(self) -> tuple[AnsweredBy, Why] | None:
        words, cadence = self._words, self._cadence
        if self._hops < hops(cadence.total_sec):
            unheard = self._hops - self._hops_of_tone >= hops(cadence.initial_silence_sec)
            return (AnsweredBy.UNKNOWN, Why.NOBODY_SPOKE) if unheard and not words.begun(self._hops) else None
        if words.count and self._silent() >= hops(cadence.waiting_sec):
            return AnsweredBy.HUMAN, Why.GREETING_ENDED
        return AnsweredBy.UNKNOWN, Why.TIME_UP if words.count else Why.NOBODY_SPOKE

    def _silent(self) -> int:
        return self._hops - self._words.last


class Ending(StrEnum):
    """What tells that a machine records."""

    BEEP = "beep"
    SILENCE = "silence"
    TIME_UP = "time_up"


BEEP_SEC = (0.1, 2.0)
AFTER_BEEP_SEC = 0.4
"""It is over when it is not followed by another, nor by a word, for so long."""

NO_BEEP_SEC = 4.0
"""A machine that is silent for so long after its greeting records without having beeped."""

LATEST_SEC = 30.0


class Beep:
    """Listens to a machine until it records; it is fed all of the call, from the beginning.

    Args:
        rate: samples a second of the line; a multiple of 8,000.
        latest_sec: it is decided by then.
    """

    def __init__(self, rate: int, latest_sec: float = LATEST_SEC) -> None:
        self._hearing = Hearing(rate)
        self._latest = hops(latest_sec)
        self._words = _Words()
        self._tone = _Tone()
        self._hops = 0
        self.ending: Ending | None = None
        self.at_sec = 0.0

    def take(self, pcm: bytes) -> Ending | None:
        """Hear so much more; what tells that it records, once it does."""
        for heard in self._hearing.take(pcm):
            if self.ending is None:
                self._hear(heard)
        return self.ending

    def _hear(self, heard: Heard) -> None:
        self._hops += 1
        self._words.hear(self._hops, heard.sort)
        self._tone.hear(self._hops, heard)
        self.ending = self._told()
        self.at_sec = round(self._hops * HOP_SEC, 2)

    def _told(self) -> Ending | None:
        silent = self._hops - max(self._words.last, self._tone.last)
        if self._words.count and self._is_beep() and silent >= hops(AFTER_BEEP_SEC):
            return Ending.BEEP
        if self._words.count and silent >= hops(NO_BEEP_SEC):
            return Ending.SILENCE
        return Ending.TIME_UP if self._hops >= self._latest else None

    def _is_beep(self) -> bool:
        """Whether the last that was heard is a tone of the right length, after the first word and no word after it."""
        least, most = BEEP_SEC
        in_time = hops(least) <= self._tone.length <= hops(most)
        return in_time and self._words.last <= self._tone.last


def hops(sec: float) -> int:
    """So many are so long."""
    return round(sec / HOP_SEC)


class _Words:
    """Which voices are words: those that last. The edges of a tone, and clicks, do not.

    Attributes:
        count: how many there were.
        first: hops before the first of them.
        last: the last hop of the last of them, 0 where there is none.
    """

    def __init__(self, min_word_sec: float = 0.1, between_words_sec: float = 0.05) -> None:
        self._least = hops(min_word_sec)
        self._between = int(between_words_sec / HOP_SEC)
        self._from = self._to = -self._between - 1
        self.count = self.first = self.last = 0

    @property
    def length(self) -> int:
        """From the first to the last."""
        return self.last - self.first

    def begun(self, hop: int) -> bool:
        """Whether there was one, or there may be one by now."""
        return self.count > 0 or hop - self._to <= self._between

    def hear(self, hop: int, sort: Sort) -> None:
        """Take the next hop, of which the first is 1."""
        if sort is not Sort.VOICE:
            return
        if hop - self._to > self._between + 1:
            self._from = hop
        self._to = hop
        if hop - self._from + 1 < self._least:
            return
        if self.last < self._from:
            self.count += 1
            self.first = self.first if self.count > 1 else self._from - 1
        self.last = hop


class _Tone:
    """The last tone.

    Attributes:
        hertz: of it.
        length: its hops.
        last: the last of them, 0 where there is none.
        number: which it is, from 1.
    """

    def __init__(self) -> None:
        self.hertz = 0.0
        self.length = self.last = self.number = 0

    def hear(self, hop: int, heard: Heard) -> None:
        """Take the next hop."""
        if heard.sort is not Sort.TONE:
            return
        if hop - self.last > _BROKEN_HOPS or abs(heard.hertz - self.hertz) > _OTHER_HERTZ or not self.number:
            self.number += 1
            self.length = 0
        self.hertz, self.last = heard.hertz, hop
        self.length += 1


_BROKEN_HOPS, _OTHER_HERTZ = 3, 20.0
"""A tone that is interrupted for so long, or changes by so much, is another."""

INFORMATION_HERTZ = ((890, 1010), (1340, 1460), (1740, 1860))
"""The three special information tones, the number is not in service or the like: ITU-T E.180, section 9, and Q.35."""

FAX_HERTZ_SEC = ((1060.0, 1140.0, 0.3), (2080.0, 2120.0, 0.5))
"""A fax that calls, and one that answers, and for how long at least: ITU-T T.30, section 4."""

ABOVE_A_RING_HERTZ = 550.0
"""Rings are two tones or one of 350 to 480 Hz; of one that was heard before the answer, the end may come after it."""

FEW_NOTES = 4


class _Notes:
    """What the tones so far mean."""

    def __init__(self) -> None:
        self._tone = _Tone()
        self._hertz: list[float] = []

    def hear(self, hop: int, heard: Heard) -> None:
        """Take the next hop."""
        before = self._tone.number
        self._tone.hear(hop, heard)
        if self._tone.number > before:
            self._hertz.append(heard.hertz)

    def mean(self, *, spoken: bool) -> Why | None:
        """That it is no person, where they mean that."""
        tone, sec = self._tone, self._tone.length * HOP_SEC
        last = self._hertz[-3:]
        if len(last) == 3 and all(low < each < high for each, (low, high) in zip(last, INFORMATION_HERTZ, strict=True)):
            return Why.INFORMATION_TONES
        if any(low < tone.hertz < high and sec >= least for low, high, least in FAX_HERTZ_SEC):
            return Why.FAX
        if len(self._hertz) >= FEW_NOTES:
            return Why.MUSIC
        if spoken and tone.hertz > ABOVE_A_RING_HERTZ and sec >= BEEP_SEC[0]:
            return Why.BEEP
        return None
