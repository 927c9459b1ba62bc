"""Which trunk is next, how the weights come out, and when a dial goes on over another one."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.hours import every_day
from ringback.domain.limits import Lane, LaneKey, LaneWay, LimitKey, LimitKind, Room, allot
from ringback.domain.outcome import EndReason
from ringback.domain.retry import Bounds
from ringback.domain.ways import (
    LEAVES_OPEN,
    REFUSALS,
    FailOver,
    Turns,
    Way,
    as_ways,
    by_preference,
    fail_over,
    next_way,
    numbers_of,
    was_refused,
)

NOW = Instant("2026-06-01T12:00:00Z")
AHEAD = TimeDelta(milliseconds=100)
ANY_HOUR = Bounds((), ("UTC",))
WORKSPACE = LimitKey(1, LimitKind.WORKSPACE, 0)


def anybody(_):
    """Every trunk takes dials."""
    return True


def trunk(number):
    """The limit of a trunk."""
    return LimitKey(1, LimitKind.TRUNK, number)


def lane_of(ways, turns=None, number=1, **more):
    """The lane of a campaign with these ways, each with its trunk's limit."""
    each = tuple(LaneWay(way, (trunk(way.trunk_no),)) for way in ways)
    return Lane(LaneKey(1, number, 0, 0), (WORKSPACE,), ways=each, turns=turns or Turns(), **more)


def rooms(*slots, workspace=None):
    """The rooms of trunks 1, 2, ..."""
    return {WORKSPACE: Room(workspace), **{trunk(n): Room(most) for n, most in enumerate(slots, 1)}}


def ways_of(*pairs):
    """Ways of trunks 1, 2, ... by (priority, weight)."""
    return tuple(Way(n, *pair) for n, pair in enumerate(pairs, 1))


some_ways = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=8).map(lambda p: ways_of(*p))
some_slots = st.lists(st.none() | st.integers(-1, 12), min_size=8, max_size=8)


def take_turns(ways, count):
    """How many of so many dials each trunk gets, where all have room."""
    turns, got = Turns(), Counter()
    for _ in range(count):
        way = next_way(ways, turns)
        turns = turns.taken(way)
        got[way.trunk_no] += 1
    return got


@given(st.lists(some_ways, max_size=4), some_slots, st.none() | st.integers(0, 40), st.integers(0, 60))
def test_nothing_is_allotted_above_any_room(campaigns, slots, workspace, batch):
    """However many campaigns have trunks in common."""
    left = rooms(*slots, workspace=workspace)
    lanes = [lane_of(ways, number=n) for n, ways in enumerate(campaigns)]
    shares = allot(lanes, left, batch, NOW, AHEAD)
    used = Counter(number for numbers in shares.values() for number in numbers)
    assert sum(used.values()) <= batch
    assert workspace is None or sum(used.values()) <= workspace
    for number, count in used.items():
        assert left[trunk(number)].slots is None or count <= left[trunk(number)].slots
    for lane in lanes:
        assert set(shares.get(lane.key, ())) <= {each.way.trunk_no for each in lane.ways}


@given(some_ways, some_slots, st.integers(0, 60))
def test_a_later_priority_gets_only_what_the_ones_before_have_no_room_for(ways, slots, batch):
    """And no room that a campaign could use is left over."""
    shares = allot([lane_of(ways)], rooms(*slots), batch, NOW, AHEAD).get(LaneKey(1, 1, 0, 0), [])
    used, total = Counter(shares), 0
    for priority in sorted({way.priority for way in ways}):
        group = [way.trunk_no for way in ways if way.priority == priority]
        room = sum(batch if slots[n - 1] is None else max(slots[n - 1], 0) for n in group)
        got = sum(used[n] for n in group)
        assert got == min(room, batch - total)
        total += got
    assert shares == sorted(shares, key=lambda n: ways[n - 1].priority)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_among_equals_the_weights_are_held(weights):
    """Over as many dials as all weights come to, each has its own, but for one at the most."""
    ways = ways_of(*((1, weight) for weight in weights))
    got = take_turns(ways, sum(weights))
    assert all(abs(got[way.trunk_no] - way.weight) <= 1 for way in ways)


def test_the_weights_are_held_over_claims_of_one_dial():
    """What one claim leaves is in the turns that the next one begins with."""
    ways, turns, got = ways_of((1, 3), (1, 1)), Turns(), Counter()
    for _ in range(40):
        [number] = allot([lane_of(ways, turns)], rooms(None, None), 1, NOW, AHEAD)[LaneKey(1, 1, 0, 0)]
        turns = turns.taken(ways[number - 1])
        got[number] += 1
    assert got == {1: 30, 2: 10}


def test_a_trunk_that_was_away_does_not_catch_up():
    """It has its share from when it is back, and no burst."""
    ways, turns = ways_of((1, 1), (1, 1)), Turns()
    for _ in range(100):
        turns = turns.taken(ways[0])
    got = Counter()
    for _ in range(10):
        way = next_way(ways, turns)
        turns = turns.taken(way)
        got[way.trunk_no] += 1
    assert got == {1: 5, 2: 5}


def test_a_paced_trunk_leaves_its_share_to_the_next():
    """At ten a second two dials fit into what may be claimed ahead; the others go over the trunk behind it."""
    left = {WORKSPACE: Room(), trunk(1): Room(dials_per_sec=10.0, next_dial_at=NOW), trunk(2): Room(5)}
    shares = allot([lane_of(ways_of((1, 1), (2, 1)))], left, 20, NOW, AHEAD)
    assert Counter(shares[LaneKey(1, 1, 0, 0)]) == {1: 2, 2: 5}


def test_a_lane_of_one_trunk_is_told_from_a_campaigns_and_from_single_calls():
    """By both of its numbers."""
    lanes = [LaneKey(1, campaign_no, trunk_no, 0) for campaign_no in (0, 7) for trunk_no in (0, 3)]
    assert [lane.is_given_trunk for lane in lanes] == [False, False, False, True]


def test_campaigns_that_share_trunks_take_turns_on_them():
    """A preferred trunk goes to both, and so does what lies behind it."""
    lanes = [lane_of(ways_of((1, 1), (2, 1)), number=n) for n in (1, 2)]
    shares = allot(lanes, rooms(4, 4), 100, NOW, AHEAD)
    assert [Counter(shares[lane.key]) for lane in lanes] == [{1: 2, 2: 2}, {1: 2, 2: 2}]


def test_calls_that_are_up_over_any_trunk_count_for_a_campaigns_share():
    """The one that has most of both trunks waits for the other."""
    lanes = [lane_of(ways_of((1, 1), (1, 1)), number=n, live=live) for n, live in ((1, 6), (2, 0))]
    shares = allot(lanes, rooms(2, 2), 100, NOW, AHEAD)
    assert {key: len(numbers) for key, numbers in shares.items()} == {lanes[1].key: 4}


@pytest.mark.parametrize("reason", sorted(REFUSALS))
@pytest.mark.parametrize("code", [300, 401, 429, 482, 500, 503, 580, 699])
def test_a_final_response_before_anything_rang_is_a_refusal(reason, code):
    """By what the trunk says of itself."""
    assert was_refused(reason, code, rang=False, placed=True)
    assert not was_refused(reason, code, rang=True, placed=True)


@pytest.mark.parametrize("reason", sorted(set(EndReason) - REFUSALS))
@pytest.mark.parametrize("code", [None, 403, 404, 480, 486, 503, 603])
def test_what_is_said_of_the_person_is_none(reason, code):
    """Nor what nobody knows: the policy has its say."""
    assert not was_refused(reason, code, rang=False, placed=True)


@pytest.mark.parametrize("code", [None, 0, 100, 180, 200, *LEAVES_OPEN])
def test_silence_and_what_leaves_open_whether_it_rang_are_none(code):
    """A trunk that said nothing may have rung somebody; one that was never asked has not."""
    assert not was_refused(EndReason.NETWORK_FAILURE, code, rang=False, placed=True)
    assert was_refused(EndReason.NETWORK_FAILURE, None, rang=False, placed=False)


def goes_on(ways, refused, takes=anybody, left=5, bounds=ANY_HOUR, chance=0.0):
    """The trunk over which a refused dial goes on."""
    found = fail_over(ways, refused, takes, left, bounds, NOW, chance)
    return found and found.trunk_no


@pytest.mark.parametrize(
    ("refused", "then"), [((1,), 2), ((2,), 1), ((1, 2), 3), ((2, 1), 3), ((1, 3), 2), ((1, 2, 3), None)]
)
def test_a_refused_dial_goes_on_over_the_next_priority_that_has_not_refused(refused, then):
    """Once round, and no further."""
    assert goes_on(ways_of((1, 1), (2, 1), (3, 1)), refused) == then


def test_a_trunk_that_takes_no_dials_is_passed_over():
    """Where none is left, the policy waits."""
    ways = ways_of((1, 1), (2, 1), (3, 1))
    assert goes_on(ways, (1,), {1, 3}.__contains__) == 3
    assert goes_on(ways, (1,), {1}.__contains__) is None


@pytest.mark.parametrize("left", [0, -1])
def test_no_fail_over_is_dialled_above_the_policys_attempts(left):
    """It counts as one."""
    assert goes_on(ways_of((1, 1), (2, 1)), (1,), left=left) is None


def test_equals_are_drawn_by_weight():
    """Over evenly spaced chances, one to three."""
    ways = ways_of((0, 9), (1, 1), (1, 3))
    drawn = Counter(goes_on(ways, (1,), chance=n / 100) for n in range(100))
    assert drawn == {2: 25, 3: 75}


def test_a_dial_that_is_refused_as_the_window_shuts_goes_on_when_it_opens():
    """And where no time is left, it does not."""
    bounds, ways = Bounds(every_day(9 * 60, 12 * 60).rules_in(), ("UTC",)), ways_of((1, 1), (2, 1))
    morning = Instant("2026-06-02T09:00:00Z")
    assert fail_over(ways, (1,), anybody, 5, bounds, NOW, 0.0) == FailOver(morning, 2)
    assert fail_over(ways, (1,), anybody, 5, replace(bounds, ends_at=morning), NOW, 0.0) is None


@given(some_ways, st.data())
def test_no_row_of_refusals_asks_a_trunk_twice(ways, data):
    """Whatever is up and whatever chance draws: it ends after as many as there are trunks."""
    refused = [data.draw(st.sampled_from(ways)).trunk_no]
    while True:
        up = data.draw(st.sets(st.sampled_from(ways)))
        found = goes_on(
            ways,
            refused,
            {way.trunk_no for way in up}.__contains__,
            chance=data.draw(st.floats(0, 1, exclude_max=True)),
        )
        if found is None:
            assert not {way.trunk_no for way in up} - set(refused)
            return
        assert found not in refused
        refused.append(found)


@given(some_ways)
def test_what_is_stored_is_read_as_it_was(ways):
    """By preference; equals as they were named."""
    sorted_ways = by_preference(ways)
    assert [way.priority for way in sorted_ways] == sorted(way.priority for way in ways)
    assert as_ways(sorted_ways[0].trunk_no, numbers_of(sorted_ways)) == sorted_ways


def test_who_changed_the_one_trunk_that_he_knew_of_is_gone_by():
    """A release before this one knows of no others."""
    stored = numbers_of(ways_of((1, 1), (2, 1)))
    assert as_ways(7, stored) == as_ways(7, None) == as_ways(7, []) == (Way(7),)
