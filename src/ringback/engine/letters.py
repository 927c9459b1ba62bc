"""What a webhook is told of an event: ids, numbers and outcomes, and nothing that was said."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.decision import show_instant
from ringback.domain.webhooks import PING, Event
from ringback.ids import AGENT, ATTEMPT, CALL, CAMPAIGN, LEAD, TRUNK, WEBHOOK, WORKSPACE, show
from ringback.store.outbox import Letter
from ringback.store.retention import REDACTED

Data = dict[str, Any]
Row = Mapping[str, Any]


def body_of(letter: Letter, row: Row, workspace_id: UUID) -> bytes:
    """The body of an event: what is there of its subject as it stands now. Its outcome does not change any more.

    Args:
        letter: the event.
        row: of its subject; nulls where that is no longer kept.
        workspace_id: whose it is.
    """
    data = {"workspace_id": show(WORKSPACE, workspace_id), **_data(letter, row)}
    return msgspec.json.encode({"type": letter.event, "timestamp": show_instant(letter.happened_at), "data": data})


def _data(letter: Letter, row: Row) -> Data:
    match letter.event.partition(".")[0]:
        case "attempt":
            return {**_call(letter, row), **_attempt(letter, row)}
        case "call":
            return {**_call(letter, row), **_course(letter, row)}
        case "lead":
            return _call(letter, row)
        case "campaign":
            return _campaign(letter, row)
        case "trunk":
            return {"trunk_id": show(TRUNK, letter.subject_id), "name": row["trunk_name"]}
    return {"webhook_id": show(WEBHOOK, letter.subject_id)} if letter.event == PING else {}


def _call(letter: Letter, row: Row) -> Data:
    number = row["to_number"]
    return {
        "call_id": show(CALL, letter.subject_id),
        "lead_id": show(LEAD, letter.subject_id) if row["campaign_id"] else None,
        "campaign_id": row["campaign_id"] and show(CAMPAIGN, row["campaign_id"]),
        "agent_id": row["agent_id"] and show(AGENT, row["agent_id"]),
        "to_number": None if number is None or number.startswith(REDACTED) else number,
    }


def _attempt(letter: Letter, row: Row) -> Data:
    told = {
        "attempt": letter.attempt,
        "attempt_id": row["attempt_id"] and show(ATTEMPT, row["attempt_id"]),
        "from_number": row["from_number"],
        "trunk_id": row["trunk_id"] and show(TRUNK, row["trunk_id"]),
        "trunk": row["trunk_name"],
        "called_at": _time(row["called_at"]),
    }
    if letter.event == Event.ATTEMPT_STARTED:
        return told
    return {
        **told,
        "answered_at": _time(row["answered_at"]),
        "ended_at": _time(row["ended_at"]),
        **{name: row[name] for name in _OUTCOME},
        "retry": _retry(row),
    }


_OUTCOME = (
    "status",
    "end_reason",
    "duration_sec",
    "ring_sec",
    "answered_by",
    "sip_code",
    "billed_sec",
    "cost_micros",
    "currency",
)


def _retry(row: Row) -> Data:
    if row["retry_at"] is None:
        return {"decision": "stop", "reason": row["stop_reason"]}
    return {"decision": "retry", "at": _time(row["retry_at"]), "rule": row["retry_rule"]}


def _course(letter: Letter, row: Row) -> Data:
    if letter.event == Event.CALL_RETRY_SCHEDULED:
        next_at = _time(row["retry_at"])
        return {"attempt": letter.attempt, "next_attempt_at": next_at, "rule": row["retry_rule"]}
    final = {"status": row["final_status"], "final_reason": row["final_reason"]}
    return {**final, "attempts": row["attempts"], "finished_at": show_instant(letter.happened_at)}


def _campaign(letter: Letter, row: Row) -> Data:
    status = letter.event.partition(".")[2].replace("started", "running")
    campaign_id = show(CAMPAIGN, letter.subject_id)
    return {"campaign_id": campaign_id, "name": row["campaign_name"], "status": status}


def _time(at: Instant | None) -> str | None:
    return None if at is None else show_instant(at)
