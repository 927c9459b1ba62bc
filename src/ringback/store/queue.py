"""What waits for a dial, and how it is taken: lock the limits, count what is up, then take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.limits import Lane, LimitKey, LimitKind, Room
from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("queue")


@dataclass(frozen=True, slots=True)
class DueLane:
    """A lane and the time of its first waiting dial."""

    lane: Lane
    via_trunk_no: int
    due_at: Instant


class Intent(NamedTuple):
    """The columns of an attempt row as it begins, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    campaign_no: int
    trunk_no: int
    policy_version: int
    from_number: str | None


class Waiting(NamedTuple):
    """The columns of a queue row, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    campaign_no: int
    trunk_no: int
    attempt: int
    due_at: Instant


async def due_lanes(db: Connection) -> list[DueLane]:
    """The lanes of the campaigns that run and of the trunks, the longest waiting first, those of the future last."""
    return [
        DueLane(
            _lane(row["workspace_no"], row["campaign_no"], row["trunk_no"], row["via_trunk_no"]),
            row["via_trunk_no"],
            row["due_at"],
        )
        for row in await db.fetch(_SQL["due_lanes"])
    ]


async def lock_limits(db: Connection, lanes: Sequence[Lane]) -> dict[LimitKey, Record]:
    """Lock the limits of these lanes until the transaction ends; a limit that is not there is not in the answer."""
    keys = sorted({(key.workspace_no, str(key.kind), key.ref_no) for lane in lanes for key in lane.limits})
    rows = await db.fetch(_SQL["lock_limits"], *columns(keys))
    return {LimitKey(row["workspace_no"], LimitKind(row["kind"]), row["ref_no"]): row for row in rows}


async def lanes_now(db: Connection, due: Sequence[DueLane]) -> dict[Lane, Record]:
    """Each lane with its campaign, its trunk and what is in flight, as they are under the lock."""
    keys = [(lane.lane.key[0], lane.lane.key[1], lane.via_trunk_no) for lane in due]
    rows = await db.fetch(_SQL["lanes_now"], *columns(keys))
    by_key = {(row["workspace_no"], row["campaign_no"], row["via_trunk_no"]): row for row in rows}
    return {lane.lane: by_key[key] for lane, key in zip(due, keys, strict=True)}


def rooms(limits: dict[LimitKey, Record], lanes: dict[Lane, Record]) -> dict[LimitKey, Room]:
    """What each limit has left, by its cap and what is in flight."""
    live = {key: row[f"{key.kind}_live"] for lane, row in lanes.items() for key in lane.limits}
    return {key: _room(row, live[key]) for key, row in limits.items()}


async def take_due(db: Connection, shares: dict[Lane, int], now: Instant) -> list[Record]:
    """Take what is due out of the queue, at most so many from each lane."""
    return list(await db.fetch(_SQL["take_due"], *columns((*lane.key, n) for lane, n in shares.items()), now))


async def intend(db: Connection, intents: Sequence[Intent], node_no: int, now: Instant) -> None:
    """Record the intents to dial."""
    await db.execute(_SQL["intend"], *columns(intents), node_no, now)


async def postpone(db: Connection, rows: Sequence[Waiting]) -> None:
    """Put dials back to a later time."""
    await db.execute(_SQL["postpone"], *columns(rows))


async def expire(db: Connection, calls: Sequence[tuple[int, UUID]], now: Instant) -> None:
    """End calls whose time is over."""
    await db.execute(_SQL["expire"], *columns(calls), now)


async def set_pace(db: Connection, rooms: dict[LimitKey, Room]) -> None:
    """Store when each paced limit lets its next dial go."""
    rows = [(key.workspace_no, key.kind, key.ref_no, room.next_dial_at) for key, room in rooms.items()]
    await db.execute(_SQL["set_pace"], *columns(rows))


async def zone_sets(db: Connection, numbers: Sequence[int]) -> list[tuple[int, tuple[str, ...]]]:
    """The sets of time zones with these numbers."""
    return [(row["zone_set_no"], tuple(row["zones"])) for row in await db.fetch(_SQL["zone_sets"], numbers)]


def columns(rows: Iterable[Sequence[object]], width: int = 0) -> list[list[object]]:
    """Rows as the arrays that `unnest` takes; `width` names the columns of an empty set."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def _lane(workspace_no: int, campaign_no: int, trunk_no: int, via_trunk_no: int) -> Lane:
    limits = [LimitKey(workspace_no, LimitKind.WORKSPACE, 0), LimitKey(workspace_no, LimitKind.TRUNK, via_trunk_no)]
    if campaign_no:
        limits.append(LimitKey(workspace_no, LimitKind.CAMPAIGN, campaign_no))
    return Lane((workspace_no, campaign_no, trunk_no), tuple(limits))


def _room(row: Record, flying: int) -> Room:
    cap = row["max_concurrent_calls"]
    return Room(None if cap is None else cap - flying, row["dials_per_sec"], row["next_dial_at"])
