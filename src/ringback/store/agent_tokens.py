"""The tokens by which agents report of one attempt. Each is told to its agent alone; the store keeps its hash."""

import hashlib
import random
import re
from typing import NamedTuple

RANDOM_BITS = 128
PREFIX = "rb_att_"
_CHARACTERS = 34
"""At 5 bits each enough for a workspace's number of 32 bits, an ordinal of 8, and the random ones."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TOKEN = re.compile(rf"{PREFIX}([{_ALPHABET}]{{{_CHARACTERS}}})")


class Token(NamedTuple):
    """A token. It says where its hash is kept, but for the call: whoever presents it names that.

    Attributes:
        text: what the agent presents.
        workspace_no: whose call.
        attempt: the ordinal of the attempt.
    """

    text: str
    workspace_no: int
    attempt: int

    @property
    def digest(self) -> bytes:
        """What is kept of it. It has 128 random bits, so one fast hash is enough."""
        return hashlib.sha256(self.text.encode()).digest()


def make_token(workspace_no: int, attempt: int, chance: random.Random) -> Token:
    """A new token; `chance` is the system's generator, unless nobody is to be kept out."""
    number = (workspace_no << 8 | attempt) << RANDOM_BITS | chance.getrandbits(RANDOM_BITS)
    digits = (number >> 5 * place & 31 for place in reversed(range(_CHARACTERS)))
    return Token(PREFIX + "".join(_ALPHABET[digit] for digit in digits), workspace_no, attempt)


def read_token(text: str) -> Token | None:
    """The token in a text, None where it does not have the form of one."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    number = 0
    for character in match[1]:
        number = number << 5 | _ALPHABET.index(character)
    workspace_no, attempt = divmod(number >> RANDOM_BITS, 1 << 8)
    return Token(text, workspace_no, attempt) if workspace_no < 1 << 31 else None
