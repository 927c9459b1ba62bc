"""Examples of answers and bodies for the OpenAPI document. A test holds each equal in shape to what is answered."""

from typing import Any

Json = dict[str, Any]

REQUEST_ID = "req_01kjmrvt00e2z9h3kxvfy7s8d4"
SECRET = "rb_live_01kjmrvt00e2z9h3kxvfy7s8d4" + "0123456789abcdefghjkmnpqrstvwxyz"

_AT, _LATER = "2026-03-01T10:00:00.000Z", "2026-03-01T12:00:00.412Z"
_WORKSPACE, _KEY = "ws_01kjmrvt00e2z9h3kxvfy7s8d4", "key_01kjmrvt00e2z9h3kxvfy7s8d4"
_AGENT, _TRUNK = "agt_01kjmrvt00e2z9h3kxvfy7s8d4", "trk_01kjmrvt00e2z9h3kxvfy7s8d4"
_CAMPAIGN, _CALL = "cmp_01kjmrvt00e2z9h3kxvfy7s8d4", "call_01kjmrvt00e2z9h3kxvfy7s8d4"
_LEAD, _ATTEMPT = "lead_01kjmrvt00e2z9h3kxvfy7s8d4", "att_01kjmrvt00e2z9h3kxvfy7s8d4"
_CALLER, _POOL = "num_01kjmrvt00e2z9h3kxvfy7s8d4", "pool_01kjmrvt00e2z9h3kxvfy7s8d4"

POLICY: Json = {
    "max_attempts": 4,
    "after": {"no-answer": ["30m", "2h"], "busy": ["5m"], "voicemail": [], "failed": []},
    "jitter": "0s",
    "expires_after": None,
    "spread": False,
    "min_gap": None,
    "max_per_day": None,
    "stop_when": None,
    "caller_number": "same",
}
_IN_WORDS = "after no answer wait 30 min, then 2 h; after busy wait 5 min; at most 4 attempts"
NAMED_POLICY: Json = {
    "id": "pol_01kjmrvt00e2z9h3kxvfy7s8d4",
    "name": "patient",
    "version": 1,
    "retry": POLICY,
    "in_words": _IN_WORDS,
    "created_at": _AT,
    "changed_at": _AT,
}
POLICY_WITH_VERSIONS: Json = {
    **NAMED_POLICY,
    "versions": [{"version": 1, "retry": POLICY, "in_words": _IN_WORDS, "created_at": _AT}],
}
IN_FORCE: Json = {"policy_id": NAMED_POLICY["id"], "version": 1, "campaign_version": 1}
CAMPAIGN_POLICIES: Json = {
    "campaign_id": _CAMPAIGN,
    "data": [{**IN_FORCE, "retry": POLICY, "in_words": _IN_WORDS, "created_at": _AT}],
}
BILLING: Json = {
    "per_minute_micros": 12_000,
    "currency": "USD",
    "first_sec": 60,
    "next_sec": 6,
    "connect_micros": 0,
}
WORKSPACE: Json = {
    "id": _WORKSPACE,
    "name": "Main",
    "max_concurrent_calls": None,
    "rule_packs": [],
    "purpose": None,
    "timezone": None,
    "currency": None,
    "budget_micros": None,
    "spent_micros": None,
    "requests_per_min": None,
    "retention": None,
    "created_at": _AT,
}
KEY: Json = {
    "id": _KEY,
    "name": "reporting",
    "scopes": ["calls:read"],
    "live": True,
    "last_four": "wxyz",
    "created_at": _AT,
    "revoked_at": None,
    "expires_at": None,
    "networks": None,
    "last_used_at": _LATER,
    "replaced_by": None,
}
LEDGER: Json = {
    "entries": 18_204,
    "written_at": _LATER,
    "waiting": 0,
    "behind_sec": 0,
    "checkpoint": {"entries": 18_204, "made_at": _LATER, "root": "0f" * 32, "key": "sha256:" + "5b" * 32},
    "keys": ["sha256:" + "5b" * 32],
}
AGENT: Json = {
    "id": _AGENT,
    "name": "reminder",
    "kind": "message",
    "settings": {"text": "Your appointment is tomorrow."},
    "created_at": _AT,
}
AGENT_WITH_AUDIO: Json = {
    **AGENT,
    "settings": {
        "audio": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "seconds": 12.4}
    },
}
TRUNK: Json = {
    "id": _TRUNK,
    "name": "sim",
    "kind": "simulator",
    "settings": {"seed": 7, "speed": 1.0},
    "billing": BILLING,
    "rate_deck_id": None,
    "max_concurrent_calls": 50,
    "dials_per_sec": 10.0,
    "lost_call_hold_sec": None,
    "created_at": _AT,
}
CALLER: Json = {
    "id": _CALLER,
    "number": "+14155550100",
    "max_concurrent_calls": 5,
    "dials_per_sec": 1.0,
    "created_at": _AT,
}
LISTED_POOL: Json = {
    "id": _POOL,
    "name": "US",
    "local_presence": True,
    "dials_per_number": "100 per 1d",
    "rest": None,
    "size": 1,
    "created_at": _AT,
}
CALLER_POOL: Json = {
    **LISTED_POOL,
    "numbers": [
        {
            "id": _CALLER,
            "number": "+14155550100",
            "max_concurrent_calls": 5,
            "dials_per_sec": 1.0,
            "dials": 100,
            "since": _AT,
            "rests_until": "2026-03-02T10:00:00.000Z",
        }
    ],
}
CAMPAIGN: Json = {
    "id": _CAMPAIGN,
    "name": "June reminders",
    "status": "running",
    "agent_id": _AGENT,
    "trunk_id": _TRUNK,
    "trunks": [{"trunk_id": _TRUNK, "priority": 1, "weight": 1}],
    "from_number": "+14155550100",
    "caller_pool_id": None,
    "max_concurrent_calls": 20,
    "budget_micros": 50_000_000,
    "spent_micros": 829_200,
    "currency": "USD",
    "weight": 1,
    "retry_share": 0.5,
    "calling_window": {"start": "09:00", "end": "20:00"},
    "starts_at": None,
    "ends_at": None,
    "retry": POLICY,
    "policy": IN_FORCE,
    "policy_version": 1,
    "rule_packs": ["us-fl"],
    "purpose": "marketing",
    "requires_consent": True,
    "rule_packs_fault": None,
    "created_at": _AT,
    "started_at": _AT,
    "finished_at": None,
}
TOTALS: Json = {"attempts": 2, "connected_sec": 84, "billed_sec": 84, "cost_micros": 16_800, "currency": "USD"}
CALL: Json = {
    "id": _CALL,
    "lead_id": _LEAD,
    "campaign_id": _CAMPAIGN,
    "agent_id": _AGENT,
    "trunk_id": _TRUNK,
    "trunk": "sim",
    "to_number": "+14155552671",
    "from_number": "+14155550100",
    "caller_pool_id": None,
    "name": "Ada",
    "consent_at": None,
    "consent_expires_at": None,
    "debt_id": None,
    "status": "completed",
    "final": True,
    "final_reason": "reached",
    "duration_sec": 84,
    "end_reason": "user_disconnected",
    "answered_by": "human",
    "recording_url": f"/v1/call-logs/{_CALL}/recordings/2",
    "last_attempt_at": _LATER,
    "next_attempt_at": None,
    "totals": TOTALS,
    "created_at": _AT,
    "finished_at": _LATER,
}
LEAD: Json = {
    "id": _LEAD,
    "call_id": _CALL,
    "campaign_id": _CAMPAIGN,
    "phone_number": "+14155552671",
    "name": "Ada",
    "timezones": ["America/Los_Angeles"],
    "timezone_source": "number",
    "region": None,
    "consent_at": "2026-02-27T15:04:00.000Z",
    "consent_expires_at": "2027-02-27T15:04:00.000Z",
    "debt_id": "loan 4711",
    "variables": {"order": "A-17"},
    "status": "completed",
    "final_reason": "reached",
    "next_attempt_at": None,
    "totals": TOTALS,
    "created_at": _AT,
}


def _attempt(attempt: int, status: str, called_at: str, **more: Any) -> Json:
    return {
        "attempt": attempt,
        "status": status,
        "duration_sec": 0,
        "called_at": called_at,
        "end_reason": "user_did_not_pick_up",
        "ring_sec": 25,
        "answered_by": None,
        "from_number": "+14155550100",
        "trunk": "sim",
        "sip_code": None,
        "billed_sec": 0,
        "cost_micros": 0,
        "currency": "USD",
        "retry": {"decision": "retry", "at": _LATER, "rule": "no-answer: 2h"},
        "id": _ATTEMPT,
        "answered_at": None,
        "ended_at": called_at,
        "policy_version": 1,
        "details": None,
        **more,
    }


ATTEMPTS = [
    _attempt(1, "no-answer", _AT),
    _attempt(
        2,
        "completed",
        _LATER,
        duration_sec=84,
        end_reason="user_disconnected",
        ring_sec=9,
        answered_by="human",
        billed_sec=84,
        cost_micros=16_800,
        retry={"decision": "stop", "reason": "reached"},
        answered_at=_LATER,
        sip_code=200,
        details={
            "hung_up_by": "user",
            "digits": "1",
            "sip_call_id": "6f1d0c3a9b",
            "recording": {"format": "opus", "sec": 84.2},
        },
    ),
]
HISTORY: Json = {
    "call_id": _CALL,
    "data": ATTEMPTS,
    "status": "completed",
    "final": True,
    "final_reason": "reached",
    "next_attempt_at": None,
    "totals": TOTALS,
}
TRANSCRIPT = [
    {"at_sec": 0.4, "speaker": "user", "text": "Hello?"},
    {"at_sec": 1.2, "speaker": "agent", "text": "Hello Ada, your order A-17 is ready."},
]
ANALYSIS: Json = {"summary": "She comes for it on Monday.", "sentiment": "positive", "success": True, "day": "Monday"}
DETAILS: Json = {
    **CALL,
    "timezones": ["America/Los_Angeles"],
    "timezone_source": "number",
    "region": None,
    "calling_window": None,
    "variables": {"order": "A-17"},
    "retry": POLICY,
    "attempts": [
        {**ATTEMPTS[0], "policy": IN_FORCE, "recording_url": None, "transcript": None, "analysis": None},
        {
            **ATTEMPTS[1],
            "policy": IN_FORCE,
            "recording_url": CALL["recording_url"],
            "transcript": TRANSCRIPT,
            "analysis": ANALYSIS,
        },
    ],
    "timeline": [
        {"at": _AT, "event": "created"},
        {"at": _AT, "event": "called", "attempt": 1},
        {"at": _LATER, "event": "finished", "final_reason": "reached"},
    ],
    "transcript": TRANSCRIPT,
    "analysis": ANALYSIS,
}
REPORTED: Json = {"call_id": _CALL, "attempt": 2, "reported_at": _LATER}
ENTRY: Json = {
    "id": "dnc_01kjmrvt00e2z9h3kxvfy7s8d4",
    "number": "+14155552672",
    "source": "api",
    "note": "asked on the phone",
    "created_at": _AT,
    "created_by": _KEY,
    "expires_at": None,
    "deleted_at": None,
    "deleted_by": None,
}
CONTACT_RULES: Json = {
    "per_number": ["3 per 24h", "7 per 7d"],
    "per_lead": [],
    "min_gap": "2h",
    "quiet_after_conversation": "7d",
}
PRE_DIAL_CHECK: Json = {
    "url": "https://example.com/may-we-dial",
    "timeout_sec": 5,
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1aTgGKjcRTM=",
}
LISTED: Json = {
    "added": 2,
    "present": 0,
    "cancelled": 1,
    "rejected": 1,
    "reasons": [
        {
            "code": "invalid_phone_number",
            "message": "This is no valid phone number.",
            "count": 1,
            "rows": [3],
            "examples": ["12"],
        }
    ],
}
IMPORT_REPORT: Json = {
    "created": 150,
    "rejected": 2,
    "reasons": [
        {
            "code": "invalid_phone_number",
            "message": "This is no valid phone number.",
            "count": 2,
            "rows": [4, 9],
            "examples": ["12"],
        }
    ],
}
_SUMS: Json = {**TOTALS, "costs": [{"currency": "USD", "cost_micros": 16_800}]}
PROGRESS: Json = {
    "campaign_id": _CAMPAIGN,
    "status": "running",
    "leads": 2,
    "queued": 1,
    "scheduled": 0,
    "live": 0,
    "finished": 1,
    "reached": 1,
    "by_final_status": {"completed": 1},
    "by_final_reason": {"reached": 1},
    "attempt_stages": [
        {
            **{"attempt": 1, "attempted": 1, "reached": 0},
            **{"cost_micros": 0, "currency": "USD", "cost_per_reached_micros": None},
        },
        {
            **{"attempt": 2, "attempted": 1, "reached": 1},
            **{"cost_micros": 12_000, "currency": "USD", "cost_per_reached_micros": 12_000},
        },
    ],
    "outcomes": {"user_did_not_pick_up": 1, "user_disconnected": 1},
    "totals": _SUMS,
    "by_day": [{"day": "2026-03-01", "reached": 1, **_SUMS}],
}


def listed(item: Json) -> Json:
    """A list with one item."""
    meta = {"page": 1, "limit": 20, "total": 1, "totalPages": 1, "next_cursor": None}
    return {"data": [item], "meta": meta}
