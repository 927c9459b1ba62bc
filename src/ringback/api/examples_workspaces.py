"""Examples of workspaces for the OpenAPI document; a test holds each equal in shape to what is answered."""

from ringback.api.examples import SECRET, WORKSPACE, Json, listed

__all__ = ["LISTED_WORKSPACE", "NEW_WORKSPACE", "listed"]

LISTED_WORKSPACE: Json = {
    "id": WORKSPACE["id"],
    "name": "tenant A",
    "max_concurrent_calls": 100,
    "created_at": WORKSPACE["created_at"],
}
NEW_WORKSPACE: Json = {
    "workspace": LISTED_WORKSPACE,
    "live_key": SECRET,
    "test_key": SECRET.replace("rb_live_", "rb_test_"),
}
