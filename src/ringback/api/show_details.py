"""The details of a call: everything, and in the order in which it happened."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ringback.api.show import (
    Json,
    attempts_of,
    show_attempt_details,
    show_call,
    show_recording,
    show_time,
    show_variables,
)
from ringback.domain.policy_form import kept_policy, show_policy
from ringback.store.database import Record


def show_details(call: Record, history: Sequence[Record], reports: Sequence[Record]) -> Json:
    """A call with its attempts, its timeline, its variables, and what agents told of it: the last of each."""
    told = {row["attempt"]: row for row in reports}
    return {
        **show_call(call),
        "timezones": call["zones"],
        "variables": show_variables(call),
        "retry": show_policy(kept_policy(msgspec.json.decode(call["retry"]))),
        "attempts": [
            {**attempt, **_told(call, row, told.get(row["attempt"]))}
            for row, attempt in zip(history, attempts_of(history), strict=False)
        ],
        "timeline": _timeline(call, history),
        "transcript": _last(reports, "transcript"),
        "analysis": _last(reports, "analysis"),
    }


def _told(call: Record, row: Record, report: Record | None) -> Json:
    """What one attempt has here besides what it has in the retry history."""
    is_recorded = row["details"] is not None and "recording" in msgspec.json.decode(row["details"])
    return {
        "recording_url": show_recording(call["call_id"], row["attempt"]) if is_recorded else None,
        "transcript": _raw(report and report["transcript"]),
        "analysis": _raw(report and report["analysis"]),
    }


def _last(reports: Sequence[Record], name: str) -> Any:
    return _raw(next((row[name] for row in reversed(reports) if row[name] is not None), None))


def _raw(stored: str | None) -> Any:
    """JSON as it is stored."""
    return msgspec.Raw(stored) if stored else None


def _timeline(call: Record, history: Sequence[Record]) -> list[Json]:
    """What happened, oldest first, by the millisecond at which it did."""
    moments = [{"at": show_time(call["created_at"]), "event": "created"}]
    for row in history:
        if row["attempt"] is not None:
            moments.extend(_moments(row))
    if call["finished_at"] is not None:
        moments.append(
            {"at": show_time(call["finished_at"]), "event": "finished", "final_reason": call["final_reason"]}
        )
    return moments


def _moments(row: Record) -> Iterator[dict[str, Any]]:
    attempt = row["attempt"]
    if row["called_at"] is not None:
        yield {"at": show_time(row["called_at"]), "event": "called", "attempt": attempt}
    if row["answered_at"] is not None:
        yield {"at": show_time(row["answered_at"]), "event": "answered", "attempt": attempt}
    if row["ended_at"] is not None:
        yield {
            "at": show_time(row["ended_at"]),
            "event": "ended",
            "attempt": attempt,
            "status": row["status"],
            "end_reason": row["end_reason"],
            "sip_code": row["sip_code"],
            "details": show_attempt_details(row),
        }
    if row["retry_at"] is not None:
        due = {"due_at": show_time(row["retry_at"]), "rule": row["retry_rule"]}
        yield {"at": show_time(row["ended_at"]), "event": "retry_scheduled", "attempt": attempt, **due}
