import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.comparison import Unknown, difference, estimate, expected
from ringback.domain.hours import every_day
from ringback.domain.outcome import EndReason
from ringback.domain.past import Past, Step, Tried, Walk, walk
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import Bounds
from ringback.domain.spacing import Part

NINE = Instant.from_utc(2026, 3, 2, 9)
RANG_OUT, BUSY, TALKED = EndReason.USER_DID_NOT_PICK_UP, EndReason.USER_BUSY, EndReason.USER_DISCONNECTED
DAY = Bounds(every_day(9 * 60, 20 * 60).rules_in(), ("UTC",))
HALF_HOUR, TWO_HOURS, DAY_SEC = 1800, 7200, 86_400


def policy(most=3, jitter="0s", **after):
    """A policy by its waits."""
    waits = {key.replace("_", "-"): [wait] for key, wait in (after or {"no_answer": "30m"}).items()}
    return parse_policy({"max_attempts": most, "after": waits, "jitter": jitter})


def past(*dials, begins=NINE, bounds=DAY, due=None, **more):
    """A call by (how it ended, wait until the next dial, the rule that said so); each attempt takes no time."""
    tried, at = [], begins
    for ended, wait, rule in dials:
        after = None if wait is None else at + TimeDelta(seconds=wait)
        tried.append(Tried(ended, at, at, 60 if ended is TALKED else 0, after, rule))
        at = after
    return Past(tuple(tried), begins, bounds, **more)


def rules(walked):
    """What the policy does after each attempt."""
    return [step.rule for step in walked.steps]


HALF = (RANG_OUT, HALF_HOUR, "no-answer: 30m")
LAST = (RANG_OUT, None, None)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (past(HALF, (TALKED, None, None)), ["no-answer: 30m", None]),
        (past(HALF, HALF, LAST), ["no-answer: 30m", "no-answer: 30m", None]),
        (past((RANG_OUT, TWO_HOURS, "no-answer: 2h"), LAST), ["no-answer: 30m"]),
        (past((RANG_OUT, 1950, "no-answer: 25m"), LAST), ["no-answer: 30m", "no-answer: 30m"]),
        (past((RANG_OUT, 2100, "no-answer: 35m"), LAST), ["no-answer: 30m"]),
        (past(LAST), ["no-answer: 30m"]),
        (past((BUSY, 300, "busy: 5m"), LAST), [None]),
        (past(HALF), ["no-answer: 30m"]),
        (past(HALF, expired=True), [None]),
        (past(LAST, expired=True), ["no-answer: 30m"]),
    ],
)
def test_a_call_goes_the_policys_way_as_long_as_it_was_redialled_so(call, wanted):
    """Half an hour after each that rang out, three times in all; a tenth of the wait and a minute are near enough."""
    assert rules(walk(policy(), call)) == wanted


def test_different_waits_until_the_next_morning_are_not_the_same():
    """In the evening both end at nine; calls of the evening alone would stand for all."""
    evening = NINE + TimeDelta(hours=10, minutes=50)
    night = 13 * 3600 + 600
    own = past((RANG_OUT, night, "no-answer: 30m; spread: morning"), LAST, begins=evening)
    other = past((RANG_OUT, night, "no-answer: 2h"), LAST, begins=evening)
    moved = "no-answer: 30m; calling_window"
    assert rules(walk(policy(), own)) == [moved, "no-answer: 30m"]
    assert rules(walk(policy(), other)) == [moved]


def test_the_jitter_of_the_policy_is_allowed_for():
    """By chance it would have redialled anywhere within it; and the past's own jitter is not held against it."""
    call = past((RANG_OUT, 3300, "no-answer: 55m"), LAST)
    assert rules(walk(policy(jitter="40m"), call)) == ["no-answer: 30m", "no-answer: 30m"]
    jittered = past((RANG_OUT, 3300, "no-answer: 30m"), LAST)
    assert rules(walk(policy(), jittered)) == ["no-answer: 30m", "no-answer: 30m"]


def test_expiry_counts_from_the_call_and_the_campaigns_end_holds():
    """A policy that lets a call expire within the hour redials it once, and none redials after the end."""
    short = replace(policy(), expires_after_sec=3000)
    assert rules(walk(short, past(HALF, HALF, LAST))) == ["no-answer: 30m", None]
    ending = Bounds(DAY.hours, DAY.zones, NINE + TimeDelta(minutes=10))
    assert rules(walk(policy(), past(HALF, LAST, bounds=ending))) == [None]


@pytest.mark.parametrize(("hour", "part"), [(0, Part.MORNING), (4, Part.AFTERNOON), (9, Part.EVENING)])
def test_calls_are_told_apart_by_the_part_of_the_day_in_which_they_began(hour, part):
    """Of the lead's own day; where no zone is known, of UTC's."""
    begins = NINE + TimeDelta(hours=hour)
    assert walk(policy(), past(LAST, begins=begins)).part is part
    nowhere = Bounds((), ())
    assert walk(policy(), past(LAST, begins=begins, bounds=nowhere)).part is part


def a_walk(*outcomes, ends=True, part=Part.MORNING):
    """A walk of attempts each ending so; the last one is where it ends, or where the call parts from the policy."""
    steps = []
    for outcome, following in pairwise((*outcomes, None)):
        rule = None if following is None and (ends or outcome == "reached") else f"{outcome}: 1h"
        reached = float(outcome == "reached")
        steps.append(Step((reached, 1.0, 60 * reached), "" if reached else outcome, rule))
    return Walk(part, tuple(steps))


GO, REACHED = "no-answer", "reached"


def test_calls_that_all_went_the_policys_way_are_averaged():
    """Nothing is weighted where nothing is missing: the means are those of the calls, the errors the usual ones."""
    walks = [a_walk(GO, REACHED)] * 30 + [a_walk(GO, GO)] * 50 + [a_walk(REACHED)] * 20
    found = estimate(walks)
    assert found.mean == pytest.approx((0.5, 1.8, 30.0))
    assert (found.whole, found.unknown, found.is_supported) == (100, (), True)
    told = expected(found)
    assert told.reach == pytest.approx((0.5, 0.4038315, 0.5961685), abs=1e-6)
    half = 1.959964 * math.sqrt(0.8 * 0.2 / 100)
    assert told.attempts == pytest.approx((1.8, 1.8 - half, 1.8 + half), abs=1e-6)


def test_calls_that_parted_are_stood_for_by_their_like():
    """Of 100 that rang out 20 went on, and half of them were reached: so would half of the 80 have been."""
    walks = [a_walk(GO, REACHED)] * 10 + [a_walk(GO, GO)] * 10 + [a_walk(GO, ends=False)] * 80
    assert estimate(walks).mean == pytest.approx((0.5, 2.0, 30.0))


def test_the_weights_are_those_of_the_whole_history():
    """The second redial is judged by those who came to it, and those who parted before it come to it as often."""
    walks = [a_walk(GO, "busy", REACHED)] * 10 + [a_walk(GO, "busy", GO)] * 30 + [a_walk(GO, GO)] * 40
    walks += [a_walk(GO, "busy", ends=False)] * 20 + [a_walk(GO, ends=False)] * 100
    # of those who went on 60 of 100 were busy, and of these a quarter reached
    assert estimate(walks).mean[0] == pytest.approx(0.6 * 0.25)


def test_parts_of_the_day_are_weighted_by_all_calls():
    """Most calls of the morning went the policy's way, and few of the evening: the evening still counts in full."""
    walks = [a_walk(GO, REACHED)] * 90 + [a_walk(GO, ends=False)] * 10
    walks += [a_walk(GO, GO, part=Part.EVENING)] * 20 + [a_walk(GO, ends=False, part=Part.EVENING)] * 80
    assert estimate(walks).mean[0] == pytest.approx(0.5)


def test_what_was_never_tried_is_named():
    """With the share of calls that come to it; the policy is not told then."""
    walks = [a_walk(GO, GO)] * 50 + [a_walk(GO, "busy", ends=False)] * 30 + [a_walk("busy", ends=False)] * 20
    found = estimate(walks)
    assert found.unknown == (Unknown(2, "busy", "busy: 1h", 0.3), Unknown(1, "busy", "busy: 1h", 0.2))
    assert (found.missing, found.is_supported) == (0.5, False)


def test_few_that_went_on_do_not_stand_for_many():
    """Nine of a hundred are not enough; ten are; and nine of nine are all that there are."""
    few = [a_walk(GO, REACHED)] * 9
    parted = [a_walk(GO, ends=False)] * 91
    assert not estimate(few + parted).is_supported
    assert estimate([a_walk(GO, REACHED), *few, *parted]).is_supported
    assert estimate(few).is_supported


def test_what_is_rare_is_pooled_with_its_like():
    """A history of which too few went on goes by those who ended so at the same attempt, whatever was before."""
    rare = [a_walk("busy", GO, ends=False)] * 4
    usual = [a_walk(GO, GO, REACHED)] * 15 + [a_walk(GO, GO, GO)] * 5
    found = estimate(rare + usual)
    assert found.unknown == ()
    assert found.mean[0] == pytest.approx(0.75)


def test_a_few_unknown_calls_are_let_be():
    """One of a thousand does not make the rest unknown; it counts as not reached."""
    walks = [a_walk(GO, REACHED)] * 999 + [a_walk("busy", ends=False)]
    found = estimate(walks)
    assert (found.missing, found.is_supported) == (0.001, True)
    assert found.mean[0] == pytest.approx(0.999)


def test_nobody_tells_nothing():
    """Without a call there is no support, and no interval that says more than all or none."""
    found = estimate([])
    assert (found.is_supported, found.unknown) == (False, ())
    assert expected(found).reach == (0.0, 0.0, 1.0)


def test_all_or_none_reached_is_not_certain():
    """Forty of forty: the interval is Wilson's, and not empty."""
    assert expected(estimate([a_walk(REACHED)] * 40)).reach == pytest.approx((1.0, 0.912380, 1.0), abs=1e-4)
    assert expected(estimate([a_walk(GO)] * 40)).reach == pytest.approx((0.0, 0.0, 0.087621), abs=1e-4)


def test_a_policy_is_not_above_itself():
    """Of the same calls, all chance cancels out."""
    found = estimate([a_walk(GO, REACHED)] * 20 + [a_walk(GO, GO)] * 20)
    assert difference(found, found).reach == (0.0, 0.0, 0.0)


OUTCOMES = st.lists(st.sampled_from([GO, "busy"]), min_size=1, max_size=4).flatmap(
    lambda some: st.builds(
        lambda last, ends: a_walk(*some, *last, ends=ends), st.sampled_from([(), (REACHED,)]), st.booleans()
    )
)


@given(st.lists(OUTCOMES, min_size=1, max_size=60))
def test_a_share_is_a_share_whatever_is_missing(walks):
    """Weights come to all calls again: reach is within 0 and 1 and its interval, and the influences cancel out."""
    found = estimate(walks)
    told = expected(found)
    assert -1e-9 <= found.mean[0] <= 1 + 1e-9
    assert 0 <= told.reach.low <= told.reach.value <= told.reach.high <= 1
    assert found.mean[1] >= 1
    if found.missing == 0:
        assert sum(one[0] for one in found.influence) == pytest.approx(0, abs=1e-6 * len(walks))
