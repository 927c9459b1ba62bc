"""The form of the ledger: what an entry is, byte for byte, how entries are chained, and what a checkpoint signs.

docs/ledger.md has all of it in words, for whoever writes another verifier.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from ringback.domain.merkle import Peaks, Span, leaf_hash

CHECKPOINT_FORMAT = "ringback-checkpoint-1"

SALT_BYTES = 16


class Written(NamedTuple):
    """Where a ledger has come to.

    Attributes:
        head: the hash of the last entry, or of what stands before the first.
        peaks: of the tree of all entries.
    """

    head: bytes
    peaks: Peaks


def genesis(workspace_id: UUID) -> bytes:
    """What the first entry of a workspace's ledger names as the one before it."""
    return hashlib.sha256(b"ringback-ledger-1\n" + workspace_id.bytes).digest()


def commitment(salt: bytes, number: str) -> str:
    """What stands in an entry for a phone number: it tells nothing of it without the salt.

    Args:
        salt: 16 random bytes of the attempt's own.
        number: E.164.
    """
    return hashlib.sha256(salt + number.encode()).hexdigest()


def entry_line(body: bytes, number: int, previous: bytes, written_at: str) -> bytes:
    """An entry in its canonical form, without an end of line: JSON by RFC 8785.

    Args:
        body: what is entered, in canonical form, UTF-8.
        number: of the entry, from 1.
        previous: the hash of the entry before it.
        written_at: RFC 3339 in UTC with milliseconds.
    """
    return b'{"body":%b,"no":%d,"prev":"%b","written_at":"%b"}' % (
        body,
        number,
        previous.hex().encode(),
        written_at.encode(),
    )


def entry_hash(line: bytes) -> bytes:
    """The hash of an entry: a leaf of the tree, and what the next entry names."""
    return leaf_hash(line)


def write(written: Written, bodies: Iterable[bytes], written_at: str) -> Written:
    """Where a ledger comes to with more entries. What it was is changed: it is not to be used any more."""
    head, peaks = written
    for body in bodies:
        head = entry_hash(entry_line(body, peaks.size + 1, head, written_at))
        peaks.add(head)
    return Written(head, peaks)


def checkpoint_text(workspace_id: UUID, made_at: str, entries: int, head: bytes, root: bytes) -> bytes:
    """What is signed: that at a time a ledger had so many entries, and which; JSON by RFC 8785."""
    return (
        f'{{"entries":{entries},"format":"{CHECKPOINT_FORMAT}","head":"{head.hex()}","ledger":"{workspace_id}",'
        f'"made_at":"{made_at}","root":"{root.hex()}"}}'
    ).encode()


def spans_of(numbers: Sequence[int]) -> list[Span]:
    """Entries, by their ascending numbers from 1, as spans of leaves."""
    spans: list[Span] = []
    for number in numbers:
        if spans and spans[-1].end == number - 1:
            spans[-1] = Span(spans[-1].first, number)
        else:
            spans.append(Span(number - 1, number))
    return spans
