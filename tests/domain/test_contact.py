import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.contact import (
    NO_RULES,
    PLACED_WITHIN,
    SLACK,
    ContactRule,
    ContactRules,
    Contacts,
    debt_key,
    not_counted,
    parse_contact_rules,
    parse_debt,
    show_contact_rules,
    withheld_by_contact,
)
from ringback.domain.decision import Withheld
from ringback.errors import Invalid

NOON = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)
MOST, SPAN = st.integers(1, 3), st.integers(1, 3_000)
WRITTEN = {
    "per_number": ["3 per 24h", "7 per 7d"],
    "per_lead": ["2 per 1d"],
    "min_gap": "2h",
    "quiet_after_conversation": "7d",
}


def test_rules_are_read_and_written_alike():
    """The gap is one dial in a span of its length, and comes back as a gap."""
    rules = parse_contact_rules(WRITTEN)
    assert rules.per_number[-1] == ContactRule("min_gap: 2h", 1, 7200)
    assert [(rule.most, rule.span_sec) for rule in rules.per_number] == [(3, 86_400), (7, 604_800), (1, 7200)]
    assert show_contact_rules(rules) == WRITTEN
    assert rules.span_sec == 7 * 86_400


def test_nothing_is_no_rule():
    """Left out or null."""
    for nothing in ({}, dict.fromkeys(WRITTEN)):
        rules = parse_contact_rules(nothing)
        assert rules == ContactRules()
        assert show_contact_rules(rules) == {
            "per_number": [],
            "per_lead": [],
            "min_gap": None,
            "quiet_after_conversation": None,
        }


@pytest.mark.parametrize(
    "text", ["3 per", "3 per 24", "per 24h", "0 per 1h", "3 per 0h", "1001 per 1d", "1 per 367d", 3]
)
def test_a_rule_without_its_unit_is_refused_with_an_example(text):
    """The place of it is named."""
    with pytest.raises(Invalid, match=r"per_lead\[1\] must be so many per so long with its unit, such as '3 per 24h'"):
        parse_contact_rules({"per_lead": ["1 per 1h", text]})


@pytest.mark.parametrize("name", ["min_gap", "quiet_after_conversation"])
@pytest.mark.parametrize("text", ["2", "h", "0s", "2 h", 7200, "367d"])
def test_a_duration_without_its_unit_is_refused_with_an_example(name, text):
    """All faults at once."""
    with pytest.raises(Invalid) as refused:
        parse_contact_rules({name: text, "per_number": "3 per 24h"})
    assert refused.value.lines[0] == "per_number must be a list of rules, such as '3 per 24h'"
    assert refused.value.lines[1].startswith(f"{name} must be a duration with its unit")


def test_the_latest_of_all_rules_wins():
    """Each holds; the one that holds longest is named, with what it counted."""
    rules = parse_contact_rules(WRITTEN)
    dials = [NOON - HOUR * n for n in (1, 3, 5)]
    why = withheld_by_contact(rules, Contacts(dials, [], None), NOON)
    assert (why.rule, why.next_at) == ("per_number: 3 per 24h", NOON - HOUR * 5 + HOUR * 24 + SLACK)
    assert why.inputs == {"dials": 3, "most": 3, "since": "2026-03-02T07:00:00.000Z"}
    assert why.kind == "per_number"
    talked = withheld_by_contact(rules, Contacts(dials, [], NOON - HOUR), NOON)
    assert (talked.rule, talked.next_at) == ("quiet_after_conversation: 7d", NOON - HOUR + HOUR * 24 * 7)
    lead = withheld_by_contact(rules, Contacts([], dials, None), NOON)
    assert (lead.rule, lead.next_at) == ("per_lead: 2 per 1d", NOON - HOUR * 3 + HOUR * 24 + SLACK)


def test_what_is_long_ago_forbids_nothing():
    """A span is over, and so is the quiet time."""
    rules = parse_contact_rules({"min_gap": "2h", "quiet_after_conversation": "2h"})
    long_ago = NOON - HOUR * 2 - SLACK
    assert withheld_by_contact(rules, Contacts([long_ago], [], NOON - HOUR * 2), NOON) is None


GAPS = st.lists(st.integers(0, 40), min_size=1, max_size=60)
RULES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(RULES, GAPS, st.randoms(use_true_random=False))
def test_no_span_of_the_far_ends_record_has_more_than_any_rule_allows(limits, gaps, chance):
    """Whenever it is tried, and however late within its time each intent is placed, by clocks that are apart."""
    rules = ContactRules(tuple(ContactRule(f"per_number: {most} per {sec}s", most, sec) for most, sec in limits))
    now, intents, placed = NOON, [], []
    for gap in gaps:
        now += TimeDelta(seconds=gap)
        why = withheld_by_contact(rules, Contacts(intents), now)
        if why is not None:
            assert why.next_at > now
            continue
        intents.append(now)
        placed.append(now + PLACED_WITHIN * chance.random())
    placed.sort()
    for most, sec in limits:
        for first, last in zip(placed, placed[most:], strict=False):
            assert last - first >= TimeDelta(seconds=sec)


@given(RULES, GAPS)
def test_the_time_that_is_named_is_the_first_that_is_allowed(limits, gaps):
    """A moment before it the dial is forbidden still, unless another rule has ended meanwhile; at it, it is allowed."""
    rules = ContactRules(tuple(ContactRule(f"per_number: {most} per {sec}s", most, sec) for most, sec in limits))
    dials = []
    for gap in gaps:
        now = NOON + TimeDelta(seconds=gap)
        if withheld_by_contact(rules, Contacts(dials), now) is None:
            dials.append(now)
    now = max(dials)
    why = withheld_by_contact(rules, Contacts(dials), now)
    if why is not None:
        assert withheld_by_contact(rules, Contacts(dials), why.next_at) is None
        assert withheld_by_contact(rules, Contacts(dials), why.next_at - TimeDelta(microseconds=1)) is not None


def test_rules_of_several_sources_all_hold():
    """Those of a workspace and those of a pack; without others they stay what they are."""
    own, theirs = parse_contact_rules(WRITTEN), ContactRules(quiet=(ContactRule("calm", 0, 60, "house", "2026.1"),))
    both = own.and_those(theirs)
    assert (both.per_number, both.per_lead, both.quiet) == (own.per_number, own.per_lead, (*own.quiet, *theirs.quiet))
    assert own.and_those(NO_RULES) is own
    assert NO_RULES.span_sec == 0


def test_a_dial_waits_while_less_is_known_than_a_rule_asks_for():
    """The rule that looks back the furthest is named, with its pack; who has no rule need not know anything."""
    day, week = ContactRule("day", 3, 86_400, "house", "2026.1"), ContactRule("week", 0, 604_800, "house", "2026.1")
    rules = ContactRules(per_number=(day,), quiet=(week,))
    known = {"counted_sec": 86_400, "span_sec": 604_800}
    assert not_counted(rules, 86_400, NOON) == Withheld("week", NOON, known, "house", "2026.1")
    assert not_counted(rules, 604_800, NOON) is None
    assert not_counted(NO_RULES, 0, NOON) is None


@given(
    groups=st.lists(
        st.builds(
            ContactRules,
            per_number=st.lists(st.builds(ContactRule, st.text("ab", min_size=1, max_size=3), MOST, SPAN)).map(tuple),
            per_lead=st.just(()),
            quiet=st.lists(st.builds(ContactRule, st.just("q"), st.just(0), SPAN)).map(tuple),
        ),
        max_size=4,
    ),
    ago=st.lists(st.integers(0, 5_000), max_size=8),
    talked=st.none() | st.integers(0, 5_000),
)
def test_the_strictest_of_all_rules_wins(groups, ago, talked):
    """Together they forbid a dial for as long as the one of them that forbids it for the longest."""
    known = Contacts(
        [NOON - TimeDelta(seconds=sec) for sec in ago],
        talked_at=None if talked is None else NOON - TimeDelta(seconds=talked),
    )
    together = NO_RULES
    for rules in groups:
        together = together.and_those(rules)
    alone = [why.next_at for rules in groups if (why := withheld_by_contact(rules, known, NOON))]
    why = withheld_by_contact(together, known, NOON)
    assert (why and why.next_at) == max(alone, default=None)


BY_DEBT = ContactRules(
    per_number=(ContactRule("rare", 2, 3_600, per_debt=True),), quiet=(ContactRule("calm", 0, 3_600, per_debt=True),)
)
LATELY = NOON - TimeDelta(minutes=1)


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        (Contacts([LATELY, LATELY]), "rare"),
        (Contacts([LATELY, LATELY], debt=()), None),
        (Contacts([LATELY, LATELY], debt=[LATELY]), None),
        (Contacts([], debt=[LATELY, LATELY]), "rare"),
        (Contacts(talked_at=LATELY), "calm"),
        (Contacts(talked_at=LATELY, debt=()), None),
        (Contacts(debt=(), debt_talked_at=LATELY), "calm"),
    ],
)
def test_rules_by_debt_count_the_debt_where_the_lead_names_one(known, rule):
    """And the number where it names none."""
    why = withheld_by_contact(BY_DEBT, known, NOON)
    assert (why and why.rule) == rule


@given(st.lists(st.integers(0, 5_000), max_size=4), st.none() | st.integers(0, 5_000))
def test_rules_by_number_know_no_debts(ago, talked):
    """What is known of a debt changes nothing for them."""
    dials = [NOON - TimeDelta(seconds=sec) for sec in ago]
    talked_at = None if talked is None else NOON - TimeDelta(seconds=talked)
    rules = ContactRules((ContactRule("often", 2, 3_600),), (), (ContactRule("calm", 0, 3_600),))
    known = Contacts(dials, (), talked_at)
    with_debt = known._replace(debt=[LATELY] * 9, debt_talked_at=LATELY)
    assert withheld_by_contact(rules, known, NOON) == withheld_by_contact(rules, with_debt, NOON)


def test_a_debt_is_called_by_any_printable_text():
    """Up to 200 characters; it is counted under a key that is no number."""
    assert parse_debt(" loan 4711 ") == "loan 4711"
    assert not debt_key("+14155552671").startswith("+")
    for raw in (None, 5, "", "  ", "a\x00", "a\nb", "x" * 201):
        with pytest.raises(Invalid, match="debt_id must be printable text of 1 to 200 characters, such as"):
            parse_debt(raw)
