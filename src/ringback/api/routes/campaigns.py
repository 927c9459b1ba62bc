"""/v1/campaigns: made, looked at and changed."""

import functools
from dataclasses import replace
from typing import Any

from ringback.api import examples
from ringback.api.fields import (
    Fields,
    identifier,
    instant,
    money,
    one_of,
    pack_names,
    parsed,
    share,
    text,
    truth,
    whole,
)
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.packs import check_packs, count_for, packs_fault
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.caller_pools import CHOICE, chosen_caller
from ringback.api.routes.finding import campaign_in_path, check_agent, found
from ringback.api.routes.retry_policies import INLINE, VERSION, chosen_policy
from ringback.api.show import Json
from ringback.api.show_campaign import show_campaign
from ringback.api.show_policies import show_campaign_policy
from ringback.api.show_progress import show_progress
from ringback.api.trunk_list import trunk_columns, trunk_list
from ringback.domain.campaign import OWNER_ACTIONS, CampaignAction, CampaignState
from ringback.domain.pack import Purpose
from ringback.domain.window_form import parse_window
from ringback.errors import Conflict, Invalid
from ringback.ids import AGENT, CAMPAIGN, POLICY, TRUNK, show
from ringback.store.budgets import set_budget
from ringback.store.campaign_status import act
from ringback.store.campaigns import (
    CampaignPlan,
    CampaignRow,
    campaign_row,
    change_campaign,
    create_campaign,
    find_campaign,
    list_campaigns,
    lock_campaign,
)
from ringback.store.database import Connection
from ringback.store.keys import Scope
from ringback.store.older import check_no_older
from ringback.store.progress import read_progress
from ringback.store.retry_policies import campaign_policies
from ringback.store.windows import check_known

_HOURS_SCHEMA = {
    "start": {"type": "string", "description": "HH:MM, every day; with end."},
    "end": {"type": "string", "description": "HH:MM; not later than start is the next day's."},
    "weekly": {"type": "object", "description": "In place of start and end: by `mon` or `mon-fri`, lists of spans."},
    "exceptions": {"type": "object", "description": "By date, the spans of that day instead."},
    "holidays": {"enum": ["closed", "as usual"]},
}
WINDOW_SCHEMA = {
    "type": ["object", "null"],
    "properties": {
        **_HOURS_SCHEMA,
        "by_country": {
            "type": "object",
            "description": "By country (`DE`) or part of one (`US-CA`), hours of their own.",
            "additionalProperties": {"type": "object", "properties": _HOURS_SCHEMA},
        },
    },
}
_OPTIONAL = {
    "agent_id": identifier(AGENT, optional=True),
    **CHOICE,
    "max_concurrent_calls": whole(0, 1_000_000, optional=True),
    "budget_micros": money(),
    "weight": whole(1, 100, default=1),
    "retry_share": share(0.5),
    "calling_window": parsed(parse_window, WINDOW_SCHEMA),
    "starts_at": instant(),
    "ends_at": instant(),
    "retry": INLINE,
    "retry_policy_id": identifier(POLICY, optional=True),
    "retry_policy_version": VERSION,
    "rule_packs": pack_names(),
    "purpose": one_of(Purpose, optional=True),
    "requires_consent": truth(False),
}
_TRUNKS = {"trunk_id": identifier(TRUNK), "trunks": trunk_list()}
NEW = Fields(name=text(required=True), **_TRUNKS, **_OPTIONAL)
CHANGES = Fields(name=text(), **_TRUNKS, **_OPTIONAL)
ACTION = Fields(action=one_of(tuple(OWNER_ACTIONS), required=True), hang_up=truth(False))
LIST = list_fields(CAMPAIGN, status=one_of(CampaignState))


async def post_campaign(api: Api, ask: Ask) -> Answer:
    """Make a campaign, in draft."""
    campaign_id = api.ids.new(ask.now)
    async with api.database.transaction() as db:
        plan = CampaignPlan(**await _plan_columns(api, ask, db, new=True))
        _check_span(plan)
        await check_known(db, plan.window, ask.now)
        await create_campaign(db, ask.workspace_no, campaign_id, plan, ask.now)
        await count_for(api, ask, db, plan.rule_packs or None)
        made = found(await find_campaign(db, ask.workspace_no, campaign_id), "campaign")
        campaign = await _budgeted(db, ask, made)
        await ask.changing(CAMPAIGN, campaign_id).note(db, None, _shown(api, ask, campaign))
    return Answer(_shown(api, ask, campaign), 201)


async def get_campaigns(api: Api, ask: Ask) -> Answer:
    """The campaigns, all or those in one state."""
    async with api.database.connection() as db:
        listing = await list_campaigns(db, ask.workspace_no, ask.query["status"], part_of(ask.query))
    shown = functools.partial(_shown, api, ask)
    return Answer(list_body(listing, ask.query, CAMPAIGN, "campaign_id", lambda row: shown(campaign_row(row))))


async def get_campaign(api: Api, ask: Ask) -> Answer:
    """One campaign."""
    return Answer(_shown(api, ask, await campaign_in_path(api, ask)))


async def patch_campaign(api: Api, ask: Ask) -> Answer:
    """Change what was sent. What is on its way when this is answered goes by the plan that it began with."""
    campaign = await campaign_in_path(api, ask)
    ask.key.require_trunk(*campaign.trunk_kinds)
    async with api.database.transaction() as db:
        changes = await _plan_columns(api, ask, db)
        if await lock_campaign(db, campaign) is CampaignState.CANCELLED:
            raise Conflict("campaign_over", "this campaign is cancelled and cannot be changed")
        current: CampaignRow = found(await find_campaign(db, ask.workspace_no, campaign.campaign_id), "campaign")
        plan = replace(current.plan, **changes)
        _check_span(plan)
        await check_known(db, plan.window, ask.now)
        await change_campaign(db, campaign, plan, ask.now)
        await count_for(api, ask, db, changes.get("rule_packs"))
        campaign = await _budgeted(db, ask, campaign)
        both = (_shown(api, ask, current), _shown(api, ask, campaign))
        await ask.changing(CAMPAIGN, campaign.campaign_id).note(db, *both)
    return Answer(_shown(api, ask, campaign))


async def patch_status(api: Api, ask: Ask) -> Answer:
    """Start, pause, resume or cancel."""
    action = CampaignAction(ask.body["action"])
    if "hang_up" in ask.body and action is not CampaignAction.CANCEL:
        raise Invalid(["hang_up goes with the action 'cancel' only"])
    campaign = await campaign_in_path(api, ask)
    if action in (CampaignAction.START, CampaignAction.RESUME):
        ask.key.require_trunk(*campaign.trunk_kinds)
    note = ask.changing(CAMPAIGN, campaign.campaign_id).note
    affected = await act(api.database, campaign, action, ask.now, note, hang_up=ask.body.get("hang_up", False))
    counts = {"queued": affected.queued, "live": affected.live, "cancelled": affected.cancelled}
    return Answer({"campaign": _shown(api, ask, await campaign_in_path(api, ask)), "affected": counts})


async def get_progress(api: Api, ask: Ask) -> Answer:
    """How far it has come."""
    campaign = await campaign_in_path(api, ask)
    async with api.database.connection() as db:
        return Answer(show_progress(campaign, await read_progress(db, campaign)))


async def get_campaign_policies(api: Api, ask: Ask) -> Answer:
    """What has been in force in it, whole: an attempt's `policy_version` names one of these."""
    campaign = await campaign_in_path(api, ask)
    async with api.database.connection() as db:
        rows = await campaign_policies(db, ask.workspace_no, campaign.campaign_no)
    return Answer({"campaign_id": show(CAMPAIGN, campaign.campaign_id), "data": list(map(show_campaign_policy, rows))})


async def _budgeted(db: Connection, ask: Ask, campaign: CampaignRow) -> CampaignRow:
    """Give a campaign that is held the budget of the body, if it has one; returns the campaign as it is then."""
    if "budget_micros" in ask.body:
        await set_budget(db, ask.workspace_no, campaign.campaign_no, ask.body["budget_micros"], ask.now)
    changed: CampaignRow = found(await find_campaign(db, ask.workspace_no, campaign.campaign_id), "campaign")
    return changed


def _shown(api: Api, ask: Ask, campaign: CampaignRow) -> Json:
    return show_campaign(campaign, packs_fault(api, ask, campaign))


async def _plan_columns(api: Api, ask: Ask, db: Connection, *, new: bool = False) -> dict[str, Any]:
    """The body's fields by the names that the plan has for them, its trunks and agent looked up."""
    columns = {name: value for name, value in ask.body.items() if name not in (*_TRUNKS, "budget_micros")}
    columns |= await trunk_columns(db, ask, ask.body, required=new)
    columns |= await chosen_caller(db, ask, columns)
    columns.pop("caller_pool_id", None)
    if "calling_window" in columns:
        columns["window"] = columns.pop("calling_window")
    await check_agent(db, ask, columns.get("agent_id"))
    await check_packs(api, ask, db, columns.get("rule_packs"))
    if columns.get("requires_consent"):
        await check_no_older(db, "consent", ask.now)
    return columns | await chosen_policy(db, ask, columns)


def _check_span(plan: CampaignPlan) -> None:
    if plan.starts_at is not None and plan.ends_at is not None and plan.starts_at >= plan.ends_at:
        raise Invalid(["ends_at must be later than starts_at"])


_PATH = "/v1/campaigns"
_REFERENCES = (
    "another_currency",
    "agent_has_no_message",
    "older_release_lives",
    "test_key",
    "unknown_agent",
    "unknown_caller_pool",
    "unknown_retry_policy",
    "unknown_trunk",
)
_ONE = f"{_PATH}/{{id}}"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CAMPAIGNS_WRITE,
        "Make a campaign, in draft.",
        post_campaign,
        body=NEW,
        status=201,
        example=examples.CAMPAIGN,
        codes=_REFERENCES,
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CAMPAIGNS_READ,
        "The campaigns.",
        get_campaigns,
        query=LIST,
        example=examples.listed(examples.CAMPAIGN),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CAMPAIGNS_READ,
        "One campaign.",
        get_campaign,
        example=examples.CAMPAIGN,
        codes=("campaign_not_found",),
    ),
    Operation(
        "PATCH",
        _ONE,
        Scope.CAMPAIGNS_WRITE,
        "Change a campaign; another retry policy is a new version of it.",
        patch_campaign,
        body=CHANGES,
        example=examples.CAMPAIGN,
        codes=("campaign_not_found", "campaign_over", *_REFERENCES),
    ),
    Operation(
        "PATCH",
        f"{_ONE}/status",
        Scope.CAMPAIGNS_WRITE,
        "Start, pause, resume or cancel a campaign. Calls that are up end by themselves, unless a cancel hangs up "
        "those that ring.",
        patch_status,
        body=ACTION,
        example={"campaign": examples.CAMPAIGN, "affected": {"queued": 0, "live": 1, "cancelled": 149}},
        codes=("campaign_not_found", "illegal_transition", "test_key"),
    ),
    Operation(
        "GET",
        f"{_ONE}/progress",
        Scope.CAMPAIGNS_READ,
        "How far a campaign has come; the sums are those of its ended attempts, exactly.",
        get_progress,
        example=examples.PROGRESS,
        codes=("campaign_not_found",),
    ),
    Operation(
        "GET",
        f"{_ONE}/policies",
        Scope.CAMPAIGNS_READ,
        "The retry policies that have been in force in a campaign, oldest first; each attempt names its own.",
        get_campaign_policies,
        example=examples.CAMPAIGN_POLICIES,
        codes=("campaign_not_found",),
    ),
)
