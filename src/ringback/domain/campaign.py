"""The states of a campaign and what its owner may do in each."""

from enum import StrEnum


class CampaignState(StrEnum):
    """What a campaign shows as its `status`."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class CampaignAction(StrEnum):
    """What moves a campaign: its owner's actions, leads that are added, and the engine when none is left."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    ADD_LEADS = "add leads"
    FINISH = "finish"


TRANSITIONS: dict[CampaignState, dict[CampaignAction, CampaignState]] = {
    CampaignState.DRAFT: {
        CampaignAction.START: CampaignState.RUNNING,
        CampaignAction.CANCEL: CampaignState.CANCELLED,
        CampaignAction.ADD_LEADS: CampaignState.DRAFT,
    },
    CampaignState.RUNNING: {
        CampaignAction.PAUSE: CampaignState.PAUSED,
        CampaignAction.CANCEL: CampaignState.CANCELLED,
        CampaignAction.ADD_LEADS: CampaignState.RUNNING,
        CampaignAction.FINISH: CampaignState.COMPLETED,
    },
    CampaignState.PAUSED: {
        CampaignAction.RESUME: CampaignState.RUNNING,
        CampaignAction.CANCEL: CampaignState.CANCELLED,
        CampaignAction.ADD_LEADS: CampaignState.PAUSED,
    },
    CampaignState.COMPLETED: {CampaignAction.ADD_LEADS: CampaignState.RUNNING},
    CampaignState.CANCELLED: {},
}
"""Leads added to a completed campaign set it running again; a cancelled one stays cancelled."""

OWNER_ACTIONS = (CampaignAction.START, CampaignAction.PAUSE, CampaignAction.RESUME, CampaignAction.CANCEL)


def allowed_in(action: CampaignAction) -> tuple[CampaignState, ...]:
    """The states from which an action leads anywhere."""
    return tuple(state for state, moves in TRANSITIONS.items() if action in moves)
