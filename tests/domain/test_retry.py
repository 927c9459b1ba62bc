from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.call import FinalReason
from ringback.domain.hours import every_day
from ringback.domain.outcome import EndReason
from ringback.domain.policy_form import RETRY_KEYS, parse_policy
from ringback.domain.retry import (
    DEFAULT_POLICY,
    MOST_ATTEMPTS,
    Bounds,
    RetryAt,
    RetryPolicy,
    Stop,
    decide,
    ends_at,
)
from ringback.domain.waits import show_duration
from ringback.domain.window import is_open

NOW = Instant("2026-06-01T16:00:00Z")
ANY_HOUR = Bounds((), ())
NOTHING = RetryPolicy(5, MappingProxyType({}))
EVERYTHING = RetryPolicy(
    3, MappingProxyType({"no-answer": (60, 120), "busy": (180,), "voicemail": (86_400,), "failed": (5, 10)})
)

REACHED, FINAL_AS_IT_IS = Stop(FinalReason.REACHED), Stop(FinalReason.NOT_RETRYABLE)
CALLED_OFF = Stop(FinalReason.CANCELLED)
EXHAUSTED, EXPIRED = Stop(FinalReason.ATTEMPTS_EXHAUSTED), Stop(FinalReason.EXPIRED)


def after(sec, rule):
    """Redialled so many seconds after NOW, by that rule."""
    return RetryAt(NOW + TimeDelta(seconds=sec), rule)


# By end reason: what follows the first attempt under NOTHING, under DEFAULT_POLICY and under EVERYTHING.
FIRST_ATTEMPT = {
    "user_disconnected": (REACHED, REACHED, REACHED),
    "agent_disconnected": (REACHED, REACHED, REACHED),
    "voicemail_detected": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, after(86_400, "voicemail: 1d")),
    "user_did_not_pick_up": (FINAL_AS_IT_IS, after(1_800, "no-answer: 30m"), after(60, "no-answer: 1m")),
    "user_unreachable": (FINAL_AS_IT_IS, after(1_800, "no-answer: 30m"), after(60, "no-answer: 1m")),
    "user_busy": (FINAL_AS_IT_IS, after(300, "busy: 5m"), after(180, "busy: 3m")),
    "user_rejected": (FINAL_AS_IT_IS, after(300, "busy: 5m"), after(180, "busy: 3m")),
    "invalid_phone_number": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, FINAL_AS_IT_IS),
    "destination_forbidden": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, FINAL_AS_IT_IS),
    "network_failure": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, after(5, "failed: 5s")),
    "system_at_capacity": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, after(5, "failed: 5s")),
    "cancelled_by_operator": (CALLED_OFF, CALLED_OFF, CALLED_OFF),
    "outcome_unknown": (FINAL_AS_IT_IS, FINAL_AS_IT_IS, after(5, "failed: 5s")),
}


@pytest.mark.parametrize("ended", EndReason)
def test_what_follows_each_end(ended):
    """For each end reason under a policy that redials nothing, the default one, and one that redials all it can."""
    policies = (NOTHING, DEFAULT_POLICY, EVERYTHING)
    assert tuple(decide(policy, 1, ended, NOW, ANY_HOUR, 0.0) for policy in policies) == FIRST_ATTEMPT[ended]


@pytest.mark.parametrize("ended", EndReason)
def test_the_last_attempt_is_followed_by_none(ended):
    """What would be redialled is exhausted; what would not is final for its own reason."""
    first = decide(EVERYTHING, 1, ended, NOW, ANY_HOUR, 0.0)
    expected = EXHAUSTED if isinstance(first, RetryAt) else first
    assert decide(EVERYTHING, EVERYTHING.max_attempts, ended, NOW, ANY_HOUR, 0.0) == expected


@pytest.mark.parametrize("ended", EndReason)
def test_who_wants_no_more_calls_gets_none(ended):
    """However the attempt ended, the first as well as the last, and whether or not there is time for another."""
    for attempt, bounds in ((1, ANY_HOUR), (EVERYTHING.max_attempts, ANY_HOUR), (1, Bounds((), (), NOW))):
        assert decide(EVERYTHING, attempt, ended, NOW, bounds, 0.0, opted_out=True) == Stop(FinalReason.OPTED_OUT)


@pytest.mark.parametrize(
    ("attempt", "sec", "rule"),
    [(1, 300, "busy: 5m"), (2, 900, "busy: 15m"), (3, 3600, "busy: 1h"), (9, 3600, "busy: 1h")],
)
def test_the_nth_wait_follows_the_nth_attempt(attempt, sec, rule):
    """And the last one repeats."""
    policy = RetryPolicy(MOST_ATTEMPTS, DEFAULT_POLICY.after)
    assert decide(policy, attempt, EndReason.USER_BUSY, NOW, ANY_HOUR, 0.0) == after(sec, rule)


def test_the_default_policy_is_the_documented_one():
    """Three dials; no-answer after 30 minutes and 2 hours, busy after 5 minutes, 15 minutes and an hour."""
    after_min = {key: [sec / 60 for sec in waits] for key, waits in DEFAULT_POLICY.after.items()}
    assert after_min == {"no-answer": [30, 120], "busy": [5, 15, 60]}
    assert (DEFAULT_POLICY.max_attempts, DEFAULT_POLICY.jitter_sec, DEFAULT_POLICY.expires_after_sec) == (3, 0, None)


def test_a_list_without_waits_redials_nothing():
    """An outcome that lists nothing is as one that is not listed."""
    policy = RetryPolicy(3, MappingProxyType({"busy": ()}))
    assert decide(policy, 1, EndReason.USER_BUSY, NOW, ANY_HOUR, 0.0) == FINAL_AS_IT_IS


DENVER = Bounds(every_day(540, 1200).rules_in(), ("America/Denver",))


@pytest.mark.parametrize(
    ("ended_at", "at", "rule"),
    [
        ("2026-06-01T20:00:00Z", "2026-06-01T20:30:00Z", "no-answer: 30m"),
        ("2026-06-02T01:40:00Z", "2026-06-02T15:00:00Z", "no-answer: 30m; calling_window"),
        ("2026-06-02T01:29:59.999Z", "2026-06-02T01:59:59.999Z", "no-answer: 30m"),
    ],
)
def test_a_redial_waits_for_the_window(ended_at, at, rule):
    """Half an hour later, or the next morning where that is too late in the lead's day."""
    assert decide(DEFAULT_POLICY, 1, EndReason.USER_DID_NOT_PICK_UP, Instant(ended_at), DENVER, 0.0) == RetryAt(
        Instant(at), rule
    )


@pytest.mark.parametrize(
    ("ends", "follows"),
    [
        ("2026-06-01T16:05:00.001Z", after(300, "busy: 5m")),
        ("2026-06-01T16:05:00Z", EXPIRED),
        ("2026-06-01T12:00:00Z", EXPIRED),
    ],
)
def test_no_dial_at_or_after_the_end(ends, follows):
    """A redial that would come at the end or later is not placed: the call has expired."""
    bounds = Bounds((), (), Instant(ends))
    assert decide(DEFAULT_POLICY, 1, EndReason.USER_BUSY, NOW, bounds, 0.0) == follows


def test_a_window_that_opens_after_the_end_comes_too_late():
    """The end is measured against the dial, not against the wait."""
    bounds = Bounds(DENVER.hours, DENVER.zones, Instant("2026-06-02T15:00:00Z"))
    late = Instant("2026-06-02T01:59:00Z")
    assert decide(DEFAULT_POLICY, 1, EndReason.USER_BUSY, late, bounds, 0.0) == EXPIRED
    assert bounds.first_dial(late) == late


def test_without_a_zone_a_window_leaves_no_time():
    """A call whose lead could be anywhere is not dialled within a window."""
    assert Bounds(DENVER.hours, ()).first_dial(NOW) is None
    assert decide(DEFAULT_POLICY, 1, EndReason.USER_BUSY, NOW, Bounds(DENVER.hours, ()), 0.0) == EXPIRED


@pytest.mark.parametrize(
    ("campaign_ends_at", "expires_after_sec", "expected"),
    [
        (None, None, None),
        (NOW, None, NOW),
        (None, 60, NOW + TimeDelta(seconds=60)),
        (NOW + TimeDelta(seconds=59), 60, NOW + TimeDelta(seconds=59)),
        (NOW + TimeDelta(seconds=61), 60, NOW + TimeDelta(seconds=60)),
    ],
)
def test_a_call_ends_with_its_campaign_or_its_expiry(campaign_ends_at, expires_after_sec, expected):
    """Whichever is first; the expiry counts from the call's creation."""
    policy = RetryPolicy(3, MappingProxyType({}), 0, expires_after_sec)
    assert ends_at(campaign_ends_at, NOW, policy) == expected


waits = st.lists(st.integers(1, 366 * 86_400), max_size=4).map(tuple)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, MOST_ATTEMPTS),
    after=st.dictionaries(st.sampled_from(RETRY_KEYS), waits),
    jitter_sec=st.integers(0, 86_400),
)
zones = st.lists(st.sampled_from(["America/Denver", "Europe/London", "Asia/Kathmandu"]), min_size=1, unique=True)
windows = st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True).map(
    lambda ends: every_day(*sorted(ends)).rules_in()
)
ends = st.none() | st.integers(-86_400, 30 * 86_400).map(lambda sec: NOW + TimeDelta(seconds=sec))
bounds_of_all = st.builds(Bounds, st.just(()) | windows, zones.map(tuple), ends)
chances = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 25), st.sampled_from(EndReason), bounds_of_all, chances)
def test_a_redial_keeps_to_the_policy_and_the_bounds(policy, attempt, ended, bounds, chance):
    """Never sooner than the wait, inside the window, before the end, and never one attempt too many."""
    follows = decide(policy, attempt, ended, NOW, bounds, chance)
    if isinstance(follows, Stop):
        return
    key, shown = follows.rule.removesuffix("; calling_window").split(": ")
    wait = policy.after[key][min(attempt, len(policy.after[key])) - 1]
    assert shown == show_duration(wait)
    assert attempt < policy.max_attempts
    assert follows.at >= NOW + TimeDelta(seconds=wait)
    assert is_open(bounds.hours, bounds.zones, follows.at)
    assert bounds.ends_at is None or follows.at < bounds.ends_at


@given(policies, st.integers(1, 25), st.sampled_from(EndReason), chances)
def test_jitter_adds_and_stays_within_its_bound(policy, attempt, ended, chance):
    """From the wait itself up to the jitter more, growing with chance."""
    plain = decide(policy, attempt, ended, NOW, ANY_HOUR, 0.0)
    follows = decide(policy, attempt, ended, NOW, ANY_HOUR, chance)
    if isinstance(plain, Stop):
        assert follows == plain
    else:
        assert plain.at <= follows.at <= plain.at + TimeDelta(seconds=policy.jitter_sec)


@given(policies, st.sampled_from(EndReason))
def test_a_call_comes_to_an_end(policy, ended):
    """However each attempt ends, there are at most max_attempts of them."""
    attempt = 1
    while isinstance(decide(policy, attempt, ended, NOW, ANY_HOUR, 0.0), RetryAt):
        attempt += 1
    assert attempt <= policy.max_attempts


@given(st.integers(1, 366 * 86_400))
def test_a_duration_survives_its_written_form(sec):
    """What is shown is read back as the same number of seconds."""
    assert parse_policy({"expires_after": show_duration(sec)}).expires_after_sec == sec
