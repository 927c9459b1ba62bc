"""`min_gap`, `max_per_day` and `spread`, against an oracle that walks from quarter of an hour to quarter of an hour."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.zones import ALL, MINUTE, ODD, wall
from whenever import Instant, TimeDelta

from ringback.domain.call import FinalReason
from ringback.domain.outcome import EndReason
from ringback.domain.retry import Bounds, RetryAt, RetryPolicy, Stop, decide
from ringback.domain.spacing import SPREAD_WITHIN, Spacer, Spacing
from ringback.domain.waits import Day, LocalPoint

EVERY_DAY = dict.fromkeys(range(7), (9, 20))
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
NO_JITTER = TimeDelta()


class WallClock:
    """Open at some hours of each weekday, in all zones: a calling window as the oracle knows it."""

    def __init__(self, zones, hours=EVERY_DAY, ends_at=None):
        self.zones, self.hours, self.ends_at = zones, hours, ends_at

    def is_open(self, at):
        """Whether a dial may be placed."""
        clocks = [wall(at, zone) for zone in self.zones]
        spans = [self.hours.get(clock.weekday(), (0, 0)) for clock in clocks]
        inside = all(start <= clock.hour < end for clock, (start, end) in zip(clocks, spans, strict=True))
        return inside and (self.ends_at is None or at < self.ends_at)

    def first(self, at, fits=lambda _: True, within=timedelta(days=9)):
        """The first open time that fits: `at`, or a quarter after it. All that matters here turns with one."""
        last = at + within
        while not (self.is_open(at) and fits(at)):
            at = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0) + QUARTER
            if at > last:
                return None
        return at

    def first_dial(self, at):
        """The same in the domain's types."""
        found = self.first(at.to_stdlib())
        return found and Instant(found)


def part(clock):
    """Morning, afternoon or evening."""
    return (clock.hour >= 12) + (clock.hour >= 17)


def is_new(at, dials, zones):
    """Whether no dial was in this part of the day, in any zone."""
    return all(part(wall(at, zone)) not in {part(wall(dial, zone)) for dial in dials} for zone in zones)


def has_room(at, dials, zones, most):
    """Whether the local day has had fewer dials than it may have, in every zone."""
    days = [(wall(at, zone).date(), Counter(wall(dial, zone).date() for dial in dials)) for zone in zones]
    return most is None or all(counts[day] < most for day, counts in days)


def oracle(spacing, dials, clock, due):
    """When the retry is to be, by walking."""
    zones, most = clock.zones, spacing.max_per_day
    if spacing.min_gap_sec is not None:
        due = max(due, max(dials) + timedelta(seconds=spacing.min_gap_sec))
    plain = clock.first(due, lambda at: has_room(at, dials, zones, most), timedelta(days=14))
    if plain is None or not spacing.spread:
        return plain
    within = timedelta(seconds=SPREAD_WITHIN.total("seconds"))
    new = clock.first(plain, lambda at: has_room(at, dials, zones, most) and is_new(at, dials, zones), within)
    return new or plain


spacings = st.builds(
    Spacing,
    min_gap_sec=st.none() | st.integers(1, 2 * 86_400),
    max_per_day=st.none() | st.integers(1, 3),
    spread=st.booleans(),
)
zone_sets = st.lists(st.sampled_from(ODD) | st.sampled_from(ALL), min_size=1, max_size=2, unique=True).map(tuple)
weeks = st.just(EVERY_DAY) | st.dictionaries(
    st.integers(0, 6), st.sampled_from([(9, 20), (8, 12), (13, 18), (16, 24), (0, 24)]), min_size=1
)


@st.composite
def situations(draw):
    """Where a lead is, when it was dialled so far, and when its next wait is over."""
    clock = WallClock(draw(zone_sets), draw(weeks))
    last = datetime(2026, 1, 1, tzinfo=UTC) + draw(st.integers(0, 2 * 365 * 1440)) * MINUTE
    before = draw(st.lists(st.integers(1, 96), max_size=4))
    dials = [*sorted(last - hours * HOUR for hours in before), last]
    return clock, dials, last + timedelta(seconds=draw(st.integers(60, 30 * 3_600)))


@given(spacings, situations())
def test_a_retry_comes_at_the_first_time_that_keeps_all_rules(spacing, situation):
    """Gap, window, the day's most, and a new part of the day where there is one within three days."""
    clock, dials, due = situation
    found = Spacer(spacing, [*map(Instant, dials)], clock.zones, clock.first_dial).space(Instant(due), NO_JITTER)
    expected = oracle(spacing, dials, clock, due)
    assert (found and found.at) == (expected and Instant(expected))
    assert found is None or (found.at > Instant(due)) == bool(found.moved_by)


@given(spacings, situations(), st.integers(0, 7_200))
def test_jitter_breaks_no_rule(spacing, situation, jitter_sec):
    """A retry is never before its wait is over, nor at an hour, on a day or so soon that it may not be."""
    clock, dials, due = situation
    jitter = TimeDelta(seconds=jitter_sec)
    found = Spacer(spacing, [*map(Instant, dials)], clock.zones, clock.first_dial).space(Instant(due) + jitter, jitter)
    if found is not None:
        at = found.at.to_stdlib()
        assert found.at >= Instant(due) + jitter
        assert clock.is_open(at)
        assert has_room(at, dials, clock.zones, spacing.max_per_day)
        assert spacing.min_gap_sec is None or at >= max(dials) + timedelta(seconds=spacing.min_gap_sec)
        said = [by for by in found.moved_by if by.startswith("spread")]
        assert not said or is_new(at, dials, clock.zones)


@given(spacings, situations())
def test_no_call_is_dialled_more_often_than_it_may_be(spacing, situation):
    """Dialled whenever it is due, a call has at most so many dials on each local day, each so long after the last."""
    clock, dials, due = situation
    dials, at = dials[-1:], due
    for _ in range(6):
        found = Spacer(spacing, [*map(Instant, dials)], clock.zones, clock.first_dial).space(Instant(at), NO_JITTER)
        if found is None:
            break
        dials.append(found.at.to_stdlib())
        at = dials[-1] + 20 * MINUTE
    for zone in clock.zones:
        per_day = Counter(wall(dial, zone).date() for dial in dials)
        assert spacing.max_per_day is None or max(per_day.values()) <= spacing.max_per_day
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(dials)]
    assert spacing.min_gap_sec is None or all(gap >= spacing.min_gap_sec for gap in gaps)


DENVER = WallClock(("America/Denver",))
MORNING, AFTERNOON, EVENING = (Instant(f"2026-06-02T{hour}:10:00Z") for hour in (15, 18, 23))


@pytest.mark.parametrize(
    ("spacing", "dials", "due", "at", "moved_by"),
    [
        # a plain wait, and one that ends after the window has shut
        (Spacing(), [MORNING], "2026-06-02T15:40:00Z", "2026-06-02T15:40:00Z", ()),
        (Spacing(), [MORNING], "2026-06-03T02:00:00Z", "2026-06-03T15:00:00Z", ("calling_window",)),
        (Spacing(min_gap_sec=7_200), [MORNING], "2026-06-02T15:40:00Z", "2026-06-02T17:10:00Z", ("min_gap: 2h",)),
        (
            Spacing(max_per_day=1),
            [MORNING],
            "2026-06-02T15:40:00Z",
            "2026-06-03T15:00:00Z",
            ("max_per_day: 1", "calling_window"),
        ),
        # morning was tried: noon; morning and afternoon: five; all but the morning: tomorrow
        (Spacing(spread=True), [MORNING], "2026-06-02T15:40:00Z", "2026-06-02T18:00:00Z", ("spread: afternoon",)),
        (Spacing(spread=True), [MORNING], "2026-06-02T20:00:00Z", "2026-06-02T20:00:00Z", ()),
        (
            Spacing(spread=True),
            [MORNING, AFTERNOON],
            "2026-06-02T18:40:00Z",
            "2026-06-02T23:00:00Z",
            ("spread: evening",),
        ),
        (
            Spacing(spread=True),
            [AFTERNOON, EVENING],
            "2026-06-02T23:40:00Z",
            "2026-06-03T15:00:00Z",
            ("spread: morning",),
        ),
        # all were tried: the plain wait
        (Spacing(spread=True), [MORNING, AFTERNOON, EVENING], "2026-06-02T23:40:00Z", "2026-06-02T23:40:00Z", ()),
    ],
)
def test_spacing_by_example(spacing, dials, due, at, moved_by):
    """A lead in Denver who may be called from nine to eight, on a Tuesday."""
    found = Spacer(spacing, dials, DENVER.zones, DENVER.first_dial).space(Instant(due), NO_JITTER)
    assert found == (Instant(at), moved_by)


def test_a_part_of_the_day_that_is_never_open_is_not_waited_for():
    """A window that shuts at five has no evening."""
    office = WallClock(DENVER.zones, dict.fromkeys(range(7), (9, 17)))
    spacer = Spacer(Spacing(spread=True), [MORNING, AFTERNOON], office.zones, office.first_dial)
    assert spacer.space(AFTERNOON + TimeDelta(minutes=30), NO_JITTER).at == AFTERNOON + TimeDelta(minutes=30)


def test_where_nobody_knows_the_zone_no_day_can_be_counted():
    """So there is no time left; parts of the day are not looked for."""
    anywhere = WallClock(())
    assert Spacer(Spacing(max_per_day=1), [MORNING], (), anywhere.first_dial).space(MORNING, NO_JITTER) is None
    assert Spacer(Spacing(spread=True), [MORNING], (), anywhere.first_dial).space(MORNING, NO_JITTER).at == MORNING


def test_a_day_that_begins_twice_is_left_for_good():
    """In 2010 the clocks of St John's went back from 00:01 to 23:01, into the day that had had its dial."""
    first, again = Instant("2010-11-07T02:00:00Z"), Instant("2010-11-07T02:45:00Z")
    whole_day = WallClock(("America/St_Johns",), dict.fromkeys(range(7), (0, 24)))
    spacer = Spacer(Spacing(max_per_day=1), [first], whole_day.zones, whole_day.first_dial)
    assert spacer.space(again, NO_JITTER).at == Instant("2010-11-07T03:30:00Z")


def test_only_some_spacings_look_back():
    """A gap counts from the last dial, which is always known."""
    assert [Spacing(3_600).looks_back, Spacing(max_per_day=1).looks_back, Spacing(spread=True).looks_back] == [0, 1, 1]


def test_the_rule_says_what_decided_and_what_moved_it():
    """In the policy's own words."""
    waits = MappingProxyType({"no-answer": (1_800,), "network_failure": (60,), "failed": (LocalPoint(Day.NEXT, 600),)})
    policy = RetryPolicy(9, waits, spacing=Spacing(3_600, 2, spread=True))
    bounds = Bounds((), DENVER.zones)

    def follows(ended, *dials):
        return decide(policy, len(dials), ended, dials[-1] + TimeDelta(minutes=1), bounds, 0.0, dials=dials)

    once, twice = (MORNING,), (MORNING - TimeDelta(hours=1), MORNING)
    noon = Instant("2026-06-02T18:00:00Z")
    assert follows(EndReason.USER_UNREACHABLE, *once) == RetryAt(noon, "no-answer: 30m; min_gap: 1h; spread: afternoon")
    assert follows(EndReason.NETWORK_FAILURE, *once) == RetryAt(
        noon, "network_failure: 1m; min_gap: 1h; spread: afternoon"
    )
    assert follows(EndReason.OUTCOME_UNKNOWN, *once) == RetryAt(
        Instant("2026-06-03T18:00:00Z"), "failed: next-day 10:00; spread: afternoon"
    )
    assert follows(EndReason.NETWORK_FAILURE, *twice) == RetryAt(
        Instant("2026-06-03T18:00:00Z"), "network_failure: 1m; min_gap: 1h; max_per_day: 2; spread: afternoon"
    )


def test_an_end_reason_goes_before_its_status_even_without_waits():
    """`outcome_unknown: []` is not redialled where `failed` is."""
    waits = MappingProxyType({"failed": (60,), "outcome_unknown": ()})
    policy, bounds = RetryPolicy(3, waits), Bounds((), ())
    assert isinstance(decide(policy, 1, EndReason.SYSTEM_AT_CAPACITY, MORNING, bounds, 0.0), RetryAt)
    assert decide(policy, 1, EndReason.OUTCOME_UNKNOWN, MORNING, bounds, 0.0) == Stop(FinalReason.NOT_RETRYABLE)


def test_a_wall_clock_wait_without_a_zone_has_no_time():
    """Nobody is dialled at an hour that is not known to be theirs."""
    policy = RetryPolicy(3, MappingProxyType({"busy": (LocalPoint(Day.SAME, 600),)}))
    assert decide(policy, 1, EndReason.USER_BUSY, MORNING, Bounds((), ()), 0.0) == Stop(FinalReason.EXPIRED)


def test_without_its_dials_a_gap_counts_from_the_end():
    """Which is never too early."""
    policy = RetryPolicy(3, MappingProxyType({"busy": (60,)}), spacing=Spacing(min_gap_sec=3_600))
    ended, placed = MORNING, MORNING - TimeDelta(minutes=5)
    bounds = Bounds((), DENVER.zones)
    assert decide(policy, 1, EndReason.USER_BUSY, ended, bounds, 0.0).at == ended + TimeDelta(hours=1)
    placed_one = decide(policy, 1, EndReason.USER_BUSY, ended, bounds, 0.0, dials=(placed,))
    assert placed_one.at == placed + TimeDelta(hours=1)
