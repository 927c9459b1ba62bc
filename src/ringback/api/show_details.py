"""The details of a call: everything, and in the order in which it happened."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

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
from ringback.api.show_policies import show_pin
from ringback.domain.policy_form import kept_policy, show_policy
from ringback.ids import CALL, DECISION, show
from ringback.store.database import Record
from ringback.store.retry_policies import Pin


def show_details(
    call: Record,
    history: Sequence[Record],
    reports: Sequence[Record],
    decisions: Sequence[Record],
    policies: Mapping[int, Pin],
) -> Json:
    """A call with its attempts, its timeline, its variables, and what agents told of it: the last of each."""
    told = {row["attempt"]: row for row in reports}
    return {
        **show_call(call),
        "timezones": call["zones"],
        "timezone_source": call["zone_source"],
        "region": call["region"],
        "calling_window": msgspec.Raw(call["calling_window"]) if call["calling_window"] else None,
        "variables": show_variables(call),
        "retry": show_policy(kept_policy(msgspec.json.decode(call["retry"]))),
        "attempts": [
            {**attempt, "policy": _policy(call, row, policies), **_told(call, row, told.get(row["attempt"]))}
            for row, attempt in zip(history, attempts_of(history), strict=False)
        ],
        "timeline": _timeline(call, history, decisions),
        "transcript": _last(reports, "transcript"),
        "analysis": _last(reports, "analysis"),
    }


def _policy(call: Record, row: Record, policies: Mapping[int, Pin]) -> Json:
    """Which policy was in force for an attempt."""
    if call["campaign_no"]:
        return show_pin(policies.get(row["attempt"]), row["policy_version"])
    named = call["retry_policy_id"]
    return show_pin(None if named is None else Pin(named, call["retry_policy_version"]), None)


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


def show_decisions(call_id: UUID, decisions: Sequence[Record]) -> Json:
    """The dials of a call that were due and not placed, and why."""
    return {"call_id": show(CALL, call_id), "data": [show_decision(row) for row in decisions]}


def show_decision(row: Record) -> Json:
    """Why a dial was not placed."""
    return {
        "id": show(DECISION, row["decision_id"]),
        "attempt": row["attempt"],
        "rule": row["rule"],
        "pack": row["pack"],
        "pack_version": row["pack_version"],
        "first_at": show_time(row["first_at"]),
        "last_at": show_time(row["last_at"]),
        "times": row["times"],
        "inputs": _raw(row["inputs"]),
        "next_eligible_at": show_time(row["next_at"]),
    }


def _timeline(call: Record, history: Sequence[Record], decisions: Sequence[Record]) -> list[Json]:
    """What happened and what was withheld, oldest first, by the millisecond."""
    moments: list[Json] = [{"at": show_time(call["created_at"]), "event": "created"}]
    for row in history:
        if row["attempt"] is not None:
            moments.extend(_moments(row))
    moments.extend(_withheld(row) for row in decisions)
    if call["finished_at"] is not None:
        moments.append(
            {"at": show_time(call["finished_at"]), "event": "finished", "final_reason": call["final_reason"]}
        )
    return sorted(moments, key=itemgetter("at"))  # what is of one millisecond stays as it is


def _withheld(row: Record) -> Json:
    told = show_decision(row)
    return {"at": told.pop("first_at"), "event": "withheld", **told}


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
