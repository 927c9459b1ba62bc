"""Exports: asked for by anybody, made by whichever server is free, and begun anew where that one is gone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.export import Format, Kind
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("exports")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is to have.

    Attributes:
        kind: what a row is.
        format: of the file.
        filters: what narrows it, fit for JSON; see export_rows.py.
        columns: names, in their order.
        expires_at: when it is forgotten.
    """

    kind: Kind
    format: Format
    filters: dict[str, str | int]
    columns: list[str]
    expires_at: Instant


class Beginning(NamedTuple):
    """An export that somebody makes.

    Attributes:
        workspace_no: whose.
        export_id: which.
        begun: the how manieth time that it is begun: who began it before may not write any more.
    """

    workspace_no: int
    export_id: UUID
    begun: int


async def create_export(
    db: Connection, workspace_no: int, export_id: UUID, wanted: Wanted, now: Instant, by: UUID
) -> Record:
    """Ask for one."""
    filters = msgspec.json.encode(wanted.filters).decode()
    told = (wanted.kind, wanted.format, filters, wanted.columns)
    return await db.fetchrow(_SQL["create_export"], workspace_no, export_id, *told, now, by, wanted.expires_at)


async def find_export(db: Connection, workspace_no: int, export_id: UUID, now: Instant) -> Record | None:
    """One of a workspace, None where it has no such export any more."""
    return await db.fetchrow(_SQL["export"], workspace_no, export_id, now)


async def list_exports(db: Connection, workspace_no: int, now: Instant, part: Part) -> Listing:
    """Those of a workspace, newest first."""
    return await read_part(db, _SQL["exports"], _SQL["count_exports"], (workspace_no, now), part)


async def delete_export(db: Connection, workspace_no: int, export_id: UUID) -> bool:
    """Forget one; False where there is none."""
    return await db.fetchval(_SQL["delete_export"], workspace_no, export_id) is not None


async def claim(db: Connection, server: str, now: Instant, lease_until: Instant, most: int) -> Beginning | None:
    """Take the next one to make; None where nothing waits.

    Args:
        db: a connection.
        server: the name of who makes it.
        now: the time.
        lease_until: by when its maker must have been heard of.
        most: one that was begun so often, and never came to an end, has failed.
    """
    await db.execute(_SQL["drop_expired"], now)
    await db.execute(_SQL["give_up"], now, most)
    row = await db.fetchrow(_SQL["claim"], server, now, lease_until)
    return None if row is None else Beginning(*row)


async def find_order(db: Connection, beginning: Beginning) -> Record | None:
    """What is to be made; None where it was deleted, or another server makes it."""
    return await db.fetchrow(_SQL["order"], *beginning)


async def note_progress(
    db: Connection, beginning: Beginning, rows: int, size: int, expected: int | None, lease_until: Instant
) -> bool:
    """Say how far it has come and that it goes on; False where nobody wants it from here any more."""
    told = (rows, size, expected, lease_until)
    return await db.fetchval(_SQL["progress"], *beginning, *told) is not None


async def finish(db: Connection, beginning: Beginning, rows: int, size: int, now: Instant) -> bool:
    """The file is there; False where nobody wants it from here any more."""
    return await db.fetchval(_SQL["finish"], *beginning, rows, size, now) is not None


async def fail(db: Connection, beginning: Beginning, why: str, now: Instant) -> None:
    """It cannot be made."""
    await db.execute(_SQL["fail"], *beginning, why, now)


async def let_go(db: Connection, beginning: Beginning, now: Instant) -> None:
    """Its process ended: another one may begin."""
    await db.execute(_SQL["let_go"], *beginning, now)


async def known_files(db: Connection, export_ids: Iterable[UUID]) -> dict[UUID, int | None]:
    """Those of these exports that may have files: None where it is whole, else by which beginning it is written."""
    rows = await db.fetch(_SQL["known"], list(export_ids))
    return {row["export_id"]: None if row["status"] == "done" else row["begun"] for row in rows}
