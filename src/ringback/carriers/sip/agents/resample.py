"""From a line's rate to 8 kHz, or to another one below it, and back, a frame in and a frame out.

A general resampler gives its output in blocks: soxr's stream holds back up to 60 ms at its quickest setting that still
filters, and a different time at each frame. Rates of lines are whole multiples of 8 kHz, for which a filter of 6 ms is
enough: it delays by 3 ms, always.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ringback.carriers.sip.agents.mulaw import Pcm

BASE_RATE = 8000
_TAPS = 48
"""Of the filter, for each sample at 8 kHz: 300 to 3,400 Hz pass, and from 4,000 Hz on nothing does."""

_CUT_OFF_HZ = 3700.0
"""At 8 kHz; at another base it is as much higher as that is."""


def factor_of(rate: int, base: int = BASE_RATE) -> int:
    """How many samples a line has for one at the base, 8 kHz.

    Raises:
        ValueError: not a whole number.
    """
    factor, rest = divmod(rate, base)
    if rest or not factor:
        raise ValueError(f"the line has {rate} samples a second, which is not a multiple of {base}")
    return factor


def converter(source: int, target: int) -> Callable[[bytes], bytes]:
    """What makes audio of one rate of audio of another, piece by piece.

    Raises:
        ValueError: neither is a multiple of the other.
    """
    if source == target:
        return bytes
    if source > target:
        down = Down(source, target)
        return lambda pcm: down.take(pcm).tobytes()
    up = Up(target, source)
    return lambda pcm: up.take(np.frombuffer(pcm, np.int16))


@cache
def _filter(factor: int) -> NDArray[np.float32]:
    """A low-pass by a windowed sinc; its taps come to 1."""
    size = _TAPS * factor
    at = np.arange(size) - (size - 1) / 2
    taps = np.sinc(2 * _CUT_OFF_HZ / (BASE_RATE * factor) * at) * np.hamming(size)
    whole: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return whole


class Down:
    """To the base."""

    def __init__(self, rate: int, base: int = BASE_RATE) -> None:
        self._factor = factor_of(rate, base)
        self._taps = _filter(self._factor)
        self._kept = np.zeros(len(self._taps) - self._factor, np.int16)

    def take(self, pcm: bytes) -> Pcm:
        """What comes out for the next samples."""
        levels = np.frombuffer(pcm, np.int16)
        if self._factor == 1 or not len(levels):
            return levels
        kept = np.concatenate((self._kept, levels))
        count = max(0, (len(kept) - len(self._taps)) // self._factor + 1)
        self._kept = kept[count * self._factor :]
        if not count:
            return levels[:0]
        return _levels(sliding_window_view(kept, len(self._taps))[:: self._factor] @ self._taps)


class Up:
    """From the base."""

    def __init__(self, rate: int, base: int = BASE_RATE) -> None:
        self._factor = factor_of(rate, base)
        phases = _filter(self._factor).reshape(_TAPS, self._factor)
        self._phases = np.ascontiguousarray(phases[::-1]) * self._factor
        self._kept = np.zeros(_TAPS - 1, np.int16)

    def take(self, pcm: Pcm) -> bytes:
        """What comes out for the next samples."""
        if self._factor == 1 or not len(pcm):
            return pcm.tobytes()
        kept = np.concatenate((self._kept, pcm))
        self._kept = kept[len(pcm) :]
        return _levels((sliding_window_view(kept, _TAPS) @ self._phases).reshape(-1)).tobytes()

    def forget(self) -> None:
        """Begin anew after what was dropped."""
        self._kept = np.zeros(_TAPS - 1, np.int16)


def _levels(values: NDArray[np.float32]) -> Pcm:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)
