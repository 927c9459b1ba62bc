"""What the findings are made of: read once, as it was at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from whenever import Instant, TimeDelta

from ringback.domain.library import Library
from ringback.store.checks import KnownNode, Rows, Server, TableState, Waiting


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the data directory.

    Attributes:
        path: the data directory.
        free_bytes: what an ordinary user may still write.
        size_bytes: of the whole.
    """

    path: str
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TrunkState:
    """A trunk, and whether it could dial from here.

    Attributes:
        name: its own.
        fault: what keeps it from dialling, None for nothing.
        is_local: its password is sealed with the key of this data directory, which other servers do not have.
    """

    name: str
    fault: str | None
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class RulesState:
    """Who chose rule packs that cannot be had.

    Attributes:
        kind: `workspace` or `campaign`.
        name: its own.
        faults: what is wrong, one line each.
    """

    kind: str
    name: str
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ours:
    """What is in our own tables; not read where the schema is not of this release.

    Attributes:
        nodes: those that live or are not explained.
        rows: those that should not be as they are.
        overdue: those who have waited for long in campaigns of which nobody is being dialled.
        unlimited: kind and name of what has no row in limits.
        shut: kind and name of what has a cap of 0 although a campaign runs.
        tables: those that are written all the time.
        trunks: all of them.
        stopped: those whose dials wait for rule packs.
    """

    nodes: Sequence[KnownNode]
    rows: Rows
    overdue: Sequence[Waiting] = ()
    unlimited: Sequence[tuple[str, str]] = ()
    shut: Sequence[tuple[str, str]] = ()
    tables: Sequence[TableState] = ()
    trunks: Sequence[TrunkState] = ()
    stopped: Sequence[RulesState] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was read.

    Attributes:
        now: by the database's clock.
        embedded: the database is the one of the data directory.
        skew: how far this machine's clock is from the database's.
        disk: None where there is no data directory.
        server: the PostgreSQL server, None where looking at it took too long.
        schema_fault: why this release cannot work on the schema, None where it can.
        ours: what is in our own tables, None where the schema is not of this release.
        library: the rule packs as this machine has them.
        slow: the checks of which a look took too long; what it would have found is missing above.
    """

    now: Instant
    embedded: bool
    skew: TimeDelta
    disk: Disk | None
    server: Server | None
    schema_fault: str | None = None
    ours: Ours | None = None
    library: Library = field(default_factory=lambda: Library({}))
    slow: Sequence[str] = ()
