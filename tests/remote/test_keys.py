"""What `ringback keys` prints."""

import pytest
from rich.console import Console

from ringback.remote.keys import state, table

READER = {
    "id": "key_1",
    "name": "reporting",
    "scopes": ["calls:read", "campaigns:read"],
    "live": True,
    "last_four": "wxyz",
    "created_at": "2026-03-01T10:00:00.000Z",
    "revoked_at": None,
    "expires_at": None,
    "networks": None,
    "last_used_at": None,
    "replaced_by": None,
}
LATER = "2026-03-02T10:00:00.000Z"


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({}, "live"),
        ({"live": False}, "test"),
        ({"expires_at": LATER}, "live, until 2026-03-02 10:00"),
        ({"expires_at": LATER, "revoked_at": LATER}, "live, revoked 2026-03-02 10:00"),
        ({"revoked_at": LATER, "replaced_by": "key_2"}, "live, revoked 2026-03-02 10:00, replaced by key_2"),
        ({"networks": ["10.0.0.0/8", "::1/128"]}, "live, from 10.0.0.0/8, ::1/128"),
    ],
)
def test_state_of_a_key_is_said_in_words(differs, told):
    """Live or of tests, until when it is good, and from where."""
    assert state({**READER, **differs}) == told


def test_a_key_is_a_row():
    """With the end of its secret, its scopes, and when it was used last."""
    console = Console(width=140)
    with console.capture() as printed:
        console.print(table([READER, {**READER, "last_used_at": LATER}]))
    _, one, other = printed.get().splitlines()
    shown = ["key_1", "wxyz", "reporting", "calls:read, campaigns:read", "2026-03-01 10:00", "never", "live"]
    assert [part.strip() for part in one.split("  ") if part.strip()] == shown
    assert "2026-03-02 10:00" in other
