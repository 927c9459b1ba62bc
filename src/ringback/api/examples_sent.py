"""Examples of bodies that are sent."""

from ringback.api.examples import AGENT, ANALYSIS, BILLING, CAMPAIGN, CONTACT_RULES, POLICY, TRANSCRIPT, TRUNK, Json
from ringback.api.examples_exports import POST_EXPORT
from ringback.api.examples_money import NEW_DECK, NEW_VERSION
from ringback.api.examples_personal import ERASE_BODY

_AGENT, _TRUNK = AGENT["id"], TRUNK["id"]

LEADS_BODY: Json = {
    "leads": [
        {
            "phone_number": "+14155552671",
            "name": "Ada",
            "timezone": "America/Los_Angeles",
            "consent_at": "2026-02-27T15:04:00Z",
            "consent_expires_at": "2027-02-27",
            "debt_id": "loan 4711",
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
        "requires_consent",
        "starts_at",
        "ends_at",
        "retry",
    )
}
BODIES: dict[str, Json] = {
    "post_export": POST_EXPORT,
    "post_erasure": ERASE_BODY,
    "post_personal_data_export": {"number": "+14155552671"},
    "patch_workspace": {
        "name": "Main",
        "max_concurrent_calls": 100,
        "retention": {"days": 90, "mode": "delete"},
        "rule_packs": ["us-federal", "us-fl@2026.1"],
        "purpose": "marketing",
        "timezone": "America/New_York",
    },
    "post_workspace": {"name": "tenant A", "max_concurrent_calls": 100},
    "post_key": {
        "name": "reporting",
        "scopes": ["calls:read"],
        "live": True,
        "expires_at": "2031-01-01T00:00:00.000Z",
        "networks": ["203.0.113.0/24"],
    },
    "rotate_key": {"old_key_ends": "in-24h"},
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
    "post_deck": NEW_DECK,
    "patch_deck": {"name": "carrier A, 2026"},
    "post_deck_version": NEW_VERSION,
    "post_caller_number": {"number": "+14155550100", "max_concurrent_calls": 5, "dials_per_sec": 1},
    "patch_caller_number": {"max_concurrent_calls": 10},
    "post_caller_pool": {
        "name": "US",
        "numbers": ["+14155550100", "+12125550100"],
        "dials_per_number": "100 per 1d",
        "rest": None,
    },
    "patch_caller_pool": {"numbers": ["+13055550100", "+13055550101"]},
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
    "post_plan": {"days": 7, "seed": 1, "answers": {"answer_rates": 0.12, "mean_talk_sec": 60}, "leads": 100_000},
    "put_contact_rules": CONTACT_RULES,
    "put_pre_dial_check": {"url": "https://example.com/may-we-dial", "timeout_sec": 5},
    "post_do_not_call": {"numbers": ["+14155552672", "+1900*"], "note": "asked on the phone"},
    "post_webhook": {
        "name": "our CRM",
        "url": "https://example.com/ringback",
        "events": ["attempt.ended", "call.finished"],
    },
    "patch_webhook": {"enabled": True},
    "post_redelivery": {"events": ["evt_01kjmrvt00e2z9h3kxvfy7s8d4"]},
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
