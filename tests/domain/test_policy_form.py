from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.policy_form import (
    LONGEST_WAIT_SEC,
    RETRY_KEYS,
    RETRYABLE_REASONS,
    keep_policy,
    kept_policy,
    parse_policy,
    show_policy,
)
from ringback.domain.retry import DEFAULT_POLICY, MOST_ATTEMPTS, RetryPolicy
from ringback.domain.spacing import NO_SPACING, Spacing
from ringback.domain.waits import Day, LocalPoint
from ringback.domain.worth import StopWhen
from ringback.errors import Invalid


def policy(most, after, jitter_sec=0, expires_after_sec=None, spacing=NO_SPACING):
    """A policy in few words."""
    return RetryPolicy(most, MappingProxyType(after), jitter_sec, expires_after_sec, spacing)


def lines_of(raw):
    """What is refused, line by line."""
    with pytest.raises(Invalid) as refusal:
        parse_policy(raw)
    return refusal.value.lines


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, DEFAULT_POLICY),
        ({}, DEFAULT_POLICY),
        ({"max_attempts": 1}, policy(1, DEFAULT_POLICY.after)),
        ({"max_attempts": 20, "after": None}, policy(20, DEFAULT_POLICY.after)),
        ({"after": {}}, policy(3, {})),
        ({"after": {"busy": [" 5m "], "failed": []}}, policy(3, {"busy": (300,)})),
        ({"after": {"no_answer": ["30s", "5m", "2h", "1d"]}}, policy(3, {"no-answer": (30, 300, 7_200, 86_400)})),
        (
            {"after": {"no-answer": ["366d"], "voicemail": ["1s"]}},
            policy(3, {"no-answer": (31_622_400,), "voicemail": (1,)}),
        ),
        ({"jitter": "2m", "expires_after": "7d"}, policy(3, DEFAULT_POLICY.after, 120, 604_800)),
        ({"jitter": "0s", "expires_after": None, "spread": False}, DEFAULT_POLICY),
        ({"jitter": None, "spread": None, "min_gap": None, "max_per_day": None}, DEFAULT_POLICY),
        ({"stop_when": None}, DEFAULT_POLICY),
        ({"stop_when": {"cost_per_reach_micros": 5}}, replace(DEFAULT_POLICY, stop_when=StopWhen(5, 200))),
        ({"caller_number": "same"}, DEFAULT_POLICY),
        ({"caller_number": None}, DEFAULT_POLICY),
        ({"caller_number": "rotate"}, replace(DEFAULT_POLICY, rotates_caller=True)),
        (
            {"spread": True, "min_gap": "4h", "max_per_day": 2},
            policy(3, DEFAULT_POLICY.after, spacing=Spacing(14_400, 2, spread=True)),
        ),
        (
            {"after": {"no-answer": ["30m", "next-day 10:00", "same-day  18:00", "next-weekday 9:30"]}},
            policy(
                3,
                {
                    "no-answer": (
                        1_800,
                        LocalPoint(Day.NEXT, 600),
                        LocalPoint(Day.SAME, 1_080),
                        LocalPoint(Day.NEXT_WEEKDAY, 570),
                    )
                },
            ),
        ),
        (
            {"after": {"failed": ["5m"], "network_failure": ["1m"], "outcome-unknown": []}},
            policy(3, {"failed": (300,), "network_failure": (60,), "outcome_unknown": ()}),
        ),
    ],
)
def test_the_long_form_is_read(raw, expected):
    """What is left out is as in the default policy, except that `after` stands as it is given."""
    assert parse_policy(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"max_retries": 3}, policy(4, {"no-answer": (3_600,), "busy": (3_600,)})),
        ({"max_retries": 0}, policy(1, {"no-answer": (3_600,), "busy": (3_600,)})),
        ({"max_retries": 19, "wait_minutes": 1}, policy(20, {"no-answer": (60,), "busy": (60,)})),
        ({"max_retries": 3, "retry_interval_minutes": 120}, policy(4, {"no-answer": (7_200,), "busy": (7_200,)})),
        ({"max_retries": 3, "wait_minutes": 120}, policy(4, {"no-answer": (7_200,), "busy": (7_200,)})),
        (
            {"max_retries": 1, "wait_minutes": 30, "retry_on_voicemail": True},
            policy(2, {"no-answer": (1_800,), "busy": (1_800,), "voicemail": (1_800,)}),
        ),
        (
            {"max_retries": 1, "wait_minutes": 30, "retry_on_voicemail": False},
            policy(2, {"no-answer": (1_800,), "busy": (1_800,)}),
        ),
    ],
)
def test_the_short_form_is_read(raw, expected):
    """Retries come on top of the first dial; one wait serves no-answer, busy and, if asked for, voicemail."""
    assert parse_policy(raw) == expected


def test_the_long_form_is_answered():
    """Every outcome is listed, also where nothing is redialled."""
    assert show_policy(parse_policy({"max_retries": 3, "retry_interval_minutes": 120})) == {
        "max_attempts": 4,
        "after": {"no-answer": ["2h"], "busy": ["2h"], "voicemail": [], "failed": []},
        "jitter": "0s",
        "expires_after": None,
        "spread": False,
        "min_gap": None,
        "max_per_day": None,
        "stop_when": None,
        "caller_number": "same",
    }


def test_what_the_release_before_does_not_know_is_kept_where_it_is_used():
    """Its nodes read what the store has; the API shows every field."""
    plain = ["max_attempts", "after", "jitter", "expires_after", "spread"]
    assert list(keep_policy(DEFAULT_POLICY)) == plain
    newer = {"min_gap": "90m", "max_per_day": 2, "caller_number": "rotate"}
    assert keep_policy(parse_policy(newer)) == {**keep_policy(DEFAULT_POLICY), **newer}
    shown = show_policy(parse_policy({"after": {"outcome_unknown": [], "voicemail": ["same-day 08:05"]}}))
    assert shown["after"] == {
        "no-answer": [],
        "busy": [],
        "voicemail": ["same-day 08:05"],
        "failed": [],
        "outcome_unknown": [],
    }


secs = st.integers(1, LONGEST_WAIT_SEC)
waits = st.lists(secs | st.builds(LocalPoint, st.sampled_from(Day), st.integers(0, 1439)), max_size=MOST_ATTEMPTS)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, MOST_ATTEMPTS),
    after=st.dictionaries(st.sampled_from(RETRY_KEYS), waits.filter(len).map(tuple))
    | st.dictionaries(st.sampled_from(RETRYABLE_REASONS), waits.map(tuple)),
    jitter_sec=st.just(0) | secs,
    expires_after_sec=st.none() | secs,
    spacing=st.builds(Spacing, st.none() | secs, st.none() | st.integers(1, MOST_ATTEMPTS), st.booleans()),
    stop_when=st.none() | st.builds(StopWhen, st.integers(0, 10**12), st.integers(20, 1_000_000)),
    rotates_caller=st.booleans(),
)


@given(policies)
def test_a_policy_survives_its_written_form(given_policy):
    """What is shown, and what the store keeps, is read back as the same policy."""
    assert kept_policy(show_policy(given_policy)) == given_policy
    assert kept_policy(keep_policy(given_policy)) == given_policy


STOP_EXAMPLE = (
    "retry.stop_when must be an object with cost_per_reach_micros, and min_attempts if you like, such as "
    "{'cost_per_reach_micros': 5000000, 'min_attempts': 200}"
)
DURATION = "must be a duration from 1s to 366d, such as '30s', '5m', '2h' or '1d'"
WAIT = f"{DURATION}, or a local time such as 'next-day 10:00'"
POINT = "must be 'same-day HH:MM', 'next-day HH:MM' or 'next-weekday HH:MM', from 00:00 to 23:59"
KNOWN = (
    "after, caller_number, expires_after, jitter, max_attempts, max_per_day, max_retries, min_gap, "
    "retry_interval_minutes, retry_on_voicemail, spread, stop_when, wait_minutes"
)
REASONS = (
    "voicemail_detected, user_did_not_pick_up, user_unreachable, user_busy, user_rejected, network_failure, "
    "system_at_capacity, outcome_unknown"
)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"attempts": 3}, f"retry.attempts is not known; known are {KNOWN}"),
        (
            {"max_attempts": 3, "max_retries": 2},
            "retry mixes the long form (max_attempts, after) with the short one (max_retries, ...)",
        ),
        ({"max_attempts": 0}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"max_attempts": 21}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"max_attempts": "3"}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"max_attempts": True}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"max_attempts": 3.0}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"max_attempts": None}, "retry.max_attempts must be a whole number from 1 to 20"),
        ({"after": ["30m"]}, "retry.after must be an object of lists, such as {'no-answer': ['30m', '2h']}"),
        (
            {"after": {"completed": ["30m"]}},
            "retry.after.completed is not an outcome that can be retried; use no-answer, busy, voicemail, failed, "
            f"or an end reason: {REASONS}",
        ),
        (
            {"after": {"invalid_phone_number": ["30m"]}},
            "retry.after.invalid_phone_number is not an outcome that can be retried; use no-answer, busy, voicemail, "
            f"failed, or an end reason: {REASONS}",
        ),
        ({"after": {"busy": "30m"}}, "retry.after.busy must be a list of at most 20 waits, such as ['30m', '2h']"),
        (
            {"after": {"busy": ["1m"] * 21}},
            "retry.after.busy must be a list of at most 20 waits, such as ['30m', '2h']",
        ),
        (
            {"after": {"no-answer": ["1m"], "no_answer": ["2m"]}},
            "retry.after.no_answer is given twice, with a hyphen and with an underscore; give it once",
        ),
        ({"after": {"busy": ["5m", "soon"]}}, f"retry.after.busy[1] {WAIT}"),
        ({"after": {"busy": [30]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"busy": ["0s"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"busy": ["-5m"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"busy": ["1.5h"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"busy": ["5M"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"busy": ["٣m"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"no_answer": ["367d"]}}, f"retry.after.no_answer[0] {WAIT}"),
        ({"after": {"busy": ["99999999d"]}}, f"retry.after.busy[0] {WAIT}"),
        ({"after": {"no-answer": ["30m", "next-day 24:00"]}}, f"retry.after.no-answer[1] {POINT}"),
        ({"after": {"no-answer": ["next-day noon"]}}, f"retry.after.no-answer[0] {POINT}"),
        ({"after": {"no-answer": ["next-week 10:00"]}}, f"retry.after.no-answer[0] {POINT}"),
        ({"after": {"no-answer": ["next-day 10:0٣"]}}, f"retry.after.no-answer[0] {POINT}"),
        ({"jitter": "next-day 10:00"}, f"retry.jitter {DURATION.replace('1s', '0s', 1)}"),
        ({"expires_after": "next-day 10:00"}, f"retry.expires_after {DURATION}"),
        ({"min_gap": "same-day 10:00"}, f"retry.min_gap {DURATION}"),
        ({"min_gap": "0s"}, f"retry.min_gap {DURATION}"),
        ({"max_per_day": 0}, "retry.max_per_day must be a whole number from 1 to 20"),
        ({"caller_number": "another"}, "retry.caller_number must be 'same' or 'rotate'"),
        ({"caller_number": ["rotate"]}, "retry.caller_number must be 'same' or 'rotate'"),
        ({"max_per_day": "2"}, "retry.max_per_day must be a whole number from 1 to 20"),
        ({"stop_when": 5}, STOP_EXAMPLE),
        ({"stop_when": {}}, STOP_EXAMPLE),
        ({"stop_when": {"cost_per_reach_micros": 5, "window": "7d"}}, STOP_EXAMPLE),
        (
            {"stop_when": {"cost_per_reach_micros": -1}},
            "retry.stop_when.cost_per_reach_micros must be a whole number from 0 to 1000000000000",
        ),
        (
            {"stop_when": {"cost_per_reach_micros": 5, "min_attempts": 19}},
            "retry.stop_when.min_attempts must be a whole number from 20 to 1000000",
        ),
        ({"jitter": 5}, f"retry.jitter {DURATION.replace('1s', '0s', 1)}"),
        ({"jitter": ""}, f"retry.jitter {DURATION.replace('1s', '0s', 1)}"),
        ({"expires_after": "0s"}, f"retry.expires_after {DURATION}"),
        ({"expires_after": False}, f"retry.expires_after {DURATION}"),
        ({"spread": 1}, "retry.spread must be true or false"),
        ({"spread": "evening"}, "retry.spread must be true or false"),
        ({"max_retries": -1}, "retry.max_retries must be a whole number from 0 to 19"),
        ({"max_retries": 20}, "retry.max_retries must be a whole number from 0 to 19"),
        ({"max_retries": 1, "wait_minutes": 0}, "retry.wait_minutes must be a whole number from 1 to 527040"),
        (
            {"max_retries": 1, "retry_interval_minutes": 527_041},
            "retry.retry_interval_minutes must be a whole number from 1 to 527040",
        ),
        (
            {"retry_interval_minutes": 60, "wait_minutes": 60},
            "retry has both retry_interval_minutes and wait_minutes; give one of them",
        ),
        ({"max_retries": 1, "retry_on_voicemail": "yes"}, "retry.retry_on_voicemail must be true or false"),
        ({"max_retries": 1, "retry_on_voicemail": None}, "retry.retry_on_voicemail must be true or false"),
    ],
)
def test_a_fault_names_its_field(raw, line):
    """Each wrong entry has its line, with a remedy."""
    assert lines_of(raw) == [line]


ALL_SHORTER = "shorten it, such as {'min_gap': '4h', 'expires_after': '7d'}, or leave expires_after out"


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (
            {"min_gap": "7d", "expires_after": "7d"},
            [
                "retry.min_gap (7d) is not below retry.expires_after (7d): no call could ever be redialled; "
                + ALL_SHORTER
            ],
        ),
        ({"min_gap": "7d", "expires_after": "7d", "max_attempts": 1}, []),
        ({"min_gap": "7d"}, []),
        (
            {"after": {"no-answer": ["1h", "7d"], "busy": ["same-day 10:00"]}, "expires_after": "4d"},
            [
                "retry.after.no-answer[1] is 7d, which is not below retry.expires_after (4d): that redial would never "
                "be placed; shorten it, such as '1d', or leave expires_after out"
            ],
        ),
        # the second wait is never used
        ({"after": {"no-answer": ["1h", "7d"]}, "expires_after": "4d", "max_attempts": 2}, []),
        (
            {"max_attempts": 9, "after": {"no-answer": ["1d"], "busy": ["2d"]}, "expires_after": "7d"},
            [
                "retry.max_attempts is 9, and by the waits, min_gap and max_per_day at most 7 could be made before "
                "retry.expires_after (7d): set it to 7, or leave expires_after out"
            ],
        ),
        # a point may be at hand, whatever the other waits are
        ({"max_attempts": 9, "after": {"no-answer": ["1d"], "busy": ["same-day 10:00"]}, "expires_after": "7d"}, []),
        (
            {"max_attempts": 4, "after": {"busy": ["same-day 10:00"]}, "min_gap": "2d", "expires_after": "6d"},
            [
                "retry.max_attempts is 4, and by the waits, min_gap and max_per_day at most 3 could be made before "
                "retry.expires_after (6d): set it to 3, or leave expires_after out"
            ],
        ),
        (
            {"max_attempts": 10, "max_per_day": 2, "expires_after": "2d"},
            [
                "retry.max_attempts is 10, and by the waits, min_gap and max_per_day at most 8 could be made before "
                "retry.expires_after (2d): set it to 8, or leave expires_after out"
            ],
        ),
        # what only the default policy says is nobody's contradiction
        ({"expires_after": "10m"}, []),
        ({"expires_after": "7d", "after": {}}, []),
        ({"max_attempts": 4, "expires_after": "7d", "after": {}}, []),
    ],
)
def test_a_policy_that_could_never_do_what_it_says_is_refused(raw, lines):
    """Each contradiction with its remedy; what the store has is read all the same."""
    kept = kept_policy(raw)
    if lines:
        assert lines_of(raw) == lines
    else:
        assert parse_policy(raw) == kept


def test_a_policy_within_reach_is_taken():
    """The remedies are right."""
    parse_policy({"min_gap": "4h", "expires_after": "7d"})
    parse_policy({"max_attempts": 7, "after": {"no-answer": ["1d"], "busy": ["2d"]}, "expires_after": "7d"})
    parse_policy({"max_attempts": 8, "max_per_day": 2, "expires_after": "2d"})


@pytest.mark.parametrize("raw", [[], "3", 3, True])
def test_a_policy_is_an_object(raw):
    """Anything else is refused with an example."""
    assert lines_of(raw) == ["retry must be an object, such as {'max_attempts': 3, 'after': {'no-answer': ['30m']}}"]


def test_all_faults_of_the_long_form_come_at_once():
    """A caller mends everything in one go, under the name they gave the field."""
    raw = {
        "max_attempts": 0,
        "after": {"busy": ["x", "y"], "z": []},
        "jitter": "x",
        "expires_after": 1,
        "spread": 1,
        "min_gap": 1,
    }
    with pytest.raises(Invalid) as refusal:
        parse_policy(raw, "campaign.retry")
    assert [line.split()[0] for line in refusal.value.lines] == [
        "campaign.retry.max_attempts",
        "campaign.retry.after.busy[0]",
        "campaign.retry.after.busy[1]",
        "campaign.retry.after.z",
        "campaign.retry.jitter",
        "campaign.retry.expires_after",
        "campaign.retry.min_gap",
        "campaign.retry.spread",
    ]


def test_all_faults_of_the_short_form_come_at_once():
    """So it is in the short form, and every unknown name has its line."""
    raw = {"max_retries": 99, "wait_minutes": "60", "retry_on_voicemail": 1}
    assert [line.split()[0] for line in lines_of(raw)] == [
        "retry.max_retries",
        "retry.wait_minutes",
        "retry.retry_on_voicemail",
    ]
    assert [line.split()[0] for line in lines_of({"b": 1, "a": 1})] == ["retry.a", "retry.b"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["5m", "1d"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(RETRY_KEYS) | st.text(), inner, max_size=3)
    ),
    max_leaves=4,
)
names = (
    "max_attempts",
    "after",
    "jitter",
    "expires_after",
    "spread",
    "min_gap",
    "max_per_day",
    "stop_when",
    "caller_number",
    "max_retries",
    "wait_minutes",
    "retry_on_voicemail",
)


@given(st.dictionaries(st.sampled_from(names), json_values, max_size=4))
def test_odd_json_is_read_or_refused(raw):
    """Nothing that JSON can hold breaks the reader, and what it reads can be written and read again."""
    try:
        read = parse_policy(raw)
    except Invalid:
        return
    assert parse_policy(show_policy(read)) == read
