"""Both sides of a call on one time line: what was heard, and what was said at the moment at which it went out."""

GAP_SEC = 0.06
"""A silence shorter than that is none: packets and processes are that late."""

LULL_SEC, BACK_SEC = 1.0, 0.5
"""A side of which nothing came for so long is silent, up to so long ago: what is late may still come."""

STUCK_SEC = 5.0
"""The same for our side while something waits to go out."""


class Recorder:
    """Takes 16-bit mono audio of both sides, and gives it with both in one: the person left, we right.

    What it holds is bounded: a side that falls back is filled with silence.

    Args:
        rate: samples a second.
        began: when the recording begins, in seconds of any clock.
    """

    def __init__(self, rate: int, began: float) -> None:
        self._rate = rate
        self._began = self._looked_at = began
        self._left, self._right = _Side(), _Side()
        self._queue = bytearray()

    def heard(self, pcm: bytes, now: float) -> None:
        """What came from the person up to now; what came before the beginning is left out."""
        if not self._left.samples:
            pcm = pcm[max(len(pcm) - 2 * self._at(now), 0) :]
        began = self._at(now) - len(pcm) // 2
        if began - self._left.samples >= self._samples(GAP_SEC):
            self._left.pad(began)
        self._left.add(pcm)

    def said(self, pcm: bytes, queued: int, now: float) -> None:
        """What is to go out now, after what is queued.

        Args:
            pcm: as far as there was room for it.
            queued: bytes that were to go out before it.
            now: the time.
        """
        self._let_go(queued, now)
        at = self._at(now)
        if not self._queue and at - self._right.samples >= self._samples(GAP_SEC):
            self._right.pad(at)
        self._queue += pcm

    def cleared(self, queued: int, now: float) -> None:
        """What had not gone out will not; so much of it was left."""
        self._let_go(queued, now)
        self._queue.clear()

    def take(self, queued: int, now: float) -> bytes:
        """What is certain of both sides since the last time, two samples for each instant.

        Args:
            queued: bytes that are still to go out.
            now: the time.
        """
        self._let_go(queued, now)
        self._fill(self._left, now, LULL_SEC)
        self._fill(self._right, now, STUCK_SEC if self._queue else LULL_SEC)
        return self._woven()

    def finish(self, now: float) -> bytes:
        """The rest, when the call is over: what there was no time for has not gone out."""
        self._let_go(len(self._queue) - 2 * self._samples(now - self._looked_at), now)
        end = max(self._at(now), self._left.samples, self._right.samples)
        self._left.pad(end)
        self._right.pad(end)
        return self._woven()

    def _let_go(self, queued: int, now: float) -> None:
        """What is not queued any more has gone out, right after what went out before."""
        self._looked_at = now
        gone = max(len(self._queue) - max(queued, 0), 0)
        self._right.add(self._queue[:gone])
        del self._queue[:gone]

    def _fill(self, side: "_Side", now: float, patience_sec: float) -> None:
        at = self._at(now)
        if at - side.samples > self._samples(patience_sec):
            side.pad(at - self._samples(BACK_SEC))

    def _woven(self) -> bytes:
        count = min(len(self._left.held), len(self._right.held)) // 2 * 2
        woven = bytearray(2 * count)
        both = memoryview(woven).cast("h")
        both[0::2], both[1::2] = (memoryview(side.taken(count)).cast("h") for side in (self._left, self._right))
        return bytes(woven)

    def _at(self, now: float) -> int:
        return self._samples(now - self._began)

    def _samples(self, sec: float) -> int:
        return round(sec * self._rate)


class _Side:
    """One side.

    Attributes:
        samples: how long it is, from the beginning.
        held: the part of it that was not taken.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.held = bytearray()

    def add(self, pcm: bytes | bytearray) -> None:
        self.held += pcm
        self.samples += len(pcm) // 2

    def pad(self, until: int) -> None:
        if until > self.samples:
            self.add(bytes(2 * (until - self.samples)))

    def taken(self, count: int) -> bytes:
        pcm = bytes(self.held[:count])
        del self.held[:count]
        return pcm
