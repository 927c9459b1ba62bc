"""What tells of a person goes, at once where nothing of it is up, and otherwise when that is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from whenever import Instant

from ringback.domain.do_not_call import Entry, Source
from ringback.ids import Ids
from ringback.store.database import Connection, Record
from ringback.store.do_not_call import add_entries
from ringback.store.queries import load
from ringback.store.retention import drop_told

_SQL = load("erasures")


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased.

    Attributes:
        workspace_no: the tenant.
        erasure_id: its id.
        number: E.164.
        entry_id: an entry of the do-not-call list that goes when all else is gone; None for none.
    """

    workspace_no: int
    erasure_id: UUID
    number: str
    entry_id: UUID | None


async def begin(
    db: Connection, workspace_no: int, number: str, ids: Ids, now: Instant, by: UUID, *, stays_listed: bool
) -> UUID:
    """Erase a number, in a transaction; returns the erasure's id.

    The number is on the do-not-call list from here on, so that what waits is cancelled, what was claimed is not placed,
    and what is up is not redialled.

    Args:
        db: a connection, in a transaction.
        workspace_no: whose.
        number: E.164.
        ids: makes ids.
        now: the time.
        by: the API key that asks for it.
        stays_listed: whether it stays on the list when all else is gone. What was on it before stays in any case.
    """
    before = {row["entry_id"] for row in await _entries(db, workspace_no, number)}
    await add_entries(db, workspace_no, [Entry(number)], Source.API, ids, now, by=by)
    added = {row["entry_id"] for row in await _entries(db, workspace_no, number)} - before
    erasure = Erasure(workspace_no, ids.new(now), number, None if stays_listed else next(iter(added), None))
    told = (workspace_no, erasure.erasure_id, number, erasure.entry_id)
    await db.execute(_SQL["new_erasure"], *told, [], now, by, None)
    await _proceed(db, erasure, now)
    return erasure.erasure_id


async def go_on(db: Connection, ids: Ids, now: Instant) -> int:
    """Go on with those that wait, in a transaction; how many came to their end. Each is held by one node at a time."""
    done = 0
    for row in await db.fetch(_SQL["open_erasures"]):
        erasure = Erasure(*row)
        await add_entries(db, erasure.workspace_no, [Entry(erasure.number)], Source.API, ids, now)  # cancels redials
        done += await _proceed(db, erasure, now)
    return done


async def redact(db: Connection, workspace_no: int, call_id: UUID, ids: Ids, now: Instant, by: UUID) -> bool:
    """Take what tells who it was out of one call, in a transaction; False where it is not over."""
    if not await _erase(db, workspace_no, [call_id], None):
        return False
    await db.execute(_SQL["new_erasure"], workspace_no, ids.new(now), None, None, [call_id], now, by, now)
    return True


async def find_erasure(db: Connection, workspace_no: int, erasure_id: UUID) -> Record | None:
    """How far one has come; None where the workspace has no such erasure."""
    return await db.fetchrow(_SQL["erasure"], workspace_no, erasure_id)


async def calls_of_number(db: Connection, workspace_no: int, number: str) -> list[UUID]:
    """All calls to a number that were not anonymised."""
    return [row["call_id"] for row in await db.fetch(_SQL["calls_of_number"], workspace_no, number)]


async def known_of_number(db: Connection, workspace_no: int, number: str) -> tuple[list[Record], Record | None]:
    """What is known of a number besides its calls: its entries on the do-not-call list, and its dials lately."""
    entries = await _entries(db, workspace_no, number)
    return entries, await db.fetchrow(_SQL["contact_of_number"], workspace_no, number)


async def erased_since(db: Connection, since: Instant) -> list[Record]:
    """The attempts of calls that were erased since then."""
    return list(await db.fetch(_SQL["erased_since"], since))


async def _proceed(db: Connection, erasure: Erasure, now: Instant) -> bool:
    """Erase what is over; whether that was all."""
    workspace_no, number = erasure.workspace_no, erasure.number
    calls = await calls_of_number(db, workspace_no, number)
    erased = await _erase(db, workspace_no, calls, number)
    done = len(erased) == len(calls)
    if done:
        await db.execute(_SQL["forget_contact"], workspace_no, number)
        if erasure.entry_id is not None:
            await db.execute(_SQL["drop_entry"], workspace_no, erasure.entry_id)
    await db.execute(_SQL["note_calls"], workspace_no, erasure.erasure_id, erased, now if done else None)
    return done


async def _erase(db: Connection, workspace_no: int, calls: Sequence[UUID], number: str | None) -> list[UUID]:
    erased = [row["call_id"] for row in await db.fetch(_SQL["anonymise"], workspace_no, calls)]
    if erased:
        await drop_told(db, workspace_no, erased)
        await db.fetch(_SQL["hold_exports"], workspace_no)
        await db.execute(_SQL["forget_exports"], workspace_no, number)
    return erased


async def _entries(db: Connection, workspace_no: int, number: str) -> list[Record]:
    return list(await db.fetch(_SQL["entries_of_number"], workspace_no, number))
