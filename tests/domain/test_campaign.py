import pytest

from ringback.domain.campaign import OWNER_ACTIONS, TRANSITIONS, CampaignAction, CampaignState, allowed_in


def test_every_state_has_a_row():
    """No state is left out of the table."""
    assert list(TRANSITIONS) == list(CampaignState)


def test_every_state_can_be_reached():
    """From draft there is a way to each state."""
    found, ahead = set(), [CampaignState.DRAFT]
    while ahead:
        found.add(state := ahead.pop())
        ahead += set(TRANSITIONS[state].values()) - found
    assert found == set(CampaignState)


def test_a_cancelled_campaign_stays_cancelled():
    """It is the one state with no way out."""
    assert [state for state, moves in TRANSITIONS.items() if not moves] == [CampaignState.CANCELLED]


ALLOWED = [
    ("start", ["draft"]),
    ("pause", ["running"]),
    ("resume", ["paused"]),
    ("cancel", ["draft", "running", "paused"]),
    ("add leads", ["draft", "running", "paused", "completed"]),
    ("finish", ["running"]),
]


@pytest.mark.parametrize(("action", "states"), ALLOWED)
def test_an_action_is_allowed_in_its_states_only(action, states):
    """The states from which each action leads anywhere."""
    assert list(allowed_in(CampaignAction(action))) == states


def test_every_action_is_in_the_table_above():
    """No action is without a use, and none shares its words with another."""
    assert [row[0] for row in ALLOWED] == list(CampaignAction)
    assert len(CampaignAction.__members__) == len(set(CampaignAction))


def test_the_owner_asks_for_four_of_them():
    """Adding leads has a request of its own, and only the engine finishes a campaign."""
    assert set(CampaignAction) - set(OWNER_ACTIONS) == {CampaignAction.ADD_LEADS, CampaignAction.FINISH}


def test_leads_added_set_only_a_completed_campaign_running():
    """Elsewhere they join the campaign without moving it."""
    moved = {state: moves[CampaignAction.ADD_LEADS] for state, moves in TRANSITIONS.items() if moves}
    assert moved.pop(CampaignState.COMPLETED) is CampaignState.RUNNING
    assert all(state is target for state, target in moved.items())
