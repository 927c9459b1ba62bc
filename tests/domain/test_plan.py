from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from ringback.domain.explain import Kind
from ringback.domain.plan import Ended, HourSums, Order, Played, Reason, reach, together

NO_ZONE = Reason(Kind.NO_ZONE, "calling_window", None)


def a_run(dials, *, hour=3, ended=None, left=0, longest=0):
    """A run with dials in one hour, of which each was up for a minute and had waited ten seconds."""
    run = Played(ended_sec=ended, left=left, longest_wait_sec=longest, waited_sec=10 * dials)
    sums = run.hour(hour * 3600 + 59)
    sums.dials, sums.reached, sums.wanted_sec, sums.peak = dials, dials / 2, 60 * dials, dials / 10
    run.finals = Counter(reached=dials // 2, expired=1)
    run.cost_micros = Counter(USD=dials)
    run.never[NO_ZONE] += 2
    run.examples[NO_ZONE] = [4]
    return run


def test_runs_are_told_by_their_means():
    """Hours without a dial between those that have some are told too; a lead stands for those it was drawn from."""
    found = together([a_run(100, hour=3, ended=50, longest=9), a_run(300, hour=5, ended=90, longest=7)], each=2.0)
    assert {hour: sums.dials for hour, sums in found.hours.items()} == {3: 100, 4: 0, 5: 300}
    assert (found.whole.dials, found.whole.reached, found.whole.peak) == (400, 200, 30)
    assert (found.wait_sec, found.longest_wait_sec, found.needed) == (10, 9, 5)
    assert found.cost_micros == {"USD": 400}
    assert found.finals == {"reached": 200, "expired": 2}
    assert (found.never, found.examples) == ({NO_ZONE: 4}, {NO_ZONE: [4]})
    assert found.ended == Ended(50, 90, 90)


def test_dials_of_one_hour_are_counted_together():
    """From its first second to its last."""
    run = Played()
    assert run.mean_sec == 0
    assert a_run(3).mean_sec == 60
    assert run.hour(7200) is run.hour(10_799) is not run.hour(10_800)


def test_an_end_is_told_only_where_all_runs_have_one():
    """Leads that are left in one of them may be left."""
    assert together([a_run(1, ended=5), a_run(1, left=3)]).ended is None
    assert together([a_run(1, ended=5), a_run(1, left=3)]).left == 1.5


def test_a_run_without_a_dial_has_no_hours():
    """And nobody waited for a slot."""
    found = together([Played(left=1)])
    assert (found.hours, found.wait_sec, found.needed, found.whole) == ({}, 0, 0, HourSums())


@pytest.mark.parametrize(
    ("reached", "leads", "played", "known", "low", "high"),
    [
        (40, 100, 10**9, None, 30.9, 49.8),
        (40, 100, 100, None, 27.6, 53.8),
        (400, 1000, 20_000, None, 369.3, 431.5),
        (400, 1000, 10**9, 400, 350.7, 449.8),
        (0, 100, 10**9, None, 0, 3.7),
        (100, 100, 10**9, None, 96.3, 100),
        (0, 0, 0, None, 0, 0),
    ],
)
def test_the_interval_is_that_of_the_run_to_come(reached, leads, played, known, low, high):
    """It has the chance of that run, that of the runs by which it was foreseen, and that of rates that were learned."""
    found = reach(reached, leads, played, known)
    assert found == pytest.approx((reached, low, high), abs=0.06)


@given(st.integers(1, 10_000), st.integers(1, 100_000), st.floats(0, 1), st.none() | st.integers(0, 1000))
def test_the_interval_lies_around_the_middle_and_within_all_leads(leads, played, share, known):
    """Whatever is played."""
    found = reach(share * leads, leads, played, known)
    assert 0 <= found.low <= found.leads + 1e-6 <= found.high + 2e-6
    assert found.high <= leads * (1 + 1e-12)


def test_an_order_knows_when_it_was_given():
    """As it is told from one process to another."""
    assert Order(1, UUID(int=1), "2026-03-02T12:00:00Z", 7, 1).now == Instant.from_utc(2026, 3, 2, 12)
