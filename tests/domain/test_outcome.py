import pytest

from ringback.domain.outcome import MEANINGS, AnsweredBy, EndReason, Meaning, Status

# The contract's table, written out once more: a row changed by mistake shows here.
CONTRACT = [
    ("user_disconnected", "completed", None, True),
    ("agent_disconnected", "completed", None, True),
    ("voicemail_detected", "completed", "voicemail", False),
    ("user_did_not_pick_up", "no-answer", "no-answer", False),
    ("user_unreachable", "no-answer", "no-answer", False),
    ("user_busy", "busy", "busy", False),
    ("user_rejected", "busy", "busy", False),
    ("invalid_phone_number", "failed", None, False),
    ("destination_forbidden", "failed", None, False),
    ("network_failure", "failed", "failed", False),
    ("system_at_capacity", "failed", "failed", False),
    ("cancelled_by_operator", "no-answer", None, False),
    ("outcome_unknown", "failed", "failed", False),
]


@pytest.mark.parametrize(("reason", "status", "retry_key", "reached"), CONTRACT)
def test_an_end_reason_means_what_the_contract_says(reason, status, retry_key, reached):
    """Status, retry key and whether a person was spoken to, for each end reason."""
    assert MEANINGS[EndReason(reason)] == Meaning(Status(status), retry_key, reached)


def test_every_end_reason_has_its_row():
    """The contract, the table and the type name the same end reasons in the same order."""
    assert [row[0] for row in CONTRACT] == list(EndReason) == list(MEANINGS)


def test_only_a_completed_attempt_reached_somebody():
    """Nobody was spoken to on a dial that nobody answered, and who was reached is not redialled."""
    reached = [meaning for meaning in MEANINGS.values() if meaning.reached]
    assert all(meaning.status is Status.COMPLETED and meaning.retry_key is None for meaning in reached)


def test_the_words_are_the_contracts():
    """An attempt that is over has one of four statuses; who answered is one of three."""
    assert [str(status) for status in Status] == ["completed", "no-answer", "busy", "failed"]
    assert [str(who) for who in AnsweredBy] == ["human", "machine", "unknown"]
