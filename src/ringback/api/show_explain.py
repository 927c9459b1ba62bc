"""Why a call is where it is, and what happens next, as the API answers it."""

from uuid import UUID

from ringback.api.show import Json, show_time
from ringback.domain.blockers import Blocked, blocker_in_words
from ringback.domain.call import CallState
from ringback.domain.explain import Constraint, Explanation, show_local
from ringback.domain.explain_words import constraint_in_words, explained_in_words
from ringback.domain.window import Zones
from ringback.ids import CALL, CAMPAIGN, show
from ringback.store.campaigns import CampaignRow


def show_explanation(call_id: UUID, status: CallState, found: Explanation) -> Json:
    """What happens next with a call, when, and what that goes by."""
    then, zones = found.next, found.zones
    return {
        "call_id": show(CALL, call_id),
        "status": status,
        "timezone": zones[0] if zones else None,
        "next": {
            "action": then.action,
            "attempt": then.attempt,
            "at": show_time(then.at),
            "local_at": show_local(then.at, zones),
            "rule": then.rule,
        },
        "constraints": [_constraint(one, zones) for one in found.constraints],
        "in_words": explained_in_words(found),
    }


def show_blocked(campaign: CampaignRow, found: Blocked) -> Json:
    """How many leads of a campaign wait for what."""
    return {
        "campaign_id": show(CAMPAIGN, campaign.campaign_id),
        "status": campaign.status,
        "waiting": found.waiting,
        "ready": found.ready,
        "blockers": [
            {
                "kind": one.kind,
                "rule": one.rule,
                "leads": one.leads,
                "first_until": show_time(one.first_until),
                "last_until": show_time(one.last_until),
                "in_words": blocker_in_words(one),
            }
            for one in found.blockers
        ],
    }


def _constraint(one: Constraint, zones: Zones) -> Json:
    return {
        "kind": one.kind,
        "binding": one.binding,
        "until": show_time(one.until),
        "local_until": show_local(one.until, zones),
        "detail": dict(one.detail),
        "in_words": constraint_in_words(one, zones),
    }
