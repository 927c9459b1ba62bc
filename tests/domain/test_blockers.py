"""What the leads of a campaign wait for, added up and said."""

import pytest
from whenever import Instant, TimeDelta

from ringback.domain.blockers import Blocked, Blocker, blocked, blocker_in_words
from ringback.domain.explain import Kind

NOON = Instant.from_utc(2026, 3, 2, 12)
HOUR = TimeDelta(hours=1)


def test_what_is_of_one_kind_and_rule_is_added_up():
    """From the first to the last of them, and the most leads first; of none nothing is said."""
    found = [
        Blocker(Kind.SLOT, "trunk", 1, None, None),
        Blocker(Kind.WINDOW, "calling_window", 2, NOON + HOUR, NOON + HOUR),
        Blocker(Kind.WINDOW, "calling_window", 3, NOON, NOON),
        Blocker(Kind.SLOT, "trunk", 1, None, None),
        Blocker(Kind.INTERVAL, None, 0, NOON, NOON),
    ]
    assert blocked(4, found) == Blocked(
        11,
        4,
        (
            Blocker(Kind.WINDOW, "calling_window", 5, NOON, NOON + HOUR),
            Blocker(Kind.SLOT, "trunk", 2, None, None),
        ),
    )
    assert blocked(0, []) == Blocked(0, 0, ())


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            Blocker(Kind.PAUSED, None, 1, None, None),
            "1 lead waits for the campaign to go on; nobody can say until when",
        ),
        (
            Blocker(Kind.INTERVAL, None, 2_000, NOON, NOON),
            "2,000 leads wait for the interval of the policy, until 2026-03-02 12:00:00 UTC",
        ),
        (
            Blocker(Kind.WINDOW, "calling_window", 2, NOON, NOON + HOUR),
            "2 leads wait for the calling hours (calling_window): the first until 2026-03-02 12:00:00 UTC, the last "
            "until 2026-03-02 13:00:00 UTC",
        ),
    ],
)
def test_blockers_are_said_in_words(one, words):
    """How many, for what, until when."""
    assert blocker_in_words(one) == words


def test_what_leads_can_wait_for_has_words():
    """What ends a call at once, or is no waiting, has none."""
    never = {Kind.FINAL, Kind.LIVE, Kind.DO_NOT_CALL, Kind.TOO_COSTLY}
    for kind in set(Kind) - never:
        assert blocker_in_words(Blocker(kind, None, 2, None, None)).startswith("2 leads wait for ")
