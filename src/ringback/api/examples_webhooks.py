"""Examples of webhooks for the OpenAPI document; a test holds each equal in shape to what is answered."""

from ringback.api.examples import PRE_DIAL_CHECK, Json
from ringback.sealing import MASK

_AT = "2026-03-01T10:00:00.000Z"
_ID = "01kjmrvt00e2z9h3kxvfy7s8d4"
WEBHOOK: Json = {
    "id": f"hook_{_ID}",
    "name": "our CRM",
    "url": "https://example.com/ringback",
    "events": ["attempt.ended", "call.finished"],
    "enabled": True,
    "off_reason": None,
    "off_at": None,
    "failing_since": None,
    "last_failure": None,
    "secret": MASK,
    "old_secret_until": None,
    "created_at": _AT,
}
MADE: Json = {**WEBHOOK, "secret": PRE_DIAL_CHECK["secret"]}
ROTATED: Json = {**MADE, "old_secret_until": "2026-03-02T10:00:00.000Z"}
PINGED: Json = {"id": f"evt_{_ID}"}
DELIVERY: Json = {
    "id": f"evt_{_ID}",
    "type": "call.finished",
    "subject": f"call_{_ID}",
    "attempt": None,
    "happened_at": _AT,
    "tries": 3,
    "last_failure": "it answered 500",
    "next_try_at": "2026-03-01T10:12:35.000Z",
    "dead_at": None,
}
DELIVERIES: Json = {"data": [DELIVERY], "meta": {"limit": 20, "next_cursor": None}}
REDELIVERED: Json = {"redelivered": 1}
