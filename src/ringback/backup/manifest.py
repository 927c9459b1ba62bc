"""What a backup says of itself: the release that made it, when, and what belongs to it."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

import ringback
from ringback.backup.files import reading
from ringback.errors import BackupError
from ringback.store.embedded_programs import POSTGRES_MAJOR
from ringback.store.queries import schema_version

FORMAT = 1
NAME = "backup.json"
DUMP = "database.dump"
FILES = "files"
CHUNK_BYTES = 1 << 20


class Entry(msgspec.Struct, frozen=True):
    """A file of a backup."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What is in `backup.json`.

    Attributes:
        format: of the backup; counts up when an older Ringback could not read it.
        ringback: the version that made it.
        postgresql: the major version of the database.
        db_schema: the newest migration of the database, `schema` in the file.
        made_at: the instant that it shows, RFC 3339.
        rows: how many rows the tables have.
        files: all that belongs to it.
    """

    format: int
    ringback: str
    postgresql: int
    db_schema: int = msgspec.field(name="schema")
    made_at: str
    rows: dict[str, int]
    files: list[Entry]


class _Marker(msgspec.Struct):
    """What every release can read of a backup that any other one made."""

    format: int
    ringback: str = "unknown"


def write_manifest(folder: Path, schema: int, made_at: str, rows: dict[str, int]) -> Manifest:
    """Describe what is in a folder, and write that into it."""
    files = [_entry(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()]
    manifest = Manifest(FORMAT, ringback.__version__, POSTGRES_MAJOR, schema, made_at, rows, files)
    (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    (folder / NAME).chmod(0o600)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        BackupError: it is not one, or this release cannot restore it; the message says what to do.
    """
    try:
        raw = (folder / NAME).read_bytes()
        _refuse_newer(folder, msgspec.json.decode(raw, type=_Marker))
        manifest = msgspec.json.decode(raw, type=Manifest)
    except OSError as error:
        raise BackupError(f"{folder} is not a backup: it has no {NAME} that can be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise BackupError(f"{folder / NAME} is damaged ({error}): take another backup") from error
    if manifest.postgresql > POSTGRES_MAJOR or manifest.db_schema > schema_version():
        raise _newer(folder, manifest.ringback)
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Hold the files to what the backup says of them.

    Raises:
        BackupError: one is missing, is not what it was, or cannot be read.
    """
    for entry in manifest.files:
        path = folder / entry.name
        with reading(path):
            whole = _is_within(path, folder) and path.is_file() and _entry(folder, path) == entry
        if not whole:
            raise BackupError(f"{path} is missing or is not as it was when the backup was made: take another backup")


def _refuse_newer(folder: Path, marker: _Marker) -> None:
    if marker.format > FORMAT:
        raise _newer(folder, marker.ringback)


def _newer(folder: Path, version: str) -> BackupError:
    return BackupError(
        f"{folder} was made by Ringback {version}, which is newer than this one ({ringback.__version__}): "
        f"install Ringback {version} or newer"
    )


def _is_within(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts


def _entry(folder: Path, path: Path) -> Entry:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in _chunks(file.read):
            digest.update(chunk)
    return Entry(str(path.relative_to(folder)), path.stat().st_size, digest.hexdigest())


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(CHUNK_BYTES):
        yield chunk
