"""What the ledger says of an attempt, in canonical form: JSON by RFC 8785.

docs/ledger.md has the fields. `take` of ledger.sql makes the same of an attempt's row; a test holds both equal.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from whenever import Instant

_encode_lines = msgspec.json.Encoder().encode_lines


class AttemptBody(msgspec.Struct, gc=False, rename={"to_": "to", "from_": "from"}):
    """The fields, in the order of their names, as canonical JSON has them; times as `body_time` shows them.

    Attributes:
        answered_at: when somebody picked up, None where nobody did.
        answered_by: who did, None where it is not known.
        attempt: the ordinal within its call.
        attempt_id: its id.
        billed_sec: what is paid for.
        call_id: of its call.
        called_at: handed to the trunk, None where it did not come to that.
        campaign_id: None for a single call.
        cost_micros: what it cost.
        currency: ISO 4217.
        duration_sec: connected.
        end_reason: how it ended.
        ended_at: when.
        from_: the commitment of the number that called, None where the trunk gives its own.
        intent_at: decided on.
        kind: `attempt`.
        policy_version: that was in force.
        retry_at: due again, None where it is not.
        retry_rule: by which.
        ring_sec: rang.
        sip_code: None where there was none.
        status: as in the retry history.
        stop_reason: why it is not dialled again, None where it is.
        to_: the commitment of the number called.
        trunk_id: over which trunk.
    """

    answered_at: str | None
    answered_by: str | None
    attempt: int
    attempt_id: UUID
    billed_sec: int
    call_id: UUID
    called_at: str | None
    campaign_id: UUID | None
    cost_micros: int
    currency: str
    duration_sec: int
    end_reason: str
    ended_at: str | None
    from_: str | None
    intent_at: str | None
    kind: str
    policy_version: int
    retry_at: str | None
    retry_rule: str | None
    ring_sec: int
    sip_code: int | None
    status: str
    stop_reason: str | None
    to_: str
    trunk_id: UUID


def body_time(at: Instant | None) -> str | None:
    """A time as it stands in entries: RFC 3339 in UTC with milliseconds."""
    return None if at is None else at.format_iso(unit="millisecond")


def body_lines(bodies: Sequence[AttemptBody]) -> bytes:
    """Bodies in canonical form, a line each: the fields are in order, and of numbers there are only integers."""
    return _encode_lines(bodies)[:-1]
