"""What each node may use of the caps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from whenever import Instant

from ringback.domain.limits import LimitKey, LimitKind
from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("grants")


@dataclass(frozen=True, slots=True)
class Cap:
    """What a limit allows all nodes together.

    Attributes:
        max_concurrent_calls: None is no cap.
        dials_per_sec: None is as fast as can be.
        dials_freed_at: when a part of the pace was last given back.
    """

    max_concurrent_calls: int | None
    dials_per_sec: float | None
    dials_freed_at: Instant | None


class Grant(NamedTuple):
    """What one node has of one limit, in the order of the statement."""

    workspace_no: int
    kind: str
    ref_no: int
    calls: int
    dials: int
    wants_calls: bool
    wants_dials: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How some limits stand, under their locks.

    Attributes:
        caps: of the limits that there are.
        grants: by limit, then by node.
        beside_an_old_node: a node lives that knows nothing of grants.
    """

    caps: dict[LimitKey, Cap]
    grants: dict[LimitKey, dict[int, Grant]]
    beside_an_old_node: bool


async def lock(db: Connection, node_no: int, now: Instant, keys: Iterable[LimitKey], *, new: bool) -> Standing | None:
    """Hold these limits until the transaction ends.

    Args:
        db: within a transaction.
        node_no: the asking node.
        now: when it asks.
        keys: of the limits.
        new: the node did not hold all of them before: what others dialled while they had no cap is counted in.

    Returns:
        how they stand; None where the node itself has ended.
    """
    if await db.fetchval(_SQL["hold_node"], node_no, now) is None:
        return None
    wanted = columns(sorted((key.workspace_no, str(key.kind), key.ref_no) for key in keys))
    caps = {_key(row): Cap(*tuple(row)[3:]) for row in await db.fetch(_SQL["lock_limits"], *wanted)}
    if new:
        await db.execute(_SQL["count_in"], *wanted, node_no)
    return await _standing(db, wanted, caps)


async def _standing(db: Connection, wanted: list[list[object]], caps: dict[LimitKey, Cap]) -> Standing:
    grants: dict[LimitKey, dict[int, Grant]] = {}
    rows = await db.fetch(_SQL["grants_of"], *wanted)
    for row in rows:
        if row["node_no"] is not None:
            grant = Grant(*(row[name] for name in Grant._fields))
            grants.setdefault(_key(row), {})[row["node_no"]] = grant
    return Standing(caps, grants, rows[0]["beside_an_old_node"])


async def write(db: Connection, node_no: int, grants: list[Grant]) -> None:
    """Write down what a node holds, under the locks."""
    await db.execute(_SQL["grant"], node_no, *columns(grants))


async def dials_freed(db: Connection, keys: Iterable[LimitKey], now: Instant) -> None:
    """Remember when a part of these paces was given back, under the locks."""
    await db.execute(_SQL["dials_freed"], *columns((k.workspace_no, str(k.kind), k.ref_no) for k in keys), now)


async def to_look_at(db: Connection, node_no: int) -> set[LimitKey]:
    """The limits of which this node has something that another one waits for, or waits for something itself."""
    return {_key(row) for row in await db.fetch(_SQL["to_look_at"], node_no)}


def _key(row: object) -> LimitKey:
    return LimitKey(row["workspace_no"], LimitKind(row["kind"]), row["ref_no"])  # type: ignore[index]
