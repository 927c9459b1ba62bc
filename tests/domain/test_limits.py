from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain import limits
from ringback.domain.limits import (
    Lane,
    LaneKey,
    LimitKey,
    LimitKind,
    Room,
    dial_gap,
    most_in_a_span,
    pace,
    split,
)

NOW = Instant("2026-06-01T12:00:00Z")
AHEAD = TimeDelta(milliseconds=500)
WORKSPACE = LimitKey(1, LimitKind.WORKSPACE, 0)
KEYS = [WORKSPACE, *(LimitKey(1, kind, n) for kind in (LimitKind.CAMPAIGN, LimitKind.TRUNK) for n in (1, 2, 3))]

slots = st.none() | st.integers(-2, 40)
rates = st.integers(1, 400).map(float) | st.floats(0.01, 400)
starts = st.none() | st.integers(-2_000_000, 2_000_000).map(lambda micro: NOW + TimeDelta(microseconds=micro))
weights = st.integers(1, 100)
rooms_of_slots = st.builds(Room, slots=slots)
rooms_of_all = st.builds(Room, slots=slots, dials_per_sec=st.none() | rates, next_dial_at=starts)


def allot(*asking):
    """How many dials each lane gets."""
    return {key: len(ways) for key, ways in limits.allot(*asking).items()}


@st.composite
def askings(draw, rooms=rooms_of_all):
    """Lanes with some of the keys, a room for some of the keys, and a batch."""
    of_lane = st.lists(st.sampled_from(KEYS), max_size=4, unique=True).map(tuple)
    lanes = [
        Lane(lane_key(n), draw(of_lane), draw(st.integers(0, 20)), draw(weights))
        for n in range(draw(st.integers(0, 8)))
    ]
    return lanes, draw(st.dictionaries(st.sampled_from(KEYS), rooms)), draw(st.integers(0, 60))


def lane_key(n):
    """The lane of the n-th campaign."""
    return LaneKey(1, n, 0, 0)


def used(lanes, shares, key):
    """How many dials were allotted under a limit."""
    return sum(shares.get(lane.key, 0) for lane in lanes if key in lane.limits)


def paced(rate, start, count, now=NOW):
    """When so many dials of one pace are placed, and when the next one may be."""
    slots, after = pace({WORKSPACE: dial_gap(rate)}, {WORKSPACE: start}, [(WORKSPACE,)] * count, now)
    return slots, after.get(WORKSPACE, start)


@given(askings())
def test_no_limit_is_exceeded(asking):
    """The sums stay within every limit's slots and within the batch."""
    lanes, rooms, batch = asking
    shares = allot(lanes, rooms, batch, NOW, AHEAD)
    assert sum(shares.values()) <= batch
    for key, room in rooms.items():
        assert room.slots is None or used(lanes, shares, key) <= max(room.slots, 0)


@given(askings())
def test_no_pace_is_outrun(asking):
    """What is allotted under a pace can be placed before `ahead` is over."""
    lanes, rooms, batch = asking
    shares = allot(lanes, rooms, batch, NOW, AHEAD)
    for key, room in rooms.items():
        if room.dials_per_sec is not None:
            placed, _ = paced(room.dials_per_sec, room.next_dial_at, used(lanes, shares, key))
            assert all(at <= NOW + AHEAD for at in placed)


@given(askings(rooms_of_slots))
def test_no_room_is_left_over(asking):
    """Either the batch is full or each lane is held by one of its limits."""
    lanes, rooms, batch = asking
    shares = allot(lanes, rooms, batch, NOW, AHEAD)
    left = {key: batch if room.slots is None else room.slots - used(lanes, shares, key) for key, room in rooms.items()}
    free = [lane for lane in lanes if all(left.get(key, 0) > 0 for key in lane.limits)]
    assert sum(shares.values()) == batch or not free


@given(askings())
def test_the_same_question_has_the_same_answer(asking):
    """Nothing but the arguments decides, and a lane without a share is left out."""
    lanes, rooms, batch = asking
    shares = allot(lanes, rooms, batch, NOW, AHEAD)
    assert shares == allot(iter(lanes), dict(reversed(rooms.items())), batch, NOW, AHEAD)
    assert all(share > 0 for share in shares.values())


@given(askings())
def test_a_lane_with_a_missing_limit_gets_nothing(asking):
    """What is not known to be free is not used."""
    lanes, rooms, batch = asking
    shares = allot(lanes, rooms, batch, NOW, AHEAD)
    assert all(set(lane.limits) <= set(rooms) for lane in lanes if lane.key in shares)


@given(st.integers(1, 12), st.integers(0, 80), st.none() | st.integers(0, 80))
def test_lanes_take_turns(count, batch, cap):
    """Among lanes under one and the same limit none is more than one dial ahead, and the first ones are those ahead."""
    lanes = [Lane(lane_key(n), (WORKSPACE,)) for n in range(count)]
    shares = allot(lanes, {WORKSPACE: Room(cap)}, batch, NOW, AHEAD)
    counts = [shares.get(lane.key, 0) for lane in lanes]
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == min(batch, batch if cap is None else cap)


@given(st.lists(st.tuples(st.integers(0, 30), weights), min_size=2, max_size=8), st.integers(0, 80))
def test_slots_go_to_those_that_have_the_least_for_their_weight(wishes, batch):
    """Calls that are up count: no lane is given a slot while another one has less for its weight."""
    lanes = [Lane(lane_key(n), (WORKSPACE,), live, weight) for n, (live, weight) in enumerate(wishes)]
    shares = allot(lanes, {WORKSPACE: Room(batch)}, batch, NOW, AHEAD)
    least = min(Fraction(lane.live + shares.get(lane.key, 0), lane.weight) for lane in lanes)
    for lane in lanes:
        assert lane.key not in shares or Fraction(lane.live + shares[lane.key] - 1, lane.weight) <= least


def test_weights_share_out_what_lanes_have_in_common():
    """Three to one of a cap of eight; a campaign whose calls are up already waits for the other to catch up."""
    heavy, light = Lane(lane_key(1), (WORKSPACE,), weight=3), Lane(lane_key(2), (WORKSPACE,))
    rooms = {WORKSPACE: Room(8)}
    assert allot([light, heavy], rooms, 100, NOW, AHEAD) == {heavy.key: 6, light.key: 2}
    assert allot([replace(heavy, live=24), light], rooms, 100, NOW, AHEAD) == {light.key: 8}


def test_wide_limits_of_their_own_do_not_end_the_turns():
    """Two campaigns with room of their own share what the workspace has left, half and half."""
    wide = [LimitKey(1, LimitKind.CAMPAIGN, n) for n in (1, 2)]
    lanes = [Lane(lane_key(key.ref_no), (WORKSPACE, key)) for key in wide]
    rooms = {WORKSPACE: Room(10), **dict.fromkeys(wide, Room(50))}
    assert allot(lanes, rooms, 100, NOW, AHEAD) == {lane.key: 5 for lane in lanes}


def test_a_tight_lane_leaves_its_room_to_the_others():
    """A campaign that may place two of its own does not hold back the next one."""
    tight, wide = LimitKey(1, LimitKind.CAMPAIGN, 1), LimitKey(1, LimitKind.CAMPAIGN, 2)
    lanes = [Lane(lane_key(1), (WORKSPACE, tight)), Lane(lane_key(2), (WORKSPACE, wide))]
    rooms = {WORKSPACE: Room(10), tight: Room(2), wide: Room()}
    assert allot(lanes, rooms, 100, NOW, AHEAD) == {lane_key(1): 2, lane_key(2): 8}


def test_a_lane_without_limits_is_bound_by_the_batch():
    """Nothing else holds it."""
    lane = Lane(LaneKey(1, 0, 1, 0), ())
    assert allot([lane], {}, 7, NOW, AHEAD) == {lane.key: 7}


@pytest.mark.parametrize(
    ("room", "count"),
    [
        (Room(dials_per_sec=10.0), 6),
        (Room(slots=4, dials_per_sec=10.0), 4),
        (Room(dials_per_sec=10.0, next_dial_at=NOW - TimeDelta(seconds=9)), 6),
        (Room(dials_per_sec=10.0, next_dial_at=NOW + TimeDelta(milliseconds=450)), 1),
        (Room(dials_per_sec=10.0, next_dial_at=NOW + AHEAD), 1),
        (Room(dials_per_sec=10.0, next_dial_at=NOW + TimeDelta(milliseconds=501)), 0),
        (Room(dials_per_sec=10.0, next_dial_at=NOW + TimeDelta(seconds=60)), 0),
        (Room(dials_per_sec=0.5), 1),
        (Room(slots=0, dials_per_sec=10.0), 0),
        (Room(slots=-3), 0),
    ],
)
def test_a_pace_lets_so_many_begin(room, count):
    """The free instants from now to half a second ahead, both included; what was not used does not pile up."""
    lane = Lane(lane_key(1), (WORKSPACE,))
    assert allot([lane], {WORKSPACE: room}, 50, NOW, AHEAD).get(lane.key, 0) == count


@given(rates, st.lists(st.tuples(st.integers(0, 3_000_000_000), st.integers(0, 8)), min_size=1, max_size=25))
def test_no_second_holds_more_dials_than_the_pace(rate, calls):
    """Over calls of pace as time goes on, whichever instant a second starts at; the store keeps whole microseconds."""
    now, next_dial_at, slots = NOW, None, []
    for later, count in calls:
        now += TimeDelta(nanoseconds=later)
        placed, next_dial_at = paced(rate, next_dial_at, count, now)
        assert all(at >= now for at in placed)
        slots += placed
    keeps(rate, [*slots, *([next_dial_at] if next_dial_at else [])])


def keeps(rate, slots):
    """No second has more of these dials than the pace."""
    most, nanos = ceil(Fraction(rate)), [(at - NOW).total("nanoseconds") for at in slots]
    assert all(later - sooner >= 1_000_000_000 for sooner, later in zip(nanos, nanos[most:], strict=False))


@pytest.mark.parametrize(("rate", "gap_ms"), [(0.5, 2000), (1.0, 1000), (4.0, 250), (10.0, 100), (100.0, 10)])
def test_dials_are_evenly_apart(rate, gap_ms):
    """The first at once, each next one a gap later, and the pace goes on a gap after the last."""
    slots, next_dial_at = paced(rate, None, 3)
    assert dial_gap(rate) == TimeDelta(milliseconds=gap_ms)
    assert [*slots, next_dial_at] == [NOW + TimeDelta(milliseconds=gap_ms) * n for n in range(4)]


def test_a_gap_is_never_rounded_down():
    """Three a second are 333,334 microseconds apart: asked for one by one they do not gain a fourth."""
    assert dial_gap(3.0) == TimeDelta(microseconds=333_334)
    at, slots = None, []
    for _ in range(4):
        placed, at = paced(3.0, at, 1)
        slots += placed
    assert slots[3] - slots[0] >= TimeDelta(seconds=1)


def test_without_a_pace_all_dials_are_due_now():
    """Whatever limits without one they have."""
    assert pace({}, {}, [(), (), ()], NOW) == ([NOW] * 3, {})


paced_limits = st.fixed_dictionaries({key: st.tuples(rates, starts) for key in KEYS})
limit_sets = st.lists(st.sampled_from(KEYS), max_size=3, unique=True).map(tuple)


@given(paced_limits, st.lists(limit_sets, max_size=40))
def test_dials_under_several_paces_keep_each_of_them(limits, dials):
    """Under every limit: no second with more dials than its pace, none before its next free instant."""
    gaps = {key: dial_gap(rate) for key, (rate, _) in limits.items()}
    slots, after = pace(gaps, {key: start for key, (_, start) in limits.items()}, dials, NOW)
    assert set(after) == {key for keys in dials for key in keys}
    for key, next_dial_at in after.items():
        rate, start = limits[key]
        under = [at for at, keys in zip(slots, dials, strict=True) if key in keys]
        assert under[0] >= max(NOW, start or NOW)
        keeps(rate, [*under, next_dial_at])


def test_dials_held_up_by_one_limit_do_not_burst_under_another():
    """A campaign of ten a second whose fast trunk is busy for 0.4 s still places its dials 0.1 s apart."""
    gaps = {WORKSPACE: dial_gap(10.0), KEYS[1]: dial_gap(100.0)}
    busy = {WORKSPACE: None, KEYS[1]: NOW + TimeDelta(milliseconds=400)}
    slots, _ = pace(gaps, busy, [(WORKSPACE, KEYS[1])] * 3, NOW)
    assert slots == [NOW + TimeDelta(milliseconds=at) for at in (400, 500, 600)]


shares = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.7, 0.9, 1.0])


@given(shares, st.lists(st.integers(0, 9), max_size=200))
def test_redials_get_their_share_over_time(retry_share, claims):
    """Whatever the sizes of the claims, one dial at a time too: never a whole dial off, nor more than there are."""
    owed, redials, dials = 0.0, 0, 0
    for share in claims:
        some, owed = split(share, retry_share, owed)
        assert 0 <= some <= share
        redials, dials = redials + some, dials + share
        assert abs(redials - dials * retry_share) < 1 + 1e-6


def test_one_dial_at_a_time_goes_to_first_dials_and_redials_in_turns():
    """By half and half, neither waits for more than one of the other."""
    owed, kinds = 0.0, []
    for _ in range(6):
        redials, owed = split(1, 0.5, owed)
        kinds.append(redials)
    assert kinds == [0, 1] * 3


def test_long_calls_do_not_starve_under_a_full_batch():
    """Calls that are up count among those who share scarce slots, and against nobody else."""
    own = [LimitKey(1, LimitKind.TRUNK, n) for n in (1, 2)]
    long, quick = Lane(lane_key(1), (own[0],), live=5000), Lane(lane_key(2), (own[1],))
    for rooms in ({}, {own[0]: Room(20)}, {own[0]: Room(5000), own[1]: Room(5000)}):
        lanes = [replace(lane, limits=tuple(key for key in lane.limits if key in rooms)) for lane in (long, quick)]
        shares = allot(lanes, rooms, 100, NOW, AHEAD)
        assert shares[long.key] == (20 if rooms.get(own[0]) == Room(20) else 50)
        assert sum(shares.values()) == 100


@pytest.mark.parametrize(
    ("dials_per_sec", "most", "span_ms"), [(40.0, 40, 1000), (1.0, 1, 1000), (2.5, 1, 400), (0.5, 1, 2000)]
)
def test_a_whole_pace_is_kept_by_the_second_and_any_other_by_its_gap(dials_per_sec, most, span_ms):
    """Two dials in 0.8 s would be 2.5 a second too, and as many as four in some second."""
    assert most_in_a_span(dials_per_sec) == (most, TimeDelta(milliseconds=span_ms))
