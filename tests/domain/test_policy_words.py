import pytest

from ringback.domain.outcome import MEANINGS
from ringback.domain.policy_form import RETRYABLE_REASONS, parse_policy
from ringback.domain.policy_words import policy_in_words


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"max_attempts": 4, "after": {"no-answer": ["30m", "2h", "next-day 10:00"]}},
            "after no answer wait 30 min, then 2 h, then next day at 10:00; at most 4 attempts",
        ),
        (
            None,
            "after no answer wait 30 min, then 2 h; after busy wait 5 min, then 15 min; at most 3 attempts",
        ),
        (
            {"after": {"voicemail": ["next-weekday 09:30"], "failed": ["90s"], "outcome_unknown": []}, "jitter": "2m"},
            "after voicemail wait until next weekday at 09:30; after a failure that may pass wait 90 s; never again "
            "after an outcome that nobody knows; up to 2 min more by chance; at most 3 attempts",
        ),
        (
            {"after": {"busy": ["1d"]}, "spread": True, "min_gap": "4h", "max_per_day": 1, "expires_after": "7d"},
            "after busy wait 1 day; moved to a part of the day that was not tried yet; at least 4 h from one dial to "
            "the next; at most 1 attempt a day; at most 3 attempts; none once the call is 7 days old",
        ),
        ({"max_attempts": 1}, "one attempt, never redialled"),
        ({"after": {"outcome_unknown": []}}, "one attempt, never redialled"),
        ({"max_attempts": 1, "expires_after": "2h"}, "one attempt, never redialled; none once the call is 2 h old"),
        (
            {"after": {"busy": ["1m"]}, "stop_when": {"cost_per_reach_micros": 5_000_000}},
            "after busy wait 1 min; at most 3 attempts; none where 200 or more of that ordinal reached people at over "
            "5.00 each",
        ),
        (
            {"after": {"busy": ["1m"]}, "max_per_day": 2, "caller_number": "rotate"},
            "after busy wait 1 min; at most 2 attempts a day; each from another number of the caller pool; at most 3 "
            "attempts",
        ),
    ],
)
def test_a_policy_is_said_in_words(raw, said):
    """Only what it will do: waits that are never used are left out."""
    assert policy_in_words(parse_policy(raw)) == said


def test_every_end_that_may_be_redialled_has_its_words():
    """None is passed over."""
    for reason in RETRYABLE_REASONS:
        assert policy_in_words(parse_policy({"after": {reason: ["5m"]}})).startswith("after ")
    assert len(RETRYABLE_REASONS) == sum(meaning.retry_key is not None for meaning in MEANINGS.values())
