"""The states of one dial. An attempt row is the intent to dial until the trunk has been asked."""

from enum import StrEnum

from ringback.domain.outcome import Status


class AttemptState(StrEnum):
    """What an attempt shows as its `status`, live and over."""

    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = Status.COMPLETED.value
    NO_ANSWER = Status.NO_ANSWER.value
    BUSY = Status.BUSY.value
    FAILED = Status.FAILED.value


class AttemptEvent(StrEnum):
    """What moves an attempt."""

    RINGS = "rings"
    IS_ANSWERED = "is answered"
    HANGS_UP = "hangs up"
    GOES_UNANSWERED = "goes unanswered"
    IS_ENGAGED = "is engaged"
    FAILS = "fails"


_RINGING_ENDS = {
    AttemptEvent.GOES_UNANSWERED: AttemptState.NO_ANSWER,
    AttemptEvent.IS_ENGAGED: AttemptState.BUSY,
    AttemptEvent.FAILS: AttemptState.FAILED,
}

TRANSITIONS: dict[AttemptState, dict[AttemptEvent, AttemptState]] = {
    AttemptState.INITIATED: {
        AttemptEvent.RINGS: AttemptState.RINGING,
        AttemptEvent.IS_ANSWERED: AttemptState.IN_PROGRESS,
        **_RINGING_ENDS,
    },
    AttemptState.RINGING: {AttemptEvent.IS_ANSWERED: AttemptState.IN_PROGRESS, **_RINGING_ENDS},
    AttemptState.IN_PROGRESS: {
        AttemptEvent.HANGS_UP: AttemptState.COMPLETED,
        AttemptEvent.FAILS: AttemptState.FAILED,
    },
    AttemptState.COMPLETED: {},
    AttemptState.NO_ANSWER: {},
    AttemptState.BUSY: {},
    AttemptState.FAILED: {},
}

LIVE = frozenset(state for state, moves in TRANSITIONS.items() if moves)
