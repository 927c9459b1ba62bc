"""/v1/personal-data: everything that a workspace has of a number, told or erased; and one call without its person."""

from typing import Any
from uuid import UUID

from ringback.api import examples_personal
from ringback.api.fields import Fields, phone, truth
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_call, show_entry, show_id, show_time
from ringback.api.show_details import show_details
from ringback.errors import Conflict
from ringback.ids import CALL, ERASURE, KEY, show
from ringback.store import erasures
from ringback.store.agent_reports import read_reports
from ringback.store.calls import find_call
from ringback.store.database import Connection, Record
from ringback.store.decisions import read_decisions
from ringback.store.history import read_history
from ringback.store.keys import Scope
from ringback.store.retention import is_redacted
from ringback.store.retry_policies import policies_of_call

_NUMBER = Fields(number=phone(required=True))
_ERASE = Fields(number=phone(required=True), do_not_call=truth(True))


async def post_personal_data_export(api: Api, ask: Ask) -> Answer:
    """Everything that there is of a number, of one instant."""
    number = ask.body["number"].e164
    async with api.database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
        calls = await erasures.calls_of_number(db, ask.workspace_no, number)
        told = [await _details(db, ask.workspace_no, call_id) for call_id in calls]
        entries, contact = await erasures.known_of_number(db, ask.workspace_no, number)
    dials = (
        None
        if contact is None
        else {
            "dials": [show_time(at) for at in contact["dials"]],
            "talked_at": show_time(contact["talked_at"]),
        }
    )
    known = {"calls": told, "do_not_call": [show_entry(row) for row in entries], "contact": dials}
    return Answer({"number": number, "made_at": show_time(ask.now), "found": known})


async def post_erasure(api: Api, ask: Ask) -> Answer:
    """Erase a number. What is up is erased when it is over, and not redialled."""
    async with api.database.transaction() as db:
        erasure_id = await erasures.begin(
            db,
            ask.workspace_no,
            ask.body["number"].e164,
            api.ids,
            ask.now,
            ask.key.key_id,
            stays_listed=ask.body["do_not_call"],
        )
        row = found(await erasures.find_erasure(db, ask.workspace_no, erasure_id), "erasure")
        await ask.changing(ERASURE, erasure_id).note(db, None, _show(row))
    api.settings.exports_asked.set()
    return Answer(_show(row), 202)


async def get_erasure(api: Api, ask: Ask) -> Answer:
    """How far an erasure has come."""
    async with api.database.connection() as db:
        row = await erasures.find_erasure(db, ask.workspace_no, path_id(ask, ERASURE))
    return Answer(_show(found(row, "erasure")))


async def redact_call(api: Api, ask: Ask) -> Answer:
    """Take what tells who it was out of one call that is over; doing so again changes nothing."""
    call_id = path_id(ask, CALL)
    async with api.database.transaction() as db:
        call = found(await find_call(db, ask.workspace_no, call_id), "call")
        if not is_redacted(call["to_number"]):
            if not await erasures.redact(db, ask.workspace_no, call_id, api.ids, ask.now, ask.key.key_id):
                raise Conflict("call_not_over", "this call is not over: cancel it, or redact it when it is")
            call = await find_call(db, ask.workspace_no, call_id)
            await ask.changing(CALL, call_id).note(db)
    api.settings.exports_asked.set()
    return Answer(show_call(call))


async def _details(db: Connection, workspace_no: int, call_id: UUID) -> dict[str, Any]:
    call = found(await find_call(db, workspace_no, call_id), "call")
    return show_details(
        call,
        await read_history(db, workspace_no, call_id),
        await read_reports(db, workspace_no, call_id),
        await read_decisions(db, workspace_no, call_id),
        await policies_of_call(db, workspace_no, call_id),
    )


def _show(row: Record) -> dict[str, Any]:
    """An erasure, without the number."""
    return {
        "id": show(ERASURE, row["erasure_id"]),
        "status": "waiting" if row["done_at"] is None else "done",
        "calls": len(row["calls"]),
        "asked_at": show_time(row["asked_at"]),
        "asked_by": show_id(KEY, row["asked_by"]),
        "done_at": show_time(row["done_at"]),
    }


_PATH = "/v1/personal-data"
OPERATIONS = (
    Operation(
        "POST",
        f"{_PATH}/export",
        Scope.ADMIN,
        "Everything that the workspace has of a number, as one document.",
        post_personal_data_export,
        body=_NUMBER,
        example=examples_personal.FOUND,
    ),
    Operation(
        "POST",
        f"{_PATH}/erasures",
        Scope.ADMIN,
        "Erase a number from everything that the workspace has: at once, or when a call that is up has ended.",
        post_erasure,
        body=_ERASE,
        status=202,
        example=examples_personal.ERASURE,
    ),
    Operation(
        "GET",
        f"{_PATH}/erasures/{{id}}",
        Scope.ADMIN,
        "How far an erasure has come.",
        get_erasure,
        example=examples_personal.ERASURE,
        codes=("erasure_not_found",),
    ),
    Operation(
        "POST",
        "/v1/call-logs/{id}/redact",
        Scope.ADMIN,
        "Take what tells who was called out of a call that is over: number, name, variables, transcript, recording.",
        redact_call,
        example=examples_personal.REDACTED,
        codes=("call_not_found", "call_not_over"),
    ),
)
