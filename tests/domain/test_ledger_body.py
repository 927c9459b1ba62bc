import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from ringback.domain.ledger_body import AttemptBody, body_lines, body_time
from ringback.domain.outcome import EndReason

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
IDS = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
NUMBERS = st.integers(0, 10**12)
TIMES = st.integers(0, 4 * 10**18).map(lambda nanos: Instant.from_timestamp(nanos, unit="nanosecond"))
KINDS = {str: TEXTS, int: NUMBERS, UUID: IDS}


def strategy_of(hint):
    """What may stand in a field of this type."""
    kinds = [KINDS[kind] for kind in getattr(hint, "__args__", (hint,)) if kind in KINDS]
    return kinds[0] if kinds == [KINDS.get(hint)] else st.none() | kinds[0]


FIELDS = {name: strategy_of(hint) for name, hint in AttemptBody.__annotations__.items()}


@given(st.fixed_dictionaries(FIELDS), st.sampled_from(EndReason))
def test_a_body_is_canonical_and_has_each_field(fields, end_reason):
    """JSON by RFC 8785: sorted names, no blanks, nothing escaped that need not be."""
    fields["end_reason"] = end_reason
    named = {name.rstrip("_"): str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
    expected = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    body = AttemptBody(**fields)
    assert body_lines([body]) == expected
    assert body_lines([body, body]) == expected + b"\n" + expected


@given(TIMES)
def test_a_time_is_cut_to_milliseconds(at):
    """It is never later than it was; what did not happen has none."""
    shown = body_time(at)
    assert len(shown) == len("2026-03-02T12:00:00.000Z")
    assert 0 <= (at - Instant.parse_iso(shown)).total("nanoseconds") < 10**6
    assert body_time(None) is None
