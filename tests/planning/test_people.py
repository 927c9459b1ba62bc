"""Dials that end as those of the past did."""

import random
from collections import Counter
from uuid import UUID

import pytest
from whenever import Instant

from ringback.carriers.carrier import Dial
from ringback.domain.outcome import AnsweredBy, EndReason
from ringback.planning.people import Learned, learn, rates_in_words
from ringback.store.planning import Outcomes

MORNING, EVENING = Instant.from_utc(2026, 3, 2, 9), Instant.from_utc(2026, 3, 2, 19)
PAST = [
    Outcomes(1, 9, "user_disconnected", 3000, 180_000, 30_000),
    Outcomes(1, 9, "agent_disconnected", 1000, 60_000, 10_000),
    Outcomes(1, 9, "user_busy", 3000, 0, 0),
    Outcomes(1, 9, "user_did_not_pick_up", 3000, 0, 75_000),
    Outcomes(1, 19, "user_disconnected", 1000, 60_000, 10_000),
    Outcomes(1, 19, "user_did_not_pick_up", 9000, 0, 225_000),
    Outcomes(2, 9, "user_disconnected", 1000, 60_000, 10_000),
    Outcomes(2, 9, "voicemail_detected", 5000, 50_000, 50_000),
    Outcomes(2, 9, "network_failure", 4000, 0, 0),
]


def met(attempt, at, count=4000):
    """How so many dials of an ordinal go."""
    rates = learn(PAST, 6)
    people = Learned(rates, random.Random(5))
    dial = Dial(UUID(int=1), UUID(int=1), attempt, "+14155550100", None, ("UTC",))
    return [people.meet(dial, at) for _ in range(count)]


def shares(scripts):
    """How many of a hundred end how."""
    counts = Counter(script.reason for script in scripts)
    return {reason: 100 * count / len(scripts) for reason, count in counts.items()}


def test_hours_ordinals_and_outcomes_are_those_of_the_past():
    """The ordinal moves the rate of the hour; those who are not reached end as others of their ordinal did."""
    first, later = shares(met(1, MORNING)), shares(met(2, MORNING))
    assert first[EndReason.USER_DISCONNECTED] > 2 * later[EndReason.USER_DISCONNECTED] > 10
    assert first[EndReason.USER_DISCONNECTED] > 2 * shares(met(1, EVENING))[EndReason.USER_DISCONNECTED]
    assert later[EndReason.VOICEMAIL_DETECTED] / later[EndReason.NETWORK_FAILURE] == pytest.approx(1.25, rel=0.15)
    assert EndReason.USER_BUSY not in later


def test_talk_and_ringing_are_as_long_on_average():
    """A route that refuses lets nothing ring, so that another may be tried."""
    reached = [script for script in met(1, MORNING) if script.reason is EndReason.USER_DISCONNECTED]
    assert sum(script.talk_sec for script in reached) / len(reached) == pytest.approx(60, rel=0.1)
    assert {(script.ring_sec, script.answered_by) for script in reached} == {(10, AnsweredBy.HUMAN)}
    failed = next(script for script in met(2, MORNING) if script.reason is EndReason.NETWORK_FAILURE)
    assert (failed.ring_sec, failed.talk_sec, failed.sip_code) == (0, 0, 503)


def test_a_few_dials_say_little():
    """An hour with one lucky dial is nearly as the others; an ordinal of which there is nothing is as all are."""
    rates = learn([*PAST, Outcomes(1, 4, "user_disconnected", 1, 60, 10)], 6)
    assert rates.by_hour[4] < 0.25
    assert rates.by_attempt[5] == 1
    assert rates.splits[5].reasons == tuple(sorted({EndReason(one.end_reason) for one in PAST} - REACHED))


REACHED = {EndReason.USER_DISCONNECTED, EndReason.AGENT_DISCONNECTED}


def test_nothing_is_learned_of_nothing():
    """And where everybody was reached, who is not is taken not to pick up."""
    assert learn([], 6) is None
    rates = learn([Outcomes(1, 9, "user_disconnected", 4, 80, 40)], 6)
    assert rates.splits[0].draw(0.99) is EndReason.USER_DID_NOT_PICK_UP
    assert rates_in_words(rates, 30).startswith("dials end as the 4 of this workspace in the last 30 days did")
