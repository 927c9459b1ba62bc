"""What a message agent can be told."""

import pytest

from ringback.carriers.sip.agents.message_settings import Digits, MessageSettings, parse_message
from ringback.errors import Invalid


def test_what_is_left_out_has_its_default():
    """A text is enough; null is left out."""
    assert parse_message({"text": " Hello. "}) == MessageSettings(text="Hello.")
    assert parse_message({"text": "Hello.", "voice": None, "collect_digits": None}) == MessageSettings(text="Hello.")
    assert parse_message({"collect_digits": {}}).collect_digits == Digits(n=1, timeout_sec=5.0)


def test_all_of_it_is_taken():
    """Each setting by its name."""
    given = {
        "text": "Hello {name}.",
        "language": "de",
        "voice": "mb-de2+f3",
        "pause_sec": 0,
        "repeat": 3,
        "repeat_pause_sec": 2.5,
        "collect_digits": {"n": 4, "timeout_sec": 10},
        "opt_out_key": "*",
        "opt_out_text": "You will not be called again.",
    }
    assert list(given) == list(MessageSettings.__dataclass_fields__)
    digits = Digits(n=4, timeout_sec=10.0)
    assert parse_message(given) == MessageSettings(**{**given, "pause_sec": 0.0, "collect_digits": digits})


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"text": ""}, "text"),
        ({"text": " "}, "text"),
        ({"text": 5}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"colour": "red"}, "colour"),
        ({"audio": "x.wav"}, "audio"),
        ({"voice": "-f"}, "voice"),
        ({"voice": "../../etc/passwd"}, "voice"),
        ({"voice": "a b"}, "voice"),
        ({"language": ""}, "language"),
        ({"language": "x" * 65}, "language"),
        ({"pause_sec": -0.1}, "pause_sec"),
        ({"pause_sec": 10.1}, "pause_sec"),
        ({"pause_sec": True}, "pause_sec"),
        ({"pause_sec": float("nan")}, "pause_sec"),
        ({"repeat_pause_sec": "1"}, "repeat_pause_sec"),
        ({"repeat": 0}, "repeat"),
        ({"repeat": 6}, "repeat"),
        ({"repeat": 1.5}, "repeat"),
        ({"repeat": True}, "repeat"),
        ({"opt_out_key": "10"}, "opt_out_key"),
        ({"opt_out_key": "A"}, "opt_out_key"),
        ({"opt_out_key": ""}, "opt_out_key"),
        ({"opt_out_key": 9}, "opt_out_key"),
        ({"opt_out_text": ""}, "opt_out_text"),
        ({"collect_digits": 4}, "collect_digits"),
        ({"collect_digits": {"n": 0}}, "collect_digits.n"),
        ({"collect_digits": {"n": 33}}, "collect_digits.n"),
        ({"collect_digits": {"timeout_sec": 0.5}}, "collect_digits.timeout_sec"),
        ({"collect_digits": {"timeout_sec": 61}}, "collect_digits.timeout_sec"),
        ({"collect_digits": {"m": 1}}, "collect_digits.m"),
        ({"collect_digits": {"n": 2}, "opt_out_key": "9"}, "opt_out_key"),
    ],
)
def test_what_is_wrong_is_named(wrong, named):
    """With one line."""
    with pytest.raises(Invalid) as refused:
        parse_message({"text": "Hello.", **wrong} if "text" not in wrong else wrong)
    [line] = refused.value.lines
    assert line.startswith(f"settings.{named} ")


def test_all_faults_come_at_once():
    """Nobody mends one to be told of the next."""
    with pytest.raises(Invalid) as refused:
        parse_message({"text": 5, "repeat": 0, "x": 1, "collect_digits": {"n": 0, "timeout_sec": 0}}, "agent")
    assert [line.split()[0] for line in refused.value.lines] == [
        "agent.x",
        "agent.text",
        "agent.repeat",
        "agent.collect_digits.n",
        "agent.collect_digits.timeout_sec",
    ]


def test_a_digit_may_be_the_key_for_opt_out_where_one_is_collected():
    """As in: press 1 to confirm, 9 to opt out."""
    assert parse_message({"collect_digits": {"n": 1}, "opt_out_key": "9"}).opt_out_key == "9"
