"""What of a change is kept."""

import pytest

from ringback.domain.audit import HIDDEN, LONGEST, difference


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3})),
        ({"a": 1}, {"a": 1}, ({}, {})),
        ({"a": 1}, {"b": 1}, ({"a": 1, "b": None}, {"a": None, "b": 1})),
        (None, {"a": 1, "b": None, "c": False}, (None, {"a": 1, "c": False})),
        ({"a": 1}, None, ({"a": 1}, None)),
        (None, None, (None, None)),
    ],
)
def test_fields_that_differ_are_kept(before, after, kept):
    """Both sides of each; of what was made, or is gone, all that had a value."""
    assert difference(before, after) == kept


@pytest.mark.parametrize("name", ["secret", "password", "headers", "variables", "transcript", "analysis"])
@pytest.mark.parametrize("value", ["x", 1, {"y": "x"}, ["x"], {"z": ["x"]}])
def test_what_is_secret_is_hidden_wherever_it_stands(name, value):
    """That it changed is told all the same."""
    before, after = difference({"settings": [{name: value}], "a": 1}, {"settings": [{name: "other"}], "a": 1})
    assert before == after == {"settings": [{name: HIDDEN}]}
    assert difference({name: None}, {name: value}) == ({name: None}, {name: HIDDEN})


def test_what_is_sealed_is_hidden_and_seen_to_change():
    """Whatever the field is called."""
    one, other = {"pin": {"sealed": "abc"}}, {"pin": {"sealed": "def"}}
    assert difference(one, other) == ({"pin": HIDDEN}, {"pin": HIDDEN})
    assert difference(one, one) == ({}, {})


def test_phone_numbers_are_hidden_and_seen_to_change():
    """Also in the middle of a text; the beginning of a number is of nobody."""
    before, after = difference({"a": "+14155552671", "b": ["+1"]}, {"a": "call +442079460000 now", "b": ["+44"]})
    assert before == {"a": HIDDEN, "b": ["+1"]}
    assert after == {"a": f"call {HIDDEN} now", "b": ["+44"]}


def test_what_is_too_long_is_only_counted():
    """So that a row of the trail stays a row; a character that PostgreSQL would refuse is left out."""
    text = "x" * LONGEST
    assert difference(None, {"a": text, "b": text[2:], "c": "a\0b"}) == (
        None,
        {"a": f"({LONGEST + 2} characters)", "b": text[2:], "c": "ab"},
    )
