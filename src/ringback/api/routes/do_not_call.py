"""/v1/do-not-call: the numbers that nobody in this workspace dials."""

import asyncio
from typing import Any

from ringback.api import examples
from ringback.api.fields import Field
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_entry
from ringback.api.upload import entries_in
from ringback.domain.do_not_call import parse_listed
from ringback.domain.phone import NumberFault
from ringback.errors import Invalid
from ringback.ids import DO_NOT_CALL
from ringback.intake.report import Report
from ringback.store.do_not_call import Added, add_entries, delete_entry, find_entry, list_entries
from ringback.store.keys import Scope

_WORD = "entry"


def _number(raw: Any, name: str) -> str:
    number = parse_listed(raw)
    if isinstance(number, NumberFault):
        raise Invalid([f"{name} must be a number or the beginning of one, such as '+14155552671' or '+1900*'"])
    return number


LIST = list_fields(DO_NOT_CALL, number=Field(_number, {"type": "string", "examples": ["+14155552671"]}))


async def post_do_not_call(api: Api, ask: Ask) -> Answer:
    """Put numbers on the list: good rows are on it, the others come back with their reasons."""
    report, added = Report(), Added(0, 0, 0)
    async with entries_in(ask.request) as (chunks, source), api.imports:
        # a chunk a transaction: claims wait for one, and a file that breaks off protects whom it could
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            report.reject_all(chunk.rejects)
            async with api.database.transaction() as db:
                key = ask.key.key_id
                added += await add_entries(db, ask.workspace_no, chunk.entries, source, api.ids, ask.now, by=key)
                await ask.changing("do_not_call").note(db, None, added._asdict())
    told = report.to_dict()
    return Answer({**added._asdict(), "rejected": told["rejected"], "reasons": told["reasons"]}, 201)


async def get_do_not_call(api: Api, ask: Ask) -> Answer:
    """The entries that count."""
    async with api.database.connection() as db:
        listing = await list_entries(db, ask.workspace_no, ask.query["number"], ask.now, part_of(ask.query))
    return Answer(list_body(listing, ask.query, DO_NOT_CALL, "entry_id", show_entry))


async def get_entry(api: Api, ask: Ask) -> Answer:
    """One entry, also one that was deleted."""
    async with api.database.connection() as db:
        return Answer(show_entry(found(await find_entry(db, ask.workspace_no, path_id(ask, DO_NOT_CALL)), _WORD)))


async def delete_do_not_call(api: Api, ask: Ask) -> Answer:
    """Take an entry off the list; who did that and when is kept."""
    entry_id = path_id(ask, DO_NOT_CALL)
    async with api.database.transaction() as db:
        found(await delete_entry(db, ask.workspace_no, entry_id, ask.key.key_id, ask.now) or None, _WORD)
        await ask.changing(DO_NOT_CALL, entry_id).note(db)
    return Answer(None, 204)


_PATH = "/v1/do-not-call"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("entry_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Put numbers, or beginnings of numbers, on the do-not-call list, as JSON or as a CSV, XLSX or XLS file. Calls "
        "that wait for them are cancelled.",
        post_do_not_call,
        reads_body=True,
        status=201,
        repeatable=True,
        example=examples.LISTED,
        codes=(
            "empty_file",
            "file_too_large",
            "malformed_json",
            "password_protected",
            "unknown_file_type",
            "unreadable_file",
        ),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "The do-not-call list, newest first; with `number`, the entries that forbid that one.",
        get_do_not_call,
        query=LIST,
        example=examples.listed(examples.ENTRY),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CALLS_READ,
        "One entry of the do-not-call list, also one that was deleted.",
        get_entry,
        example=examples.ENTRY,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CALLS_WRITE,
        "Take an entry off the do-not-call list. Who did that, and when, is kept.",
        delete_do_not_call,
        status=204,
        codes=_NOT_FOUND,
    ),
)
