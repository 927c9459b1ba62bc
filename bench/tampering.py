"""Ways to falsify a packet. Each does one to its files, and tells what must be named; None where that is the packet."""

import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Files = dict[str, bytes]

ENTRIES, PROOF, TABLE, OPENINGS, MANIFEST = "entries.jsonl", "proof.txt", "records.csv", "openings.jsonl", "packet.json"


def read_packet(path: Path) -> Files:
    """The files of a packet, by name."""
    with zipfile.ZipFile(path) as bound:
        return {name: bound.read(name) for name in bound.namelist()}


def write_packet(path: Path, files: Files) -> None:
    """Put the files together again."""
    with zipfile.ZipFile(path, "w") as bound:
        for name, content in files.items():
            bound.writestr(name, content)


def _lines(files: Files) -> list[bytes]:
    return files[ENTRIES].splitlines(keepends=True)


def _number(line: bytes) -> str:
    return f"entry {json.loads(line)['no']}"


def change_a_field(files: Files, chance: random.Random) -> str:
    """One field of one entry; still canonical."""
    lines = _lines(files)
    at = chance.randrange(len(lines))
    entry = json.loads(lines[at])
    name = chance.choice([name for name, value in entry["body"].items() if isinstance(value, int)])
    entry["body"][name] += chance.choice((-1, 1, 60))
    named = _number(lines[at])
    lines[at] = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    files[ENTRIES] = b"".join(lines)
    return named


def change_a_letter(files: Files, chance: random.Random) -> str:
    """A digit of a hash or a time."""
    lines = _lines(files)
    at = chance.randrange(len(lines))
    named = _number(lines[at])
    place = lines[at].rindex(b'"prev":"') + 8 + chance.randrange(64)
    digit = b"0" if lines[at][place : place + 1] != b"0" else b"1"
    lines[at] = lines[at][:place] + digit + lines[at][place + 1 :]
    files[ENTRIES] = b"".join(lines)
    return named


def remove_an_entry(files: Files, chance: random.Random) -> str:
    """As if it had never been."""
    lines = _lines(files)
    named = _number(lines.pop(chance.randrange(len(lines))))
    files[ENTRIES] = b"".join(lines)
    return named


def swap_two(files: Files, chance: random.Random) -> str | None:
    """Two neighbours change places."""
    lines = _lines(files)
    if len(lines) < 2:
        return remove_an_entry(files, chance)
    at = chance.randrange(len(lines) - 1)
    named = _number(lines[at])
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    files[ENTRIES] = b"".join(lines)
    return named


def double_an_entry(files: Files, chance: random.Random) -> str:
    """The same once more."""
    lines = _lines(files)
    at = chance.randrange(len(lines))
    lines.insert(at, lines[at])
    files[ENTRIES] = b"".join(lines)
    return _number(lines[at])


def cut_the_end(files: Files, chance: random.Random) -> str:
    """The last entries are gone, from the middle of one on."""
    lines = _lines(files)
    files[ENTRIES] = files[ENTRIES][: -chance.randint(2, len(lines[-1]))]
    return _number(lines[-1])


def change_the_proof(files: Files, chance: random.Random) -> str:
    """Another hash in it."""
    nodes = files[PROOF].splitlines()
    nodes[chance.randrange(len(nodes))] = chance.randbytes(32).hex().encode()
    files[PROOF] = b"\n".join(nodes) + b"\n"
    return PROOF


def change_the_table(files: Files, chance: random.Random) -> str:
    """Another number of seconds, or another number, for the people who read it."""
    rows = files[TABLE].splitlines(keepends=True)
    at = chance.randrange(1, len(rows))
    rows[at] = rows[at].replace(b",outbound,", b",inbound,")
    files[TABLE] = b"".join(rows)
    return f"entry {rows[at].split(b',')[0].decode()}"


def change_a_number(files: Files, chance: random.Random) -> str:
    """Another number is said to be behind a commitment."""
    lines = files[OPENINGS].splitlines()
    at = chance.randrange(len(lines))
    opening = json.loads(lines[at])
    opening["to"] = "+442071838750"
    lines[at] = json.dumps(opening, sort_keys=True, separators=(",", ":")).encode()
    files[OPENINGS] = b"\n".join(lines) + b"\n"
    return f"entry {opening['no']}"


def change_the_manifest(files: Files, chance: random.Random) -> str:
    """Other entries than were asked for."""
    manifest = json.loads(files[MANIFEST])
    manifest["spans"][0][chance.randrange(2)] += 1
    files[MANIFEST] = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return MANIFEST


def sign_with_another_key(files: Files, chance: random.Random) -> str:
    """An entry is changed, and all that was signed is signed anew by somebody else."""
    change_a_field(files, chance)
    key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    manifest = json.loads(files[MANIFEST])
    manifest["files"][ENTRIES] = hashlib.sha256(files[ENTRIES]).hexdigest()
    manifest["public_key"] = key.public_key().public_bytes_raw().hex()
    told = json.dumps(manifest["checkpoint"], sort_keys=True, separators=(",", ":")).encode()
    manifest["checkpoint_signature"] = key.sign(told).hex()
    files[MANIFEST] = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    files["packet.sig"] = key.sign(b"ringback-packet-1\n" + files[MANIFEST]).hex().encode()
    return MANIFEST


def leave_out_a_file(files: Files, chance: random.Random) -> str:
    """Whichever."""
    name = chance.choice(sorted(set(files) - {MANIFEST, "packet.sig"}))
    del files[name]
    return name


TAMPERINGS: dict[str, Callable[[Files, random.Random], str | None]] = {
    each.__name__: each
    for each in (
        change_a_field,
        change_a_letter,
        remove_an_entry,
        swap_two,
        double_an_entry,
        cut_the_end,
        change_the_proof,
        change_the_table,
        change_a_number,
        change_the_manifest,
        sign_with_another_key,
        leave_out_a_file,
    )
}
