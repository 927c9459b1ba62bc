"""What a person hears until somebody answers whom they are to be connected with."""

from functools import cache

import numpy as np

from ringback.carriers.sip.agents.bridge_settings import RING_BACK, SILENCE, TONE
from ringback.carriers.sip.line import Line

SOUNDS = {RING_BACK: ((440, 480), 2.0, 6.0), TONE: ((425,), 0.2, 3.0), SILENCE: ((), 0.0, 0.0)}
"""The pitches, for how many seconds, and after how many it comes again: a telephone's ring, and a short tone."""

AHEAD_SEC = 0.2
"""So much is queued; it is dropped when somebody answers."""

_LEVEL, _SWELL_SEC = 3000, 0.02
"""Of each pitch, 21 dB below the loudest; and how long it takes to come and to go, without a click."""


class Waiting:
    """A sound that goes on until somebody answers.

    Args:
        kind: one of `SOUNDS`.
        line: where it is played.
    """

    def __init__(self, kind: str, line: Line) -> None:
        self._line = line
        self._sound = sound_of(kind, line.rate)
        self._at = 0

    def play(self) -> None:
        """Queue what is missing."""
        room = 2 * round((AHEAD_SEC - self._line.queued_sec()) * self._line.rate)
        while self._sound and room > 0:
            piece = self._sound[self._at : self._at + room]
            written = self._line.write(piece)
            self._at = (self._at + written) % len(self._sound)
            room = room - written if written == len(piece) else 0


@cache
def sound_of(kind: str, rate: int) -> bytes:
    """Once through, silence included; nothing for silence."""
    pitches, sec, every_sec = SOUNDS[kind]
    at = np.arange(round(sec * rate)) / rate
    swell = np.minimum(1.0, np.minimum(at, at[::-1]) / _SWELL_SEC)
    tones = sum((np.sin(2 * np.pi * hertz * at) for hertz in pitches), np.zeros(len(at)))
    sound = bytes((_LEVEL * swell * tones).astype(np.int16))
    return sound + bytes(2 * round(every_sec * rate) - len(sound))
