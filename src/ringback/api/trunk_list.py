"""The trunks of a campaign in a body: one by its id, or several by priority and weight."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from ringback.api.fields import Field, Fields, identifier, whole
from ringback.api.operation import Ask
from ringback.api.routes.finding import usable_trunk
from ringback.domain.ways import MOST_PRIORITY, MOST_WAYS, MOST_WEIGHT, Way, by_preference
from ringback.errors import Invalid
from ringback.ids import TRUNK
from ringback.store.database import Connection

EXAMPLE = """[{"trunk_id": "trk_01h455vb4pex5vsknk084sn02q", "priority": 1, "weight": 1}]"""

_ENTRY = Fields(
    trunk_id=identifier(TRUNK, required=True),
    priority=whole(0, MOST_PRIORITY, default=1),
    weight=whole(1, MOST_WEIGHT, default=1),
)


class Named(NamedTuple):
    """One trunk that a body names."""

    trunk_id: UUID
    priority: int
    weight: int


def trunk_list() -> Field:
    """A list of trunks, each once, with the priority and the weight of each."""
    entry = {
        "type": "object",
        "properties": {name: dict(field.schema) for name, field in _ENTRY.items()},
        "required": ["trunk_id"],
    }
    schema = {"type": "array", "minItems": 1, "maxItems": MOST_WAYS, "items": entry}
    return Field(_read, schema)


def _read(raw: Any, name: str) -> tuple[Named, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_WAYS or not all(isinstance(one, dict) for one in raw):
        raise Invalid([f"{name} must be a list of 1 to {MOST_WAYS} trunks, such as {EXAMPLE}"])
    faults: list[str] = []
    found = [_entry(one, f"{name}[{place}]", faults) for place, one in enumerate(raw)]
    named = [one for one in found if one is not None]
    if len({one.trunk_id for one in named}) < len(named):
        faults.append(f"{name} must name each trunk once")
    if faults:
        raise Invalid(faults)
    return tuple(named)


def _entry(raw: Mapping[str, Any], name: str, faults: list[str]) -> Named | None:
    try:
        return Named(**_ENTRY.parse(raw))
    except Invalid as fault:
        faults.extend(f"{name}.{line}" for line in fault.lines)
        return None


async def trunk_columns(db: Connection, ask: Ask, body: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    """What a plan has of the trunks that a body names, each looked up; nothing where it names none.

    Args:
        db: a connection.
        ask: the request.
        body: with `trunk_id` or `trunks`.
        required: whether one of them must be there.

    Raises:
        Invalid: both of them, or none where one must be there.
        Impossible: `unknown_trunk`.
        Forbidden: `test_key`: one places real calls, and the key is a test key.
    """
    trunk_id, trunks = body.get("trunk_id"), body.get("trunks")
    if trunk_id is not None and trunks is not None:
        raise Invalid(
            ["trunk_id and trunks are both there: leave trunk_id out, it is the first of the preferred trunks"]
        )
    if trunks is not None:
        ways = by_preference([await _way(db, ask, named, place) for place, named in enumerate(trunks)])
        return {"trunk_no": ways[0].trunk_no, "ways": ways}
    if trunk_id is not None:
        return {"trunk_no": (await usable_trunk(db, ask, trunk_id))["trunk_no"], "ways": ()}
    if required:
        raise Invalid([f"trunk_id is missing: name one trunk, or several as trunks, such as {EXAMPLE}"])
    return {}


async def _way(db: Connection, ask: Ask, named: Named, place: int) -> Way:
    trunk = await usable_trunk(db, ask, named.trunk_id, f"trunks[{place}].trunk_id")
    return Way(trunk["trunk_no"], named.priority, named.weight)
