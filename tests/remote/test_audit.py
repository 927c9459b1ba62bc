"""What `ringback audit` prints."""

from ringback.remote.audit import headed

CHANGE = {
    "at": "2026-03-01T10:00:00.000Z",
    "by": {"kind": "api_key", "key_id": "key_1", "last_four": "wxyz"},
    "operation": "PATCH /v1/agents/{id}",
    "kind": "agent",
    "thing_id": "agt_1",
    "before": {"name": "a"},
    "after": {"name": "b", "kind": "sip"},
}


def test_change_is_said_with_both_sides_of_each_field():
    """When, by whom, by which request and on what."""
    assert headed(CHANGE).splitlines() == [
        "2026-03-01 10:00:00  key_1 (...wxyz)  PATCH /v1/agents/{id}  agt_1",
        '  name: "a" -> "b"',
        '  kind: nothing -> "sip"',
    ]


def test_change_of_the_operator_to_what_there_is_one_of():
    """The kinds of both stand in place of ids."""
    by = {"kind": "operator", "key_id": None, "last_four": None}
    bare = {**CHANGE, "by": by, "thing_id": None, "kind": "contact_rules", "before": None, "after": None}
    assert headed(bare) == "2026-03-01 10:00:00  operator  PATCH /v1/agents/{id}  contact_rules"
