"""What `ringback webhooks` prints."""

import pytest
from rich.console import Console

from ringback.api.examples_webhooks import DELIVERY, WEBHOOK
from ringback.remote.webhooks import deliveries_table, state, webhooks_table

AT = "2026-03-01T12:00:00.000Z"


def printed(table):
    """The rows of a table, as words."""
    console = Console(width=250)
    with console.capture() as captured:
        console.print(table)
    return [[part.strip() for part in row.split("  ") if part.strip()] for row in captured.get().splitlines()[1:]]


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({}, "on"),
        ({"failing_since": AT, "last_failure": "it answered 500"}, "failing since 2026-03-01 12:00: it answered 500"),
        ({"enabled": False, "off_at": AT, "off_reason": "gone", "failing_since": AT}, "off: gone, 2026-03-01 12:00"),
    ],
)
def test_state_of_a_webhook_is_said_in_words(differs, told):
    """Whether it is told, and if not, why."""
    assert state({**WEBHOOK, **differs}) == told


def test_a_webhook_is_a_row():
    """With where it leads and what it is told of."""
    [row] = printed(webhooks_table([WEBHOOK]))
    assert row == [WEBHOOK["id"], "our CRM", "https://example.com/ringback", "attempt.ended, call.finished", "on"]


def test_an_event_that_was_not_taken_is_a_row():
    """With its last failure and its next try; a dead letter has none."""
    waiting, dead = printed(deliveries_table([DELIVERY, {**DELIVERY, "next_try_at": None, "dead_at": AT}]))
    shown = [DELIVERY["id"], "call.finished", DELIVERY["subject"], "2026-03-01 10:00", "3", "it answered 500"]
    assert waiting == [*shown, "2026-03-01 10:12"]
    assert dead == [*shown, "none: it is dead"]
