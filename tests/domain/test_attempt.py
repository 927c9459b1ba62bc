from ringback.domain.attempt import LIVE, TRANSITIONS, AttemptEvent, AttemptState
from ringback.domain.outcome import Status


def test_every_state_has_a_row():
    """No state is left out of the table."""
    assert list(TRANSITIONS) == list(AttemptState)


def test_every_state_can_be_reached():
    """From initiated there is a way to each state."""
    found, ahead = set(), [AttemptState.INITIATED]
    while ahead:
        found.add(state := ahead.pop())
        ahead += set(TRANSITIONS[state].values()) - found
    assert found == set(AttemptState)


def test_every_event_moves_an_attempt_somewhere():
    """No event is without a use, and none shares its words with another."""
    assert {event for moves in TRANSITIONS.values() for event in moves} == set(AttemptEvent)
    assert len(AttemptEvent.__members__) == len(set(AttemptEvent))


def test_an_attempt_is_live_or_has_a_status():
    """Three live states, and one final state for each status; a final one has no way out."""
    assert {"initiated", "ringing", "in-progress"} == LIVE
    assert set(AttemptState) - LIVE == set(map(str, Status))
    assert all(TRANSITIONS[state] == {} for state in set(AttemptState) - LIVE)


def test_an_attempt_never_goes_back():
    """Nothing rings after it was answered, and no state leads to itself."""
    order = list(AttemptState)
    for state, moves in TRANSITIONS.items():
        assert all(order.index(target) > order.index(state) for target in moves.values())


def test_what_was_answered_is_neither_busy_nor_unanswered():
    """A conversation ends completed, or failed where nobody can tell."""
    assert set(TRANSITIONS[AttemptState.IN_PROGRESS].values()) == {AttemptState.COMPLETED, AttemptState.FAILED}
