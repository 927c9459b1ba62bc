"""From a line's rate to 8 kHz and back, a frame in and a frame out.

A general resampler gives its output in blocks: soxr's stream holds back up to 60 ms at its quickest setting that still
filters, and a different time at each frame. Rates of lines are whole multiples of 8 kHz, for which a filter of 6 ms is
enough: it delays by 3 ms, always.
"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ringback.carriers.sip.agents.mulaw import Pcm

BASE_RATE = 8000
_TAPS = 48
"""Of the filter, for each sample at 8 kHz: 300 to 3,400 Hz pass, and from 4,000 Hz on nothing does."""

_CUT_OFF_HZ = 3700.0


def factor_of(rate: int) -> int:
    """How many samples a line has for one at 8 kHz.

    Raises:
        ValueError: not a whole number.
    """
    factor, rest = divmod(rate, BASE_RATE)
    if rest or not factor:
        raise ValueError(f"the line has {rate} samples a second, which is not a multiple of {BASE_RATE}")
    return factor


@cache
def _filter(factor: int) -> NDArray[np.float32]:
    """A low-pass by a windowed sinc; its taps come to 1."""
    size = _TAPS * factor
    at = np.arange(size) - (size - 1) / 2
    taps = np.sinc(2 * _CUT_OFF_HZ / (BASE_RATE * factor) * at) * np.hamming(size)
    whole: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return whole


class Down:
    """To 8 kHz."""

    def __init__(self, rate: int) -> None:
        self._factor = factor_of(rate)
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
    """From 8 kHz."""

    def __init__(self, rate: int) -> None:
        self._factor = factor_of(rate)
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
