import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.call import FinalReason
from ringback.domain.decision import held_by_cost
from ringback.domain.worth import Evidence, StopWhen, is_too_costly

STOP = StopWhen(5_000_000, 100)


@pytest.mark.parametrize(
    ("evidence", "is_so"),
    [
        (Evidence(100, 1, 5_000_000, "USD"), False),
        (Evidence(100, 1, 5_000_001, "USD"), True),
        (Evidence(99, 0, 900_000_000, "USD"), False),
        (Evidence(100, 0, 5_000_000, "USD"), False),
        (Evidence(100, 0, 5_000_001, "USD"), True),
        (Evidence(100, 3, 15_000_001, "USD"), True),
        (Evidence(100, 0, 0, "USD"), False),
        (Evidence(100, 0, None, None), False),
    ],
)
def test_redials_stop_above_the_price_of_a_person_and_not_before_enough_are_known(evidence, is_so):
    """Where nobody was reached, the first would cost all of it at least; sums in several currencies tell nothing."""
    assert is_too_costly(STOP, evidence) is is_so


@given(st.integers(0, 10**9), st.integers(0, 500), st.integers(0, 10**12))
def test_it_is_the_exact_share_that_is_compared(bound, reached, cost):
    """Rounding never turns a price that is allowed into one that is not."""
    evidence = Evidence(500, reached, cost, "USD")
    assert is_too_costly(StopWhen(bound), evidence) == (cost > bound * max(reached, 1))


def test_the_decision_has_what_it_went_by():
    """It is final, as the last attempt left the call, and its rule is the policy's own."""
    assert held_by_cost(STOP, 3, Evidence(100, 1, 5_000_000, "USD")) is None
    why = held_by_cost(STOP, 3, Evidence(100, 2, 11_000_001, "USD"))
    assert why.rule == "stop_when: 5000000"
    assert (why.kind, why.next_at, why.final) == ("stop_when", None, (None, FinalReason.TOO_COSTLY))
    assert why.inputs == {
        "ordinal": 3,
        "attempts": 100,
        "reached": 2,
        "cost_micros": 11_000_001,
        "currency": "USD",
        "cost_per_reach_micros": 5_500_001,
        "at_most_micros": 5_000_000,
    }
