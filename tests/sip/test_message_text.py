"""A lead's variables in the text of a message."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.carriers.sip.agents.message_text import LONGEST_VALUE, Filled, fill

LEAD = {
    "name": "Ada",
    "amount due": "870.83",
    "count": 3,
    "rate": 0.5,
    "done": True,
    "none": None,
    "list": [1],
    "object": {"a": 1},
    "blank": " ",
    "a.b": "dotted",
    "odd": "{name}",
    "lines": "one\ntwo\0\x07three",
}


@pytest.mark.parametrize(
    ("text", "said", "unknown"),
    [
        ("Hello.", "Hello.", ()),
        ("Hello {name}, you owe {amount due}.", "Hello Ada, you owe 870.83.", ()),
        ("{ name }{name}", "AdaAda", ()),
        ("{count} of {rate}: {done}", "3 of 0.5: true", ()),
        ("Hello {nobody}, how are you?", "Hello, how are you?", ("nobody",)),
        ("{nobody} Hello {nobody} {nothing} there", "Hello there", ("nobody", "nothing")),
        ("a{nobody}b", "a b", ("nobody",)),
        ("{nobody}", "", ("nobody",)),
        ("{none}{list}{object}!", "!", ("none", "list", "object")),
        ("x {blank} y", "x y", ()),
        ("{{name}} costs {{}}", "{name} costs {}", ()),
        ("{{{name}}}", "{Ada}", ()),
        ("{odd}", "{name}", ()),
        ("{lines}", "one two three", ()),
        ("{a.b} {name.upper} {name[0]} {name!r} {name:>9}", "dotted", ("name.upper", "name[0]", "name!r", "name:>9")),
        ("{name.__class__.__mro__}", "", ("name.__class__.__mro__",)),
        ("{} {0} {", "{", ("", "0")),
        ("a { b } } {c", "a } {c", ("b",)),
        ("two\nlines", "two\nlines", ()),
    ],
)
def test_variables_take_their_places(text, said, unknown):
    """Nothing is looked up in them; those that are not there are left out, with the gap that they leave, and named."""
    assert fill(text, LEAD) == Filled(said, unknown)


def test_value_without_end_is_cut():
    """What is read out stays within reason."""
    assert len(fill("{name}", {"name": "x" * 100_000}).text) == LONGEST_VALUE


@settings(deadline=None)
@given(st.text(alphabet=string.ascii_letters + "{}. \0\n!:[]_", max_size=80), st.dictionaries(st.text(), st.text()))
def test_no_text_is_too_odd(text, variables):
    """Whatever somebody typed, it is said somehow."""
    said, unknown = fill(text, variables)
    assert "\0" not in said
    assert not set(unknown) & variables.keys()


@settings(deadline=None)
@given(st.text(alphabet=string.ascii_letters + " ", max_size=50), st.text(alphabet=string.printable, max_size=50))
def test_value_never_becomes_a_place(name, value):
    """A lead cannot have another lead's variable read out."""
    said = fill("{" + name + "}", {"theirs": "12345", name: value.replace("12345", "")}).text
    assert "12345" not in said or name.strip() == "theirs"
