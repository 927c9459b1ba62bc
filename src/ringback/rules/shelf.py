"""The shelf: the packs of this release, and those of an operator's own folder, read again when a file there changes."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ringback.domain.library import ANY_PACK, NAME, VERSION, Faulty, Library
from ringback.domain.pack import Pack
from ringback.errors import Invalid
from ringback.rules.parse import parse_pack

SUFFIX = ".toml"
LARGEST_BYTES = 1024 * 1024


class _Stamp(NamedTuple):
    """By which a file is known to be as it was."""

    path: Path
    modified_ns: int
    size: int


class _Folder(NamedTuple):
    """What is in the operator's folder, and why it cannot be looked into."""

    stamps: tuple[_Stamp, ...]
    faulty: tuple[Faulty, ...]


class Shelf:
    """What knows the packs.

    Args:
        folder: the operator's own; None for none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._seen: _Folder | None = None
        self._library = Library({})

    def library(self) -> Library:
        """The packs as the files are now; the same object for as long as none of them changed."""
        seen = _look(self._folder)
        if seen != self._seen:
            theirs = ((stamp.path.name, _read_one(stamp.path)) for stamp in seen.stamps)
            self._seen, self._library = seen, _as_library(chain(_own(), theirs), seen.faulty)
        return self._library


def _look(folder: Path | None) -> _Folder:
    """The files of a folder."""
    if folder is None:
        return _Folder((), ())
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
        return _Folder(tuple(_Stamp(path, (s := path.stat()).st_mtime_ns, s.st_size) for path in found), ())
    except OSError as failed:
        return _Folder((), (Faulty(ANY_PACK, None, (f"the folder {folder} cannot be read: {failed.strerror}",)),))


@cache
def _own() -> tuple[tuple[str, Pack | Faulty], ...]:
    """What is in the files of this release, which no process sees change."""
    with resources.as_file(resources.files("ringback.rules") / "packs") as folder:
        return tuple((path.name, _read_one(path)) for path in sorted(folder.glob(f"*{SUFFIX}")))


def _as_library(files: Iterable[tuple[str, Pack | Faulty]], faulty: tuple[Faulty, ...]) -> Library:
    packs: dict[str, dict[str, Pack]] = {}
    broken = list(faulty)
    for file, read in files:
        if isinstance(read, Faulty):
            broken.append(read)
        elif read.version in packs.get(read.name, {}):
            why = f"{file}: there is {read.label} already: take a new version"
            broken.append(Faulty(read.name, read.version, (why,)))
        else:
            packs.setdefault(read.name, {})[read.version] = read
    by_name = {name: tuple(sorted(packs[name].values(), key=_age)) for name in sorted(packs)}
    return Library(by_name, tuple(broken))


def _read_one(path: Path) -> Pack | Faulty:
    name, _, version = path.stem.partition("@")
    if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
        return Faulty(name, None, (f"{path.name}: a pack's file is named as in us-fl@2026.1{SUFFIX}",))
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return Faulty(name, version, (f"{path.name}: has more than {LARGEST_BYTES:,} bytes",))
        return parse_pack(tomllib.loads(path.read_text(encoding="utf-8")), name, version)
    except Invalid as wrong:
        return Faulty(name, version, tuple(f"{path.name}: {line}" for line in wrong.lines))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as failed:
        return Faulty(name, version, (f"{path.name}: {failed}",))


def _age(pack: Pack) -> tuple[object, ...]:
    return (pack.effective_from, *map(int, pack.version.split(".")))
