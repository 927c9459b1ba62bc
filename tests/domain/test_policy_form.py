from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.policy_form import LONGEST_WAIT_SEC, RETRY_KEYS, parse_policy, show_policy
from ringback.domain.retry import DEFAULT_POLICY, MOST_ATTEMPTS, RetryPolicy
from ringback.errors import Invalid


def policy(most, after, jitter_sec=0, expires_after_sec=None):
    """A policy in few words."""
    return RetryPolicy(most, MappingProxyType(after), jitter_sec, expires_after_sec)


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
        ({"jitter": None, "spread": None}, DEFAULT_POLICY),
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
    }


secs = st.integers(1, LONGEST_WAIT_SEC)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, MOST_ATTEMPTS),
    after=st.dictionaries(st.sampled_from(RETRY_KEYS), st.lists(secs, min_size=1, max_size=MOST_ATTEMPTS).map(tuple)),
    jitter_sec=st.just(0) | secs,
    expires_after_sec=st.none() | secs,
)


@given(policies)
def test_a_policy_survives_its_written_form(given_policy):
    """What is shown is read back as the same policy: the store keeps the written form."""
    assert parse_policy(show_policy(given_policy)) == given_policy


DURATION = "must be a duration from 1s to 366d, such as '30s', '5m', '2h' or '1d'"
KNOWN = (
    "after, expires_after, jitter, max_attempts, max_retries, retry_interval_minutes, retry_on_voicemail, spread, "
    "wait_minutes"
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
            "retry.after.completed is not an outcome that can be retried; use no-answer, busy, voicemail, failed",
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
        ({"after": {"busy": ["5m", "soon"]}}, f"retry.after.busy[1] {DURATION}"),
        ({"after": {"busy": [30]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"busy": ["0s"]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"busy": ["-5m"]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"busy": ["1.5h"]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"busy": ["5M"]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"busy": ["٣m"]}}, f"retry.after.busy[0] {DURATION}"),
        ({"after": {"no_answer": ["367d"]}}, f"retry.after.no_answer[0] {DURATION}"),
        ({"after": {"busy": ["99999999d"]}}, f"retry.after.busy[0] {DURATION}"),
        (
            {"after": {"no-answer": ["30m", "next-day 10:00"]}},
            "retry.after.no-answer[1]: 'next-day 10:00' is a local wall-clock point, which is not available yet; "
            "use a duration such as '18h'",
        ),
        ({"jitter": 5}, f"retry.jitter {DURATION.replace('1s', '0s', 1)}"),
        ({"jitter": ""}, f"retry.jitter {DURATION.replace('1s', '0s', 1)}"),
        ({"expires_after": "0s"}, f"retry.expires_after {DURATION}"),
        ({"expires_after": False}, f"retry.expires_after {DURATION}"),
        ({"spread": True}, "retry.spread is not available yet; leave it out or set it to false"),
        ({"spread": "evening"}, "retry.spread is not available yet; leave it out or set it to false"),
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


@pytest.mark.parametrize("point", ["next-day 10:00", "same-day 18:00", "next-weekday 09:30", "next-day noon"])
@pytest.mark.parametrize("place", ["jitter", "expires_after"])
def test_a_wall_clock_point_is_refused_wherever_it_stands(place, point):
    """It says that such points are not available yet, not that the duration is malformed."""
    [line] = lines_of({place: point})
    assert line.startswith(f"retry.{place}: '{point}' is a local wall-clock point, which is not available yet")


@pytest.mark.parametrize("raw", [[], "3", 3, True])
def test_a_policy_is_an_object(raw):
    """Anything else is refused with an example."""
    assert lines_of(raw) == ["retry must be an object, such as {'max_attempts': 3, 'after': {'no-answer': ['30m']}}"]


def test_all_faults_of_the_long_form_come_at_once():
    """A caller mends everything in one go, under the name they gave the field."""
    raw = {"max_attempts": 0, "after": {"busy": ["x", "y"], "z": []}, "jitter": "x", "expires_after": 1, "spread": 1}
    with pytest.raises(Invalid) as refusal:
        parse_policy(raw, "campaign.retry")
    assert [line.split()[0] for line in refusal.value.lines] == [
        "campaign.retry.max_attempts",
        "campaign.retry.after.busy[0]",
        "campaign.retry.after.busy[1]",
        "campaign.retry.after.z",
        "campaign.retry.spread",
        "campaign.retry.jitter",
        "campaign.retry.expires_after",
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
