"""A finding: what is so, how bad that is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is so.

    Attributes:
        check: the thing that was looked at, a stable word.
        level: how bad it is.
        what: one sentence.
        remedy: what to do; empty where there is nothing to do.
    """

    check: str
    level: Level
    what: str
    remedy: str = ""


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, what)


def warn(check: str, what: str, remedy: str) -> Finding:
    """It works, and may not for long, or not as meant."""
    return Finding(check, Level.WARN, what, remedy)


def fail(check: str, what: str, remedy: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check, Level.FAIL, what, remedy)


def some(names: list[str], most: int = 5) -> str:
    """A few names of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
