import pytest

from ringback.carriers.sip.agents.bridge_headers import LONGEST_OF_ALL, introduce
from ringback.carriers.sip.wire import ATTEMPT_HEADER

IDS = {
    "attempt_id": "att_1",
    "call_id": "call_1",
    "to_number": "+14155552671",
    "from_number": "+14155550100",
    "sip_call_id": "x",
}


def told(variables):
    """The headers of variables, and those that were left out."""
    headers, left_out = introduce(variables, {}, "")
    return {name.removeprefix("X-Ringback-Var-"): value for name, value in headers.items()}, left_out


def test_the_call_is_named():
    """With the token where there is one; the attempt by another header than on a dial, which is counted by it."""
    headers, _ = introduce({}, IDS, "tok_1")
    assert headers == {
        "X-Ringback-Call": "call_1",
        "X-Ringback-Bridged-Attempt": "att_1",
        "X-Ringback-To": "+14155552671",
        "X-Ringback-From": "+14155550100",
        "X-Ringback-Token": "tok_1",
    }
    assert ATTEMPT_HEADER not in headers
    assert "X-Ringback-Token" not in introduce({}, IDS, "").headers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ann", "Ann"),
        (" Zo\u00eb M\u00fcller ", "Zo\u00eb M\u00fcller"),
        (12.5, "12.5"),
        (True, "true"),
        (["a", 1], '["a",1]'),
        ({"a": None}, '{"a":null}'),
        ("one\r\nVia: two\x00\t\x7f\u2028three", "one Via: two three"),
        ("100% %s %n", "100% %s %n"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_variable_is_text_in_one_line(value, text):
    """What is no text is JSON; it is as long as may be."""
    assert told({"v": value}) == ({"v": text}, [])


def test_a_variable_of_nothing_has_no_header():
    """Null and what is only blank."""
    assert told({"a": None, "b": " \n"}) == ({}, [])


def test_a_name_is_made_one_of_a_header():
    """Letters, digits and dashes; what has no name then, too long a one, or one that is there, is left out."""
    names = {"due date": 1, "order_no": 2, "x:\r\ny": 3, "Stra\u00dfe": 4, "\u00e9": 5, "n" * 61: 6, "Due Date": 7}
    headers, left_out = told(names)
    assert headers == {"due-date": "1", "order-no": "2", "x-y": "3", "Stra-e": "4"}
    assert left_out == ["\u00e9", "n" * 61, "Due Date"]


def test_there_are_no_more_than_far_ends_take():
    """At most 40, of 2,000 bytes in all; the others are named."""
    headers, left_out = told({f"v{n}": n for n in range(50)})
    assert (len(headers), left_out) == (40, [f"v{n}" for n in range(40, 50)])
    headers, left_out = told({f"v{n}": "\u00e9" * 190 for n in range(9)} | {"small": 1})
    assert sum(len(f"X-Ringback-Var-{name}: {value}\r\n".encode()) for name, value in headers.items()) <= LONGEST_OF_ALL
    assert [*headers, *left_out] == ["v0", "v1", "v2", "v3", "small", "v4", "v5", "v6", "v7", "v8"]
