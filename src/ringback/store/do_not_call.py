"""The do-not-call list: what is put on it ends what waits, and no claim that comes after takes a dial to it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.decision import Withheld, held_by_list
from ringback.domain.do_not_call import Entry, Source, names_of, span
from ringback.ids import DO_NOT_CALL, Ids, show
from ringback.store.database import Connection, Record
from ringback.store.decisions import Decision, withhold
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("do_not_call")

Numbered = tuple[int, str]
"""(workspace_no, number)."""


class Added(NamedTuple):
    """What came of putting numbers on the list.

    Attributes:
        added: new entries.
        present: numbers that were on it already.
        cancelled: calls that waited, and are over.
    """

    added: int
    present: int
    cancelled: int

    def __add__(self, other: tuple[int, ...]) -> "Added":  # type: ignore[override]  # a sum, not a longer tuple
        return Added(*(mine + more for mine, more in zip(self, other, strict=True)))


async def add_entries(
    db: Connection,
    workspace_no: int,
    entries: Iterable[Entry],
    source: Source,
    ids: Ids,
    now: Instant,
    *,
    by: UUID | None = None,
) -> Added:
    """Put numbers on the list and end the calls that wait for them, in a transaction.

    From its commit on no claim takes such a dial. What rings is not hung up.

    Args:
        db: a connection, in a transaction.
        workspace_no: the tenant.
        entries: of a number that is named twice the last one counts.
        source: how they came.
        ids: makes the ids of entries and decisions.
        now: when.
        by: the API key that asked for it.
    """
    wanted = {entry.number: entry for entry in entries}
    if not wanted:
        return Added(0, 0, 0)
    rows = [(ids.new(now), *entry) for entry in wanted.values()]
    await change_lists(db, [workspace_no])
    await db.execute(_SQL["drop_expired"], workspace_no, list(wanted), now)
    told = await db.fetch(_SQL["add_entries"], workspace_no, *columns(rows), source, now, by)
    added = {row["entry_id"] for row in told} & {row[0] for row in rows}
    ended = await db.fetch(_SQL["cancel_listed"], workspace_no, *columns(map(span, wanted)), now)
    await _say_why(db, workspace_no, ended, ids, now)
    return Added(len(added), len(wanted) - len(added), len(ended))


async def change_lists(db: Connection, workspaces: Iterable[int]) -> None:
    """Wait for the claims of these workspaces, and have those that come wait: before other rows that they wait for."""
    for workspace_no in sorted(set(workspaces)):
        await db.execute(_SQL["change_list"], workspace_no)


class Held(NamedTuple):
    """What stands above the campaigns of some workspaces, held until the transaction ends.

    Attributes:
        versions: of the lists that ever had an entry.
        rules: the contact rules of the workspaces that have any, JSON.
        spans: for how many seconds the dials of a workspace are remembered, where they are counted.
        budgeted: the workspaces that have, or had, budgets.
        checks: whom the workspaces have asked before each dial, JSON, where they have anybody asked.
    """

    versions: dict[int, int]
    rules: dict[int, str]
    spans: dict[int, int]
    budgeted: set[int]
    checks: dict[int, str]


async def hold_lists(db: Connection, workspaces: Iterable[int]) -> Held:
    """Hold what stands above the campaigns of these workspaces."""
    rows = await db.fetch(_SQL["hold_lists"], sorted(set(workspaces)))
    return Held(
        {row["workspace_no"]: row["list_version"] for row in rows if row["list_version"]},
        {row["workspace_no"]: row["contact_rules"] for row in rows if row["contact_rules"]},
        {row["workspace_no"]: row["contact_span_sec"] for row in rows if row["contact_span_sec"]},
        {row["workspace_no"] for row in rows if row["budgeted"]},
        {row["workspace_no"]: row["pre_dial_check"] for row in rows if row["pre_dial_check"]},
    )


async def list_versions(db: Connection, workspaces: Iterable[int]) -> dict[int, int]:
    """The versions of lists as they are."""
    rows = await db.fetch(_SQL["list_versions"], sorted(set(workspaces)))
    return {row["workspace_no"]: row["list_version"] for row in rows}


async def listed(db: Connection, numbers: Iterable[Numbered], now: Instant) -> dict[Numbered, Record]:
    """Those of these numbers that are on their workspace's list, each with an entry that forbids it."""
    wanted = sorted(set(numbers))
    workspaces = sorted({workspace_no for workspace_no, _ in wanted})
    rows = await db.fetch(_SQL["listed"], *columns(wanted, width=2), now, workspaces)
    return {(row["workspace_no"], row["number"]): row for row in rows}


async def find_entry(db: Connection, workspace_no: int, entry_id: UUID) -> Record | None:
    """The entry, one that was deleted too; None where the workspace has no such entry."""
    return await db.fetchrow(_SQL["entry"], workspace_no, entry_id)


async def list_entries(db: Connection, workspace_no: int, number: str | None, now: Instant, part: Part) -> Listing:
    """The entries that count, newest first; those that forbid one number where one is given."""
    names = None if number is None else names_of(number) if not number.endswith("*") else [number]
    return await read_part(db, _SQL["entries"], _SQL["count_entries"], (workspace_no, names, now), part)


async def delete_entry(db: Connection, workspace_no: int, entry_id: UUID, by: UUID, now: Instant) -> bool:
    """Take an entry off the list; False where it was not on it. Who did it is kept."""
    return await db.fetchval(_SQL["delete_entry"], workspace_no, entry_id, now, by) is not None


async def _say_why(db: Connection, workspace_no: int, ended: Sequence[Record], ids: Ids, now: Instant) -> None:
    if not ended:
        return
    entries = await listed(db, ((workspace_no, row["to_number"]) for row in ended), now)
    decided = [
        Decision(
            workspace_no, row["call_id"], ids.new(now), row["attempt"], why(entries[workspace_no, row["to_number"]])
        )
        for row in ended
    ]
    await withhold(db, decided, now)


def why(entry: Record) -> Withheld:
    """The decision that an entry comes to."""
    return held_by_list(show(DO_NOT_CALL, entry["entry_id"]), entry["source"], entry["created_at"])
