"""Rows of the store as the API answers them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.domain.billing import parse_billing
from ringback.ids import (
    AGENT,
    ATTEMPT,
    CALL,
    CALLER_NUMBER,
    CAMPAIGN,
    DECK,
    DO_NOT_CALL,
    KEY,
    LEAD,
    POOL,
    TRUNK,
    WORKSPACE,
    show,
)
from ringback.sealing import masked
from ringback.store.calls import call_state
from ringback.store.database import Record
from ringback.store.retention import REDACTED

Json = dict[str, Any]


def show_time(at: Instant | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    return None if at is None else at.format_iso(unit="millisecond")


def show_id(prefix: str, value: UUID | None) -> str | None:
    """An id's public form, None for none."""
    return None if value is None else show(prefix, value)


def show_number(number: str) -> str | None:
    """The number of a call, None where it was anonymised."""
    return None if number.startswith(REDACTED) else number


def show_workspace(row: Record, budget: Json) -> Json:
    """A workspace; the budget is as `show_budget` has it."""
    return {
        "id": show(WORKSPACE, row["workspace_id"]),
        "name": row["name"],
        "max_concurrent_calls": row["max_concurrent_calls"],
        "rule_packs": row["rule_packs"],
        "purpose": row["purpose"],
        "timezone": row["timezone"],
        "currency": row["currency"],
        **budget,
        "requests_per_min": row["requests_per_min"],
        "retention": {"days": row["retain_days"], "mode": row["retain"]} if row["retain_days"] else None,
        "created_at": show_time(row["created_at"]),
    }


def show_key(row: Record) -> Json:
    """An API key, without its secret."""
    return {
        "id": show(KEY, row["key_id"]),
        "name": row["name"],
        "scopes": row["scopes"],
        "live": row["live"],
        "last_four": row["last_four"],
        "created_at": show_time(row["created_at"]),
        "revoked_at": show_time(row["revoked_at"]),
        "expires_at": show_time(row["expires_at"]),
        "networks": row["networks"],
        "last_used_at": show_time(row["last_used_at"]),
        "replaced_by": show(KEY, row["replaced_by"]) if row["replaced_by"] else None,
    }


def show_agent(row: Record) -> Json:
    """An agent."""
    return {
        "id": show(AGENT, row["agent_id"]),
        "name": row["name"],
        "kind": row["kind"],
        "settings": show_settings(row),
        "created_at": show_time(row["created_at"]),
    }


def show_trunk(row: Record) -> Json:
    """A trunk with its caps."""
    return {
        "id": show(TRUNK, row["trunk_id"]),
        "name": row["name"],
        "kind": row["kind"],
        "settings": show_settings(row),
        "billing": asdict(parse_billing(msgspec.json.decode(row["billing"]))),
        "rate_deck_id": show_id(DECK, row["rate_deck_id"]),
        "max_concurrent_calls": row["max_concurrent_calls"],
        "dials_per_sec": row["dials_per_sec"],
        "lost_call_hold_sec": row["lost_call_hold_sec"],
        "created_at": show_time(row["created_at"]),
    }


def show_settings(row: Record) -> Any:
    """Settings as they are stored, without their secrets."""
    stored: str = row["settings"]
    return masked(msgspec.json.decode(stored)) if '"sealed"' in stored else msgspec.Raw(stored)


def show_caller(row: Record) -> Json:
    """A caller number with its caps."""
    return {
        "id": show(CALLER_NUMBER, row["caller_id"]),
        "number": row["number"],
        "max_concurrent_calls": row["max_concurrent_calls"],
        "dials_per_sec": row["dials_per_sec"],
        "created_at": show_time(row["created_at"]),
    }


def show_entry(row: Record) -> Json:
    """An entry of the do-not-call list."""
    return {
        "id": show(DO_NOT_CALL, row["entry_id"]),
        "number": row["number"],
        "source": row["source"],
        "note": row["note"],
        "created_at": show_time(row["created_at"]),
        "created_by": show_id(KEY, row["created_by"]),
        "expires_at": show_time(row["expires_at"]),
        "deleted_at": show_time(row["deleted_at"]),
        "deleted_by": show_id(KEY, row["deleted_by"]),
    }


def show_call(row: Record) -> Json:
    """A call with how its last attempt went, light."""
    in_campaign, to_number = row["campaign_no"] != 0, show_number(row["to_number"])
    return {
        "id": show(CALL, row["call_id"]),
        "lead_id": show(LEAD, row["call_id"]) if in_campaign else None,
        "campaign_id": show_id(CAMPAIGN, row["campaign_id"]),
        "agent_id": show_id(AGENT, row["agent_id"]),
        "trunk_id": show_id(TRUNK, row["trunk_id"]),
        "trunk": row["trunk"],
        "to_number": to_number,
        "from_number": row["from_number"] if to_number else None,  # the campaign's goes with the call's own
        "caller_pool_id": show_id(POOL, row["caller_pool_id"]),
        "name": row["name"],
        "consent_at": show_time(row["consent_at"]),
        "consent_expires_at": show_time(row["consent_expires_at"]),
        "debt_id": row["debt_id"],
        "status": call_state(row["final_status"], row["live_status"], row["next_attempt"]),
        "final": row["final_status"] is not None,
        "final_reason": row["final_reason"],
        "duration_sec": row["duration_sec"] or 0,
        "end_reason": row["end_reason"],
        "answered_by": row["answered_by"],
        "recording_url": show_recording(row["call_id"], row["recorded"]),
        "last_attempt_at": show_time(row["called_at"]),
        "next_attempt_at": show_time(row["next_attempt_at"]),
        "totals": _row_totals(row),
        "created_at": show_time(row["created_at"]),
        "finished_at": show_time(row["finished_at"]),
    }


def show_recording(call_id: UUID, attempt: int | None) -> str | None:
    """Where the recording of an attempt is had, on the server that has it; None for none."""
    return None if attempt is None else f"/v1/call-logs/{show(CALL, call_id)}/recordings/{attempt}"


def show_lead(row: Record) -> Json:
    """The lead that a campaign's call is made for."""
    return {
        "id": show(LEAD, row["call_id"]),
        "call_id": show(CALL, row["call_id"]),
        "campaign_id": show_id(CAMPAIGN, row["campaign_id"]),
        "phone_number": show_number(row["to_number"]),
        "name": row["name"],
        "timezones": row["zones"],
        "timezone_source": row["zone_source"],
        "region": row["region"],
        "consent_at": show_time(row["consent_at"]),
        "consent_expires_at": show_time(row["consent_expires_at"]),
        "debt_id": row["debt_id"],
        "variables": show_variables(row),
        "status": call_state(row["final_status"], row["live_status"], row["next_attempt"]),
        "final_reason": row["final_reason"],
        "next_attempt_at": show_time(row["next_attempt_at"]),
        "totals": _row_totals(row),
        "created_at": show_time(row["created_at"]),
    }


def show_variables(row: Record) -> Any:
    """A call's variables as they are stored."""
    return msgspec.Raw(row["variables"]) if row["variables"] else {}


def show_history(call_id: UUID, rows: Sequence[Record]) -> Json:
    """The retry history of a call: the fields of the contract's page come first."""
    first = rows[0]
    attempts = attempts_of(rows)
    live = attempts[-1]["status"] if attempts and rows[-1]["ended_at"] is None else None
    return {
        "call_id": show(CALL, call_id),
        "data": attempts,
        "status": call_state(first["final_status"], live, first["next_attempt"]),
        "final": first["final_status"] is not None,
        "final_reason": first["final_reason"],
        "next_attempt_at": show_time(first["next_attempt_at"]),
        "totals": _sum_attempts(attempts),
    }


def attempts_of(rows: Iterable[Record]) -> list[Json]:
    """The attempts in the rows of a history."""
    return [_attempt(row) for row in rows if row["attempt"] is not None]


def _attempt(row: Record) -> Json:
    ended = row["ended_at"] is not None
    # An attempt of which nobody knows whether the trunk was asked shows when it was meant to be.
    called_at = row["called_at"] or (row["intent_at"] if ended else None)
    return {
        "attempt": row["attempt"],
        "status": row["status"],
        "duration_sec": row["duration_sec"],
        "called_at": show_time(called_at),
        "end_reason": row["end_reason"],
        "ring_sec": row["ring_sec"],
        "answered_by": row["answered_by"],
        "from_number": row["from_number"],
        "trunk": row["trunk"],
        "sip_code": row["sip_code"],
        "billed_sec": row["billed_sec"],
        "cost_micros": row["cost_micros"],
        "currency": row["currency"],
        "retry": _retry(row) if ended else None,
        "id": show(ATTEMPT, row["attempt_id"]),
        "answered_at": show_time(row["answered_at"]),
        "ended_at": show_time(row["ended_at"]),
        "policy_version": row["policy_version"],
        "details": show_attempt_details(row),
    }


def show_attempt_details(row: Record) -> Any:
    """What else the signalling and the agent told, as it is stored; None where nothing did."""
    return msgspec.Raw(row["details"]) if row["details"] else None


def _retry(row: Record) -> Json:
    if row["retry_at"] is None:
        return {"decision": "stop", "reason": row["stop_reason"]}
    return {"decision": "retry", "at": show_time(row["retry_at"]), "rule": row["retry_rule"]}


def _sum_attempts(attempts: Sequence[Json]) -> Json:
    currencies = {attempt["currency"] for attempt in attempts} - {None}
    return _totals(
        len(attempts),
        sum(attempt["duration_sec"] for attempt in attempts),
        sum(attempt["billed_sec"] for attempt in attempts),
        sum(attempt["cost_micros"] for attempt in attempts),
        currencies.pop() if len(currencies) == 1 else None,
        len(currencies) < 2,
    )


def _row_totals(row: Record) -> Json:
    one = row["currencies"] < 2
    sums = (row["attempts"], row["connected_sec"], row["billed_sec"], row["cost_micros"])
    return _totals(*sums, row["currency"] if one else None, one)


def _totals(
    attempts: int, connected_sec: int, billed_sec: int, cost_micros: int, currency: str | None, one_currency: bool
) -> Json:
    """Sums; money of several currencies has none."""
    return {
        "attempts": attempts,
        "connected_sec": connected_sec,
        "billed_sec": billed_sec,
        "cost_micros": cost_micros if one_currency else None,
        "currency": currency,
    }
