from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.carriers.sip.codes import FIRST, LAST, classify, end_reason
from ringback.carriers.sip.protocol import Closed
from ringback.domain.outcome import MEANINGS, EndReason, Status

# The table, written out once more: a row changed by mistake shows here.
NAMED = {
    "user_did_not_pick_up": set(),
    "user_unreachable": {302, 408, 430, 480, 487},
    "user_busy": {486, 600},
    "user_rejected": {603, 607, 608},
    "invalid_phone_number": {301, 404, 410, 484, 485, 604},
    "destination_forbidden": {403},
    "network_failure": {401, 402, 407, 481, 482, 483, 491},
    "system_at_capacity": {429},
}
BY_CLASS = {3: "destination_forbidden", 4: "destination_forbidden", 5: "network_failure", 6: "user_rejected"}
REASON = {code: BY_CLASS[code // 100] for code in range(300, 700)} | {
    code: reason for reason, codes in NAMED.items() for code in codes
}
EVERYTHING = settings(max_examples=500, deadline=None, derandomize=True)


def closed(**said) -> Closed:
    """What a worker says of an end."""
    return Closed(UUID(int=1), 0.0, **said)


ENDS = st.builds(
    closed,
    sip_code=st.none() | st.integers(-1, 1000),
    q850=st.none() | st.integers(0, 127),
    retry_after=st.booleans(),
    ours=st.sampled_from(["", "ring_timeout", "max_call", "hang_up", "leaving", "agent", "machine", "something new"]),
    silent=st.booleans(),
    text=st.text(max_size=20),
    answered_by=st.sampled_from([None, "human", "machine", "unknown"]),
)


@pytest.mark.parametrize("code", range(FIRST, LAST + 1))
def test_a_final_code_ends_a_dial_as_its_row_says(code):
    """Each code from 300 to 699 has its end reason, by itself or by its class."""
    assert classify(closed(sip_code=code), rang=False, answered=False) == REASON[code]
    assert classify(closed(sip_code=code), rang=True, answered=False) == REASON[code]


@pytest.mark.parametrize(
    ("code", "reason"), [(503, "system_at_capacity"), (500, "network_failure"), (486, "user_busy")]
)
def test_a_retry_after_tells_an_overload(code, reason):
    """503 with Retry-After is a trunk that has no room; no other code means anything else by it."""
    assert classify(closed(sip_code=code, retry_after=True), rang=False, answered=False) == reason


@pytest.mark.parametrize(
    ("code", "cause", "reason"),
    [
        (500, 1, "invalid_phone_number"),
        (503, 17, "user_busy"),
        (480, 17, "user_busy"),
        (480, 18, "user_unreachable"),
        (480, 19, "user_did_not_pick_up"),
        (487, 19, "user_did_not_pick_up"),
        (502, 20, "user_unreachable"),
        (500, 22, "invalid_phone_number"),
        (502, 28, "invalid_phone_number"),
        (500, 34, "system_at_capacity"),
        (503, 42, "system_at_capacity"),
        # a cause that leaves it open
        (500, 16, "network_failure"),
        (503, 21, "network_failure"),
        (480, 31, "user_unreachable"),
        (503, 0, "network_failure"),
        # a code that does not
        (404, 17, "invalid_phone_number"),
        (486, 34, "user_busy"),
        (403, 1, "destination_forbidden"),
        (603, 17, "user_rejected"),
    ],
)
def test_a_cause_is_believed_where_the_code_is_vague(code, cause, reason):
    """A gateway's 480, 487 or 5xx says less than the Q.850 cause beside it."""
    assert classify(closed(sip_code=code, q850=cause), rang=True, answered=False) == reason


def test_a_cause_goes_before_a_retry_after():
    """What happened to the person says more than when to come again."""
    assert end_reason(503, 17, retry_after=True) is EndReason.USER_BUSY


@pytest.mark.parametrize(
    ("said", "rang", "reason"),
    [
        ({"ours": "ring_timeout", "sip_code": 487}, True, "user_did_not_pick_up"),
        ({"ours": "ring_timeout"}, True, "user_did_not_pick_up"),
        ({"ours": "ring_timeout", "sip_code": 408}, True, "user_did_not_pick_up"),
        ({"ours": "ring_timeout", "sip_code": 487}, False, "user_unreachable"),
        ({"ours": "ring_timeout"}, False, "user_unreachable"),
        ({"ours": "ring_timeout", "silent": True}, False, "network_failure"),
        # a final response that crossed our CANCEL
        ({"ours": "ring_timeout", "sip_code": 486}, True, "user_busy"),
        ({"ours": "ring_timeout", "sip_code": 603}, True, "user_rejected"),
        ({"ours": "ring_timeout", "sip_code": 404}, False, "invalid_phone_number"),
        # a node that ends while it rings: the person is to be called again
        ({"ours": "leaving", "sip_code": 487}, True, "user_did_not_pick_up"),
        ({"ours": "leaving", "silent": True}, False, "user_unreachable"),
        ({"ours": "leaving", "sip_code": 486}, True, "user_busy"),
        ({"ours": "hang_up", "sip_code": 487}, True, "cancelled_by_operator"),
        ({"ours": "hang_up", "sip_code": 486}, True, "cancelled_by_operator"),
        ({"ours": "hang_up", "silent": True}, False, "cancelled_by_operator"),
        ({"text": "Connection timed out [110]", "silent": True}, False, "network_failure"),
        ({"text": "Connection refused [111]", "silent": True}, False, "network_failure"),
        ({"text": "Connection reset by peer [104]"}, True, "network_failure"),
        ({"sip_code": 100}, False, "network_failure"),
        ({"sip_code": 700}, False, "network_failure"),
    ],
)
def test_a_dial_that_nobody_answered_ends_by_what_was_seen_of_it(said, rang, reason):
    """Ring time-outs, hang-ups and lost trunks."""
    assert classify(closed(**said), rang=rang, answered=False) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"text": "Connection reset by peer [104]"}, "user_disconnected"),
        ({"text": "Connection timed out [110]"}, "user_disconnected"),
        ({"ours": "agent"}, "agent_disconnected"),
        ({"ours": "max_call"}, "agent_disconnected"),
        ({"ours": "hang_up"}, "agent_disconnected"),
        ({"ours": "ring_timeout"}, "agent_disconnected"),
        ({"ours": "machine"}, "voicemail_detected"),
        ({"ours": "agent", "answered_by": "machine"}, "voicemail_detected"),
        ({"answered_by": "machine"}, "voicemail_detected"),
        ({"answered_by": "human"}, "user_disconnected"),
    ],
)
def test_an_answered_call_is_completed_whoever_ends_it(said, reason):
    """By either side, by a machine that was told, or by a line that broke."""
    assert classify(closed(sip_code=200, **said), rang=True, answered=True) == reason


def test_an_answer_that_crossed_our_cancel_is_an_answer():
    """The person did pick up, and heard us go."""
    assert classify(closed(ours="ring_timeout", sip_code=200), rang=True, answered=False) == "agent_disconnected"


@EVERYTHING
@given(ENDS, st.booleans())
def test_an_answered_call_always_counts_as_one(end, rang):
    """Whatever else is said: who answered is not dialled again as if nobody had."""
    assert MEANINGS[classify(end, rang=rang, answered=True)].status is Status.COMPLETED


@EVERYTHING
@given(ENDS, st.booleans())
def test_every_end_has_its_reason(end, rang):
    """Nothing that a far end may say is without an answer, and nobody is taken for reached who did not pick up."""
    reason = classify(end, rang=rang, answered=False)
    picked_up = 200 <= (end.sip_code or 0) < 300
    assert (MEANINGS[reason].status is Status.COMPLETED) is picked_up
    assert reason is not EndReason.OUTCOME_UNKNOWN
