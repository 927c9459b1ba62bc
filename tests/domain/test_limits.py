from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.limits import Lane, LimitKey, LimitKind, Room, allot, gap, pace, pace_all

NOW = Instant("2026-06-01T12:00:00Z")
AHEAD = TimeDelta(milliseconds=500)
WORKSPACE = LimitKey(1, LimitKind.WORKSPACE, 0)
KEYS = [WORKSPACE, *(LimitKey(1, kind, n) for kind in (LimitKind.CAMPAIGN, LimitKind.TRUNK) for n in (1, 2, 3))]

slots = st.none() | st.integers(-2, 40)
rates = st.integers(1, 400).map(float) | st.floats(0.01, 400)
starts = st.none() | st.integers(-2_000_000, 2_000_000).map(lambda micro: NOW + TimeDelta(microseconds=micro))
rooms_of_slots = st.builds(Room, slots=slots)
rooms_of_all = st.builds(Room, slots=slots, dials_per_sec=st.none() | rates, next_dial_at=starts)


@st.composite
def askings(draw, rooms=rooms_of_all):
    """Lanes with some of the keys, a room for some of the keys, and a batch."""
    limits = st.lists(st.sampled_from(KEYS), max_size=4, unique=True).map(tuple)
    lanes = [Lane((1, n, n), draw(limits)) for n in range(draw(st.integers(0, 8)))]
    return lanes, draw(st.dictionaries(st.sampled_from(KEYS), rooms)), draw(st.integers(0, 60))


def used(lanes, shares, key):
    """How many dials were allotted under a limit."""
    return sum(shares.get(lane, 0) for lane in lanes if key in lane.limits)


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
        placed, _ = pace(room, used(lanes, shares, key), NOW)
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
    assert all(set(lane.limits) <= set(rooms) for lane in shares)


@given(st.integers(1, 12), st.integers(0, 80), st.none() | st.integers(0, 80))
def test_lanes_take_turns(count, batch, cap):
    """Among lanes under one and the same limit none is more than one dial ahead, and the first ones are those ahead."""
    lanes = [Lane((1, n, n), (WORKSPACE,)) for n in range(count)]
    shares = allot(lanes, {WORKSPACE: Room(cap)}, batch, NOW, AHEAD)
    counts = [shares.get(lane, 0) for lane in lanes]
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == min(batch, batch if cap is None else cap)


def test_wide_limits_of_their_own_do_not_end_the_turns():
    """Two campaigns with room of their own share what the workspace has left, half and half."""
    wide = [LimitKey(1, LimitKind.CAMPAIGN, n) for n in (1, 2)]
    lanes = [Lane((1, key.ref_no, 1), (WORKSPACE, key)) for key in wide]
    rooms = {WORKSPACE: Room(10), **dict.fromkeys(wide, Room(50))}
    assert allot(lanes, rooms, 100, NOW, AHEAD) == dict.fromkeys(lanes, 5)


def test_a_tight_lane_leaves_its_room_to_the_others():
    """A campaign that may place two of its own does not hold back the next one."""
    tight, wide = LimitKey(1, LimitKind.CAMPAIGN, 1), LimitKey(1, LimitKind.CAMPAIGN, 2)
    lanes = [Lane((1, 1, 1), (WORKSPACE, tight)), Lane((1, 2, 1), (WORKSPACE, wide))]
    rooms = {WORKSPACE: Room(10), tight: Room(2), wide: Room()}
    assert allot(lanes, rooms, 100, NOW, AHEAD) == {lanes[0]: 2, lanes[1]: 8}


def test_a_lane_without_limits_is_bound_by_the_batch():
    """Nothing else holds it."""
    lane = Lane((1, 0, 1), ())
    assert allot([lane], {}, 7, NOW, AHEAD) == {lane: 7}


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
    lane = Lane((1, 1, 1), (WORKSPACE,))
    assert allot([lane], {WORKSPACE: room}, 50, NOW, AHEAD).get(lane, 0) == count


@given(rates, st.lists(st.tuples(st.integers(0, 3_000_000_000), st.integers(0, 8)), min_size=1, max_size=25))
def test_no_second_holds_more_dials_than_the_pace(rate, calls):
    """Over calls of pace as time goes on, whichever instant a second starts at; the store keeps whole microseconds."""
    room, now, slots = Room(dials_per_sec=rate), NOW, []
    for later, count in calls:
        now += TimeDelta(nanoseconds=later)
        placed, room = pace(room, count, now)
        assert all(at >= now for at in placed)
        slots += placed
    most, nanos = ceil(Fraction(rate)), [(at - NOW).total("nanoseconds") for at in slots]
    assert all(later - sooner >= 1_000_000_000 for sooner, later in zip(nanos, nanos[most:], strict=False))
    assert all(at.round("microsecond") == at for at in [*slots, room.next_dial_at])


@pytest.mark.parametrize(("rate", "gap_ms"), [(0.5, 2000), (1.0, 1000), (4.0, 250), (10.0, 100), (100.0, 10)])
def test_dials_are_evenly_apart(rate, gap_ms):
    """The first at once, each next one a gap later, and the room remembers the gap after the last."""
    slots, room = pace(Room(dials_per_sec=rate), 3, NOW)
    assert slots == [NOW + TimeDelta(milliseconds=gap_ms) * n for n in range(3)]
    assert room == Room(dials_per_sec=rate, next_dial_at=NOW + TimeDelta(milliseconds=3 * gap_ms))


def test_dials_one_at_a_time_keep_the_pace():
    """Three a second asked for one by one do not gain a fourth by rounding."""
    room, slots = Room(dials_per_sec=3.0), []
    for _ in range(4):
        placed, room = pace(room, 1, NOW)
        slots += placed
    assert slots[3] - slots[0] >= TimeDelta(seconds=1)


def test_without_a_pace_all_dials_are_due_now():
    """And the room is as it was."""
    room = Room(slots=3)
    assert pace(room, 3, NOW) == ([NOW] * 3, room)


paced_rooms = st.fixed_dictionaries(
    {key: st.builds(Room, dials_per_sec=st.none() | rates, next_dial_at=starts) for key in KEYS}
)
limit_sets = st.lists(st.sampled_from(KEYS), max_size=3, unique=True).map(tuple)


@given(paced_rooms, st.lists(limit_sets, max_size=40))
def test_dials_under_several_paces_keep_each_of_them(rooms, dials):
    """Under every limit: no second with more dials than its pace, none before its next free instant."""
    slots, after = pace_all(rooms, dials, NOW)
    assert set(after) == {key for limits in dials for key in limits if rooms[key].dials_per_sec is not None}
    for key, room in after.items():
        under = [at for at, limits in zip(slots, dials, strict=True) if key in limits]
        assert under[0] >= max(NOW, rooms[key].next_dial_at or NOW)
        nanos, most = [(at - NOW).total("nanoseconds") for at in [*under, room.next_dial_at]], ceil(room.dials_per_sec)
        assert all(later - sooner >= 1_000_000_000 for sooner, later in zip(nanos, nanos[most:], strict=False))


@given(rates, starts, st.integers(1, 20))
def test_one_pace_of_several_is_as_one_alone(rate, start, count):
    """Where only one limit has a pace, the dials are where that pace alone puts them."""
    room = Room(dials_per_sec=rate, next_dial_at=start)
    slots, after = pace_all({WORKSPACE: room, KEYS[1]: Room()}, [(WORKSPACE, KEYS[1])] * count, NOW)
    assert (slots, after[WORKSPACE]) == pace(room, count, NOW)


def test_dials_held_up_by_one_limit_do_not_burst_under_another():
    """A campaign of ten a second whose fast trunk is busy for 0.4 s still places its dials 0.1 s apart."""
    rooms = {WORKSPACE: Room(dials_per_sec=10.0), KEYS[1]: Room(None, 100.0, NOW + TimeDelta(milliseconds=400))}
    slots, _ = pace_all(rooms, [(WORKSPACE, KEYS[1])] * 3, NOW)
    assert slots == [NOW + TimeDelta(milliseconds=at) for at in (400, 500, 600)]


def test_the_gap_between_dials_is_that_of_the_slowest_pace():
    """Of several limits the one with the fewest dials a second decides; without any there is no gap."""
    assert gap([Room(), Room(dials_per_sec=10.0), Room(dials_per_sec=4.0)]) == TimeDelta(milliseconds=250)
    assert gap([Room()]) == TimeDelta()
