"""Identifiers: UUIDv7 in the store, TypeID in public. Randomness and time are arguments."""

import itertools
import random
from collections.abc import Iterator
from uuid import UUID

from typeid import TypeID
from typeid.errors import TypeIDException
from whenever import Instant

WORKSPACE, KEY, AGENT, TRUNK = "ws", "key", "agt", "trk"
CAMPAIGN, LEAD, CALL, ATTEMPT, CALLER_NUMBER = "cmp", "lead", "call", "att", "num"
DECISION, DO_NOT_CALL, POLICY, DECK, POOL = "dec", "dnc", "pol", "deck", "pool"
WEBHOOK, EVENT = "hook", "evt"
EXPORT, AUDIT, ERASURE = "exp", "aud", "ers"


class Ids:
    """Makes time-ordered, unguessable identifiers (RFC 9562, section 5.7).

    Args:
        chance: where the 74 random bits come from: the system's generator, or a seeded one in a demo.
    """

    def __init__(self, chance: random.Random) -> None:
        self._bits = chance.getrandbits

    def new(self, now: Instant) -> UUID:
        """A UUIDv7 of the millisecond of `now`."""
        return self.at_milli(now.timestamp(unit="millisecond"))

    def at_milli(self, milli: int) -> UUID:
        """A UUIDv7 of a Unix time in milliseconds."""
        return _uuid7(milli, self._bits(74))

    def ascending(self, now: Instant) -> Iterator[UUID]:
        """UUIDv7s in ascending order, so that what is made together lies together in an index.

        The first 20 of the random bits count (RFC 9562, section 6.2, method 1); 54 stay random.
        """
        milli = now.timestamp(unit="millisecond")
        for n in itertools.count():
            yield _uuid7(milli + (n >> 20), (n & 0xFFFFF) << 54 | self._bits(54))


def made_of(now: Instant, bits: int) -> UUID:
    """A UUIDv7 of the millisecond of `now` whose random bits are the last 74 of these."""
    return _uuid7(now.timestamp(unit="millisecond"), bits & (1 << 74) - 1)


def first_id(at: Instant) -> UUID:
    """What is made at this time or later has this id or a greater one."""
    nanos = at.timestamp(unit="nanosecond")
    return UUID(int=max(-(-nanos // 1_000_000), 0) << 80)


def _uuid7(milli: int, bits: int) -> UUID:
    high, low = bits >> 62, bits & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milli << 80 | 0x7000 << 64 | high << 64 | 0x8000_0000_0000_0000 | low)


def show(prefix: str, value: UUID) -> str:
    """The public form of an id, such as `call_01h455vb4pex5vsknk084sn02q`."""
    return str(TypeID.from_uuid(value, prefix=prefix))  # type: ignore[arg-type]  # it takes any UUID


def read(prefix: str, text: str) -> UUID | None:
    """The id behind a public form, or None where the text is not one of that prefix."""
    try:
        parsed = TypeID.from_string(text)
    except (TypeIDException, ValueError):
        return None
    return UUID(bytes=parsed.uuid.bytes) if parsed.prefix == prefix and str(parsed) == text else None
