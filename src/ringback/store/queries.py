"""Loads the named statements of the `.sql` files beside it.

A statement is introduced by `-- name: word` and its sentence, and ends where the next one begins. Nothing is put
together at run time: what is sent is what is in the file.
"""

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_FOLDER: Final = files("ringback.store") / "sql"
_MARK = "-- name: "


@cache
def load(topic: str) -> MappingProxyType[str, str]:
    """The statements of `sql/<topic>.sql` by name.

    Raises:
        ValueError: a name stands twice in the file.
    """
    found: dict[str, str] = {}
    for part in (_FOLDER / f"{topic}.sql").read_text().split(_MARK)[1:]:
        name, _, body = part.partition("\n")
        if found.setdefault(name.strip(), body.strip()) != body.strip():
            raise ValueError(f"{topic}.sql names {name.strip()} twice")
    return MappingProxyType(found)


def topics() -> list[str]:
    """The names of all files of statements."""
    return sorted(f.name[:-4] for f in _FOLDER.iterdir() if f.name.endswith(".sql") and f.name != "schema.sql")


def migrations() -> list[tuple[int, str, str]]:
    """Each migration as (version, name, statements), in order."""
    names = sorted(f.name for f in (_FOLDER / "migrations").iterdir() if f.name.endswith(".sql"))
    return [(int(n[:4]), n[5:-4], (_FOLDER / "migrations" / n).read_text()) for n in names]


def schema() -> str:
    """The whole schema of this release."""
    return (_FOLDER / "schema.sql").read_text()
