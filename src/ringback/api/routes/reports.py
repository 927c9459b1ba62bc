"""/v1/call-logs/{id}/transcript and /analysis: what agents tell of an attempt afterwards."""

from typing import Any
from uuid import UUID

import msgspec

from ringback.api import examples
from ringback.api.fields import Field, Fields, json_object, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_time
from ringback.errors import Conflict, Impossible, Invalid
from ringback.ids import CALL, show
from ringback.store.agent_reports import Report, keep_first_report, keep_report, lock_told_of
from ringback.store.database import Connection
from ringback.store.keys import Scope

MOST_LINES = 10_000
LONGEST_LINE, LONGEST_TEXT, LONGEST_WORD = 10_000, 500_000, 100
"""Characters: of one line of a transcript, of one that is plain text or of a summary, of a sentiment."""

LONGEST_SEC = 86_400
LONGEST_ANALYSIS = 64 * 1024
"""Bytes of JSON."""

SPEAKERS = ("agent", "user")
_LINE = {
    "type": "object",
    "properties": {
        "at_sec": {"type": ["number", "null"], "minimum": 0, "maximum": LONGEST_SEC},
        "speaker": {"type": "string", "enum": list(SPEAKERS)},
        "text": {"type": "string", "minLength": 1, "maxLength": LONGEST_LINE},
    },
    "required": ["speaker", "text"],
    "additionalProperties": False,
}


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= most and "\0" not in value


def _transcript(raw: Any, name: str) -> Any:
    if isinstance(raw, str) and _is_text(raw, LONGEST_TEXT):
        return raw
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_LINES:
        raise Invalid(
            [
                f"{name} must be text of 1 to {LONGEST_TEXT} characters, or a list of 1 to {MOST_LINES} lines, such as "
                "{'at_sec': 1.5, 'speaker': 'user', 'text': 'Hello?'}"
            ]
        )
    return [_line(line, f"{name}[{number}]") for number, line in enumerate(raw)]


def _line(raw: Any, name: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or not raw.keys() <= {"at_sec", "speaker", "text"}:
        raise Invalid([f"{name} must be an object of at_sec, speaker and text"])
    at_sec, speaker, text = raw.get("at_sec"), raw.get("speaker"), raw.get("text")
    faults = []
    if at_sec is not None and (isinstance(at_sec, bool | str | list | dict) or not 0 <= at_sec <= LONGEST_SEC):
        faults.append(f"{name}.at_sec must be a number from 0 to {LONGEST_SEC}, or null")
    if speaker not in SPEAKERS:
        faults.append(f"{name}.speaker must be one of {', '.join(SPEAKERS)}")
    if not _is_text(text, LONGEST_LINE):
        faults.append(f"{name}.text must be text of 1 to {LONGEST_LINE} characters")
    if faults:
        raise Invalid(faults)
    return {"at_sec": at_sec, "speaker": speaker, "text": text}


_OBJECT = json_object(required=True, most=LONGEST_ANALYSIS)


def _analysis(raw: Any, name: str) -> dict[str, Any]:
    """Any object; the entries that have a meaning have a type."""
    analysis: dict[str, Any] = _OBJECT.read(raw, name)
    faults = []
    for word, most in (("summary", LONGEST_TEXT), ("sentiment", LONGEST_WORD)):
        if analysis.get(word) is not None and not _is_text(analysis[word], most):
            faults.append(f"{name}.{word} must be text of 1 to {most} characters, or null")
    if not isinstance(analysis.get("success"), bool | None):
        faults.append(f"{name}.success must be true, false or null")
    if faults:
        raise Invalid(faults)
    return analysis


_ATTEMPT = whole(1, 20)
TRANSCRIPT = Fields(
    transcript=Field(
        _transcript,
        {
            "oneOf": [
                {"type": "array", "minItems": 1, "maxItems": MOST_LINES, "items": _LINE},
                {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
            ]
        },
        required=True,
    ),
    attempt=_ATTEMPT,
)
ANALYSIS = Fields(
    analysis=Field(
        _analysis,
        {
            "type": "object",
            "properties": {
                "summary": {"type": ["string", "null"]},
                "sentiment": {"type": ["string", "null"]},
                "success": {"type": ["boolean", "null"]},
            },
        },
        required=True,
    ),
    attempt=_ATTEMPT,
)


async def post_transcript(api: Api, ask: Ask) -> Answer:
    """Keep what was said."""
    return await _post(api, ask, Report.TRANSCRIPT)


async def post_analysis(api: Api, ask: Ask) -> Answer:
    """Keep what is made of it."""
    return await _post(api, ask, Report.ANALYSIS)


async def _post(api: Api, ask: Ask, report: Report) -> Answer:
    call_id, content = path_id(ask, CALL), msgspec.json.encode(ask.body[report]).decode()
    if ask.key.attempt is None:
        attempt = await _keep(api, ask, report, call_id, content)
    else:
        attempt = await _keep_first(api, ask, report, call_id, content)
    return Answer({"call_id": show(CALL, call_id), "attempt": attempt, "reported_at": show_time(ask.now)}, 201)


async def _keep(api: Api, ask: Ask, report: Report, call_id: UUID, content: str) -> int:
    """By an API key: what was told before is replaced."""
    async with api.database.transaction() as db:
        attempt = await _told_of(db, ask, call_id)
        await keep_report(db, report, (ask.workspace_no, call_id, attempt), content, ask.now)
        await ask.changing(CALL, call_id).note(db, None, {"attempt": attempt})
    return attempt


async def _keep_first(api: Api, ask: Ask, report: Report, call_id: UUID, content: str) -> int:
    """By an attempt's token: once."""
    attempt = ask.key.attempt or 0
    if ask.body["attempt"] not in (None, attempt):
        raise Invalid([f"attempt must be {attempt}, or left out: the token is of that one"])
    async with api.database.connection() as db:
        if not await keep_first_report(db, report, (ask.workspace_no, call_id, attempt), content, ask.now):
            raise Conflict("already_reported", f"the {report} of attempt {attempt} was told before: it is taken once")
    return attempt


async def _told_of(db: Connection, ask: Ask, call_id: UUID) -> int:
    """The attempt that is told of.

    Raises:
        NotFound: no such call.
        Conflict: nothing is kept of it any more.
        Impossible: no such attempt.
        Forbidden: a test key, and a real call.
    """
    row = found(await lock_told_of(db, ask.workspace_no, call_id, ask.body["attempt"]), "call")
    if row["is_bare"]:
        raise Conflict("call_anonymised", "the call was anonymised: nothing more is kept of it")
    if row["attempt"] is None:
        raise Impossible("unknown_attempt", "attempt names no attempt of this call, or it has none yet")
    ask.key.require_trunk(row["kind"])
    attempt: int = row["attempt"]
    return attempt


def _reporting(report: Report, summary: str, run: Any, body: Fields) -> Operation:
    return Operation(
        "POST",
        f"/v1/call-logs/{{id}}/{report}",
        Scope.REPORTS_WRITE,
        summary,
        run,
        body=body,
        status=201,
        example=examples.REPORTED,
        codes=("already_reported", "call_anonymised", "call_not_found", "test_key", "unknown_attempt"),
        takes_token=True,
    )


OPERATIONS = (
    _reporting(Report.TRANSCRIPT, "Tell what was said in a call's attempt.", post_transcript, TRANSCRIPT),
    _reporting(Report.ANALYSIS, "Tell what is made of a call's attempt.", post_analysis, ANALYSIS),
)
