"""How an attempt can end: the one table of the contract, read by every carrier and every decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What an attempt comes to once it is over."""

    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"


class AnsweredBy(StrEnum):
    """Who picked up, as far as anybody can tell."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class EndReason(StrEnum):
    """Why it ended, in more words than the status has."""

    USER_DISCONNECTED = "user_disconnected"
    AGENT_DISCONNECTED = "agent_disconnected"
    VOICEMAIL_DETECTED = "voicemail_detected"
    USER_DID_NOT_PICK_UP = "user_did_not_pick_up"
    USER_UNREACHABLE = "user_unreachable"
    USER_BUSY = "user_busy"
    USER_REJECTED = "user_rejected"
    INVALID_PHONE_NUMBER = "invalid_phone_number"
    DESTINATION_FORBIDDEN = "destination_forbidden"
    NETWORK_FAILURE = "network_failure"
    SYSTEM_AT_CAPACITY = "system_at_capacity"
    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an end reason means for the call.

    Attributes:
        status: the attempt's final status.
        retry_key: the entry of a retry policy's `after` that governs what follows; None is never redialled.
        reached: a person was spoken to, so the call has done its work.
    """

    status: Status
    retry_key: str | None
    reached: bool = False


NO_ANSWER, BUSY, VOICEMAIL, FAILED = "no-answer", "busy", "voicemail", "failed"

MEANINGS: Mapping[EndReason, Meaning] = {
    EndReason.USER_DISCONNECTED: Meaning(Status.COMPLETED, None, reached=True),
    EndReason.AGENT_DISCONNECTED: Meaning(Status.COMPLETED, None, reached=True),
    EndReason.VOICEMAIL_DETECTED: Meaning(Status.COMPLETED, VOICEMAIL),
    EndReason.USER_DID_NOT_PICK_UP: Meaning(Status.NO_ANSWER, NO_ANSWER),
    EndReason.USER_UNREACHABLE: Meaning(Status.NO_ANSWER, NO_ANSWER),
    EndReason.USER_BUSY: Meaning(Status.BUSY, BUSY),
    EndReason.USER_REJECTED: Meaning(Status.BUSY, BUSY),
    EndReason.INVALID_PHONE_NUMBER: Meaning(Status.FAILED, None),
    EndReason.DESTINATION_FORBIDDEN: Meaning(Status.FAILED, None),
    EndReason.NETWORK_FAILURE: Meaning(Status.FAILED, FAILED),
    EndReason.SYSTEM_AT_CAPACITY: Meaning(Status.FAILED, FAILED),
    EndReason.CANCELLED_BY_OPERATOR: Meaning(Status.NO_ANSWER, None),
    EndReason.OUTCOME_UNKNOWN: Meaning(Status.FAILED, FAILED),
}
"""Every end reason has its row; a test holds this table equal to docs/outcomes.md."""
