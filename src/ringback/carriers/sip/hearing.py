"""What is heard on a line, a fiftieth of a second at a time: nothing, a voice, or one steady tone.

It is taken in at 8 kHz whatever the line has, from 200 to 3,400 Hz: hum from the mains is no sound here.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringback.carriers.sip.agents.resample import BASE_RATE, Down

HOP_SEC = 0.02

QUIETEST_DB, LOST_DB = -96.0, -85.0
"""Nothing at all, and what is below any noise of a line: packets that did not come, or were not sent for silence."""

FLOOR_DB = (-66.0, -46.0)
"""The noise of a line is taken to be between these, whatever was heard: somebody may speak from the first hop on."""

FLOOR_SHARE = 0.15
"""So many of the hops are noise and nothing more: speech has more pauses than that."""

MARGIN_DB = 8.0
"""What is louder than the noise by so much is a sound."""

PURE = 0.9
"""A tone has so much of a hop's power, or more."""

STEADY_HERTZ, STEADY_DB = 12.0, 6.0
"""It stays within these from one hop to the next; a voice does not, for as long as ..."""

STEADY_HOPS = 5
TONES_HERTZ = (300.0, 2600.0)

_HOP, _WINDOW = round(HOP_SEC * BASE_RATE), 256
_HERTZ = BASE_RATE / _WINDOW
_LOW, _HIGH = round(200 / _HERTZ), round(3400 / _HERTZ)
_NEAR = 3
"""Bins at each side of the strongest that are of the same tone; so many, since a ring is two tones 40 Hz apart."""

_AT = np.arange(_WINDOW)
_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_SCALE = 2 / (32768.0**2 * float((_HANN**2).sum()) * _WINDOW)
"""From the sum over bins to the mean square of samples of which the loudest are 1."""


class Sort(Enum):
    """What a hop is."""

    QUIET = "quiet"
    VOICE = "voice"
    TONE = "tone"


class Heard(NamedTuple):
    """One hop.

    Attributes:
        sort: what it is; any sound that is no tone is a voice.
        hertz: of a tone.
    """

    sort: Sort
    hertz: float = 0.0


class Hearing:
    """Audio in pieces of any size, hops out; they are the same whatever the pieces are.

    Args:
        rate: samples a second of the line; a multiple of 8,000.
    """

    def __init__(self, rate: int) -> None:
        self._down = Down(rate)
        self._kept = np.zeros(_WINDOW - _HOP, np.int16)
        self._sorter = _Sorter()

    def take(self, pcm: bytes) -> Iterator[Heard]:
        """What is known by now; of what may become a tone that is up to 0.1 s later."""
        samples = np.concatenate((self._kept, self._down.take(pcm)))
        count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
        self._kept = samples[count * _HOP :]
        if not count:
            return iter(())
        return self._sorter.sort(_measured(samples[_HOP * np.arange(count)[:, None] + _AT]))


class _Measure(NamedTuple):
    """Of one hop.

    Attributes:
        level: in dB below the loudest.
        purity: the part that is one tone, from 0 to 1.
        hertz: of that tone.
    """

    level: float
    purity: float
    hertz: float


def _measured(windows: NDArray[np.int16]) -> Iterator[_Measure]:
    power = np.square(np.abs(np.fft.rfft(windows * _HANN)))
    power[:, :_LOW] = 0
    power[:, _HIGH + 1 :] = 0
    whole = np.maximum(power.sum(axis=1), 10 ** (QUIETEST_DB / 10) / _SCALE)
    bins = power.argmax(axis=1)[:, None] + np.arange(-_NEAR, _NEAR + 1)
    tone = np.take_along_axis(power, bins, axis=1)
    strength = np.maximum(tone.sum(axis=1), 1e-9)
    hertz = (tone * bins).sum(axis=1) / strength * _HERTZ
    return map(_Measure, (10 * np.log10(whole * _SCALE)).tolist(), (strength / whole).tolist(), hertz.tolist())


class _Sorter:
    """What hops are. Those that may become a tone are held back until it is one, or is not."""

    def __init__(self) -> None:
        self._floor = _Floor()
        self._run: list[_Measure] = []

    def sort(self, measures: Iterable[_Measure]) -> Iterator[Heard]:
        """The next hops that are known."""
        for measure in measures:
            is_sound = measure.level > self._floor.after(measure.level) + MARGIN_DB
            is_pure = is_sound and measure.purity > PURE and TONES_HERTZ[0] <= measure.hertz <= TONES_HERTZ[1]
            if not (is_pure and self._goes_on(measure)):
                yield from self._broken_off()
            if is_pure:
                self._run.append(measure)
                yield from self._tone()
            else:
                yield Heard(Sort.VOICE if is_sound else Sort.QUIET)

    def _goes_on(self, measure: _Measure) -> bool:
        if not self._run:
            return True
        near = abs(measure.level - self._run[-1].level) < STEADY_DB
        return near and abs(measure.hertz - self._hertz()) < STEADY_HERTZ

    def _hertz(self) -> float:
        """Of the tone as it was last."""
        last = self._run[-STEADY_HOPS:]
        return sum(each.hertz for each in last) / len(last)

    def _broken_off(self) -> Iterator[Heard]:
        """What was no tone after all."""
        if len(self._run) < STEADY_HOPS:
            yield from (Heard(Sort.VOICE) for _ in self._run)
        self._run.clear()

    def _tone(self) -> Iterator[Heard]:
        """The last hop of a tone; with the one that makes it a tone, those before."""
        known = len(self._run) - STEADY_HOPS
        if known >= 0:
            yield from [Heard(Sort.TONE, self._hertz())] * (1 if known else STEADY_HOPS)


_LEAST = -round(FLOOR_DB[0])
_BETWEEN = range(_LEAST - 1, -round(FLOOR_DB[1]), -1)
"""In whole dB below the loudest."""


class _Floor:
    """The noise of a line: the level that a certain part of the hops do not reach."""

    def __init__(self) -> None:
        self._counts = [0] * (1 - round(QUIETEST_DB))
        self._heard = 0

    def after(self, level: float) -> float:
        """What it is by now, in dB; what was lost tells nothing of it."""
        if level > LOST_DB:
            self._counts[-round(min(level, 0))] += 1
            self._heard += 1
        left = self._heard * FLOOR_SHARE - sum(self._counts[_LEAST:])
        if left < 0:
            return FLOOR_DB[0]
        for below in _BETWEEN:
            left -= self._counts[below]
            if left < 0:
                return -float(below)
        return FLOOR_DB[1]
