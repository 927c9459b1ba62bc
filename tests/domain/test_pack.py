from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Date, Instant, TimeDelta

from ringback.domain.contact import NO_RULES, ContactRule, ContactRules
from ringback.domain.hours import CallingHours, daily
from ringback.domain.pack import (
    UNCOVERED,
    Clause,
    Frequency,
    Pack,
    Purpose,
    Quiet,
    Scope,
    binding,
    contact_rules,
    covers,
    hours_rules,
)
from ringback.domain.place import ANYWHERE, Place
from ringback.domain.retry import Bounds

NOW = Instant("2026-06-15T12:00:00Z")
ALWAYS = Date("2020-01-01")
FLORIDA, TEXAS, ONTARIO = Place("US", ("US-FL",)), Place("US", ("US-TX",)), Place("CA", ("CA-ON",))
US, FL = Scope(frozenset({"US"})), Scope(frozenset({"US"}), frozenset({"US-FL"}), frozenset({Purpose.MARKETING}))


def clause(clause_id="hours", scope=US, value=None, since=ALWAYS, until=None):
    """A clause that matters for what is given."""
    told = ("what it says", "where", "statute", "read", True, "")
    return Clause(clause_id, *told, since, until, scope, daily(480, 1200) if value is None else value)


def pack(name="a", version="2026.1", clauses=None, since=ALWAYS):
    """A pack of these clauses."""
    return Pack(name, version, since, "A title", (), (clause(),) if clauses is None else tuple(clauses))


@pytest.mark.parametrize(
    ("scope", "place", "purpose", "binds"),
    [
        (US, FLORIDA, Purpose.SERVICE, True),
        (US, ONTARIO, Purpose.SERVICE, False),
        (US, ANYWHERE, Purpose.SERVICE, True),  # a country that is not known may be this one
        (FL, FLORIDA, Purpose.MARKETING, True),
        (FL, TEXAS, Purpose.MARKETING, False),
        (FL, Place("US", ("US-GA", "US-FL")), Purpose.MARKETING, True),  # it may be in either
        (FL, Place("US"), Purpose.MARKETING, True),  # a state that is not known may be this one
        (FL, ANYWHERE, Purpose.MARKETING, True),
        (FL, FLORIDA, Purpose.SURVEY, False),
        (FL, FLORIDA, None, True),  # so may a purpose that nobody has named
        (FL, TEXAS, None, False),
    ],
)
def test_a_clause_binds_whom_it_may_mean(scope, place, purpose, binds):
    """What is known to lie outside is not bound; what is not known is."""
    assert bool(binding([pack(clauses=[clause(scope=scope)])], place, purpose, NOW)) is binds


@pytest.mark.parametrize(
    ("since", "until", "binds"),
    [
        ("2026-06-15", None, True),
        ("2026-06-16", None, True),  # already the date in Kiribati
        ("2026-06-17", None, False),
        ("2026-06-01", "2026-06-15", True),
        ("2026-06-01", "2026-06-14", False),
    ],
)
def test_a_clause_binds_on_its_days(since, until, binds):
    """From the first to the last, wherever the lead may be: at noon UTC, the next date has begun somewhere."""
    dated = clause(since=Date(since), until=until and Date(until))
    assert bool(binding([pack(clauses=[dated])], FLORIDA, None, NOW)) is binds


def test_a_date_that_some_calendar_still_shows_binds():
    """A clause of which the last day is over in UTC binds while that day lasts in Hawaii."""
    dated = pack(clauses=[clause(until=Date("2026-06-14"))])
    assert binding([dated], FLORIDA, None, Instant("2026-06-15T09:00:00Z"))


def test_hours_name_their_clause_and_their_pack():
    """So that a decision can say which rule of which version it was."""
    limits = clause("limit", value=Frequency(3, 86_400))
    (rule,) = hours_rules([pack(clauses=[clause(), limits])], FLORIDA, None, NOW)
    assert rule == ("hours", "a", "2026.1", daily(480, 1200))


def test_no_packs_have_no_hours():
    """Nobody chose any."""
    assert hours_rules([], Place("DE"), None, NOW) == ()


def test_a_country_that_no_pack_speaks_of_has_the_hours_of_a_campaign_without_a_window():
    """Whoever chose packs wanted rules for all dials."""
    statement = replace(clause(scope=Scope(frozenset({"DE"}))), value=None)
    assert hours_rules([pack()], Place("DE"), None, NOW) == (UNCOVERED,)
    assert hours_rules([pack(), pack("b", clauses=[statement])], Place("DE"), None, NOW) == ()
    assert covers([pack()], ANYWHERE)


days = st.integers(0, 364).map(lambda days: Date("2026-01-01").add(days=days))
spans = st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True).map(lambda ends: (tuple(sorted(ends)),))
weeks = st.builds(CallingHours, st.tuples(*[spans | st.just(())] * 7))
scopes = st.builds(
    Scope,
    st.frozensets(st.sampled_from(["US", "CA", "DE"]), min_size=1),
    st.frozensets(st.sampled_from(["US-FL", "US-TX", "CA-ON"])),
    st.frozensets(st.sampled_from(Purpose)),
)
clauses = st.builds(clause, st.just("hours"), scopes, weeks, days, st.none() | days)
packs_of_all = st.lists(st.builds(pack, st.sampled_from("abc"), clauses=st.lists(clauses, max_size=3)), max_size=4)
places = st.sampled_from([FLORIDA, TEXAS, ONTARIO, Place("US"), Place("CA"), Place("DE"), ANYWHERE])
purposes = st.none() | st.sampled_from(Purpose)
instants = st.integers(0, 365 * 86_400).map(lambda sec: Instant("2026-01-01T00:00:00Z") + TimeDelta(seconds=sec))
zones = st.sampled_from([("America/New_York",), ("America/Chicago", "America/Denver"), ("Europe/Berlin",)])


def allows(packs, place, purpose, at, where):
    """Whether the hours of these packs allow a dial."""
    return Bounds(hours_rules(packs, place, purpose, at), where).shut_by(at) is None


@given(packs_of_all, packs_of_all, places, purposes, instants, zones)
def test_the_union_never_allows_what_one_forbids(some, others, place, purpose, at, where):
    """Whatever is chosen besides, a pack that speaks of the country forbids what it forbade alone."""
    if (covers(some, place) or not some) and not allows(some, place, purpose, at, where):
        assert not allows([*some, *others], place, purpose, at, where)
        assert not allows([*others, *some], place, purpose, at, where)


@given(packs_of_all, places, purposes, instants, zones)
def test_knowing_less_never_allows_more(packs, place, purpose, at, where):
    """A dial that is forbidden stays so where the state, the country or the purpose is not known."""
    if covers(packs, place) and not allows(packs, place, purpose, at, where):
        assert not allows(packs, place._replace(regions=None), purpose, at, where)
        assert not allows(packs, ANYWHERE, purpose, at, where)
        assert not allows(packs, place, None, at, where)
        assert not allows(packs, place, purpose, at, (*where, "Asia/Tokyo"))


@given(packs_of_all, places, purposes, instants)
def test_without_a_zone_nothing_is_allowed_that_has_hours(packs, place, purpose, at):
    """Nobody knows what time it is there."""
    assert allows(packs, place, purpose, at, ()) is (not hours_rules(packs, place, purpose, at))


def test_frequencies_and_quiet_times_become_contact_rules():
    """Of the clauses that bind, each with its pack and version, and with whether it goes by debt."""
    often, calm = clause("often", FL, Frequency(3, 86_400)), clause("calm", US, Quiet(3_600, "debt"))
    packs = [
        pack(clauses=[clause(), often, calm]),
        pack("b", clauses=[clause("rare", US, Frequency(7, 604_800, "debt"))]),
    ]
    rules = contact_rules(packs, FLORIDA, Purpose.MARKETING, NOW)
    assert rules == ContactRules(
        per_number=(
            ContactRule("often", 3, 86_400, "a", "2026.1"),
            ContactRule("rare", 7, 604_800, "b", "2026.1", per_debt=True),
        ),
        quiet=(ContactRule("calm", 0, 3_600, "a", "2026.1", per_debt=True),),
    )
    assert [rule.rule for rule in contact_rules(packs, TEXAS, Purpose.MARKETING, NOW).per_number] == ["rare"]
    assert contact_rules(packs, ONTARIO, Purpose.MARKETING, NOW) == NO_RULES


def test_a_pack_looks_back_as_far_as_its_furthest_clause():
    """One with hours alone does not."""
    clauses = [clause(), clause("often", value=Frequency(3, 86_400)), clause("calm", value=Quiet(604_800))]
    assert [pack(clauses=clauses[:some]).span_sec for some in (1, 2, 3)] == [0, 86_400, 604_800]
