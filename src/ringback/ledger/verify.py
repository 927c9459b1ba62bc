"""Verify: a packet is held to its own proofs, offline. What was changed, removed or moved is found and named."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

import msgspec

from ringback.domain.ledger import checkpoint_text, commitment, entry_hash
from ringback.domain.merkle import Leaf, proven
from ringback.ledger import packet
from ringback.ledger.key import fingerprint, is_signed
from ringback.ledger.packet import Attempt, Entry, Manifest, Opening

T = TypeVar("T")

MOST_FAULTS = 1_000
"""So many are named; a packet with more has been named often enough."""

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class Fault(NamedTuple):
    """Something that is not as it was signed.

    Attributes:
        where: the entry or the file.
        what: what is wrong with it.
    """

    where: str
    what: str


class Verdict(NamedTuple):
    """What a verification came to.

    Attributes:
        faults: all that is wrong; none means that the packet is as it was signed.
        entries: how many were proven.
        manifest: what the packet says of itself, None where that cannot be read.
    """

    faults: list[Fault]
    entries: int
    manifest: Manifest | None

    @property
    def fingerprint(self) -> str | None:
        """Of the key that signed it; it means nothing before somebody has compared it."""
        return None if self.manifest is None else fingerprint(bytes.fromhex(self.manifest.public_key))


def verify(path: Path, expected: str | None = None) -> Verdict:
    """Hold a packet to its proofs.

    Args:
        path: the file.
        expected: the fingerprint of the key that must have signed it; None takes any, which proves little.
    """
    check = _Check(path, expected)
    try:
        with zipfile.ZipFile(path) as bound:
            check.all(bound)
    except DAMAGED as damage:
        check.fault("the packet", f"is damaged or no packet at all ({damage})")
    return Verdict(check.faults, check.proven, check.manifest)


class _Check:
    """One verification, under way."""

    def __init__(self, path: Path, expected: str | None) -> None:
        self.faults: list[Fault] = []
        self.proven = 0
        self.manifest: Manifest | None = None
        self._path = path
        self._expected = expected

    def fault(self, where: str, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(where, what))

    def all(self, bound: zipfile.ZipFile) -> None:
        manifest = self._signed(bound)
        if manifest is None:
            return
        self.manifest = manifest
        self._files(bound, manifest)
        if not {packet.ENTRIES, packet.OPENINGS, packet.PROOF, packet.TABLE} <= set(bound.namelist()):
            return
        leaves = proven(
            bytes.fromhex(manifest.checkpoint.root),
            manifest.checkpoint.entries,
            packet.leaves_of(manifest.spans),
            map(_unhex, _lines(bound, packet.PROOF)),
        )
        self._records(bound, self._authentic(_lines(bound, packet.ENTRIES), leaves))

    def _signed(self, bound: zipfile.ZipFile) -> Manifest | None:
        """The manifest, if it is one and was signed by whom it names; and so the checkpoint in it."""
        try:
            text = bound.read(packet.MANIFEST)
            signature = bound.read(packet.SIGNATURE).strip()
            manifest = msgspec.json.decode(text, type=Manifest)
            key = bytes.fromhex(manifest.public_key)
            texts = _checkpoint(manifest)
        except (KeyError, ValueError) as wrong:
            self.fault(packet.MANIFEST, f"is missing or cannot be read ({wrong})")
            return None
        if not is_signed(key, packet.SIGNED_AS + text, _unhex(signature) or b""):
            self.fault(packet.MANIFEST, "was changed, or its signature was")
            return None
        if not is_signed(key, texts, _unhex(manifest.checkpoint_signature.encode()) or b""):
            self.fault("the checkpoint", "was not signed by the key of the packet")
        if self._expected is not None and fingerprint(key) != self._expected:
            self.fault(packet.MANIFEST, f"was signed by another key: {fingerprint(key)}, not {self._expected}")
        return manifest

    def _files(self, bound: zipfile.ZipFile, manifest: Manifest) -> None:
        """Each file is there, once, and is what it was; and there is no other."""
        names = bound.namelist()
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.fault(name, "is in the packet twice")
        for name in sorted(set(names) - set(manifest.files) - {packet.MANIFEST, packet.SIGNATURE}):
            self.fault(name, "does not belong to the packet")
        for name, wanted in manifest.files.items():
            if name not in names:
                self.fault(name, "is missing")
            elif _digest(bound, name) != wanted:
                self.fault(name, "was changed")

    def _authentic(self, lines: Iterator[bytes], leaves: Iterator[Leaf]) -> Iterator[tuple[bytes, Entry]]:
        """The entries that are what they were, each with its hash; of the others, what is wrong."""
        missing: dict[int, bytes | None] = {}
        wanted = next(leaves, None)
        for position, line in enumerate(lines, 1):
            entry = _read(_entry, line)
            if entry is None:
                self.fault(f"line {position} of {packet.ENTRIES}", "is no entry")
                continue
            while wanted is not None and wanted.place + 1 < entry.no:
                missing[wanted.place + 1] = wanted.hash
                wanted = next(leaves, None)
            if wanted is not None and wanted.place + 1 == entry.no:
                trusted, wanted = wanted.hash, next(leaves, None)
            elif entry.no in missing:
                trusted = missing.pop(entry.no)
                self.fault(f"entry {entry.no}", "stands in another place than its own")
            else:
                self.fault(f"entry {entry.no}", "does not belong here, or is here twice")
                continue
            if self._is_authentic(entry.no, line, trusted):
                yield trusted or b"", entry
        for number in (*missing, *(leaf.place + 1 for leaf in _rest(wanted, leaves))):
            self.fault(f"entry {number}", "is missing")

    def _is_authentic(self, number: int, line: bytes, trusted: bytes | None) -> bool:
        if trusted is None:
            self.fault(f"entry {number}", "cannot be proven: the proof was changed")
        elif entry_hash(line) != trusted:
            self.fault(f"entry {number}", "was changed")
        else:
            self.proven += 1
            return True
        return False

    def _records(self, bound: zipfile.ZipFile, entries: Iterator[tuple[bytes, Entry]]) -> None:
        """What is read by people says what the entries say, and nothing else."""
        openings = _Merge(_openings(bound))
        table = _lines_as_written(bound, packet.TABLE)
        if next(table, None) != packet.csv_line(packet.COLUMNS):
            self.fault(packet.TABLE, "has not the columns that it should")
        last_no, last_hash = 0, b""
        for trusted, entry in entries:
            if last_no and last_no + 1 == entry.no and entry.prev != last_hash.hex():
                self.fault(f"entry {entry.no}", f"does not follow entry {last_no}")
            last_no, last_hash = entry.no, trusted
            opening = openings.at(entry.no)
            if opening is not None and not _opens(opening, entry):
                self.fault(f"entry {entry.no}", f"is about other numbers than {packet.OPENINGS} tells")
            if next(table, None) != packet.csv_line(packet.row_of(entry, opening)):
                self.fault(f"entry {entry.no}", f"has another row in {packet.TABLE}")
        if next(table, None) is not None:
            self.fault(packet.TABLE, "has more rows than there are entries")


class _Merge:
    """Openings in ascending order, asked for by ascending numbers."""

    def __init__(self, each: Iterator[Opening]) -> None:
        self._each = each
        self._next = next(each, None)

    def at(self, number: int) -> Opening | None:
        while self._next is not None and self._next.no < number:
            self._next = next(self._each, None)
        if self._next is None or self._next.no != number:
            return None
        found, self._next = self._next, next(self._each, None)
        return found


def _checkpoint(manifest: Manifest) -> bytes:
    told = manifest.checkpoint
    hashes = bytes.fromhex(told.head), bytes.fromhex(told.root)
    return checkpoint_text(UUID(told.ledger), told.made_at, told.entries, *hashes)


def _opens(opening: Opening, entry: Entry) -> bool:
    body = entry.body
    if not isinstance(body, Attempt):
        return False
    salt = _unhex(opening.salt.encode()) or b""
    return _hides(salt, opening.to, body.to) and _hides(salt, opening.from_, body.from_)


def _hides(salt: bytes, number: str | None, hidden: str | None) -> bool:
    return hidden == (None if number is None else commitment(salt, number))


def _openings(bound: zipfile.ZipFile) -> Iterator[Opening]:
    for line in _lines(bound, packet.OPENINGS):
        opening = _read(_opening, line)
        if opening is not None:
            yield opening


def _rest(first: Leaf | None, others: Iterator[Leaf]) -> Iterator[Leaf]:
    if first is not None:
        yield first
    yield from others


def _lines(bound: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    for line in _lines_as_written(bound, name):
        yield line.removesuffix(b"\n")


def _lines_as_written(bound: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with bound.open(name) as file:
        yield from io.BufferedReader(file, 1 << 18)  # type: ignore[type-var]  # it is a raw stream in all but name


def _digest(bound: zipfile.ZipFile, name: str) -> str:
    with bound.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads into buffers


def _unhex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None


def _read(decode: Callable[[bytes], T], line: bytes) -> T | None:
    try:
        return decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_entry = msgspec.json.Decoder(Entry).decode
_opening = msgspec.json.Decoder(Opening).decode
