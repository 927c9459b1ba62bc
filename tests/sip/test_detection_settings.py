"""What an agent can be told of machines."""

import pytest

from ringback.carriers.sip.agents.detection_settings import (
    Detect,
    Detection,
    OnMachine,
    parse_detection,
    split_detection,
)
from ringback.errors import Invalid


def test_what_is_left_out_has_its_default():
    """Nobody is listened to unless that is asked for; other settings are not looked at."""
    assert parse_detection({}) == Detection(Detect.NONE, OnMachine.HANG_UP)
    assert parse_detection({"detect": None, "on_machine": None, "text": 5}) == Detection()


@pytest.mark.parametrize("detect", Detect)
@pytest.mark.parametrize("on_machine", OnMachine)
def test_each_word_is_taken(detect, on_machine):
    """In any combination."""
    assert parse_detection({"detect": str(detect), "on_machine": str(on_machine)}) == Detection(detect, on_machine)


@pytest.mark.parametrize("wrong", ["", "FULL", "beep", 1, True, ["full"], {"full": 1}])
def test_what_is_wrong_is_named(wrong):
    """With a line each, and what there is."""
    with pytest.raises(Invalid) as refused:
        parse_detection({"detect": wrong, "on_machine": wrong}, "agent")
    assert refused.value.lines == [
        "agent.detect must be one of none, fast, full",
        "agent.on_machine must be one of hang_up, message, continue",
    ]


def test_settings_are_told_apart():
    """These, and those of the agent's kind."""
    assert split_detection({"text": "Hello.", "detect": "full"}) == ({"detect": "full"}, {"text": "Hello."})
