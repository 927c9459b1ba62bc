from bisect import bisect_right
from itertools import pairwise

import numpy as np

from ringback.carriers.sip.agents.mulaw import SILENCE, decode, encode

DECISIONS = [1 + 2 * n for n in range(16)]
"""The positive decision values of ITU-T G.711, table 2a: segments of sixteen, each with twice the step of the last."""

for step in (4, 8, 16, 32, 64, 128, 256):
    DECISIONS += [DECISIONS[-1] + step * n for n in range(1, 17)]

QUANTISED = [0] + [(low + high) // 2 for low, high in pairwise(DECISIONS)]
"""What a decoder makes of each."""

UNIT = 4
"""The table counts to 8,159, 16-bit audio to 32,767."""


def code_of(level: int) -> int:
    """By the table: the number of decision values that are passed, all bits inverted, the sign in the first."""
    number = min(bisect_right(DECISIONS, abs(level) / UNIT), 127)
    return (0x7F if level < 0 else 0xFF) - number


def level_of(code: int) -> int:
    """By the table."""
    level = UNIT * QUANTISED[0x7F - code % 0x80]
    return level if code >= 0x80 else -level


def test_the_table_is_that_of_the_recommendation():
    """Its ends, and the first values of its segments."""
    assert len(DECISIONS) == 128
    assert DECISIONS[15:128:16] == [31, 95, 223, 479, 991, 2015, 4063, 8159]
    assert QUANTISED[-1] == 8031


def test_each_level_has_its_code():
    """All 65,536 of them."""
    levels = np.arange(-32768, 32768).astype(np.int16)
    assert list(encode(levels)) == [code_of(level) for level in levels.tolist()]


def test_each_code_has_its_level():
    """All 256 of them."""
    assert decode(bytes(range(256))).tolist() == [level_of(code) for code in range(256)]


def test_what_was_decoded_is_encoded_as_it_was():
    """A bot that sends back what it heard changes nothing; the two zeros are one."""
    assert encode(decode(bytes(range(256)))) == bytes(range(256)).replace(b"\x7f", b"\xff")
    assert decode(SILENCE).tolist() == [0]
