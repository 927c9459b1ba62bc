"""Mu-law (ITU-T G.711), as it goes to and from a media stream, by tables."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]

SILENCE = b"\xff"
"""One sample of nothing."""

_BIAS = 0x84
_LOUDEST = 32635


def _decoded() -> Pcm:
    """The level of each of the 256 codes; all bits of a code are inverted on the wire."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    level = ((mantissa << 3) + _BIAS << exponent) - _BIAS
    return np.where(code & 0x80, -level, level).astype(np.int16)


def _encoded() -> NDArray[np.uint8]:
    """The code of each 16-bit level, which is looked up by the bits of the level."""
    level = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(level), _LOUDEST) + _BIAS
    exponent = np.frexp(biased)[1] - 8
    mantissa = biased >> exponent + 3 & 15
    codes: NDArray[np.uint8] = ~(np.where(level < 0, 0x80, 0) | exponent << 4 | mantissa).astype(np.uint8)
    return codes


_LEVELS, _CODES = _decoded(), _encoded()


def decode(ulaw: bytes | memoryview) -> Pcm:
    """The levels of mu-law audio."""
    return _LEVELS.take(np.frombuffer(ulaw, np.uint8))


def encode(pcm: Pcm) -> bytes:
    """Levels as mu-law audio."""
    return _CODES.take(pcm.view(np.uint16)).tobytes()
