import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.analytics import (
    FIRST,
    WAIT_BUCKETS,
    WAIT_EDGES_SEC,
    WEEKDAYS,
    Side,
    Sums,
    lay_out,
    values_of,
    wilson,
)

COUNTS = st.integers(1, 100_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.277533),
        (10, 10, 0.722467, 1.0),
        (5, 10, 0.236593, 0.763407),
        (1, 2, 0.094531, 0.905469),
        (15, 100, 0.093060, 0.232836),
        (0.5, 1, 0.054621, 0.945379),
    ],
)
def test_interval_is_that_of_the_books(hits, of, low, high):
    """Wilson's score interval at 95 %, without a correction."""
    found = wilson(hits, of)
    assert found == pytest.approx((hits / of, low, high), abs=1e-6)


def test_no_data_is_no_share():
    """Of nothing there is no share, not a share of 0."""
    assert wilson(0, 0) is None


@given(COUNTS)
def test_interval_contains_the_share(counts):
    """And lies within 0 and 1, with some width, at either end too."""
    hits, of = counts
    found = wilson(hits, of)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low < found.high


@given(COUNTS)
def test_interval_moves_up_with_the_hits(counts):
    """One more hit moves both ends up, or leaves them."""
    hits, of = counts
    if hits < of:
        fewer, more = wilson(hits, of), wilson(hits + 1, of)
        assert fewer.low <= more.low
        assert fewer.high <= more.high


@given(COUNTS, st.integers(2, 50))
def test_interval_narrows_with_the_count(counts, times):
    """The same share of more is known better."""
    hits, of = counts
    few, many = wilson(hits, of), wilson(hits * times, of * times)
    assert many.high - many.low < few.high - few.low


@given(COUNTS)
def test_interval_is_the_mirror_of_its_complement(counts):
    """What is known of the reached is known of those who were not."""
    hits, of = counts
    found, rest = wilson(hits, of), wilson(of - hits, of)
    assert (found.low, found.high) == pytest.approx((1 - rest.high, 1 - rest.low), abs=1e-9)


def test_buckets_begin_with_the_usual_waits():
    """One more than their edges, the edges ascending."""
    assert WAIT_BUCKETS[0] == "<2m"
    assert WAIT_BUCKETS[5:8] == ("30m-1h", "1h-2h", "2h-4h")
    assert WAIT_BUCKETS[-1] == ">=7d"
    assert len(WAIT_BUCKETS) == len(WAIT_EDGES_SEC) + 1
    assert list(WAIT_EDGES_SEC) == sorted(set(WAIT_EDGES_SEC))


DAYS = ("2026-03-01", "2026-03-02")


@pytest.mark.parametrize(
    ("side", "found", "wanted"),
    [
        (Side.ATTEMPT, {3, 1}, [1, 2, 3]),
        (Side.ATTEMPT, set(), []),
        (Side.HOUR, {9}, list(range(24))),
        (Side.HOUR, {9, None}, [*range(24), None]),
        (Side.WEEKDAY, set(), list(WEEKDAYS)),
        (Side.OUTCOME_BEFORE, {FIRST}, ["first", "no-answer", "busy", "voicemail", "failed", "other"]),
        (Side.WAIT_BEFORE, set(), [FIRST, *WAIT_BUCKETS]),
        (Side.DAY, {"2026-03-02"}, list(DAYS)),
        (Side.REGION, {"US", None, "DE"}, ["DE", "US", None]),
        (Side.TRUNK, {10, 9}, [9, 10]),
        (Side.CAMPAIGN, set(), []),
    ],
)
def test_values_are_those_that_there_can_be(side, found, wanted):
    """Where that is not known, those that were found; what is unknown is last."""
    assert values_of(side, found, DAYS) == wanted


def test_groups_without_an_attempt_are_laid_out():
    """The table has no holes: what was never tried has no attempts, and says so."""
    sums = Sums(attempts=4, calls=4)
    laid = list(lay_out((Side.DAY, Side.ATTEMPT), {("2026-03-02", 2): sums}, DAYS))
    assert laid == [
        (("2026-03-01", 1), Sums()),
        (("2026-03-01", 2), Sums()),
        (("2026-03-02", 1), Sums()),
        (("2026-03-02", 2), sums),
    ]


USD, EUR, MIXED = Sums(cost_micros=5, currency="USD"), Sums(cost_micros=7, currency="EUR"), Sums(cost_micros=None)


@pytest.mark.parametrize(
    ("one", "other", "cost", "currency"),
    [
        (USD, USD, 10, "USD"),
        (USD, Sums(), 5, "USD"),
        (Sums(), EUR, 7, "EUR"),
        (Sums(), Sums(), 0, None),
        (USD, EUR, None, None),
        (MIXED, USD, None, None),
        (EUR, MIXED, None, None),
    ],
)
def test_money_is_added_within_a_currency(one, other, cost, currency):
    """Money of several currencies has no sum."""
    both = one + other
    assert (both.cost_micros, both.currency) == (cost, currency)


def test_sums_are_added():
    """Each with its own."""
    assert Sums(1, 2, 3, 4, 5, 6, 7, "USD") + Sums(10, 20, 30, 40, 50, 60, 70, "USD") == Sums(
        11, 22, 33, 44, 55, 66, 77, "USD"
    )
