"""Examples of the audit trail for the OpenAPI document; a test holds each equal in shape to what is answered."""

from ringback.api.examples import AGENT, KEY, REQUEST_ID, Json

CHANGE: Json = {
    "id": "aud_01kjmrvt00e2z9h3kxvfy7s8d4",
    "at": "2026-03-01T10:00:00.000Z",
    "by": {"kind": "api_key", "key_id": KEY["id"], "last_four": "wxyz"},
    "operation": "PATCH /v1/agents/{id}",
    "kind": "agent",
    "thing_id": AGENT["id"],
    "before": {"name": "reminder"},
    "after": {"name": "reminder, friendlier"},
    "request_id": REQUEST_ID,
}
