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
_CALLER = "num_01kjmrvt00e2z9h3kxvfy7s8d4"

POLICY: Json = {
    "max_attempts": 4,
    "after": {"no-answer": ["30m", "2h"], "busy": ["5m"], "voicemail": [], "failed": []},
    "jitter": "0s",
    "expires_after": None,
    "spread": False,
    "min_gap": None,
    "max_per_day": None,
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
RULE_PACKS: Json = {
    "data": [
        {
            "name": "us-fl",
            "version": "2026.1",
            "effective_from": "2026-01-01",
            "title": "Florida: commercial telephone solicitation",
            "not_covered": ["people in Florida whose area code is that of another state"],
            "clauses": [
                {
                    "id": "hours",
                    "text": "No commercial telephone solicitation before 8 in the morning or after 8 in the evening.",
                    "in_words": "Mon-Sun 08:00-20:00",
                    "citation": "Fla. Stat. 501.616(6)(a)",
                    "authority": "statute",
                    "source": "the statute as LawServer has it",
                    "confirmed": True,
                    "note": None,
                    "effective_from": "2021-07-01",
                    "effective_until": None,
                    "applies_to": {"countries": ["US"], "regions": ["US-FL"], "purposes": ["marketing"]},
                    "hours": {day: ["08:00-20:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
                    | {"holidays": "open"},
                    "frequency": None,
                    "quiet": None,
                }
            ],
        }
    ],
    "faulty": [],
}
CAMPAIGN: Json = {
    "id": _CAMPAIGN,
    "name": "June reminders",
    "status": "running",
    "agent_id": _AGENT,
    "trunk_id": _TRUNK,
    "trunks": [{"trunk_id": _TRUNK, "priority": 1, "weight": 1}],
    "from_number": "+14155550100",
    "max_concurrent_calls": 20,
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
    "name": "Ada",
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
DECISIONS: Json = {
    "call_id": _CALL,
    "data": [
        {
            "id": "dec_01kjmrvt00e2z9h3kxvfy7s8d4",
            "attempt": 2,
            "rule": "calling_window",
            "pack": None,
            "pack_version": None,
            "first_at": _AT,
            "last_at": _AT,
            "times": 1,
            "inputs": {
                "local_time": "2026-03-01T02:00:00",
                "timezone": "America/Los_Angeles",
                "timezone_from": "number",
                "why": "calling_window",
            },
            "next_eligible_at": "2026-03-01T17:00:00.000Z",
        }
    ],
}
BLOCKERS: Json = {
    "campaign_id": _CAMPAIGN,
    "status": "running",
    "waiting": 4150,
    "ready": 150,
    "blockers": [
        {
            "kind": "window",
            "rule": "calling_window",
            "leads": 4000,
            "first_until": "2026-03-01T17:00:00.000Z",
            "last_until": "2026-03-01T19:00:00.000Z",
            "in_words": "4,000 leads wait for the calling hours (calling_window): the first until 2026-03-01 17:00:00 "
            "UTC, the last until 2026-03-01 19:00:00 UTC",
        }
    ],
}
EXPLANATION: Json = {
    "call_id": _CALL,
    "status": "scheduled",
    "timezone": "America/Los_Angeles",
    "next": {
        "action": "wait",
        "attempt": 2,
        "at": "2026-03-01T17:00:00.000Z",
        "local_at": "2026-03-01T09:00:00",
        "rule": "calling_window",
    },
    "constraints": [
        {
            "kind": "window",
            "binding": True,
            "until": "2026-03-01T17:00:00.000Z",
            "local_until": "2026-03-01T09:00:00",
            "detail": {
                "rule": "calling_window",
                "pack": None,
                "pack_version": None,
                "local_time": "2026-03-01T02:00:00",
                "timezone": "America/Los_Angeles",
                "timezone_from": "number",
                "why": "calling_window",
            },
            "in_words": "it is outside the calling hours (2026-03-01 02:00:00 in America/Los_Angeles), which begin at "
            "2026-03-01 17:00:00 UTC (2026-03-01 09:00:00 in America/Los_Angeles)",
        }
    ],
    "in_words": "attempt 2 is dialled at 2026-03-01 17:00:00 UTC (2026-03-01 09:00:00 in America/Los_Angeles): it is "
    "outside the calling hours (2026-03-01 02:00:00 in America/Los_Angeles), which begin at 2026-03-01 17:00:00 UTC "
    "(2026-03-01 09:00:00 in America/Los_Angeles)",
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
        {"attempt": 1, "attempted": 1, "reached": 0},
        {"attempt": 2, "attempted": 1, "reached": 1},
    ],
    "outcomes": {"user_did_not_pick_up": 1, "user_disconnected": 1},
    "totals": _SUMS,
    "by_day": [{"day": "2026-03-01", "reached": 1, **_SUMS}],
}
_GROUP_SUMS: Json = {
    "attempts": 412,
    "calls": 412,
    "answered": 139,
    "reached": 61,
    "answer_rate": {"share": 0.337379, "low": 0.293421, "high": 0.384356},
    "reach": {"share": 0.148058, "low": 0.116973, "high": 0.185685},
    "connected_sec": 7_310,
    "billed_sec": 9_120,
    "minutes": 121.83,
    "cost_micros": 1_824_000,
    "currency": "USD",
    "cost_per_reached_micros": 29_902,
}
ANALYTICS: Json = {
    "from": "2026-03-01",
    "to": "2026-03-30",
    "group_by": ["attempt"],
    "data": [{"group": {"attempt": 1}, **_GROUP_SUMS}],
    "total": _GROUP_SUMS,
}


def _compared(expected: Json | None, missing: list[Json], **policy: Any) -> Json:
    return {
        "retry": {**POLICY, **policy},
        "supported": expected is not None,
        "expected": expected,
        "calls_to_the_end": 1_904 if expected else 711,
        "missing_share": sum(one["share"] for one in missing),
        "missing": missing,
    }


def _interval(value: float, low: float, high: float) -> Json:
    return {"value": value, "low": low, "high": high}


COMPARISON: Json = {
    "from": "2026-03-01",
    "to": "2026-03-30",
    "calls_made": 4_120,
    "calls_compared": 4_020,
    "a": _compared(
        {
            "reach": _interval(0.2957, 0.2801, 0.3118),
            "attempts": _interval(3.3917, 3.3542, 3.4292),
            "minutes": _interval(1.1218, 1.0631, 1.1805),
        },
        [],
    ),
    "b": _compared(
        None,
        [
            {
                "attempt": 1,
                "after": "busy",
                "rule": "busy: 2h",
                "share": 0.0512,
                "message": "too few calls were redialled by 'busy: 2h' after attempt 1",
            }
        ],
        after={**POLICY["after"], "busy": ["2h"]},
    ),
    "difference": None,
}
LEADS_BODY: Json = {
    "leads": [
        {
            "phone_number": "+14155552671",
            "name": "Ada",
            "timezone": "America/Los_Angeles",
            "variables": {"order": "A-17"},
        }
    ]
}
_NEW_CAMPAIGN = {
    name: CAMPAIGN[name]
    for name in (
        "name",
        "agent_id",
        "trunk_id",
        "from_number",
        "max_concurrent_calls",
        "weight",
        "retry_share",
        "calling_window",
        "rule_packs",
        "purpose",
        "starts_at",
        "ends_at",
        "retry",
    )
}
BODIES: dict[str, Json] = {
    "patch_workspace": {
        "name": "Main",
        "max_concurrent_calls": 100,
        "retention": {"days": 90, "mode": "delete"},
        "rule_packs": ["us-federal", "us-fl@2026.1"],
        "purpose": "marketing",
        "timezone": "America/New_York",
    },
    "post_key": {"name": "reporting", "scopes": ["calls:read"], "live": True},
    "post_agent": {"name": "reminder", "kind": "message", "settings": AGENT["settings"]},
    "patch_agent": {"settings": {"text": "Your appointment is tomorrow, {name}.", "repeat": 2, "opt_out_key": "9"}},
    "post_trunk": {
        "name": "sim",
        "kind": "simulator",
        "settings": TRUNK["settings"],
        "billing": BILLING,
        "max_concurrent_calls": 50,
        "dials_per_sec": 10,
    },
    "patch_trunk": {"max_concurrent_calls": 20, "dials_per_sec": 5},
    "post_caller_number": {"number": "+14155550100", "max_concurrent_calls": 5, "dials_per_sec": 1},
    "patch_caller_number": {"max_concurrent_calls": 10},
    "post_policy": {"name": "patient", "retry": POLICY},
    "patch_policy": {"retry": {**POLICY, "spread": True}},
    "post_campaign": _NEW_CAMPAIGN,
    "patch_campaign": {"retry": {"max_retries": 3, "retry_interval_minutes": 120}},
    "patch_status": {"action": "start"},
    "post_call": {
        "to_number": "+14155552671",
        "agent_id": _AGENT,
        "trunk_id": _TRUNK,
        "from_number": "+14155550100",
        "retry": POLICY,
        "variables": {"order": "A-17"},
    },
    "post_policy_comparison": {
        "a": POLICY,
        "b": {**POLICY, "after": {**POLICY["after"], "busy": ["2h"]}},
        "from": "2026-03-01",
        "to": "2026-03-30",
        "campaign_id": None,
    },
    "put_contact_rules": CONTACT_RULES,
    "post_do_not_call": {"numbers": ["+14155552672", "+1900*"], "note": "asked on the phone"},
    "post_transcript": {"transcript": TRANSCRIPT},
    "post_analysis": {"analysis": ANALYSIS},
}
OTHER_BODIES: dict[str, dict[str, Json]] = {
    "post_agent": {
        "websocket": {
            "name": "assistant",
            "kind": "websocket",
            "settings": {"url": "wss://bot.example.com/calls", "headers": {"Authorization": "Bearer 3f9c"}},
        },
        "sip": {
            "name": "sales",
            "kind": "sip",
            "settings": {
                "uri": "sip:sales@pbx.example.com:5060;transport=tcp",
                "ring_timeout_sec": 20,
                "while_ringing": "ring_back",
                "headers": {"X-Queue": "outbound"},
            },
        },
    },
    "post_trunk": {
        "sip": {
            "name": "main",
            "kind": "sip",
            "settings": {
                "host": "sip.example.com",
                "port": 5061,
                "transport": "tls",
                "username": "acme",
                "password": "correct horse battery staple",
                "from_number": "+14155550100",
                "ring_timeout_sec": 30,
                "max_call_sec": 600,
                "codecs": ["pcmu", "pcma"],
            },
            "billing": BILLING,
            "max_concurrent_calls": 60,
            "dials_per_sec": 5,
        }
    },
}
"""Of operations that take things of several kinds: those of the other kinds."""


def listed(item: Json) -> Json:
    """A list with one item."""
    meta = {"page": 1, "limit": 20, "total": 1, "totalPages": 1, "next_cursor": None}
    return {"data": [item], "meta": meta}
