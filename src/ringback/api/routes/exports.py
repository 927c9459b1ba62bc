"""/v1/exports: calls, attempts and decisions as files of any size."""

import asyncio
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from whenever import TimeDelta

from ringback.api import examples_exports
from ringback.api.fields import Field, Fields, identifier, instant, one_of, phone, text, whole
from ringback.api.files import SentFile
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_id, show_time
from ringback.config import EXPORTS
from ringback.domain.attempt import AttemptState
from ringback.domain.call import CallState, FinalReason
from ringback.domain.export import (
    ExportState,
    Format,
    Kind,
    check_filters,
    chosen_columns,
    file_name,
)
from ringback.domain.outcome import EndReason
from ringback.errors import Conflict, Impossible, Invalid, NotFound
from ringback.ids import CAMPAIGN, EXPORT, KEY, show
from ringback.store.campaigns import find_campaign
from ringback.store.database import Record
from ringback.store.exports import Wanted, create_export, delete_export, find_export, list_exports
from ringback.store.keys import Scope

MOST_COLUMNS = 50
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def _columns() -> Field:
    def read(raw: Any, name: str) -> list[str]:
        if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_COLUMNS or not all(isinstance(n, str) for n in raw):
            raise Invalid([f"{name} must be a list of column names, such as ['id', 'status'], or null for all"])
        return list(raw)

    schema = {"type": "array", "minItems": 1, "maxItems": MOST_COLUMNS, "items": {"type": "string"}}
    return Field(read, schema, null=None)


_STATES = tuple(dict.fromkeys([*CallState, *AttemptState]))
NEW = Fields(
    kind=one_of(Kind, required=True),
    format=one_of(Format, required=True),
    columns=_columns(),
    campaign_id=identifier(CAMPAIGN, optional=True),
    **{"from": instant(), "to": instant()},
    to_number=phone(),
    status=one_of(tuple(map(str, _STATES)), optional=True),
    final_reason=one_of(FinalReason, optional=True),
    end_reason=one_of(EndReason, optional=True),
    rule=text(100, optional=True),
    keep_days=whole(1, 30, default=7),
)
LIST = list_fields(EXPORT)
_KEPT = ("to_number", "status", "final_reason", "end_reason", "rule")


async def post_export(api: Api, ask: Ask) -> Answer:
    """Ask for a file; it is made as soon as a server is free."""
    body = ask.body
    columns = chosen_columns(body["kind"], body["columns"])
    given = [name for name in ("campaign_id", "from", "to", *_KEPT) if body[name] is not None]
    check_filters(body["kind"], given)
    wanted = Wanted(
        body["kind"],
        body["format"],
        await _filters(api, ask),
        [column.name for column in columns],
        ask.now + TimeDelta(hours=24 * body["keep_days"]),
    )
    export_id = api.ids.new(ask.now)
    async with api.database.transaction() as db:
        row = await create_export(db, ask.workspace_no, export_id, wanted, ask.now, ask.key.key_id)
        await ask.changing(EXPORT, export_id).note(db, None, show_export(row))
    api.settings.exports_asked.set()
    return Answer(show_export(row), 201)


async def get_exports(api: Api, ask: Ask) -> Answer:
    """The exports that are kept."""
    async with api.database.connection() as db:
        listing = await list_exports(db, ask.workspace_no, ask.now, part_of(ask.query))
    return Answer(list_body(listing, ask.query, EXPORT, "export_id", show_export))


async def get_export(api: Api, ask: Ask) -> Answer:
    """One export, and how far it has come."""
    return Answer(show_export(await _find(api, ask)))


async def delete_one_export(api: Api, ask: Ask) -> Answer:
    """Forget an export and delete its file; one that is being made ends."""
    export_id = path_id(ask, EXPORT)
    async with api.database.transaction() as db:
        found(await delete_export(db, ask.workspace_no, export_id) or None, "export")
        await ask.changing(EXPORT, export_id).note(db)
    api.settings.exports_asked.set()
    return Answer(None, 204)


async def get_export_file(api: Api, ask: Ask) -> Answer:
    """The file, or the part of it that Range asks for."""
    row = await _find(api, ask)
    if row["status"] != ExportState.DONE:
        raise Conflict("export_not_ready", f"this export is {row['status']}; its file is there once it is done")
    kind, name = Format(row["format"]), file_name(show(EXPORT, row["export_id"]), row["format"])
    path = api.settings.folder / EXPORTS / str(ask.workspace_no) / f"{row['export_id'].hex}.{kind}"
    file = await asyncio.to_thread(_open, path)
    if file is None and row["server"] != api.settings.node:
        where = f"this file is on the server {row['server']}: ask that one, at the same path"
        raise NotFound("export_elsewhere", where)
    return Answer(None, file=SentFile(found(file, "export"), CONTENT_TYPES[kind], name))


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


async def _find(api: Api, ask: Ask) -> Record:
    async with api.database.connection() as db:
        row: Record = found(await find_export(db, ask.workspace_no, path_id(ask, EXPORT), ask.now), "export")
    return row


async def _filters(api: Api, ask: Ask) -> dict[str, Any]:
    """What narrows it, as it is kept."""
    body = ask.body
    filters = {name: body[name] for name in _KEPT if body[name] is not None}
    filters |= {name: body[name].format_iso() for name in ("from", "to") if body[name] is not None}
    if body["to_number"] is not None:
        filters["to_number"] = body["to_number"].e164
    if body["campaign_id"] is not None:
        async with api.database.connection() as db:
            campaign = await find_campaign(db, ask.workspace_no, body["campaign_id"])
        if campaign is None:
            raise Impossible("unknown_campaign", "campaign_id names no campaign of this workspace")
        filters["campaign_no"] = campaign.campaign_no
        filters["campaign_id"] = show(CAMPAIGN, body["campaign_id"])
    return filters


def show_export(row: Record) -> dict[str, Any]:
    """An export, and how far it has come."""
    filters = msgspec.json.decode(row["filters"])
    filters.pop("campaign_no", None)
    is_done = row["status"] == ExportState.DONE
    return {
        "id": show(EXPORT, row["export_id"]),
        "kind": row["kind"],
        "format": row["format"],
        "filters": filters,
        "columns": row["columns"],
        "status": row["status"],
        "rows": row["rows"],
        "rows_expected": row["rows"] if is_done else row["rows_expected"],
        "bytes": row["bytes"],
        "error": row["error"],
        "server": row["server"],
        "file_url": f"{_PATH}/{show(EXPORT, row['export_id'])}/file" if is_done else None,
        "created_at": show_time(row["created_at"]),
        "created_by": show_id(KEY, row["created_by"]),
        "finished_at": show_time(row["finished_at"]),
        "expires_at": show_time(row["expires_at"]),
    }


_PATH = "/v1/exports"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("export_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_READ,
        "Have calls, attempts or decisions written to a file, as CSV, JSON lines or Parquet.",
        post_export,
        body=NEW,
        status=201,
        example=examples_exports.NEW_EXPORT,
        codes=("unknown_campaign",),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "The exports that are kept, newest first.",
        get_exports,
        query=LIST,
        example=examples_exports.EXPORTS,
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CALLS_READ,
        "One export, and how far it has come.",
        get_export,
        example=examples_exports.EXPORT,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CALLS_READ,
        "Delete an export and its file; one that is being made ends.",
        delete_one_export,
        status=204,
        codes=_NOT_FOUND,
    ),
    Operation(
        "GET",
        f"{_ONE}/file",
        Scope.CALLS_READ,
        "The file of an export. A download that broke off goes on by Range and If-Range.",
        get_export_file,
        codes=("export_elsewhere", "export_not_ready", "range_not_satisfiable", *_NOT_FOUND),
        sends=tuple(CONTENT_TYPES.values()),
    ),
)
