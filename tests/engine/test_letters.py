"""What webhooks are told: the page shows it as it is, and what is erased is not told."""

import json
import re
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import pytest
from tests.world import NOON

from ringback.domain.webhooks import PING, Event
from ringback.engine.letters import body_of
from ringback.store.outbox import Letter

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SHOWN = {example["type"]: example for example in map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))}
CAMPAIGN = UUID(int=5)


def told(event, **row):
    """The body of an event whose subject has this row."""
    letter = Letter(1, 1, UUID(int=1), 7, UUID(int=2), event, 1, NOON, 0, None, 7, NOON)
    return json.loads(body_of(letter, defaultdict(lambda: None, row), UUID(int=3)))


@pytest.mark.parametrize("event", SHOWN)
def test_examples_have_the_fields_that_are_told(event):
    """Each example of the page has the fields of its event, in their order."""
    made = told(event, retry_at=NOON, retry_rule="no-answer: 30m")
    assert list(made) == list(SHOWN[event])
    assert list(made["data"]) == list(SHOWN[event]["data"])
    if "retry" in made["data"]:
        assert list(made["data"]["retry"]) == list(SHOWN[event]["data"]["retry"])


def test_every_event_is_on_the_page():
    """Each in the table, and one of each kind of thing with an example."""
    assert set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", PAGE, re.MULTILINE)) == set(Event)
    assert {event.partition(".")[0] for event in Event} | {PING} == {event.partition(".")[0] for event in SHOWN}


@pytest.mark.parametrize("event", Event)
def test_an_erased_number_is_not_told(event):
    """Nor is anything invented for a call that is no longer kept: its ids and the time are all that is left."""
    data = told(event, to_number="redacted:01", campaign_id=CAMPAIGN)["data"]
    assert data.get("to_number") is None
    gone = told(event)["data"]
    kept = {name for name, value in gone.items() if value is not None}
    assert kept <= {"workspace_id", "call_id", "campaign_id", "trunk_id", "attempt", "finished_at", "retry", "status"}


def test_campaigns_are_told_with_their_state():
    """The state is that which the event tells of, whatever it is by now."""
    states = {event: told(event)["data"]["status"] for event in Event if event.startswith("campaign.")}
    assert list(states.values()) == ["running", "paused", "completed", "cancelled"]
