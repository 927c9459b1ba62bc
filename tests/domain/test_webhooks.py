"""When a webhook is told again, when an event is given up, and when a receiver is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.webhooks import (
    FAILING_TOO_LONG,
    FIRST_REST_SEC,
    JITTER,
    LONGEST_REST_SEC,
    MOST_TRIES,
    Event,
    Off,
    Reply,
    is_dead,
    off_after,
    parse_events,
    rest_sec,
    try_again_at,
)
from ringback.errors import Invalid

NOW = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)


@pytest.mark.parametrize(
    ("reply", "taken", "why"),
    [
        (Reply(200), True, "it answered 200"),
        (Reply(204), True, "it answered 204"),
        (Reply(200, "no answer within 15 s"), True, "it answered 200"),
        (Reply(302), False, "it answered 302; redirects are not followed"),
        (Reply(410), False, "it answered 410"),
        (Reply(500), False, "it answered 500"),
        (Reply(None, "nobody at +1 415 555 0000"), False, "nobody at [number]"),
        (Reply(None), False, "no answer"),
    ],
)
def test_only_200_to_299_is_taken(reply, taken, why):
    """Whatever came after the status; and what is kept of a failure has no numbers."""
    assert (reply.is_taken, reply.why) == (taken, why)


def test_ten_tries_take_a_day():
    """Each wait is longer than the one before."""
    at, waits = NOW, []
    for tries in range(1, MOST_TRIES):
        waits.append(try_again_at(tries, at, 0.0) - at)
        at = try_again_at(tries, at, 0.0)
    assert waits == sorted(set(waits))
    assert TimeDelta(hours=23) < at - NOW < TimeDelta(hours=24)


@given(st.integers(1, 100), st.floats(0, 1))
def test_chance_makes_a_wait_a_little_longer(tries, chance):
    """By a tenth at most, and never shorter; the last wait repeats."""
    least = try_again_at(tries, NOW, 0.0) - NOW
    assert least <= try_again_at(tries, NOW, chance) - NOW <= least * (1 + JITTER) + TimeDelta(microseconds=1)
    assert tries < MOST_TRIES or least == try_again_at(MOST_TRIES, NOW, 0.0) - NOW


@pytest.mark.parametrize(
    ("tries", "failing_since", "dead"),
    [
        (MOST_TRIES - 1, None, False),
        (MOST_TRIES, None, True),
        (MOST_TRIES, NOW - HOUR, False),  # the receiver took nothing since before the first try
        (MOST_TRIES, NOW, False),
        (MOST_TRIES, NOW + HOUR, True),  # it took others meanwhile
    ],
)
def test_event_is_given_up_where_others_were_taken(tries, failing_since, dead):
    """A receiver that takes nothing costs no event its tries."""
    assert is_dead(tries, NOW, failing_since) is dead


def test_rests_grow_to_a_bound():
    """Twice as long each time."""
    rests = [rest_sec(None)]
    while rests[-1] < LONGEST_REST_SEC:
        rests.append(rest_sec(rests[-1]))
    assert rests[:3] == [FIRST_REST_SEC, 2 * FIRST_REST_SEC, 4 * FIRST_REST_SEC]
    assert rest_sec(LONGEST_REST_SEC) == LONGEST_REST_SEC


@pytest.mark.parametrize(
    ("status", "failing_for", "off"),
    [
        (410, TimeDelta(), Off.GONE),
        (500, TimeDelta(), None),
        (None, FAILING_TOO_LONG - HOUR, None),
        (500, FAILING_TOO_LONG, Off.FAILING),
        (None, FAILING_TOO_LONG, Off.FAILING),
    ],
)
def test_receiver_is_given_up_after_a_day_or_when_it_asks_for_that(status, failing_for, off):
    """410 is Gone."""
    assert off_after(status, NOW - failing_for, NOW) is off


def test_events_are_read_once_each_in_their_order():
    """However they were written."""
    wanted = ["call.finished", "attempt.started", "call.finished"]
    assert parse_events(wanted, "events") == (Event.ATTEMPT_STARTED, Event.CALL_FINISHED)


@pytest.mark.parametrize("raw", [None, [], "call.finished", ["call.ended"], [1], ["call.finished", None], ["ping"]])
def test_other_events_are_refused(raw):
    """With all that there are."""
    with pytest.raises(Invalid, match=r"events must be a list of some of attempt\.started, .*call\.finished"):
        parse_events(raw, "events")
