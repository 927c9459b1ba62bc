import pytest
from bench.compare import ARMS, FIGURES, ONE, OTHER, Case, covered, history, truth

from ringback.domain.comparison import difference, estimate, expected
from ringback.domain.past import walk
from ringback.domain.policy_form import parse_policy

FOUR = ARMS[::2]
"""Without those that give up after a machine: fewer policies want fewer calls."""

SEEDS, CALLS = 20, 1_000
LEAST = 15
"""Of 20 histories with an interval of 95 %, fewer would be covered once in some 40,000 times."""


def test_intervals_cover_what_the_simulators_people_do():
    """Over seeded histories: reach, attempts and minutes of either policy, and of the one above the other."""
    true = truth((ONE, OTHER), 15_000)
    times = dict.fromkeys(FIGURES, 0)
    for seed in range(SEEDS):
        for name, is_covered in zip(FIGURES, covered(Case(seed, CALLS, FOUR), true), strict=True):
            times[name] += is_covered
    assert min(times.values()) >= LEAST, times


def test_calls_of_no_variation_do_not_tell_of_another_policy():
    """Where all calls were dialled under one policy, it is told, and what was never tried is named."""
    pasts = list(history(Case(1, 400, (ONE,))))
    own = estimate([walk(ONE, past) for past in pasts])
    other = estimate([walk(OTHER, past) for past in pasts])
    assert own.is_supported
    assert own.whole == len(pasts)
    assert not other.is_supported
    assert {"no-answer: 2h", "busy: 1h"} <= {unknown.rule for unknown in other.unknown}


def test_a_policy_that_stops_earlier_needs_no_variation():
    """Every call tells what two attempts would have come to, whoever went on afterwards."""
    pasts = list(history(Case(2, 400, (ONE,))))
    short = parse_policy({"max_attempts": 2, "after": {"no-answer": ["30m"], "busy": ["5m"], "voicemail": ["1d"]}})
    found, whole = (estimate([walk(policy, past) for past in pasts]) for policy in (short, ONE))
    reached = sum(any(step.outcome[0] for step in walk(short, past).steps) for past in pasts)
    # a jitter of the past moved one over the end of the day, and it is stood for
    assert expected(found).reach.value == pytest.approx(reached / len(pasts), abs=0.005)
    assert difference(found, whole).reach.low >= 0


def test_a_history_is_made_again_by_its_seed():
    """And is another one by another."""
    assert list(history(Case(3, 20))) == list(history(Case(3, 20))) != list(history(Case(4, 20)))
