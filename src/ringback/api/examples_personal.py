"""Examples of what is told of a person, and erased."""

from ringback.api.examples import CALL, ENTRY, Json

_AT = "2026-03-02T10:00:00.000Z"
FOUND: Json = {
    "number": "+14155552671",
    "made_at": _AT,
    "found": {"calls": [CALL], "do_not_call": [ENTRY], "contact": {"dials": [_AT], "talked_at": None}},
}
ERASURE: Json = {
    "id": "ers_01h455vb4pex5vsknk084sn02q",
    "status": "done",
    "calls": 2,
    "asked_at": _AT,
    "asked_by": "key_01h455vb4pex5vsknk084sn02q",
    "done_at": _AT,
}
REDACTED: Json = {**CALL, "to_number": None, "from_number": None, "name": None}
ERASE_BODY: Json = {"number": "+14155552671", "do_not_call": True}
