"""The states of a call: the whole effort to reach one number.

Only a final state is stored in the call's row. The others are read off what is there anyway: a queue row is a call
that waits, an attempt that has not ended is a call that is being dialled. So they cannot contradict each other.
"""

from enum import StrEnum

from ringback.domain.outcome import Status


class CallState(StrEnum):
    """What a call shows as its `status`."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    DIALING = "dialing"
    IN_PROGRESS = "in-progress"
    COMPLETED = Status.COMPLETED.value
    NO_ANSWER = Status.NO_ANSWER.value
    BUSY = Status.BUSY.value
    FAILED = Status.FAILED.value
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class CallEvent(StrEnum):
    """What moves a call."""

    CLAIM = "is claimed"
    WITHDRAW = "was never placed"
    WITHDRAW_REDIAL = "was not redialled after all"
    ANSWER = "is answered"
    RETRY = "is to be redialled"
    COMPLETE = "ends completed"
    GO_UNANSWERED = "ends unanswered"
    ENGAGED = "ends busy"
    FAIL = "ends failed"
    CANCEL = "is cancelled"
    EXPIRE = "has no time left"


class FinalReason(StrEnum):
    """Why a final call is final."""

    REACHED = "reached"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    NOT_RETRYABLE = "not_retryable"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OPTED_OUT = "opted_out"
    TOO_COSTLY = "too_costly"


_WAITS = {
    CallEvent.CLAIM: CallState.DIALING,
    CallEvent.CANCEL: CallState.CANCELLED,
    CallEvent.EXPIRE: CallState.EXPIRED,
}
_ENDS = {
    CallEvent.RETRY: CallState.SCHEDULED,
    CallEvent.COMPLETE: CallState.COMPLETED,
    CallEvent.FAIL: CallState.FAILED,
    CallEvent.CANCEL: CallState.CANCELLED,
    CallEvent.EXPIRE: CallState.EXPIRED,
}

TRANSITIONS: dict[CallState, dict[CallEvent, CallState]] = {
    CallState.QUEUED: _WAITS,
    CallState.SCHEDULED: _WAITS,
    CallState.DIALING: {
        CallEvent.ANSWER: CallState.IN_PROGRESS,
        CallEvent.WITHDRAW: CallState.QUEUED,
        CallEvent.WITHDRAW_REDIAL: CallState.SCHEDULED,
        CallEvent.GO_UNANSWERED: CallState.NO_ANSWER,
        CallEvent.ENGAGED: CallState.BUSY,
        **_ENDS,
    },
    CallState.IN_PROGRESS: _ENDS,
    CallState.COMPLETED: {},
    CallState.NO_ANSWER: {},
    CallState.BUSY: {},
    CallState.FAILED: {},
    CallState.CANCELLED: {},
    CallState.EXPIRED: {},
}

FINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)

UNREACHED_ENDS = {FinalReason.EXPIRED: CallState.EXPIRED, FinalReason.CANCELLED: CallState.CANCELLED}
"""Final reasons that name the call's state themselves; for the others it is the last attempt's status."""


def final_state(reason: FinalReason, last: Status | None) -> CallState:
    """The state in which a call rests.

    Args:
        reason: why there will be no further attempt.
        last: the status of the last attempt, None where there was none.
    """
    state = UNREACHED_ENDS.get(reason)
    if state is None and last is None:
        raise ValueError(f"{reason} needs the status of a last attempt")
    return state or CallState(str(last))
