"""Both directions of the audio between a line and a media stream."""

import asyncio
from collections import deque

from ringback.carriers.sip.agents.media_stream import FRAME_BYTES, RATE
from ringback.carriers.sip.agents.mulaw import SILENCE, decode, encode
from ringback.carriers.sip.agents.resample import Down, Up
from ringback.carriers.sip.line import Line

AHEAD_SEC = 0.4
"""The line is given so much ahead of what is being played: a late turn of ours is not heard."""

MOST_SEC = 60.0
"""Of audio wait at most, and the message that passed it; then the bot is not read until some was played."""

MOST_ITEMS = 20_000
"""Pieces of audio and marks wait at most, however short they are."""

LULL_SEC = 0.2
"""Where nothing comes from the far end for so long, it is silence: bots wait for it to tell that somebody is done."""

_BLOCK = RATE // 10


class Player:
    """What the bot says, on its way to the line in its order. Only `clear` drops anything."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._up = Up(line.rate)
        self._waiting: deque[memoryview | str] = deque()
        self._waiting_bytes = 0
        self._ready = b""
        self._written = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._emptied = asyncio.Event()

    def add(self, ulaw: bytes) -> None:
        """Play audio after what is there."""
        self._waiting.append(memoryview(ulaw))
        self._waiting_bytes += len(ulaw)
        self.feed()

    def mark(self, name: str) -> None:
        """Remember where the audio up to now ends."""
        self._waiting.append(name)
        self.feed()

    def clear(self) -> list[str]:
        """Drop what was not played; returns the marks that were in it."""
        marks = [name for _, name in self._marks] + [item for item in self._waiting if isinstance(item, str)]
        self._line.clear()
        self._up.forget()
        self._waiting.clear()
        self._waiting_bytes, self._ready = 0, b""
        self._marks.clear()
        self._emptied.set()
        return marks

    def feed(self) -> None:
        """Give the line what it has to have by now."""
        ahead = self._line.queued_sec()
        while self._push() and self._waiting and ahead < AHEAD_SEC:
            item = self._waiting.popleft()
            if isinstance(item, str):
                self._marks.append((self._written, item))
                continue
            block, later = item[:_BLOCK], item[_BLOCK:]
            if later:
                self._waiting.appendleft(later)
            self._waiting_bytes -= len(block)
            self._ready = self._up.take(decode(block))
            ahead += len(block) / RATE
        if not self.is_full:
            self._emptied.set()

    def passed(self) -> list[str]:
        """The marks whose audio was played since the last look."""
        if not self._marks:
            return []
        played = self._written - 2 * round(self._line.queued_sec() * self._line.rate)
        names = []
        while self._marks and self._marks[0][0] <= played:
            names.append(self._marks.popleft()[1])
        return names

    @property
    def is_full(self) -> bool:
        """Whether no more is to be added for now."""
        return self._waiting_bytes > MOST_SEC * RATE or len(self._waiting) > MOST_ITEMS

    @property
    def is_done(self) -> bool:
        """Whether all was played."""
        return not (self._waiting or self._ready or self._line.queued_sec())

    async def room(self) -> None:
        """Wait until more may be added."""
        while self.is_full:
            self._emptied.clear()
            await self._emptied.wait()

    def _push(self) -> bool:
        """Whether the line has taken all that is ready for it."""
        if self._ready:
            taken = self._line.write(self._ready)
            self._written += taken
            self._ready = self._ready[taken:]
        return not self._ready


class Ears:
    """What the far end says, in frames, from now on: what came before is old by now, and would make all else late.

    What was said while it was found out who answered comes first all the same: it may be the only thing that they say.

    Args:
        line: where it is heard.
        now: the loop's time.
    """

    def __init__(self, line: Line, now: float) -> None:
        self._line = line
        self._down = Down(line.rate)
        self._rest = encode(self._down.take(line.unheard))
        self._last = self._covered = now
        line.read()

    def frames(self, now: float) -> list[bytes]:
        """The whole frames since the last look."""
        pcm = self._line.read()
        if pcm:
            self._last = self._covered = now
            ulaw = self._rest + encode(self._down.take(pcm))
        else:
            ulaw = self._rest + self._lull(now)
        whole = len(ulaw) - len(ulaw) % FRAME_BYTES
        self._rest = ulaw[whole:]
        return [ulaw[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]

    def _lull(self, now: float) -> bytes:
        """Silence up to now, once it is plain that it is silence and not a packet that is late."""
        if now - self._last < LULL_SEC:
            return b""
        samples = int((now - self._covered) * RATE)
        self._covered += samples / RATE
        return samples * SILENCE
