from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from tests.world import NOON
from whenever import TimeDelta

from ringback.domain.limits import LimitKey, LimitKind
from ringback.engine.dial import as_pace
from ringback.engine.live import InHand, LiveAttempt

TRUNK = LimitKey(1, LimitKind.TRUNK, 1)
SECOND = TimeDelta(seconds=1)
MOMENTS = st.lists(st.sampled_from([0, 1, 7, 40, 130, 900]), min_size=1, max_size=40)


@given(st.integers(1, 40).map(float) | st.floats(0.2, 20), MOMENTS)
def test_dials_that_are_late_keep_the_pace_in_any_second(dials_per_sec, moments):
    """Whenever their turn comes, and however long the trunk takes to be asked after that."""
    hand, now, asked = InHand(), NOON, []
    for number in range(60):
        route = SimpleNamespace(lane=None)
        dial = SimpleNamespace(attempt_id=number)
        hand.add(LiveAttempt(None, 1, dial, None, route, NOON, NOON, paces=(as_pace(TRUNK, dials_per_sec),)))
    for milli in moments:
        now += TimeDelta(milliseconds=milli)
        for attempt in hand.take_placeable(now):
            now += TimeDelta(milliseconds=milli % 3)
            attempt.mark.at = now
            asked.append(now)
    allowed = -(-dials_per_sec // 1)
    for first, at in enumerate(asked):
        assert sum(at <= other < at + SECOND for other in asked[first:]) <= allowed
