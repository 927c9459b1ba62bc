"""/v1/audit: who changed what."""

from typing import Any

import msgspec

from ringback.api.examples import listed
from ringback.api.examples_audit import CHANGE
from ringback.api.fields import identifier, instant, one_of, text
from ringback.api.operation import KINDS, Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.show import Json, show_id, show_time
from ringback.ids import AUDIT, KEY, show
from ringback.store.audit import Wanted, list_changes
from ringback.store.database import Record
from ringback.store.keys import Scope

OF_ALL = ("contact_rules", "pre_dial_check")
"""What a workspace has one of."""

LIST = list_fields(
    AUDIT,
    operation=text(),
    kind=one_of((*KINDS.values(), *OF_ALL)),
    thing_id=text(),
    key_id=identifier(KEY),
    since=instant(),
    until=instant(),
)


async def get_audit(api: Api, ask: Ask) -> Answer:
    """The changes, newest first."""
    wanted = Wanted(*(ask.query[name] for name in Wanted._fields))
    async with api.database.connection() as db:
        listing = await list_changes(db, ask.workspace_no, wanted, part_of(ask.query))
    return Answer(list_body(listing, ask.query, AUDIT, "entry_id", show_change))


def show_change(row: Record) -> Json:
    """A change, with what differs before and after it."""
    return {
        "id": show(AUDIT, row["entry_id"]),
        "at": show_time(row["at"]),
        "by": {"kind": row["actor"], "key_id": show_id(KEY, row["key_id"]), "last_four": row["last_four"]},
        "operation": row["operation"],
        "kind": row["kind"],
        "thing_id": row["thing_id"],
        "before": _fields(row["before"]),
        "after": _fields(row["after"]),
        "request_id": row["request_id"],
    }


def _fields(stored: str | None) -> Any:
    return None if stored is None else msgspec.Raw(stored.encode())


OPERATIONS = (
    Operation(
        "GET",
        "/v1/audit",
        Scope.ADMIN,
        "Who changed what, newest first.",
        get_audit,
        query=LIST,
        example=listed(CHANGE),
    ),
)
