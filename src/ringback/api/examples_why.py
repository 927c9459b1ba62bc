"""Examples of what is told of why: decisions, explanations, analyses, the clauses of rule packs."""

from typing import Any

from ringback.api.examples import CALL, CAMPAIGN, POLICY, Json

_AT = "2026-03-01T10:00:00.000Z"
_CALL, _CAMPAIGN = CALL["id"], CAMPAIGN["id"]

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
PLAN: Json = {
    "campaign_id": _CAMPAIGN,
    "status": "draft",
    "begins_at": "2026-03-02T06:00:00.000Z",
    "until": "2026-03-09T06:00:00.000Z",
    "seed": 1,
    "answers": "the simulator's people, with what the request says of them",
    "leads": {"total": 5000, "open": 5000, "reached": 0, "played": 5000, "runs": 4},
    "ends_at": {
        "expected": "2026-03-06T18:12:09.000Z",
        "earliest": "2026-03-06T18:04:41.000Z",
        "latest": "2026-03-07T09:10:02.000Z",
    },
    "budget_reached_at": None,
    "reach": {"leads": 2206.4, "low": 2135.7, "high": 2277.3, "share": 0.4413},
    "attempts": 19021.4,
    "answered": 6323.8,
    "connected_minutes": 7904.6,
    "billed_minutes": 9102.4,
    "cost": [{"currency": "USD", "cost_micros": 109_228_800}],
    "slots": {"peak": 50, "cap": 50, "needed": 42, "mean_wait_sec": 312.4, "longest_wait_sec": 2710},
    "over": {"attempts_exhausted": 2742.1, "not_retryable": 50.5, "reached": 2206.4},
    "left": 1,
    "never": [
        {
            "kind": "no_zone",
            "rule": "calling_window",
            "pack": None,
            "leads": 1,
            "examples": ["lead_01kjmrvt00e2z9h3kxvfy7s8d4"],
            "in_words": "nobody knows in which time zone they are: give the workspace one, or the leads their own",
        }
    ],
    "hours": [
        {
            "at": "2026-03-02T09:00:00.000Z",
            "dials": 3120.2,
            "answered": 1031.5,
            "reached": 431.7,
            "connected_minutes": 1289.9,
            "peak": 50,
        }
    ],
    "not_known": ["leads, rules and lists are taken as they are now; nobody pauses, edits or adds"],
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
