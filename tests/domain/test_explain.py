"""What happens next with a call, put together and said."""

import pytest
from whenever import Instant, TimeDelta

from ringback.domain.decision import Rule, Withheld
from ringback.domain.explain import (
    Action,
    Constraint,
    Explanation,
    Kind,
    Next,
    Path,
    Step,
    Turn,
    explain_turn,
    kind_of,
    show_local,
)
from ringback.domain.explain_words import constraint_in_words, explained_in_words

NOON = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)
ZONES = ("Europe/Berlin", "Europe/Paris")
SHUT = Withheld(Rule.CALLING_WINDOW, NOON + HOUR * 2, {"why": "calling_window"})
CLAUSE = Withheld("hours", NOON + HOUR * 3, {"why": "hours"}, "us-federal", "2026.1")
LISTED = Withheld(Rule.DO_NOT_CALL, None, {"do_not_call_id": "dnc_1"})
LATE = Withheld(Rule.CAMPAIGN_END, None, {"ends_at": "2026-03-02T13:00:00.000Z"})
NOWHERE = Withheld(Rule.CALLING_WINDOW, NOON + HOUR, {"why": "unknown_zone"})
OFTEN = Withheld("per_number: 3 per 24h", NOON + HOUR, {"dials": 3})
PAUSED = Constraint(Kind.PAUSED, True, None, {"status": "paused"})
COSTLY = {"cost_per_reach_micros": 6_000_000, "at_most_micros": 5_000_000, "attempts": 20, "ordinal": 3, "reached": 1}
COSTLY |= {"currency": "USD"}
BUDGET = {"limit": "campaign", "spent_micros": 1_500_000, "budget_micros": 1_250_000, "currency": "USD"}
FULL = Constraint(Kind.SLOT, True, None, {"limit": "trunk", "up": 2, "cap": 2})


def turn(due_at=NOON, *, attempt=1, put_off=None, rule=None, starts_at=None, ends_at=None):
    """A dial that waits."""
    return Turn(attempt, due_at, put_off, rule, starts_at, ends_at)


def explained(dial, path, *, stops=(), crowds=()):
    """What happens next, at noon."""
    return explain_turn(dial, path, stops, crowds, ZONES, NOON)


def shape(explanation):
    """Each constraint's kind, and whether it binds."""
    return [(one.kind, one.binding) for one in explanation.constraints]


STEPS = (Step(NOON, SHUT), Step(NOON + HOUR * 2, CLAUSE))


@pytest.mark.parametrize(
    ("dial", "path", "then", "constraints"),
    [
        (turn(), Path((), NOON), Next(Action.DIAL, 1, NOON, None), []),
        (
            turn(NOON + HOUR, attempt=2, rule="no-answer: 1h"),
            Path((), NOON + HOUR),
            Next(Action.WAIT, 2, NOON + HOUR, "no-answer: 1h"),
            [(Kind.INTERVAL, True)],
        ),
        (turn(NOON + HOUR), Path((), NOON + HOUR), Next(Action.WAIT, 1, NOON + HOUR, "interval"), [("interval", True)]),
        (
            turn(NOON + HOUR * 2, put_off=SHUT),
            Path((), NOON + HOUR * 2),
            Next(Action.WAIT, 1, NOON + HOUR * 2, "calling_window"),
            [(Kind.WINDOW, True)],
        ),
        (
            turn(starts_at=NOON + HOUR),
            Path((), NOON + HOUR),
            Next(Action.WAIT, 1, NOON + HOUR, "starts_at"),
            [(Kind.STARTS_AT, True)],
        ),
        (
            turn(ends_at=NOON + HOUR * 9, starts_at=NOON - HOUR),
            Path(STEPS, NOON + HOUR * 3),
            Next(Action.WAIT, 1, NOON + HOUR * 3, "hours"),
            [(Kind.WINDOW, False), (Kind.RULE_PACK, True), (Kind.ENDS_AT, False)],
        ),
        (
            turn(NOON + HOUR, ends_at=NOON + HOUR),
            Path((Step(NOON + HOUR, LATE),), None),
            Next(Action.NONE, None, NOON + HOUR, "campaign_end"),
            [(Kind.INTERVAL, False), (Kind.ENDS_AT, True)],
        ),
        (
            turn(),
            Path((Step(NOON, LISTED),), None),
            Next(Action.NONE, None, NOON, "do_not_call"),
            [(Kind.DO_NOT_CALL, True)],
        ),
        (
            turn(),
            Path((Step(NOON, NOWHERE),), None),
            Next(Action.WAIT, 1, None, "calling_window"),
            [(Kind.NO_ZONE, True)],
        ),
    ],
)
def test_a_call_that_waits_is_explained(dial, path, then, constraints):
    """What decides binds, in the order in which the dial meets it."""
    explanation = explained(dial, path)
    assert explanation.next == then
    assert shape(explanation) == constraints


def test_a_stop_binds_and_what_else_there_is_does_not():
    """Nobody can say until when."""
    explanation = explained(turn(NOON + HOUR), Path((), NOON + HOUR), stops=[PAUSED], crowds=[FULL])
    assert explanation.next == Next(Action.WAIT, 1, None, "campaign_paused")
    assert shape(explanation) == [("campaign_paused", True), ("interval", False), ("slot", False)]


def test_a_full_limit_binds_what_is_due():
    """And nothing that is due later, or has another way."""
    due, later = Path((), NOON), Path((), NOON + HOUR)
    assert shape(explained(turn(), due, crowds=[FULL])) == [("slot", True)]
    assert explained(turn(), due, crowds=[FULL]).next == Next(Action.WAIT, 1, None, "slot")
    assert shape(explained(turn(NOON + HOUR), later, crowds=[FULL])) == [("interval", True), ("slot", False)]
    elsewhere = explained(turn(), due, crowds=[FULL._replace(binding=False)])
    assert (elsewhere.next.action, shape(elsewhere)) == (Action.DIAL, [("slot", False)])


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (SHUT, Kind.WINDOW),
        (CLAUSE, Kind.RULE_PACK),
        (LISTED, Kind.DO_NOT_CALL),
        (LATE, Kind.ENDS_AT),
        (NOWHERE, Kind.NO_ZONE),
        (OFTEN, Kind.CONTACT),
        (Withheld(Rule.CONSENT, None, {}), Kind.CONSENT),
        (Withheld(Rule.PRE_DIAL_CHECK, NOON, {"why": "veto"}), Kind.PRE_DIAL_CHECK),
    ],
)
def test_decisions_are_of_a_kind(why, kind):
    """Whatever has no kind of its own is a contact rule."""
    assert kind_of(why) is kind


def test_a_local_time_is_the_first_zones():
    """None without a time or a zone."""
    assert show_local(NOON, ZONES) == "2026-03-02T13:00:00"
    assert show_local(None, ZONES) is None
    assert show_local(NOON, ()) is None


AT_ONE = "at 2026-03-02 13:00:00 UTC (2026-03-02 14:00:00 in Europe/Berlin)"
LOCAL = {"local_time": "2026-03-02T13:00:00", "timezone": "Europe/Berlin"}
CLAUSE_OF = {"rule": "hours", "pack": "uk", "pack_version": "2026.1"}
OVER = {"final_status": "busy", "final_reason": "expired", "finished_at": "T", "attempt": 2, "end_reason": "user_busy"}


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        (Kind.FINAL, OVER | {"rule": None}, "it is over since T: busy, expired, after attempt 2, which ended with"),
        (
            Kind.FINAL,
            OVER | {"rule": None, "attempt": None},
            "it is over since T: busy, expired, and was never dialled",
        ),
        (Kind.FINAL, OVER | {"rule": "do_not_call"}, "it is over since T: busy, expired, by the decision do_not_call"),
        (
            Kind.LIVE,
            {"attempt": 1, "status": "ringing", "since": "T"},
            f"attempt 1 is ringing since T, and over {AT_ONE}",
        ),
        (Kind.NOT_STARTED, {}, "its campaign has not been started"),
        (Kind.PAUSED, {}, "its campaign is paused"),
        (Kind.STARTS_AT, {}, f"its campaign begins {AT_ONE}"),
        (Kind.INTERVAL, {"after_attempt": 0, "rule": None}, f"it is due {AT_ONE}"),
        (Kind.INTERVAL, {"after_attempt": 1, "rule": None}, "it waits for the interval after attempt 1, which is over"),
        (Kind.INTERVAL, {"after_attempt": 1, "rule": "busy: 5m"}, "the interval after attempt 1 (busy: 5m), which"),
        (
            Kind.WINDOW,
            LOCAL,
            f"it is outside the calling hours (2026-03-02 13:00:00 in Europe/Berlin), which {'begin'}",
        ),
        (Kind.WINDOW, {}, f"it is outside the calling hours, which begin {AT_ONE}"),
        (Kind.NO_ZONE, {}, "nobody knows in which time zone the lead is"),
        (Kind.RULE_PACK, {"why": "gone"}, "a rule pack cannot be had, and nothing is dialled without it: gone"),
        (Kind.RULE_PACK, CLAUSE_OF, f"hours of uk@2026.1 forbids it, and allows it {AT_ONE}"),
        (Kind.CONTACT, {"rule": "min_gap: 2h"}, f"the contact rule min_gap: 2h forbids it, and allows it {AT_ONE}"),
        (
            Kind.CALLER,
            {"caller_pool_id": "pool_1", "numbers": 3},
            f"all 3 numbers of its caller pool pool_1 rest, the first until {AT_ONE.removeprefix('at ')}",
        ),
        (
            Kind.CALLER,
            {"caller_pool_id": "pool_1", "numbers": 0},
            f"its caller pool pool_1 has no numbers, and is looked at again {AT_ONE}",
        ),
        (Kind.DO_NOT_CALL, {}, "the number is on the do-not-call list"),
        (Kind.CONSENT, {}, f"the lead's consent ends {AT_ONE}, and it is not dialled then or later"),
        (Kind.CONSENT, {"rule": "consent", "why": "no_consent"}, "requires a consent, which the lead has not given"),
        (Kind.CONSENT, {"rule": "consent", "ends_at": "T"}, "the lead's consent leaves no time for it: T"),
        (
            Kind.PRE_DIAL_CHECK,
            {"rule": "pre_dial_check", "why": "veto", "reason": "paid"},
            f"the workspace's own check has vetoed it: paid, and is asked again {AT_ONE}",
        ),
        (
            Kind.PRE_DIAL_CHECK,
            {"rule": "pre_dial_check", "why": "timed_out", "reason": None},
            f"the workspace's own check gave no answer (timed_out), and is asked again {AT_ONE}",
        ),
        (Kind.ENDS_AT, {}, f"it is not dialled any more {AT_ONE} or later"),
        (Kind.ENDS_AT, {"rule": "campaign_end", "ends_at": "T"}, "its campaign's end leaves no time for it: T"),
        (Kind.ENDS_AT, {"rule": "expires_after", "ends_at": "T"}, "its policy's expiry leaves no time for it: T"),
        (Kind.SLOT, FULL.detail, "all slots of its trunk are taken at this moment: 2 of 2"),
        (
            Kind.RATE,
            {"limit": "trunk", "cap": 1.0},
            "the pace of its trunk is used up at this moment: 1 dials a second",
        ),
        (Kind.TRUNK, {"trunk_id": "trk_1", "why": "no host"}, "its trunk trk_1 cannot be set up: no host"),
        (Kind.TOO_COSTLY, COSTLY, "20 attempts of ordinal 3 reached 1 people, at 6.00 USD each, more than 5.00"),
        (Kind.BUDGET, BUDGET, "the budget of its campaign is spent: 1.50 of 1.25 USD; it goes on once that is raised"),
        (Kind.NODE, {}, "no node lives that could dial"),
    ],
)
def test_constraints_are_said_in_words(kind, detail, words):
    """Each kind has its own, with its time in UTC and at the lead's."""
    assert words in constraint_in_words(Constraint(kind, True, NOON + HOUR, detail), ZONES)


def test_every_kind_has_its_words():
    """None is forgotten above."""
    [table] = [mark.args[1] for mark in test_constraints_are_said_in_words.pytestmark]
    assert {row[0] for row in table} == set(Kind)


def test_what_happens_next_is_one_sentence():
    """The dial, the wait, the end; what is over or up says so itself."""
    due, later = explained(turn(), Path((), NOON)), explained(turn(NOON + HOUR), Path((), NOON + HOUR))
    assert explained_in_words(due) == "attempt 1 is dialled as soon as its turn comes: nothing holds it up"
    assert explained_in_words(later) == f"attempt 1 is dialled {AT_ONE}: it is due {AT_ONE}"
    stopped = explained(turn(), Path((), NOON), stops=[PAUSED])
    assert explained_in_words(stopped) == "attempt 1 waits, and nobody can say until when: its campaign is paused"
    listed = explained_in_words(explained(turn(NOON + HOUR), Path((Step(NOON + HOUR, LISTED),), None)))
    assert listed == f"it is not dialled any more, and ends {AT_ONE}: the number is on the do-not-call list"
    final = Constraint(Kind.FINAL, True, None, OVER | {"rule": None})
    over = Explanation(Next(Action.NONE, None, None, "expired"), (final,), ())
    assert explained_in_words(over) == constraint_in_words(final, ())


def test_a_time_that_nobody_knows_is_said_to_be_so():
    """And one without a zone has none beside it."""
    live = Constraint(Kind.LIVE, True, None, {"attempt": 1, "status": "ringing", "since": "T"})
    assert "over at a time that nobody knows" in constraint_in_words(live, ZONES)
    assert constraint_in_words(Constraint(Kind.STARTS_AT, True, NOON, {}), ()).endswith(
        "begins at 2026-03-02 12:00:00 UTC"
    )
