"""What waits for a dial, and how it is taken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.limits import LaneKey, LimitKey, LimitKind
from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("queue")


@dataclass(frozen=True, slots=True)
class DueLane:
    """A lane's first dials, or its redials, the trunks they may go over, and the time of the first that waits."""

    key: LaneKey
    redial: bool
    via_trunk_nos: tuple[int, ...]
    due_at: Instant


class Take(NamedTuple):
    """How much is taken from a lane, in the order of the statement.

    Attributes:
        share: dials at most.
        redials: of them at most so many redials.
        first_from: first dials that were due before were taken before.
        redial_from: the same for redials.
    """

    workspace_no: int
    campaign_no: int
    trunk_no: int
    caller_no: int
    share: int
    redials: int
    first_from: Instant
    redial_from: Instant


class Intent(NamedTuple):
    """The columns of an attempt row as it begins; `unchecked` until whom its workspace has asked allows the dial."""

    workspace_no: int
    call_id: UUID
    attempt: int
    attempt_id: UUID
    campaign_no: int
    trunk_no: int
    caller_no: int
    policy_version: int
    from_number: str | None
    unchecked: bool = False


class Counted(NamedTuple):
    """What was dialled from a number of a caller pool, in the order of the statement."""

    workspace_no: int
    caller_no: int
    began_at: Instant
    dials: int
    last_at: Instant


class Waiting(NamedTuple):
    """The columns of a queue row, in the order of the statement."""

    workspace_no: int
    call_id: UUID
    campaign_no: int
    trunk_no: int
    caller_no: int
    attempt: int
    due_at: Instant


class Over(NamedTuple):
    """A call that is due and is never dialled, in the order of the statement; None is its last attempt's status."""

    workspace_no: int
    call_id: UUID
    final_status: str | None
    final_reason: str


async def due_lanes(db: Connection, taken_up_to: str = "{}") -> list[DueLane]:
    """The lanes of the campaigns that run and of the trunks, the longest waiting first, those of the future last.

    Args:
        db: a connection.
        taken_up_to: JSON: by a lane's key, written as by `stream_name`, up to when all was taken.
    """
    return [
        DueLane(lane_key(row), row["redial"], tuple(dict.fromkeys(row["via_trunk_nos"])), row["due_at"])
        for row in await db.fetch(_SQL["due_lanes"], taken_up_to)
    ]


def stream_name(key: LaneKey, redial: bool) -> str:
    """How `due_lanes` names a lane's first dials or its redials."""
    return "/".join(map(str, key)) + ("/t" if redial else "/f")


async def lanes_now(db: Connection, due: Iterable[tuple[LaneKey, int]], node_no: int, now: Instant) -> list[Record]:
    """The lanes, each named with a trunk, with campaign, trunk and caps as they are; none for a node that has ended.

    The campaigns and the node are held until the transaction ends.
    """
    return list(await db.fetch(_SQL["lanes_now"], *columns((*key, via) for key, via in due), node_no, now))


def limits_of(row: Record) -> dict[LimitKey, tuple[int | None, float | None] | None]:
    """The limits that bind a lane, each with its caps; None where there is no such limit: then nothing is allowed."""
    refs = {
        LimitKind.WORKSPACE: 0,
        LimitKind.TRUNK: row["via_trunk_no"],
        LimitKind.CAMPAIGN: row["campaign_no"],
        LimitKind.CALLER: row["bound_caller_no"],
    }
    return {
        LimitKey(row["workspace_no"], kind, ref_no): (row[f"{kind}_calls"], row[f"{kind}_dials"])
        if row[f"{kind}_known"]
        else None
        for kind, ref_no in refs.items()
        if ref_no or kind is LimitKind.WORKSPACE
    }


async def take_due(db: Connection, lanes: Sequence[Take], now: Instant, pooled: Iterable[int] = ()) -> list[Record]:
    """Take what is due out of the queue, at most so many from each lane.

    Args:
        db: a connection, in the claim's transaction.
        lanes: what to take.
        now: the instant of the claim.
        pooled: the numbers of campaigns of whose redials it is wanted from which number they went before.
    """
    return list(await db.fetch(_SQL["take_due"], *columns(lanes), now, list(pooled)))


async def transaction_state(db: Connection, transaction_id: str) -> str | None:
    """What became of a transaction: in progress, committed or aborted; None for one of long ago."""
    state: str | None = await db.fetchval(_SQL["transaction_state"], transaction_id)
    return state


async def intend(
    db: Connection, intents: Sequence[Intent], node_no: int, now: Instant, counts: Sequence[Counted] = ()
) -> None:
    """Record the intents to dial, and what was dialled from numbers that rest after so many."""
    routes: dict[tuple[object, ...], int] = {}
    own = [(*intent[1:4], routes.setdefault((intent[0], *intent[4:]), len(routes) + 1)) for intent in intents]
    dialled = columns(counts, width=len(Counted._fields))
    await db.execute(_SQL["intend"], *columns(own), *columns(routes), node_no, now, *dialled)


async def postpone(db: Connection, rows: Sequence[Waiting]) -> None:
    """Put dials back to a later time."""
    await db.execute(_SQL["postpone"], *columns(rows))


async def loosen(db: Connection, lanes: Iterable[LaneKey], now: Instant) -> int:
    """Let dials that must go over one trunk go over any of their campaign's; returns how many."""
    done: str = await db.execute(_SQL["loosen"], *columns(lane[:3] for lane in lanes), now)
    return int(done.rpartition(" ")[2])


async def end(db: Connection, calls: Sequence[Over], now: Instant) -> None:
    """End calls that are never dialled again."""
    await db.execute(_SQL["end"], *columns(calls), now)


async def zone_sets(db: Connection, numbers: Sequence[int]) -> list[tuple[int, tuple[str, ...]]]:
    """The sets of time zones with these numbers."""
    return [(row["zone_set_no"], tuple(row["zones"])) for row in await db.fetch(_SQL["zone_sets"], numbers)]


def columns(rows: Iterable[Sequence[object]], width: int = 0) -> list[list[object]]:
    """Rows as the arrays that `unnest` takes; `width` names the columns of an empty set."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def lane_key(row: Record) -> LaneKey:
    """The lane of a row that has its four columns."""
    return LaneKey(row["workspace_no"], row["campaign_no"], row["trunk_no"], row["caller_no"])
