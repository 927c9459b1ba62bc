import json

import pytest

from ringback.errors import Invalid
from ringback.intake.leads import MAX_VALUE, Lead, leads_from_json
from ringback.intake.report import MESSAGES

PACIFIC = ("America/Los_Angeles",)


def from_json(items, region=None):
    """All leads and all rejects of a list that is one chunk."""
    [chunk] = leads_from_json(items, region)
    return chunk.leads, chunk.rejects


def test_json_leads_are_read_like_rows():
    """Their place in the list is their row, and their variables are any JSON object."""
    item = {"phone_number": "+1 415 555 0100", "name": "Ann", "timezone": None, "variables": {"n": [1, {"a": None}]}}
    assert from_json([item, {"phone_number": "0207 946 0958"}], "GB") == (
        [
            Lead(1, "+14155550100", PACIFIC, None, "Ann", '{"n":[1,{"a":null}]}', "US"),
            Lead(2, "+442079460958", ("Europe/London",), None, None, "{}", "GB"),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("item", "code", "value"),
    [
        ("+14155550100", "wrong_type", "+14155550100"),
        ({}, "missing_phone_number", ""),
        ({"phone_number": None}, "missing_phone_number", ""),
        ({"phone_number": 0}, "wrong_type", "0"),
        ({"phone_number": "+14155550100", "name": False}, "wrong_type", "False"),
        ({"phone_number": "+14155550100", "variables": []}, "wrong_type", "[]"),
        ({"phone_number": "+14155550100", "plan": "x"}, "unknown_field", "plan"),
        ({"phone_number": "12"}, "invalid_phone_number", "12"),
        ({"phone_number": "+14155550100", "timezone": "Factory"}, "unknown_timezone", "Factory"),
        ({"phone_number": "+14155550100", "region": "California"}, "unknown_region", "California"),
        ({"phone_number": "+14155550100", "consent_at": "soon"}, "invalid_consent", "soon"),
        ({"phone_number": "+14155550100", "consent_at": 5}, "wrong_type", "5"),
        ({"phone_number": "+14155550100", "debt_id": "a\tb"}, "invalid_debt", "a\tb"),
        ({"phone_number": "+14155550100", "debt_id": "x" * 201}, "invalid_debt", "x" * 120),
        ({"phone_number": "+14155550100", "debt_id": 4711}, "wrong_type", "4711"),
        ({"phone_number": "+14155550100", "region": 5}, "wrong_type", "5"),
        ({"phone_number": "+14155550100", "name": "a\x00"}, "unreadable_row", "+14155550100"),
        ({"phone_number": "+14155550100", "variables": {"a\x00": 1}}, "unreadable_row", "+14155550100"),
        ({"phone_number": "+14155550100", "variables": {"a": ["\\\x00"]}}, "unreadable_row", "+14155550100"),
        ({"phone_number": "+14155550100", "variables": {"a": ["x" * MAX_VALUE]}}, "value_too_long", "a"),
        ({"phone_number": "+14155550100", "name": "x" * (MAX_VALUE + 1)}, "value_too_long", "name"),
    ],
)
def test_a_bad_json_lead_is_rejected_with_its_place(item, code, value):
    """The others are taken."""
    leads, rejects = from_json([{"phone_number": "+14155550101"}, item])
    assert [lead.row for lead in leads] == [1]
    assert rejects == [(code, 2, value)]
    assert code in MESSAGES


def test_an_escaped_backslash_before_u0000_is_no_nul():
    """The text of six characters is kept."""
    leads, _ = from_json([{"phone_number": "+14155550100", "variables": {"a": "\\u0000"}}])
    assert json.loads(leads[0].variables) == {"a": "\\u0000"}


def test_an_unknown_default_region_is_refused_at_once():
    """Before a lead is read."""
    with pytest.raises(Invalid, match="default_region"):
        leads_from_json([], "Narnia")
