import pytest

from ringback.domain.call import FINAL, TRANSITIONS, CallEvent, CallState, FinalReason, final_state
from ringback.domain.outcome import Status


def test_every_state_has_a_row():
    """No state is left out of the table."""
    assert list(TRANSITIONS) == list(CallState)


def test_every_state_can_be_reached():
    """From queued there is a way to each state."""
    found, ahead = set(), [CallState.QUEUED]
    while ahead:
        found.add(state := ahead.pop())
        ahead += set(TRANSITIONS[state].values()) - found
    assert found == set(CallState)


def test_every_event_moves_a_call_somewhere():
    """No event is without a use, and none shares its words with another."""
    assert {event for moves in TRANSITIONS.values() for event in moves} == set(CallEvent)
    assert len(CallEvent.__members__) == len(set(CallEvent))


def test_a_final_state_has_no_way_out():
    """What is final stays so, and every other state leads to a final one."""
    assert {"completed", "no-answer", "busy", "failed", "cancelled", "expired"} == FINAL
    assert all(TRANSITIONS[state] == {} for state in FINAL)
    assert all(set(TRANSITIONS[state].values()) & FINAL for state in set(CallState) - FINAL)


def test_only_a_waiting_call_is_claimed():
    """A call that is being dialled or is over cannot be dialled again."""
    claimable = {state for state, moves in TRANSITIONS.items() if CallEvent.CLAIM in moves}
    assert claimable == {CallState.QUEUED, CallState.SCHEDULED}


def test_a_dial_that_was_withdrawn_waits_where_it_waited():
    """A first dial that the trunk never took is queued again, a redial scheduled again."""
    moves = TRANSITIONS[CallState.DIALING]
    assert moves[CallEvent.WITHDRAW] is CallState.QUEUED
    assert moves[CallEvent.WITHDRAW_REDIAL] is CallState.SCHEDULED


ENDS = [
    (FinalReason.REACHED, Status.COMPLETED, CallState.COMPLETED),
    (FinalReason.ATTEMPTS_EXHAUSTED, Status.NO_ANSWER, CallState.NO_ANSWER),
    (FinalReason.ATTEMPTS_EXHAUSTED, Status.BUSY, CallState.BUSY),
    (FinalReason.ATTEMPTS_EXHAUSTED, Status.FAILED, CallState.FAILED),
    (FinalReason.ATTEMPTS_EXHAUSTED, Status.COMPLETED, CallState.COMPLETED),
    (FinalReason.NOT_RETRYABLE, Status.FAILED, CallState.FAILED),
    (FinalReason.NOT_RETRYABLE, Status.COMPLETED, CallState.COMPLETED),
    (FinalReason.OPTED_OUT, Status.BUSY, CallState.BUSY),
    (FinalReason.EXPIRED, None, CallState.EXPIRED),
    (FinalReason.EXPIRED, Status.BUSY, CallState.EXPIRED),
    (FinalReason.CANCELLED, None, CallState.CANCELLED),
    (FinalReason.CANCELLED, Status.NO_ANSWER, CallState.CANCELLED),
]


@pytest.mark.parametrize(("reason", "last", "state"), ENDS)
def test_a_call_rests_in_the_state_its_reason_names(reason, last, state):
    """Expired and cancelled name the state themselves; otherwise it is the last attempt's status."""
    assert final_state(reason, last) is state


@pytest.mark.parametrize("last", Status)
@pytest.mark.parametrize("reason", FinalReason)
def test_a_resting_call_is_final(reason, last):
    """Whatever the reason and the last attempt, the call's state has no way out."""
    assert final_state(reason, last) in FINAL


@pytest.mark.parametrize("reason", sorted(set(FinalReason) - {FinalReason.EXPIRED, FinalReason.CANCELLED}))
def test_a_reason_that_speaks_of_an_attempt_needs_one(reason):
    """A call cannot have been reached, say, without an attempt."""
    with pytest.raises(ValueError, match="needs the status of a last attempt"):
        final_state(reason, None)
