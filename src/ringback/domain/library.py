"""The packs that there are, and which of them is meant by a name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from whenever import Instant

from ringback.domain.pack import Pack, dates_at
from ringback.errors import Invalid

ANY_PACK = ""
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,3}")
MOST_PACKS = 20


class Faulty(NamedTuple):
    """A file of a pack that cannot be used.

    Attributes:
        name: the pack's, as the file's name has it; ANY_PACK where nobody can tell.
        version: the version, None where the file's name tells none: then all of the pack is in doubt.
        lines: what is wrong, each naming the file, the clause and the field.
    """

    name: str
    version: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """The packs that there are.

    Attributes:
        packs: the versions of each, by name, ascending by the day on which they come into force.
        faulty: the files that could not be read.
    """

    packs: Mapping[str, tuple[Pack, ...]]
    faulty: tuple[Faulty, ...] = ()


class Choice(NamedTuple):
    """The packs that were asked for.

    Attributes:
        packs: those versions that may be in force.
        faults: why some cannot be had, one line each; with one of them nothing may be dialled.
    """

    packs: tuple[Pack, ...]
    faults: tuple[str, ...]


def parse_pack_names(raw: Any, field: str = "rule_packs") -> tuple[str, ...]:
    """Names of packs as a user gives them, each with or without a version; None is none.

    Raises:
        Invalid: one line for each fault, with a right example.
    """
    example = "such as ['us-federal', 'us-fl@2026.1']"
    if raw is None:
        return ()
    if not isinstance(raw, list) or len(raw) > MOST_PACKS:
        raise Invalid([f"{field} must be a list of at most {MOST_PACKS} names of rule packs, {example}"])
    wrong = [name for name in raw if not isinstance(name, str) or not _is_label(name)]
    if wrong:
        raise Invalid([f"{field} has {name!r}, which is no name of a rule pack, {example}" for name in wrong])
    return tuple(dict.fromkeys(raw))


def choose(library: Library, names: Iterable[str], at: Instant) -> Choice:
    """The packs with these names as of an instant: without a version, whichever is in force on the lead's own date.

    Near midnight somewhere that may be two of them, and then both are meant.
    """
    first, last = dates_at(at)
    packs, faults = list[Pack](), list[str]()
    for name, _, version in (label.partition("@") for label in names):
        known = library.packs.get(name, ())
        if broken := [file for file in library.faulty if _may_be_meant(file, name, version, known)]:
            faults.extend(line for file in broken for line in file.lines)
        elif version:
            found = [pack for pack in known if pack.version == version]
            packs.extend(found)
            faults.extend([] if found else [f"there is no rule pack {name}@{version}{_known(known)}"])
        else:
            before = [pack for pack in known if pack.effective_from <= first]
            packs.extend(before[-1:])
            packs.extend(pack for pack in known if first < pack.effective_from <= last)
            faults.extend([] if before else [f"no rule pack {name} is in force on {first}{_known(known)}"])
    return Choice(tuple(packs), tuple(faults))


def span_sec(library: Library, names: Iterable[str]) -> int:
    """For how many seconds packs with these names look back, in whichever version may be in force one day."""
    labels = [label.partition("@") for label in names]
    packs = (
        pack for name, _, version in labels for pack in library.packs.get(name, ()) if version in ("", pack.version)
    )
    return max((pack.span_sec for pack in packs), default=0)


def _is_label(text: str) -> bool:
    name, at, version = text.partition("@")
    return bool(NAME.fullmatch(name)) and (not at or bool(VERSION.fullmatch(version)))


def _may_be_meant(file: Faulty, name: str, version: str, known: Sequence[Pack]) -> bool:
    """Whether a file that cannot be read may hold what is asked for, or a version that would be in force instead."""
    if file.name == ANY_PACK:
        return not any(pack.version == version for pack in known)
    return file.name == name and (not version or file.version in (None, version))


def _known(known: Sequence[Pack]) -> str:
    return f"; there are {', '.join(pack.label for pack in known)}" if known else ""
