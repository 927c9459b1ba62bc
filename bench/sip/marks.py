"""Numbered frames of audio, which are found again in whatever pieces they come out."""

import re

from tests.sip.media import FRAME

from ringback.carriers.sip.agents.mulaw import SILENCE

SIGN = bytes((0xAA, 0xD5, 0x9C, 0xE3))
"""Before a frame's number. Codes of mu-law from 0x80 on come through a decoder and an encoder as they were."""

_MARK = re.compile(re.escape(SIGN) + rb"([\x80-\xff]{4})", re.DOTALL)


def marked(number: int) -> bytes:
    """A frame of 20 ms whose last samples tell its number: what waits for its end is told late as well."""
    digits = bytes(0x80 | number >> shift & 0x7F for shift in (21, 14, 7, 0))
    return (FRAME - 8) * SILENCE + SIGN + digits


class Finder:
    """Finds the numbers in audio that comes in pieces.

    Attributes:
        found_ns: when each number was whole.
    """

    def __init__(self) -> None:
        self.found_ns: dict[int, int] = {}
        self._rest = b""

    def take(self, audio: bytes, at_ns: int) -> None:
        """The next piece."""
        whole, end = self._rest + audio, 0
        for mark in _MARK.finditer(whole):
            self.found_ns.setdefault(_number(mark[1]), at_ns)
            end = mark.end()
        self._rest = whole[max(end, len(whole) - 7) :]


def _number(codes: bytes) -> int:
    number = 0
    for code in codes:
        number = number << 7 | code & 0x7F
    return number
