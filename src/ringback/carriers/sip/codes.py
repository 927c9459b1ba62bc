"""What the far end's final response makes of a dial: the one table of the SIP carrier.

The codes that matter have a row each; the others are as their class says (RFC 3261, section 8.1.3.2). A cause of Q.850
in a Reason header (RFC 3326) is believed only where the code leaves open what happened, and the cause does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ringback.carriers.sip.protocol import Closed
from ringback.domain.outcome import EndReason

FIRST, LAST = 300, 699
"""All final responses but success."""


@dataclass(frozen=True, slots=True)
class Row:
    """One code, or the rest of a class.

    Attributes:
        reason: how the attempt ended.
        source: where the code is defined.
        why: what it says of the person called.
    """

    reason: EndReason
    source: str
    why: str


ROWS: Mapping[int, Row] = {
    301: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.3.2", "moved for good: nobody is at this number any more"),
    302: Row(EndReason.USER_UNREACHABLE, "RFC 3261, 21.3.3", "elsewhere for now, and the trunk does not follow"),
    401: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.2", "the far end does not take the trunk's user or password"),
    402: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.3", "the trunk is not paid for"),
    403: Row(EndReason.DESTINATION_FORBIDDEN, "RFC 3261, 21.4.4", "the route does not call there"),
    404: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.4.5", "no such number"),
    407: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.8", "as 401, of a proxy"),
    408: Row(EndReason.USER_UNREACHABLE, "RFC 3261, 21.4.9", "not found in time"),
    410: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.4.10", "gone for good"),
    429: Row(EndReason.SYSTEM_AT_CAPACITY, "RFC 6585, 4", "too many dials, as HTTP has it"),
    430: Row(EndReason.USER_UNREACHABLE, "RFC 5626", "the phone's own connection is gone"),
    480: Row(EndReason.USER_UNREACHABLE, "RFC 3261, 21.4.18", "not available for now"),
    481: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.19", "the far end lost the call"),
    482: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.20", "the route goes round in a loop"),
    483: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.21", "the route is too long"),
    484: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.4.22", "digits are missing"),
    485: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.4.23", "the number is of several people"),
    486: Row(EndReason.USER_BUSY, "RFC 3261, 21.4.24", "busy"),
    487: Row(EndReason.USER_UNREACHABLE, "RFC 3261, 21.4.25", "given up on the way, without a CANCEL of ours"),
    491: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.4.27", "the far end has a request of its own under way"),
    600: Row(EndReason.USER_BUSY, "RFC 3261, 21.6.1", "busy everywhere"),
    603: Row(EndReason.USER_REJECTED, "RFC 3261, 21.6.2", "declined"),
    604: Row(EndReason.INVALID_PHONE_NUMBER, "RFC 3261, 21.6.3", "no such number anywhere"),
    607: Row(EndReason.USER_REJECTED, "RFC 8197", "unwanted, says the person called"),
    608: Row(EndReason.USER_REJECTED, "RFC 8688", "unwanted, says a filter on the way"),
}
"""The codes that matter."""

CLASSES: Mapping[int, Row] = {
    3: Row(EndReason.DESTINATION_FORBIDDEN, "RFC 3261, 21.3", "to be had elsewhere, and the trunk does not follow"),
    4: Row(
        EndReason.DESTINATION_FORBIDDEN,
        "RFC 3261, 21.4",
        "refused by the route, and would be again",
    ),
    5: Row(EndReason.NETWORK_FAILURE, "RFC 3261, 21.5", "the far end failed"),
    6: Row(EndReason.USER_REJECTED, "RFC 3261, 21.6", "refused for all places where the person may be"),
}
"""The others, by their first digit."""

WITH_RETRY_AFTER: Mapping[int, Row] = {
    503: Row(EndReason.SYSTEM_AT_CAPACITY, "RFC 3261, 21.5.4", "overloaded, and says when to come again"),
}
"""Where a Retry-After header says more."""

CAUSES: Mapping[int, Row] = {
    1: Row(EndReason.INVALID_PHONE_NUMBER, "Q.850, 1", "unallocated number"),
    17: Row(EndReason.USER_BUSY, "Q.850, 17", "user busy"),
    18: Row(EndReason.USER_UNREACHABLE, "Q.850, 18", "the phone does not respond"),
    19: Row(EndReason.USER_DID_NOT_PICK_UP, "Q.850, 19", "it rang, and nobody answered"),
    20: Row(EndReason.USER_UNREACHABLE, "Q.850, 20", "the phone is off, or out of reach"),
    22: Row(EndReason.INVALID_PHONE_NUMBER, "Q.850, 22", "number changed"),
    28: Row(EndReason.INVALID_PHONE_NUMBER, "Q.850, 28", "not a whole number"),
    34: Row(EndReason.SYSTEM_AT_CAPACITY, "Q.850, 34", "no channel free"),
    42: Row(EndReason.SYSTEM_AT_CAPACITY, "Q.850, 42", "the exchange is overloaded"),
}
"""Causes that leave nothing open. 21, call rejected, is not among them: it may be the person or the route."""

VAGUE = frozenset({480, 487, *range(500, 600)})
"""Codes that gateways take for whatever happened behind them (RFC 3398)."""

_GAVE_UP = frozenset({"ring_timeout", "leaving"})
"""We cancelled, and nobody wished this person not to be called: the ring time-out, and a node that ends."""

_OF_OUR_CANCEL = frozenset({None, 408, 487})
"""What comes of a CANCEL (RFC 3261, section 9); any other final response was on its way before it."""


def end_reason(code: int, q850: int | None = None, *, retry_after: bool = False) -> EndReason:
    """How a dial ended by its final response.

    Args:
        code: of the response; what is none, or is success, is a failure of the far end.
        q850: the cause in its Reason header.
        retry_after: whether it has a Retry-After header.
    """
    cause = CAUSES.get(q850 or 0)
    if cause is not None and code in VAGUE:
        return cause.reason
    if retry_after and code in WITH_RETRY_AFTER:
        return WITH_RETRY_AFTER[code].reason
    if code in ROWS:
        return ROWS[code].reason
    return CLASSES[code // 100].reason if FIRST <= code <= LAST else EndReason.NETWORK_FAILURE


def classify(closed: Closed, *, rang: bool, answered: bool) -> EndReason:
    """How a dial ended, whichever way it did.

    Args:
        closed: what the worker says of its end.
        rang: whether the far end alerted.
        answered: whether it picked up. A 200 that crossed our CANCEL says so too, if nobody heard of it before.
    """
    if answered or 200 <= (closed.sip_code or 0) < 300:
        return _connected(closed)
    if closed.ours and closed.ours not in _GAVE_UP:
        return EndReason.CANCELLED_BY_OPERATOR
    if closed.ours and closed.sip_code in _OF_OUR_CANCEL:
        return _rung_out(closed, rang=rang)
    if closed.sip_code is None:
        return EndReason.NETWORK_FAILURE
    return end_reason(closed.sip_code, closed.q850, retry_after=closed.retry_after)


def _connected(closed: Closed) -> EndReason:
    """The end of a conversation; a line that broke was hung up by nobody, and the person is gone all the same."""
    if closed.ours == "machine" or closed.answered_by == "machine":
        return EndReason.VOICEMAIL_DETECTED
    return EndReason.AGENT_DISCONNECTED if closed.ours else EndReason.USER_DISCONNECTED


def _rung_out(closed: Closed, *, rang: bool) -> EndReason:
    """Given up by us: a phone that rang, one that did not, or a trunk that was silent all the time."""
    if rang:
        return EndReason.USER_DID_NOT_PICK_UP
    lost = closed.silent and closed.ours == "ring_timeout"
    return EndReason.NETWORK_FAILURE if lost else EndReason.USER_UNREACHABLE
