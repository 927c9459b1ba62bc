"""Finds the trunk that is to be tested."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringback.domain.phone import NumberFault, parse_number
from ringback.errors import Invalid, OurError
from ringback.ids import TRUNK, read, show
from ringback.store.database import API_SETTINGS, Record, connect
from ringback.store.migrate import check_schema
from ringback.store.trunks import trunks_called

_EXTENSION = re.compile(r"[0-9]{2,15}")


@dataclass(frozen=True, slots=True)
class Found:
    """A trunk.

    Attributes:
        shown: its public id.
        name: its own.
        kind: `sip` or `simulator`.
        settings: as they are stored, secrets sealed.
    """

    shown: str
    name: str
    kind: str
    settings: dict[str, Any]


async def find_trunk(dsn: str, wanted: str) -> Found:
    """The trunk of this id or name, whichever workspace has it.

    Raises:
        Invalid: there is none, or several have the name.
        DatabaseUnavailable: the database does not answer.
        SchemaError: it is not of a schema that this release works on.
    """
    database = await connect(dsn, size=1, settings=API_SETTINGS)
    try:
        await check_schema(database)
        async with database.connection() as db:
            return only(await trunks_called(db, read(TRUNK, wanted), wanted), wanted)
    finally:
        await database.close()


def only(rows: Sequence[Record], wanted: str) -> Found:
    """The one trunk that was found.

    Raises:
        Invalid: there is none, or there are several.
    """
    if not rows:
        raise Invalid([f"TRUNK {wanted} is not known: give a trunk's id, or its name as it was made"])
    if len(rows) > 1:
        which = ", ".join(f"{show(TRUNK, row['trunk_id'])} of workspace {row['workspace']}" for row in rows)
        raise Invalid([f"several trunks are called {wanted}: give an id, one of {which}"])
    row = rows[0]
    return Found(show(TRUNK, row["trunk_id"]), row["name"], row["kind"], json.loads(row["settings"]))


def dialable(text: str, option: str) -> str:
    """A number in E.164, or the digits of an extension behind a PBX.

    Raises:
        Invalid: it is neither.
    """
    number = parse_number(text)
    if not isinstance(number, NumberFault):
        return number.e164
    if _EXTENSION.fullmatch(text):
        return text
    raise Invalid([f"{option} must be an E.164 number, such as +14155550100, or the digits of an extension"])


def refuse_unknown_kind(trunk: Found) -> None:
    """Refuse a trunk of a kind that this release does not have.

    Raises:
        OurError: it is.
    """
    if trunk.kind not in ("sip", "simulator"):
        raise OurError(f"this release has no trunks of kind {trunk.kind}")
