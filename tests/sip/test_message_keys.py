"""What the keys mean to a message agent."""

import pytest

from ringback.carriers.sip.agents.message_keys import MOST_KEPT, Keys
from ringback.carriers.sip.agents.message_settings import Digits, MessageSettings


def pressed(keys, digits=None, opt_out_key=None):
    """What is known after these keys."""
    state = Keys(MessageSettings(collect_digits=digits, opt_out_key=opt_out_key))
    for key in keys:
        state = state.press(key)
    return state


@pytest.mark.parametrize(
    ("keys", "n", "opt_out_key", "digits", "opted_out", "awaited", "interrupt"),
    [
        ("", None, None, "", False, False, False),
        ("12", None, None, "12", False, False, False),
        ("1#2", None, "9", "1#2", False, False, False),
        ("9", None, "9", "", True, False, True),
        ("19", None, "9", "1", True, False, True),
        ("", 1, None, "", False, True, False),
        ("1", 1, None, "1", False, False, True),
        ("12", 1, None, "1", False, False, True),
        ("9", 1, "9", "", True, False, True),
        ("19", 1, "9", "1", True, False, True),
        ("12", 4, None, "12", False, True, True),
        ("1234", 4, None, "1234", False, False, True),
        ("12#", 4, None, "12", False, False, True),
        ("12#34", 4, None, "12", False, False, True),
        ("#", 4, None, "", False, False, True),
        ("12#", 4, "#", "12", True, False, True),
        ("1*", 4, "*", "1", True, False, True),
        ("1*", 4, None, "1*", False, True, True),
    ],
)
def test_keys(keys, n, opt_out_key, digits, opted_out, awaited, interrupt):
    """Digits are kept as far as they are wanted, and opting out is always possible."""
    state = pressed(keys, None if n is None else Digits(n), opt_out_key)
    assert (state.digits, state.opted_out, state.awaited, state.interrupt) == (digits, opted_out, awaited, interrupt)


def test_who_leans_on_the_keys_is_not_kept_whole():
    """So many and no more."""
    assert pressed("5" * 1000).digits == "5" * MOST_KEPT
