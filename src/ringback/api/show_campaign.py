"""A campaign as the API answers it."""

from ringback.api.show import Json, show_id, show_time
from ringback.api.show_money import show_budget
from ringback.api.show_policies import show_pin
from ringback.domain.policy_form import show_policy
from ringback.domain.window_form import show_window
from ringback.ids import AGENT, CAMPAIGN, POOL, TRUNK, show
from ringback.store.campaigns import CampaignRow


def show_campaign(campaign: CampaignRow, rule_packs_fault: str | None) -> Json:
    """A campaign, its policy in the long form; the fault is why nothing of it is dialled, None for no fault."""
    plan = campaign.plan
    return {
        "id": show(CAMPAIGN, campaign.campaign_id),
        "name": plan.name,
        "status": campaign.status,
        "agent_id": show_id(AGENT, plan.agent_id),
        "trunk_id": show(TRUNK, campaign.trunk_id),
        "trunks": [
            {"trunk_id": show(TRUNK, trunk.trunk_id), "priority": trunk.priority, "weight": trunk.weight}
            for trunk in campaign.trunks
        ],
        "from_number": plan.from_number,
        "caller_pool_id": show_id(POOL, campaign.caller_pool_id),
        "max_concurrent_calls": plan.max_concurrent_calls,
        **show_budget(campaign.budget),
        "currency": None if campaign.budget is None else campaign.budget.currency,
        "weight": plan.weight,
        "retry_share": plan.retry_share,
        "calling_window": show_window(plan.window),
        "starts_at": show_time(plan.starts_at),
        "ends_at": show_time(plan.ends_at),
        "retry": show_policy(plan.retry),
        "policy": show_pin(plan.pin, campaign.policy_version),
        "policy_version": campaign.policy_version,
        "rule_packs": plan.rule_packs,
        "purpose": plan.purpose,
        "requires_consent": plan.requires_consent,
        "rule_packs_fault": rule_packs_fault,
        "created_at": show_time(campaign.created_at),
        "started_at": show_time(campaign.started_at),
        "finished_at": show_time(campaign.finished_at),
    }
