import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.permits import Holding, dial_units, granted, rate

ALONE = ()


def holding(held, *, node_no=1, wants=True):
    """What a node has."""
    return Holding(node_no, held, wants)


class Nodes:
    """Nodes that share one cap, each as it is when it asks.

    Args:
        cap: of the limit.
        count: of the nodes.
    """

    def __init__(self, cap, count):
        self.cap = cap
        self.held, self.used, self.wants = [0] * count, [0] * count, [False] * count

    def ask(self, n, *, active=True):
        """Have one of them ask; it wants more unless it has all there is."""
        others = [self.holding(other) for other in range(len(self.held)) if other != n]
        mine = Holding(n + 1, self.held[n], active)
        self.held[n] = granted(self.cap, mine, self.used[n], others)
        self.wants[n] = active and self.held[n] < self.cap

    def holding(self, n):
        """What one of them has."""
        return Holding(n + 1, self.held[n], self.wants[n])

    def round(self, *, active=None):
        """All of them ask, one after the other."""
        for n in range(len(self.held)):
            self.ask(n, active=active is None or n in active)


def fair(cap, count):
    """What each of so many nodes has in the end."""
    return [cap // count + (n < cap % count) for n in range(count)]


COUNT = 4
numbers = st.integers(0, COUNT - 1)
steps = st.one_of(
    st.tuples(st.just("ask"), numbers, st.booleans()),
    st.tuples(st.just("use"), numbers, st.integers(1, 9)),
    st.tuples(st.just("free"), numbers, st.integers(1, 9)),
    st.tuples(st.just("cap"), st.integers(0, 12), st.none()),
)


@given(st.integers(0, 12), st.lists(steps, max_size=60))
def test_all_that_is_held_is_never_more_than_the_cap(cap, played):
    """Whoever asks, in whichever order; after a cap was lowered nothing is granted until enough has come back."""
    nodes = Nodes(cap, COUNT)
    for step, n, much in played:
        before = sum(nodes.held)
        match step:
            case "ask":
                mine = nodes.held[n]
                nodes.ask(n, active=much)
                assert nodes.held[n] <= mine or sum(nodes.held) <= nodes.cap
            case "use":
                nodes.used[n] = min(nodes.used[n] + much, nodes.held[n])
            case "free":
                nodes.used[n] = max(nodes.used[n] - much, 0)
            case "cap":
                nodes.cap = n
        assert sum(nodes.held) <= max(nodes.cap, before)
        assert all(used <= held for used, held in zip(nodes.used, nodes.held, strict=True))


@given(st.integers(0, 30), st.integers(1, COUNT), st.data())
def test_those_that_want_come_to_even_shares(cap, count, data):
    """From whatever they held before, in three rounds, and they stay there."""
    nodes = Nodes(cap, count)
    for n in range(count):
        nodes.held[n] = data.draw(st.integers(0, cap - sum(nodes.held)))
        nodes.wants[n] = data.draw(st.booleans())
    for _ in range(3):
        nodes.round()
    assert nodes.held == fair(cap, count)
    nodes.round()
    assert nodes.held == fair(cap, count)


@given(st.integers(1, 30), st.integers(2, COUNT), st.data())
def test_who_wants_gets_what_the_idle_have(cap, count, data):
    """An idle node gives back what it does not use, and all of the cap is used by those that can."""
    nodes = Nodes(cap, count)
    for _ in range(3):
        nodes.round()
    active = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    for _ in range(3):
        nodes.round(active=active)
    assert sum(nodes.held) == cap
    assert [nodes.held[n] for n in sorted(active)] == fair(cap, len(active))


def test_a_cap_of_one_moves():
    """From a node that has nothing to dial any more to one that has."""
    nodes = Nodes(1, 2)
    nodes.ask(0)
    nodes.ask(1)
    assert nodes.held == [1, 0]
    nodes.ask(0, active=False)
    assert nodes.held == [0, 0]
    nodes.ask(1)
    assert nodes.held == [0, 1]


def test_one_permit_for_two_that_want_it_stays_where_it_is():
    """It goes to the one of the lower number, every time: the other one waits, and the cap is used."""
    nodes = Nodes(1, 2)
    nodes.ask(1)
    for _ in range(2):
        nodes.round()
    assert nodes.held == [1, 0]
    nodes.round()
    assert nodes.held == [1, 0]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.booleans(), st.integers(0, 40))
def test_nobody_gives_back_what_is_in_use(cap, held, in_use, wants, elsewhere):
    """Whatever the cap has become."""
    others = [holding(elsewhere, node_no=2)]
    assert granted(cap, holding(held, wants=wants), in_use, others) >= in_use


def test_who_is_alone_has_all_that_is_free():
    """And asks nobody again until the cap is raised."""
    assert granted(7, holding(0), 0, ALONE) == 7
    assert granted(9, holding(7), 7, ALONE) == 9


def test_who_wants_nothing_keeps_what_nobody_else_wants():
    """So that the next dial finds it at hand; a lowered cap takes it all the same."""
    assert granted(7, holding(5, wants=False), 2, [holding(1, node_no=2, wants=False)]) == 5
    assert granted(4, holding(5, wants=False), 2, ALONE) == 4


def test_under_a_lowered_cap_nothing_is_granted():
    """Not before the others have given back what is too much."""
    others = [holding(6, node_no=2)]
    assert granted(5, holding(0), 0, others) == 0
    assert granted(5, holding(2), 2, others) == 2


@pytest.mark.parametrize(
    ("dials_per_sec", "units"), [(None, 0), (0.01, 1), (0.5, 1), (1.0, 1), (1.9, 1), (2.0, 2), (40.0, 40), (40.7, 40)]
)
def test_a_pace_is_divided_into_whole_dials_a_second(dials_per_sec, units):
    """A slow one is one permit that moves."""
    assert dial_units(dials_per_sec) == units


@given(st.floats(0.01, 500), st.data())
def test_what_several_nodes_dial_adds_up_to_the_pace(dials_per_sec, data):
    """However its permits are spread; who has all of them has the fraction as well."""
    left, rates = dial_units(dials_per_sec), []
    assert rate(dials_per_sec, left) == dials_per_sec
    while left:
        units = data.draw(st.integers(1, left))
        rates.append(rate(dials_per_sec, units))
        left -= units
    assert sum(rates) <= dials_per_sec
