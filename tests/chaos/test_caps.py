from tests.chaos.caps import NO_CAP, Cap, Change, overshoots, too_fast, ups
from tests.chaos.plan import BLOWS, LONG_FREEZES, SIGKILLS, make_plan, total

FROM_6_TO_3 = Cap([Change(6, 0, 0), Change(3, 10, 11)], grace_sec=2)


def test_a_cap_is_the_one_before_it_until_its_grace_is_over():
    """A lower cap holds from a while after its owner was told of it, a higher one from the moment it was asked for."""
    assert [FROM_6_TO_3.allowed(at) for at in (5, 10.5, 13, 13.1)] == [6, 6, 6, 3]
    assert Cap([Change(3, 0, 0), Change(6, 10, 11)], 2).allowed(10) == 6
    assert FROM_6_TO_3.allowed(14, since=12) == 6
    assert Cap([Change(3, 1, 2)]).allowed(0) == NO_CAP


def test_more_than_the_cap_is_told():
    """One call too many is an overshoot."""
    assert overshoots([(1, 5), (2, 6)], FROM_6_TO_3) == []
    assert overshoots([(1, 5), (2, 7)], FROM_6_TO_3) == ["7 up at 2.000 where 6 were allowed"]


def test_above_a_lowered_cap_what_is_up_may_only_fall():
    """The calls that were up go on; none may join them."""
    assert overshoots([(12, 6), (14, 5), (15, 5), (16, 4)], FROM_6_TO_3) == []
    assert overshoots([(12, 6), (14, 4), (15, 5)], FROM_6_TO_3) == ["5 up at 15.000 where 3 were allowed"]


def test_a_call_that_begins_as_another_ends_is_not_up_with_it():
    """The spans of calls give how many are up whenever that changes."""
    assert max(up for _, up in ups([(0, 1), (1, 2), (2, 3)])) == 1
    assert max(up for _, up in ups([(0, 2), (1, 3), (1.5, 1.6)])) == 3


def test_a_second_with_too_many_dials_is_told():
    """Whichever instant the second begins at."""
    pace = Cap([Change(2, 0, 0)])
    assert too_fast([0.5, 1.0, 1.5, 2.0], pace) == []
    assert too_fast([0.6, 1.0, 1.5], pace) == ["3 dials in the second up to 1.500 where 2 were allowed"]


def test_the_plan_of_a_round_follows_from_its_seed():
    """Every round has at least sixty kills of nodes, forty long freezes, and with the cuts over two hundred blows."""
    assert make_plan(1, 3) == make_plan(1, 3) != make_plan(2, 3)
    for nodes in (2, 3, 4):
        plan = make_plan(7, nodes)
        planned = [strike.kind for lane in (*plan.nodes, *plan.links, plan.database) for strike in lane]
        assert total({kind: planned.count(kind) for kind in planned}, SIGKILLS) >= 60
        assert total({kind: planned.count(kind) for kind in planned}, LONG_FREEZES) >= 40
        assert total({kind: planned.count(kind) for kind in planned}, BLOWS) >= 220
