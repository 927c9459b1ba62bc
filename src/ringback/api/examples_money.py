"""Examples of rate decks for the OpenAPI document; a test holds each equal in shape to what is answered."""

from ringback.api.examples import TRUNK, Json, listed

__all__ = ["DECK", "DECK_MADE", "NEW_DECK", "NEW_VERSION", "RATES", "VERSION_MADE", "listed"]

_AT = "2026-03-01T10:00:00.000Z"
_RATE: Json = {"prefix": "+4420", "per_minute_micros": 7_000, "connect_micros": 0, "first_sec": 60, "next_sec": 6}
DECK: Json = {
    "id": "deck_01kjmrvt00e2z9h3kxvfy7s8d4",
    "name": "carrier A",
    "currency": "USD",
    "created_at": _AT,
    "trunks": [TRUNK["id"]],
    "versions": [{"version": 1, "valid_from": _AT, "rates": 1, "created_at": _AT}],
}
DECK_MADE: Json = {
    "rate_deck": DECK,
    "created": 1,
    "rejected": 1,
    "reasons": [
        {
            "code": "invalid_price",
            "message": "A price must be a decimal number.",
            "count": 1,
            "rows": [2],
            "examples": ["free"],
        }
    ],
}
VERSION_MADE: Json = {"rate_deck": DECK, "created": 1, "rejected": 0, "reasons": []}
RATES: Json = {"version": 1, "data": [_RATE], "meta": {"limit": 20, "next_cursor": None}}
NEW_DECK: Json = {
    "name": "carrier A",
    "currency": "USD",
    "valid_from": "2026-03-01T00:00:00Z",
    "rates": [
        {"prefix": "+4420", "per_minute": "0.007", "increments": "60/6"},
        {"prefix": "+44", "per_minute": "free"},
    ],
}
NEW_VERSION: Json = {"valid_from": "2026-04-01T00:00:00Z", "rates": [{"prefix": "+4420", "per_minute_micros": 8_000}]}
