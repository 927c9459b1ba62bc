"""Which number of a pool a dial goes from, and when its numbers rest."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.callers import (
    Ask,
    CoolDown,
    Member,
    Pool,
    Use,
    assign,
    dials_left,
    parse_rate,
    parse_rest,
    resting,
    rests_until,
    show_rate,
    used,
)
from ringback.domain.waits import read_duration
from ringback.errors import Invalid

NOW = Instant.from_utc(2026, 3, 2, 12)
HOUR, DAY = TimeDelta(hours=1), TimeDelta(hours=24)
DAILY = CoolDown(100, 86_400)
SF, OAKLAND, LA, NY, TORONTO, LONDON = (
    "+14155550100",
    "+15105550100",
    "+12135550100",
    "+12125550100",
    "+14165550100",
    "+442071838750",
)
ALL = (SF, OAKLAND, LA, NY, TORONTO, LONDON)
PLENTY = 1_000_000


def pool(*numbers, **rest):
    """A pool of these numbers, numbered from 1."""
    return Pool("pool_1", tuple(Member(n, number) for n, number in enumerate(numbers, 1)), **rest)


def choose(given, *asks, left=None, turns=None):
    """The numbers that the dials go from; None where there is none."""
    room = {member.caller_no: PLENTY for member in given.members} | (left or {})
    return [member and member.number for member in assign(given, asks, room, turns or {})[0]]


def refused(parse, text):
    """What is said of a text that is refused."""
    with pytest.raises(Invalid) as refusal:
        parse(text, "field")
    [line] = refusal.value.lines
    return line


@pytest.mark.parametrize(
    ("to_number", "numbers", "expected"),
    [
        ("+14155550999", ALL, SF),
        ("+14155550999", (NY, OAKLAND, TORONTO, LONDON), OAKLAND),
        ("+14155550999", (LONDON, TORONTO, NY), NY),
        ("+14155550999", (LONDON, TORONTO), LONDON),
        ("+442079460000", ALL, LONDON),
        ("+442079460000", (SF, NY), SF),
        ("+18005550199", (NY, SF), NY),
        ("+4930123456", (LONDON, SF), LONDON),
    ],
    ids=["area code", "state", "country", "whole pool", "another country", "none nearby", "toll-free", "abroad"],
)
def test_a_lead_is_called_from_as_near_as_can_be(to_number, numbers, expected):
    """From its area code, else its state or province, else its country, else from any number of the pool."""
    assert choose(pool(*numbers), Ask(to_number)) == [expected]


def test_without_local_presence_all_numbers_take_turns():
    """A pool may do without: then it does not matter where the lead is."""
    assert choose(pool(NY, SF, local_presence=False), *[Ask("+14155550999")] * 3) == [NY, SF, NY]


def test_a_redial_comes_from_the_number_that_the_lead_knows():
    """It stays with the one before it, though another is nearer and it is not its turn."""
    redial = Ask("+14155550999", last_number=NY)
    assert choose(pool(*ALL), redial, redial, turns={4: 9}) == [NY, NY]


@pytest.mark.parametrize("left", [{4: 0}, {}])
def test_a_redial_comes_from_another_where_that_cannot_be(left):
    """It has no room now, or is in the pool no more: it is chosen as for a first dial."""
    numbers = ALL if left else tuple(number for number in ALL if number != NY)
    assert choose(pool(*numbers), Ask("+14155550999", last_number=NY), left=left) == [SF]


def test_a_policy_may_rotate():
    """Then each redial comes from another number than the one before, near first; from the same where it is alone."""
    redial = Ask("+14155550999", last_number=SF, rotates=True)
    assert choose(pool(*ALL), redial) == [OAKLAND]
    assert choose(pool(SF), redial) == [SF]
    assert choose(pool(SF), redial, left={1: 0}) == [None]
    assert choose(pool(SF, NY), redial, Ask("+14155550999"), Ask("+14155550999")) == [NY, SF, SF]


def test_a_number_at_its_cap_is_passed_by():
    """The dials go on from the next best, until none has room."""
    asks = [Ask("+14155550999")] * 4
    assert choose(pool(SF, OAKLAND, NY), *asks, left={1: 1, 2: 1, 3: 1}) == [SF, OAKLAND, NY, None]


def test_who_has_rested_has_nothing_to_catch_up_on():
    """A number that comes new into the rotation takes its turn, and not all dials until it has had as many."""
    _, turns = assign(pool(SF, NY), [Ask("+18005550199")] * 100, {1: PLENTY, 2: PLENTY}, {})
    assert choose(pool(SF, NY, LA), *[Ask("+18005550199")] * 6, turns=turns) == [LA, SF, NY, LA, SF, NY]


@pytest.mark.parametrize("numbers", [2, 7, 100])
def test_rotation_is_even(numbers):
    """Over claims of any size, no number has more than one dial more than another."""
    given = pool(*(f"+1415555{n:04}" for n in range(numbers)))
    room, turns, dials = {m.caller_no: PLENTY for m in given.members}, {}, Counter()
    for claim in range(120):
        chosen, turns = assign(given, [Ask(f"+1415556{n:04}") for n in range(claim % 90)], room, turns)
        dials.update(member.number for member in chosen)
    assert len(dials) == numbers
    assert max(dials.values()) - min(dials.values()) <= 1


def test_rotation_is_even_among_those_nearby_too():
    """Leads of three areas, by turns: each is called from its own, and evenly."""
    given = pool(*(f"+1{area}555{n:04}" for area in (415, 212, 305) for n in range(5)))
    room = {member.caller_no: PLENTY for member in given.members}
    asks = [Ask(f"+1{(415, 212, 305)[n % 3]}556{n:04}") for n in range(3_000)]
    chosen, _ = assign(given, asks, room, {})
    assert all(member.number[:5] == ask.to_number[:5] for member, ask in zip(chosen, asks, strict=True))
    assert set(Counter(member.number for member in chosen).values()) == {200}


@given(
    st.lists(st.sampled_from(ALL), unique=True, min_size=1),
    st.lists(st.tuples(st.sampled_from(ALL), st.none() | st.sampled_from(ALL), st.booleans()), max_size=30),
    st.lists(st.integers(-1, 6), min_size=6, max_size=6),
    st.booleans(),
)
def test_no_number_has_more_dials_than_room(numbers, asks, room, local_presence):
    """Whatever is asked for: within every room, and a dial goes without a number only where none has room."""
    given = pool(*numbers, local_presence=local_presence)
    left = {member.caller_no: room[member.caller_no - 1] for member in given.members}
    chosen, turns = assign(given, [Ask(*ask) for ask in asks], left, {})
    dials = Counter(member.caller_no for member in chosen if member is not None)
    assert all(count <= max(left[caller_no], 0) for caller_no, count in dials.items())
    assert dials.total() == min(len(asks), sum(max(most, 0) for most in left.values()))
    assert turns.keys() == dials.keys()


def test_a_number_rests_after_so_many_dials():
    """The 100th dial in a day is the last one: it rests until the day is over that began with the first."""
    began = NOW - HOUR * 3
    assert rests_until(DAILY, Use(began, 99, NOW), NOW) is None
    assert rests_until(DAILY, Use(began, 100, NOW), NOW) == began + DAY
    assert rests_until(DAILY, Use(began, 100, NOW), began + DAY) is None
    assert rests_until(DAILY, None, NOW) is None
    assert rests_until(None, Use(began, 100, NOW), NOW) is None


def test_a_rest_may_be_longer_than_the_day():
    """It counts from the last dial; a shorter one does not end before the span does."""
    use = Use(NOW - HOUR * 3, 100, NOW)
    assert rests_until(CoolDown(100, 86_400, 2 * 86_400), use, NOW) == NOW + DAY * 2
    assert rests_until(CoolDown(100, 86_400, 3_600), use, NOW) == NOW + HOUR * 21


@pytest.mark.parametrize(
    ("rule", "use", "left"),
    [
        (None, Use(NOW, 500, NOW), None),
        (DAILY, None, 100),
        (DAILY, Use(NOW - HOUR, 40, NOW), 60),
        (DAILY, Use(NOW - HOUR, 100, NOW), 0),
        (DAILY, Use(NOW - HOUR, 140, NOW), 0),
        (DAILY, Use(NOW - DAY, 40, NOW), 100),
        (DAILY, Use(NOW - DAY, 100, NOW), 100),
    ],
)
def test_what_is_left_to_a_number(rule, use, left):
    """Up to its number in a span; a new span begins with the first dial after it."""
    assert dials_left(rule, use, NOW) == left


def test_dials_are_counted_from_the_first_of_their_span():
    """A dial after the span begins another one."""
    first = used(DAILY, None, 3, NOW)
    assert first == Use(NOW, 3, NOW)
    assert used(DAILY, first, 2, NOW + HOUR) == Use(NOW, 5, NOW + HOUR)
    assert used(DAILY, first, 2, NOW + DAY) == Use(NOW + DAY, 2, NOW + DAY)
    assert used(DAILY, Use(NOW, 100, NOW), 1, NOW + DAY) == Use(NOW + DAY, 1, NOW + DAY)


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 30)), min_size=1, max_size=40), st.integers(1, 20))
def test_no_span_has_more_dials_than_the_rule(claims, most):
    """However claims come: from the first dial of a span to its end there are never more than so many."""
    rule, use, at, spans = CoolDown(most, 86_400), None, NOW, Counter()
    for gap_sec, wanted in claims:
        at = at + TimeDelta(seconds=gap_sec)
        if count := min(wanted, dials_left(rule, use, at)):
            use = used(rule, use, count, at)
            spans[use.began_at] += count
    assert all(count <= most for count in spans.values())
    starts = sorted(spans)
    assert all(later - one >= DAY for one, later in pairwise(starts))


def test_a_pool_rests_when_all_its_numbers_do():
    """What is told is when the first of them has rested, and what that goes by."""
    members = (Member(1, SF, Use(NOW - HOUR * 2, 100, NOW - HOUR)), Member(2, NY, Use(NOW - HOUR, 100, NOW)))
    why = resting(Pool("pool_1", members, cool_down=DAILY), NOW)
    assert (why.rule, why.next_at, why.final) == ("caller_rest", NOW + HOUR * 22, None)
    assert why.inputs == {
        "caller_pool_id": "pool_1",
        "numbers": 2,
        "dials_per_number": "100 per 1d",
        "since": "2026-03-02T12:00:00.000Z",
    }
    assert resting(Pool("pool_1", (*members, Member(3, LA)), cool_down=DAILY), NOW) is None
    assert resting(Pool("pool_1", members), NOW) is None


def test_a_pool_without_numbers_dials_nobody():
    """It is looked at again in an hour."""
    why = resting(Pool("pool_1", ()), NOW)
    assert (why.rule, why.next_at) == ("caller_rest", NOW + HOUR)
    assert why.inputs == {"caller_pool_id": "pool_1", "numbers": 0, "since": None}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, None),
        ("100 per 1d", DAILY),
        ("5 per 90m", CoolDown(5, 5_400)),
        ("100000 per 366d", CoolDown(100_000, 366 * 86_400)),
    ],
)
def test_the_rule_is_read_from_a_few_words(text, rule):
    """And shown in the same words, with the largest unit that divides."""
    assert parse_rate(text, "dials_per_number") == rule
    assert rule is None or parse_rate(show_rate(rule), "again") == rule


@pytest.mark.parametrize(
    "text", ["100", "0 per 1d", "100 per day", "100001 per 1d", "1 per 367d", "1 per 0d", 100, ["1 per 1d"]]
)
def test_a_rule_without_a_unit_is_refused(text):
    """With one that is right."""
    assert refused(parse_rate, text) == (
        "field must be so many dials per so long, such as '100 per 1d', at most 100000 in at most 366d, or null"
    )


def test_a_rest_is_a_duration():
    """Or nothing; anything else is refused with one that is right."""
    assert [parse_rest(text, "rest") for text in (None, "12h", "2d")] == [None, 43_200, 172_800]
    for text in ("12", "0h", "367d", 12):
        assert refused(parse_rest, text) == "field must be a duration with its unit, such as '12h' or '2d', or null"


@pytest.mark.parametrize(
    ("text", "sec"), [("90s", 90), ("30m", 1_800), ("1d", 86_400), ("0s", None), ("1 d", None), ("", None)]
)
def test_a_duration_is_read(text, sec):
    """A number and its unit, and nothing around it."""
    assert read_duration(text) == sec
