"""Caller pools: caller numbers that stand in for one another, and what was dialled from each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.callers import CoolDown, Member, Pool, Use
from ringback.domain.limits import LimitKey, LimitKind
from ringback.errors import Conflict
from ringback.ids import POOL, Ids, show
from ringback.store.callers import create_caller
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("caller_pools")

PoolKey = tuple[int, int]
"""(workspace_no, pool_no)."""

Caps = tuple[int | None, float | None]


class PoolPlan(NamedTuple):
    """What the owner of a pool decides, its numbers apart."""

    name: str
    local_presence: bool
    cool_down: CoolDown | None


@dataclass(frozen=True, slots=True)
class PoolNow:
    """A pool with its numbers and their caps.

    Attributes:
        key: which.
        pool: the pool.
        caps: of its numbers; None where one has no limit: then nothing is allowed.
    """

    key: PoolKey
    pool: Pool
    caps: dict[LimitKey, Caps | None]

    @property
    def limit(self) -> LimitKey:
        """The key of what its numbers have left, all together."""
        return LimitKey(self.key[0], LimitKind.POOL, self.key[1])

    def limit_of(self, member: Member) -> LimitKey:
        """The limit of one of its numbers."""
        return LimitKey(self.key[0], LimitKind.CALLER, member.caller_no)


async def create_pool(db: Connection, workspace_no: int, pool_id: UUID, plan: PoolPlan, now: Instant) -> int:
    """Make a pool without numbers; returns its number in the store."""
    pool_no: int = await db.fetchval(_SQL["create_pool"], workspace_no, pool_id, *_columns(plan), now)
    return pool_no


async def change_pool(db: Connection, pool: Record, plan: PoolPlan) -> None:
    """Give a pool another name and other rules."""
    await db.execute(_SQL["change_pool"], pool["workspace_no"], pool["pool_no"], *_columns(plan))


async def set_numbers(db: Connection, key: PoolKey, numbers: Collection[str], ids: Ids, now: Instant) -> None:
    """Put these numbers and no others into a pool, in a transaction. Those that are not registered are, without caps.

    Raises:
        Conflict: `caller_number_in_pool`: some are in another one.
    """
    workspace_no, pool_no = key
    known = {row["number"]: row["caller_no"] for row in await db.fetch(_SQL["known_numbers"], workspace_no, numbers)}
    for number in sorted(set(numbers) - known.keys()):
        known[number] = await create_caller(db, workspace_no, ids.new(now), number, None, None, now)
    wanted = sorted(known.values())
    await db.fetch(_SQL["hold_numbers"], workspace_no, pool_no, wanted)
    await db.execute(_SQL["take_out"], workspace_no, pool_no, wanted)
    put = {row["caller_no"] for row in await db.fetch(_SQL["put_in"], workspace_no, pool_no, wanted)}
    if elsewhere := sorted(number for number, caller_no in known.items() if caller_no not in put):
        shown = ", ".join(elsewhere[:5]) + (", ..." if len(elsewhere) > 5 else "")
        raise Conflict(
            "caller_number_in_pool", f"a number is in one pool at most: take {shown} out of the other one first"
        )


async def find_pool(db: Connection, workspace_no: int, pool_id: UUID) -> Record | None:
    """The pool, None where the workspace has no such pool."""
    return await db.fetchrow(_SQL["pool"], workspace_no, pool_id)


async def hold_pool(db: Connection, workspace_no: int, pool_id: UUID) -> Record | None:
    """Hold a pool until the transaction ends; None where there is none."""
    held = await db.fetchval(_SQL["hold_pool"], workspace_no, pool_id)
    return None if held is None else await find_pool(db, workspace_no, pool_id)


async def take_pool(db: Connection, workspace_no: int, pool_id: UUID) -> int | None:
    """The number of a pool that is not deleted until the transaction ends; None where there is none."""
    pool_no: int | None = await db.fetchval(_SQL["take_pool"], workspace_no, pool_id)
    return pool_no


async def list_pools(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's pools, newest first."""
    return await read_part(db, _SQL["pools"], _SQL["count_pools"], (workspace_no,), part)


async def delete_pool(db: Connection, pool: Record, now: Instant) -> None:
    """Delete a pool that is held; its numbers stay registered.

    Raises:
        Conflict: `caller_pool_in_use`.
    """
    key = (pool["workspace_no"], pool["pool_no"])
    users = await db.fetchrow(_SQL["pool_users"], *key)
    if users["campaigns"] or users["calls"]:
        raise Conflict(
            "caller_pool_in_use",
            f"{users['campaigns']} campaigns and {users['calls']} single calls go by this pool: give the campaigns "
            "another one or a from_number, or cancel them, and wait for the calls",
        )
    await db.fetch(_SQL["hold_numbers"], *key, [])
    await db.execute(_SQL["delete_pool"], *key, now)


async def pool_campaign(db: Connection, workspace_no: int, campaign_id: UUID, pool_no: int | None) -> None:
    """Say from which pool a campaign is dialled."""
    await db.execute(_SQL["pool_campaign"], workspace_no, campaign_id, pool_no)


async def read_members(db: Connection, keys: Iterable[PoolKey]) -> list[Record]:
    """The numbers of pools with their caps and what was dialled from them; nothing is held."""
    return list(await db.fetch(_SQL["members"], *columns(keys, width=2)))


async def hold_members(db: Connection, keys: Iterable[PoolKey]) -> dict[PoolKey, PoolNow]:
    """The pools as a claim has them: where numbers rest, nobody else counts their dials until the transaction ends."""
    return pools_now(await db.fetch(_SQL["hold_members"], *columns(sorted(keys), width=2)))


async def uncount(db: Connection, dials: Iterable[tuple[int, int, Instant]]) -> None:
    """Take back the dials whose intents were withdrawn: (workspace_no, caller_no, the time of the intent)."""
    await db.execute(_SQL["uncount"], *columns(dials, width=3))


def pools_now(rows: Iterable[Record]) -> dict[PoolKey, PoolNow]:
    """The pools of rows of their members."""
    by_pool: dict[PoolKey, list[Record]] = {}
    for row in rows:
        by_pool.setdefault((row["workspace_no"], row["pool_no"]), []).append(row)
    return {key: _pool_now(key, members) for key, members in by_pool.items()}


def cool_down_of(row: Record) -> CoolDown | None:
    """When the numbers of a pool rest, by its columns."""
    return None if row["max_dials"] is None else CoolDown(row["max_dials"], row["span_sec"], row["rest_sec"])


def _pool_now(key: PoolKey, rows: Sequence[Record]) -> PoolNow:
    first, those = rows[0], [row for row in rows if row["number"] is not None]
    members = tuple(Member(row["caller_no"], row["number"], use_of(row)) for row in those)
    pool = Pool(show(POOL, first["pool_id"]), members, first["local_presence"], cool_down_of(first))
    caps = {
        LimitKey(key[0], LimitKind.CALLER, row["caller_no"]): (row["caller_calls"], row["caller_dials"])
        if row["caller_known"]
        else None
        for row in those
    }
    return PoolNow(key, pool, caps)


def use_of(row: Record) -> Use | None:
    """What was dialled from a number of a pool, by its columns."""
    return None if row["began_at"] is None else Use(row["began_at"], row["dials"], row["last_at"])


def _columns(plan: PoolPlan) -> tuple[object, ...]:
    rule = plan.cool_down or (None, None, None)
    return (plan.name, plan.local_presence, *rule)
