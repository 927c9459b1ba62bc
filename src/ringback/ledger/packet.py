"""What a packet is made of: a zip with entries, what opens their numbers, tables to read, a proof and a signature."""

import csv
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from ringback.domain.merkle import Span
from ringback.ids import CALL, CAMPAIGN, TRUNK, show

FORMAT = "ringback-packet-1"
SIGNED_AS = FORMAT.encode() + b"\n"

MANIFEST, SIGNATURE = "packet.json", "packet.sig"
ENTRIES, OPENINGS, PROOF, TABLE, PAGES = "entries.jsonl", "openings.jsonl", "proof.txt", "records.csv", "records.pdf"

ERASED = "erased"
"""What stands in a table for a number that nobody can tell any more."""

WITHHELD = "withheld"
"""What stands in a table for the outcome of a dial that was due and not placed."""

COLUMNS = (
    *("entry", "call", "attempt", "campaign", "calling_number", "called_number", "date", "time", "duration_sec"),
    *("disposition", "end_reason", "answered_by", "ring_sec", "direction", "trunk"),
)


class Attempt(msgspec.Struct, tag_field="kind", tag="attempt"):
    """The body of an attempt's entry, as far as tables need it."""

    attempt: int
    attempt_id: str
    call_id: str
    campaign_id: str | None
    called_at: str | None
    intent_at: str
    duration_sec: int
    status: str
    end_reason: str
    answered_by: str | None
    ring_sec: int
    trunk_id: str
    to: str | None
    from_: str | None = msgspec.field(name="from")


class Decision(msgspec.Struct, tag_field="kind", tag="decision"):
    """The body of the entry of a dial that was withheld, as far as tables need it."""

    attempt: int
    call_id: str
    campaign_id: str | None
    first_at: str
    rule: str


class Entry(msgspec.Struct):
    """An entry of a ledger."""

    body: Attempt | Decision
    no: int
    prev: str
    written_at: str


class Opening(msgspec.Struct):
    """What opens the commitments of an entry: its salt in hex, and the numbers."""

    no: int
    salt: str
    to: str
    from_: str | None = msgspec.field(name="from", default=None)


class Checkpoint(msgspec.Struct):
    """What was signed of a ledger; hashes in hex. See domain/ledger.py for the text."""

    entries: int
    format: str
    head: str
    ledger: str
    made_at: str
    root: str


class Manifest(msgspec.Struct):
    """What a packet says of itself.

    Attributes:
        checkpoint: of the ledger that the entries are of.
        checkpoint_signature: in hex.
        files: the SHA-256 of each, in hex.
        format: of the packet.
        made_at: when it was made.
        public_key: by which it and the checkpoint are signed, in hex.
        selection: what was asked for.
        spans: the numbers of the entries, the first and the last of each run.
    """

    checkpoint: Checkpoint
    checkpoint_signature: str
    files: dict[str, str]
    format: str
    made_at: str
    public_key: str
    selection: dict[str, str]
    spans: list[tuple[int, int]]


def canonical(value: Any) -> bytes:
    """JSON by RFC 8785, of what has neither fractions nor names beyond ASCII."""
    return msgspec.json.encode(value, order="sorted")


def leaves_of(spans: Sequence[tuple[int, int]]) -> list[Span]:
    """Runs of entries as spans of the tree's leaves."""
    return [Span(first - 1, last) for first, last in spans]


def row_of(entry: Entry, opening: Opening | None) -> tuple[str, ...]:
    """An entry's row of the table; COLUMNS names what is in it."""
    body = entry.body
    whose = str(entry.no), show(CALL, UUID(body.call_id)), str(body.attempt), _shown(CAMPAIGN, body.campaign_id)
    if isinstance(body, Decision):
        return (*whose, "", "", *_moment(body.first_at), "0", WITHHELD, body.rule, "", "0", "outbound", "")
    return (
        *whose,
        _number(body.from_, None if opening is None else opening.from_),
        _number(body.to, None if opening is None else opening.to),
        *_moment(body.called_at or body.intent_at),
        *(str(body.duration_sec), body.status, body.end_reason, body.answered_by or "", str(body.ring_sec)),
        *("outbound", _shown(TRUNK, body.trunk_id)),
    )


def _moment(at: str) -> tuple[str, str]:
    day, time = at.rstrip("Z").split("T")
    return day, time


class _Echo:
    """Gives back what is written to it, which is what `writerow` returns."""

    @staticmethod
    def write(line: str) -> str:
        return line


_write_row = csv.writer(_Echo()).writerow


def csv_line(row: Sequence[str]) -> bytes:
    """A row as it stands in the table."""
    line: str = _write_row(row)
    return line.encode()


def _number(committed: str | None, opened: str | None) -> str:
    return opened or (ERASED if committed else "")


@lru_cache(maxsize=4096)
def _shown(prefix: str, value: str | None) -> str:
    return "" if value is None else show(prefix, UUID(value))
