"""The pre-dial check: where it may be asked, what an answer comes to, and what follows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.decision import Withheld
from ringback.domain.pre_dial_check import (
    LONGEST_REASON,
    Verdict,
    Why,
    host_of,
    parse_url,
    pause_after,
    read_answer,
    shown,
    withheld_by_check,
)
from ringback.errors import Invalid

NOON = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/may-we-dial?for=us", "example.com"),
        ("https://EXAMPLE.com:8443", "example.com"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
    ],
)
def test_an_https_url_is_taken_as_it_is(url, host):
    """With its port and its query."""
    assert parse_url(url) == url
    assert host_of(url) == host


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "",
        "example.com",
        "http://example.com",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com/#here",
        "https://example.com:0/",
        "https://example.com:port/",
        "https://[::1/",
        "https://example.com/a b",
        "https://exämple.com/",
        "https://example.com/" + "x" * 2_000,
    ],
)
def test_whatever_else_is_refused(raw):
    """With a right example."""
    with pytest.raises(Invalid, match="url must be an https URL of at most 2000 characters, such as 'https://"):
        parse_url(raw)


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, {"allow": True}, Verdict(status=200)),
        (204, {"allow": True, "reason": "so", "more": [1]}, Verdict(status=204)),
        (200, {"allow": False}, Verdict(Why.VETO, None, None, 200)),
        (
            200,
            {"allow": False, "reason": "paid", "retry_at": "2026-03-02T13:00:00Z"},
            Verdict(Why.VETO, "paid", NOON + HOUR, 200),
        ),
        (302, {"allow": True}, Verdict(Why.STATUS, "it answered 302", None, 302)),
        (199, {"allow": True}, Verdict(Why.STATUS, "it answered 199", None, 199)),
    ],
)
def test_an_answer_is_a_verdict(status, answer, verdict):
    """Only a whole one, of a good status, with `allow` true allows a dial."""
    assert read_answer(status, json.dumps(answer).encode()) == verdict
    assert verdict.is_answer == (verdict.why is not Why.STATUS)


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_what_is_no_answer_allows_nothing(body):
    """Whatever comes."""
    found = read_answer(200, body.encode() if isinstance(body, str) else body)
    assert (found.why, found.is_answer) == (Why.BAD_ANSWER, False)


@pytest.mark.parametrize(
    "answer",
    [
        {"allow": 1},
        {"allow": "true"},
        {"allow": None},
        {"Allow": True},
        {"allow": False, "reason": 5},
        {"allow": False, "retry_at": "tomorrow"},
        {"allow": False, "retry_at": "2026-03-02"},
    ],
)
def test_what_is_nearly_an_answer_allows_nothing(answer):
    """A time needs its offset, and a yes is `true`."""
    assert read_answer(200, json.dumps(answer).encode()).why is Why.BAD_ANSWER


@pytest.mark.parametrize(
    ("retry_at", "at"),
    [
        (None, NOON + TimeDelta(minutes=15)),
        (NOON, NOON + TimeDelta(minutes=15)),
        (NOON + HOUR, NOON + HOUR),
        (NOON + HOUR * 24 * 1000, NOON + HOUR * 24 * 366),
    ],
)
def test_a_veto_holds_until_it_says(retry_at, at):
    """A time that has passed, or none, is a quarter of an hour; nothing is put off for years."""
    why = withheld_by_check(Verdict(Why.VETO, "paid", retry_at, 200), NOON, Instant.MIN)
    assert why == Withheld("pre_dial_check", at, {"why": "veto", "reason": "paid", "status": 200})
    assert why.final is None


@pytest.mark.parametrize(("until", "at"), [(NOON + HOUR, NOON + HOUR), (NOON - HOUR, NOON)])
def test_a_failure_holds_until_somebody_is_asked_again(until, at):
    """And never before now."""
    assert withheld_by_check(Verdict(Why.TIMED_OUT), NOON, until).next_at == at


def test_a_server_that_fails_is_left_alone_twice_as_long_each_time():
    """Up to a minute."""
    pauses = [pause_after(None)]
    for _ in range(7):
        pauses.append(pause_after(pauses[-1]))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("paid on 3 March", "paid on 3 March"),
        ("+1 (415) 555-2671 has paid", "[number] has paid"),
        ("call 4155552671, not 12345", "call [number], not 12345"),
        ("a\x00b\nc\ud800", "a b c"),
        ("x" * 300, "x" * LONGEST_REASON),
    ],
)
def test_a_reason_is_kept_short_and_without_numbers(reason, kept):
    """It goes into decisions, which have no phone number."""
    assert shown(reason) == kept


@given(st.text())
def test_any_reason_can_be_stored(reason):
    """In PostgreSQL's JSON, in UTF-8."""
    kept = shown(reason)
    assert len(kept.encode()) <= 4 * LONGEST_REASON
    assert "\x00" not in kept
