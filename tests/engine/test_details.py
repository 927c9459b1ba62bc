import json
import random
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.engine.details import LEFT_OUT, MOST_BYTES, keep, opted_out


def deep(levels):
    """A list in a list in a list."""
    value = []
    for _ in range(levels):
        value = [value]
    return value


def test_details_are_kept_as_they_are():
    """As JSON, whatever mapping they come in."""
    told = {"q850": 34, "early_media": True, "digits": "12#", "notes": {"a": [1.5, None, "é"]}}
    assert json.loads(keep(MappingProxyType(told))) == told


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_is_kept_of_nothing(nothing):
    """The column stays null."""
    assert keep(nothing) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("\0\0", "\ufffd\ufffd"),
        ("\\\0", "\\\ufffd"),
        ("\\u0000", "\\u0000"),
        ("\\\\u0000\0", "\\\\u0000\ufffd"),
    ],
)
def test_what_jsonb_has_no_place_for_is_marked(text, kept):
    """A NUL goes; a backslash before the letters of one is a text like any other. In names as well."""
    assert json.loads(keep({"note": text, text: 1})) == {"note": kept, kept: 1}


BAD = {"surrogate": "\ud800", "number": 10**5000, "thing": object(), "deep": deep(100_000), "set": {1, object()}}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_written_is_left_out_alone(bad):
    """The others are kept, and the history tells that something is missing."""
    assert json.loads(keep({"q850": 17, "note": bad})) == {"q850": 17, LEFT_OUT: 1}


def test_what_is_too_long_is_left_out_the_longest_first():
    """What an agent or a far end tells has an end."""
    told = {"long": "x" * MOST_BYTES, "half": "y" * (MOST_BYTES // 2), "most": "z" * (MOST_BYTES // 2), "q850": 17}
    kept = json.loads(keep(told))
    assert kept == {"half": told["half"], "q850": 17, LEFT_OUT: 2}
    assert len(keep(told)) <= MOST_BYTES + 50


@pytest.mark.parametrize(("value", "is_so"), [(True, True), (False, False), ("true", False), (1, False), (None, False)])
def test_only_a_plain_yes_opts_out(value, is_so):
    """A call is not ended for good by a word that was meant otherwise."""
    assert opted_out({"opted_out": value}) is is_so


def test_without_details_nobody_opts_out():
    """Nothing was told, or of other things."""
    assert not opted_out(None)
    assert not opted_out({"digits": "9"})


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda part: st.lists(part) | st.dictionaries(st.text(st.characters()), part),
    max_leaves=10,
)


@settings(max_examples=25)
@given(st.dictionaries(st.text(st.characters()), ANY))
def test_whatever_is_told_can_be_kept(told):
    """It is never refused, and what is kept is JSON without a NUL."""
    kept = keep(told)
    assert kept is None if not told else "\0" not in str(json.loads(kept))


async def test_postgresql_takes_whatever_is_kept(make_world):
    """Odd characters in any order, in names and in values, nested and long."""
    world, chance = await make_world(), random.Random(4)
    odd = ["\0", "\\", "u0000", '"', "\ud800", "\udfff", "\U0010ffff", "\ufeff", "\x1b", "\x7f", "0", "é"]

    def text():
        return "".join(chance.choices(odd, k=chance.randrange(12)))

    told = [{text(): [text(), {text(): text()}], "n": chance.random() * 10.0**300} for _ in range(2_000)]
    told += [{"note": deep(900)}, {"note": 10**4000}, {"note": "\0" * MOST_BYTES}]
    kept = [keep(one) for one in told]
    assert await world.value("SELECT count(k::jsonb) FROM unnest($1::text[]) k", kept) == len(told)
