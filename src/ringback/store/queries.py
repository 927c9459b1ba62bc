"""Loads the named statements of the `.sql` files beside it.

A statement is introduced by `-- name: word` and its sentence, and ends where the next one begins. Nothing is put
together at run time: what is sent is what is in the file.
"""

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

_FOLDER: Final = files("ringback.store") / "sql"
_MARK = "-- name: "
_CONTRACT = ".contract.sql"


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


class Migration(NamedTuple):
    """A step of the schema.

    Attributes:
        version: counts up from 1.
        name: of its file, without the number.
        expand: statements that only add: the release before works on.
        contract: statements that take away what the release before needed; None where there is nothing to take.
    """

    version: int
    name: str
    expand: str
    contract: str | None


@cache
def migrations() -> tuple[Migration, ...]:
    """All of this release, in order."""
    texts = {f.name: f.read_text() for f in (_FOLDER / "migrations").iterdir() if f.name.endswith(".sql")}
    steps = sorted(name.removesuffix(".sql") for name in texts if not name.endswith(_CONTRACT))
    return tuple(Migration(int(s[:4]), s[5:], texts[f"{s}.sql"], texts.get(s + _CONTRACT)) for s in steps)


def schema_version() -> int:
    """The schema of this release."""
    return migrations()[-1].version


def schema() -> str:
    """The whole schema of this release."""
    return (_FOLDER / "schema.sql").read_text()
