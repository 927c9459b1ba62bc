"""Export: a packet that proves what a ledger has of a number, a call or a campaign."""

import hashlib
import itertools
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.ledger import CHECKPOINT_FORMAT, entry_hash, spans_of
from ringback.domain.merkle import prove
from ringback.errors import Impossible
from ringback.ledger import packet
from ringback.ledger.append import show_instant
from ringback.ledger.checkpoint import checkpoint_now
from ringback.ledger.key import Signer
from ringback.ledger.packet import Attempt, Checkpoint, Entry, Manifest, Opening
from ringback.ledger.pages import write_pages
from ringback.ledger.read import entries_of
from ringback.store import ledger
from ringback.store.database import Connection

AT_ONCE = 1_000
MOST_PAGED = 5_000
"""A table of more rows is for machines: the packet has no pages then."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are wanted: all, or those of one campaign, or of some calls.

    Attributes:
        asked: what was asked for, in its words, for the packet.
        calls: of these calls; None does not ask for calls.
        campaign_id: of this campaign; None does not ask for one.
    """

    asked: dict[str, str]
    calls: frozenset[str] | None = None
    campaign_id: str | None = None

    def wants(self, line: bytes) -> bool:
        """Whether an entry is among them. It looks at the text: a ledger has millions."""
        if self.calls is not None:
            return _after(line, b'"call_id":"') in self.calls
        return self.campaign_id is None or _after(line, b'"campaign_id":"') == self.campaign_id


@dataclass(frozen=True, slots=True)
class Exported:
    """What a packet has: how many entries, out of how many, and by which key it is signed."""

    entries: int
    of: int
    public_key: bytes


@dataclass(slots=True)
class _Draft:
    """A packet in the making: its files as they are written, and the leaves of the whole tree."""

    folder: Path
    entries: IO[bytes]
    openings: IO[bytes]
    table: IO[bytes]
    leaves: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)


async def export(
    db: Connection, workspace: tuple[int, UUID], selection: Selection, signer: Signer, to: Path, now: Instant
) -> Exported:
    """Write a packet, and a checkpoint that covers all that it has.

    Args:
        db: a connection.
        workspace: its number and its id.
        selection: which entries.
        signer: has the key.
        to: the file; one that is there is replaced once the packet is whole.
        now: the time of the checkpoint and the packet.

    Raises:
        Impossible: the ledger has no such entry.
        LedgerKeyError: there is no key to be had.
    """
    workspace_no, workspace_id = workspace
    made = await checkpoint_now(db, workspace_no, workspace_id, signer, now)
    if made is None:
        raise Impossible("ledger_empty", "nothing has been entered into this ledger yet")
    with tempfile.TemporaryDirectory(prefix="ringback-packet-") as name, ExitStack() as files:
        folder = Path(name)
        opened = [files.enter_context((folder / file).open("wb")) for file in _STREAMED]
        draft = _Draft(folder, opened[0], opened[1], opened[2])
        await _gather(db, workspace_no, made.entries, selection, draft)
        if not draft.numbers:
            raise Impossible("ledger_entry_unknown", f"the ledger has no entry of {_said(selection)}")
        files.close()
        _prove(draft)
        if len(draft.rows) <= MOST_PAGED:
            about = (f"Ledger {workspace_id}", f"Asked for: {_said(selection)}. Made at {show_instant(now)}")
            write_pages(folder / packet.PAGES, about, draft.rows)
        checkpoint = Checkpoint(
            made.entries, CHECKPOINT_FORMAT, made.head.hex(), str(workspace_id), show_instant(now), made.root.hex()
        )
        manifest = Manifest(
            checkpoint,
            made.signature.hex(),
            _hashes(folder),
            packet.FORMAT,
            show_instant(now),
            signer.public_key.hex(),
            selection.asked,
            [(span.first + 1, span.end) for span in spans_of(draft.numbers)],
        )
        _bind(folder, packet.canonical(manifest), signer, to)
    return Exported(len(draft.numbers), made.entries, signer.public_key)


_STREAMED = (packet.ENTRIES, packet.OPENINGS, packet.TABLE)


async def _gather(db: Connection, workspace_no: int, entries: int, selection: Selection, draft: _Draft) -> None:
    """Hash the whole ledger as far as it is signed, and keep what is wanted of it."""
    draft.table.write(packet.csv_line(packet.COLUMNS))
    wanted: list[bytes] = []
    async for line in entries_of(db, workspace_no):
        if len(draft.leaves) == entries:
            break
        draft.leaves.append(entry_hash(line))
        if selection.wants(line):
            wanted.append(line)
        if len(wanted) == AT_ONCE:
            await _write(db, workspace_no, wanted, draft)
            wanted.clear()
    await _write(db, workspace_no, wanted, draft)


async def _write(db: Connection, workspace_no: int, lines: Sequence[bytes], draft: _Draft) -> None:
    entries = [_decode(line) for line in lines]
    keys = [_key(entry) for entry in entries]
    opened = await ledger.openings(db, workspace_no, [key for key in keys if key is not None])
    for line, entry, key in zip(lines, entries, keys, strict=True):
        opening = _opening(entry.no, key and opened.get(key))
        row = packet.row_of(entry, opening)
        draft.entries.write(line + b"\n")
        draft.table.write(packet.csv_line(row))
        if opening is not None:
            draft.openings.write(packet.canonical(opening) + b"\n")
        draft.numbers.append(entry.no)
        if len(draft.rows) <= MOST_PAGED:
            draft.rows.append(row)


def _key(entry: Entry) -> tuple[UUID, int] | None:
    """The attempt that an entry is of, if it is one."""
    body = entry.body
    return (UUID(body.call_id), body.attempt) if isinstance(body, Attempt) else None


def _opening(no: int, found: ledger.Opening | None) -> Opening | None:
    return None if found is None else Opening(no, found.salt.hex, found.to_number, found.from_number)


def _prove(draft: _Draft) -> None:
    with (draft.folder / packet.PROOF).open("w", encoding="ascii") as proof:
        for node in prove(draft.leaves, spans_of(draft.numbers)):
            proof.write(f"{node.hex()}\n")


def _hashes(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _bind(folder: Path, manifest: bytes, signer: Signer, to: Path) -> None:
    """Zip it beside its place, and move it there whole."""
    (folder / packet.MANIFEST).write_bytes(manifest)
    (folder / packet.SIGNATURE).write_text(signer.sign(packet.SIGNED_AS + manifest).hex() + "\n", encoding="ascii")
    draft = to.with_name(f"{to.name}.partial")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as bound:
            for path in sorted(folder.iterdir(), key=_reading_order):
                bound.write(path, path.name)
        draft.chmod(0o600)
        draft.replace(to)
    finally:
        draft.unlink(missing_ok=True)


def _reading_order(path: Path) -> tuple[bool, str]:
    return path.name not in (packet.MANIFEST, packet.SIGNATURE), path.name


def _after(line: bytes, mark: bytes) -> str:
    at = line.find(mark) + len(mark)
    return line[at : at + 36].decode()


def _said(selection: Selection) -> str:
    return ", ".join(itertools.starmap("{} {}".format, selection.asked.items()))


_decode = msgspec.json.Decoder(Entry).decode
