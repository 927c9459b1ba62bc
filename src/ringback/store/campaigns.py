"""Campaigns: lists of leads with a schedule, a retry policy and caps."""

import json
from dataclasses import dataclass
from uuid import UUID

from whenever import Instant

from ringback.domain.campaign import CampaignState
from ringback.domain.hours import CallingWindow
from ringback.domain.limits import LimitKey, LimitKind
from ringback.domain.policy_form import keep_policy, kept_policy
from ringback.domain.retry import RetryPolicy
from ringback.domain.ways import Ways, as_ways, numbers_of
from ringback.store.budgets import Budget
from ringback.store.caller_pools import pool_campaign
from ringback.store.database import Connection, Record
from ringback.store.limits import lock_limit, set_caps
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load
from ringback.store.retry_policies import Pin
from ringback.store.rule_packs import rule_campaign
from ringback.store.windows import window_columns, window_of

_SQL = load("campaigns")

SHARE_DIGITS = 6
"""What the store keeps of a share: it has single precision."""


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What the owner of a campaign decides.

    Attributes:
        name: for people.
        agent_id: who talks, None where nobody does yet.
        trunk_no: over which trunk its calls go, the preferred one where there are several.
        from_number: the caller number, None for the trunk's own.
        retry: the retry policy.
        window: the calling window in each lead's own day.
        starts_at: no dial before, None for none.
        ends_at: no dial from then on, None for none.
        max_concurrent_calls: None is no cap of its own.
        weight: its share of what it has in common with others, 1 to 100.
        retry_share: of its dials for redials where both kinds are due, 0 to 1.
        ways: its trunks by preference where more was said than one name; the first of them is `trunk_no`.
        pin: the version of a named policy that `retry` is, None where it is none.
        rule_packs: names of packs that bind its dials besides those of its workspace.
        purpose: what it calls for, None where the workspace says, or nobody.
        requires_consent: who has not agreed to be called is not.
        caller_pool_no: from which pool its caller numbers are, None where it is dialled from one, or the trunk's own.
    """

    name: str
    agent_id: UUID | None
    trunk_no: int
    from_number: str | None
    retry: RetryPolicy
    window: CallingWindow
    starts_at: Instant | None
    ends_at: Instant | None
    max_concurrent_calls: int | None
    weight: int = 1
    retry_share: float = 0.5
    ways: Ways = ()
    pin: Pin | None = None
    rule_packs: tuple[str, ...] = ()
    purpose: str | None = None
    requires_consent: bool = False
    caller_pool_no: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignTrunk:
    """A trunk of a campaign, as its owner knows it."""

    trunk_id: UUID
    kind: str
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as the store has it."""

    workspace_no: int
    campaign_no: int
    campaign_id: UUID
    plan: CampaignPlan
    trunks: tuple[CampaignTrunk, ...]
    status: CampaignState
    policy_version: int
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    workspace_packs: tuple[str, ...] = ()
    budget: Budget | None = None
    caller_pool_id: UUID | None = None

    @property
    def limit(self) -> LimitKey:
        """Its limit row."""
        return LimitKey(self.workspace_no, LimitKind.CAMPAIGN, self.campaign_no)

    @property
    def trunk_no(self) -> int:
        """Over which trunk its calls go, the preferred one where there are several."""
        return self.plan.trunk_no

    @property
    def trunk_kinds(self) -> tuple[str, ...]:
        """Of all its trunks."""
        return tuple(trunk.kind for trunk in self.trunks)

    @property
    def trunk_id(self) -> UUID:
        """The public name of that one."""
        return self.trunks[0].trunk_id


async def create_campaign(
    db: Connection, workspace_no: int, campaign_id: UUID, plan: CampaignPlan, now: Instant
) -> None:
    """Make a campaign, in draft."""
    columns = (*_columns(plan), now, plan.max_concurrent_calls)
    await db.execute(_SQL["create_campaign"], workspace_no, campaign_id, *columns)
    if plan.rule_packs or plan.purpose:
        await rule_campaign(db, workspace_no, campaign_id, plan.rule_packs, plan.purpose)
    if plan.requires_consent:
        await db.execute(_SQL["require_consent"], workspace_no, campaign_id, plan.requires_consent)
    if plan.caller_pool_no is not None:
        await pool_campaign(db, workspace_no, campaign_id, plan.caller_pool_no)


async def find_campaign(db: Connection, workspace_no: int, campaign_id: UUID) -> CampaignRow | None:
    """The campaign, None where the workspace has no such campaign."""
    row = await db.fetchrow(_SQL["campaign"], workspace_no, campaign_id)
    return row and campaign_row(row)


async def list_campaigns(db: Connection, workspace_no: int, status: str | None, part: Part) -> Listing:
    """The workspace's campaigns, newest first, all of them or those in one state. See `campaign_row` for the rows."""
    return await read_part(db, _SQL["campaigns"], _SQL["count_campaigns"], (workspace_no, status), part)


async def change_campaign(db: Connection, campaign: CampaignRow, plan: CampaignPlan, now: Instant) -> None:
    """Give a campaign another plan, in a transaction that locked it. Another retry policy is a new version."""
    key = (campaign.workspace_no, campaign.campaign_no)
    await db.execute(_SQL["keep_in_force"], *key, now)
    await db.execute(_SQL["change_campaign"], *key, *_columns(plan), now)
    await rule_campaign(db, campaign.workspace_no, campaign.campaign_id, plan.rule_packs, plan.purpose)
    await db.execute(_SQL["require_consent"], campaign.workspace_no, campaign.campaign_id, plan.requires_consent)
    await pool_campaign(db, campaign.workspace_no, campaign.campaign_id, plan.caller_pool_no)
    await set_caps(db, campaign.limit, plan.max_concurrent_calls, None)


async def lock_campaign(db: Connection, campaign: CampaignRow) -> CampaignState:
    """Hold the campaign until the transaction ends; returns its state as it is now.

    No dial of it is claimed meanwhile, for a claim holds it too; whatever claims after that sees what was done here.
    Nodes of the release before hold the limit instead.
    """
    await lock_limit(db, campaign.limit)
    return CampaignState(await db.fetchval(_SQL["lock_campaign"], campaign.workspace_no, campaign.campaign_no))


async def set_status(db: Connection, campaign: CampaignRow, status: CampaignState, now: Instant) -> None:
    """Move a campaign that is locked."""
    await db.execute(_SQL["set_status"], campaign.workspace_no, campaign.campaign_no, status, now)


async def hang_up_ringing(db: Connection, campaign: CampaignRow) -> None:
    """Ask the nodes to hang up what rings, of a campaign that is locked."""
    await db.execute(_SQL["hang_up_ringing"], campaign.workspace_no, campaign.campaign_no)


async def cancel_waiting(db: Connection, campaign: CampaignRow, now: Instant) -> int:
    """Cancel the calls that wait for a dial; returns how many."""
    cancelled: int = await db.fetchval(_SQL["cancel_waiting"], campaign.workspace_no, campaign.campaign_no, now)
    return cancelled


async def waiting_and_live(db: Connection, campaign: CampaignRow) -> tuple[int, int]:
    """How many of its calls wait, and how many are up."""
    row = await db.fetchrow(_SQL["waiting_and_live"], campaign.workspace_no, campaign.campaign_no)
    return row["queued"], row["live"]


def campaign_row(row: Record) -> CampaignRow:
    """A row of the campaigns' statements."""
    ways, trunks = _read_ways(row)
    plan = CampaignPlan(
        name=row["name"],
        agent_id=row["agent_id"],
        trunk_no=row["trunk_no"],
        from_number=row["from_number"],
        retry=kept_policy(json.loads(row["retry"])),
        window=window_of(row),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        max_concurrent_calls=row["max_concurrent_calls"],
        weight=row["weight"],
        retry_share=round(row["retry_share"], SHARE_DIGITS),
        ways=ways,
        pin=None if row["policy_id"] is None else Pin(row["policy_id"], row["pinned_version"]),
        rule_packs=tuple(row["rule_packs"]),
        purpose=row["purpose"],
        requires_consent=row["requires_consent"],
        caller_pool_no=row["caller_pool_no"],
    )
    return CampaignRow(
        plan=plan,
        trunks=trunks,
        status=CampaignState(row["status"]),
        workspace_packs=tuple(row["workspace_packs"]),
        budget=_budget(row),
        caller_pool_id=row["caller_pool_id"],
        **{
            name: row[name]
            for name in (
                "workspace_no",
                "campaign_no",
                "campaign_id",
                "policy_version",
                "created_at",
                "started_at",
                "finished_at",
            )
        },
    )


def _budget(row: Record) -> Budget | None:
    if row["budget_currency"] is None:
        return None
    return Budget(row["amount_micros"], row["spent_micros"], row["budget_currency"], row["counted_from"])


def _read_ways(row: Record) -> tuple[Ways, tuple[CampaignTrunk, ...]]:
    """Its ways, none where it has but a trunk, and what its owner knows them by."""
    stored = json.loads(row["ways"] or "[]")
    ways = as_ways(row["trunk_no"], (way[:3] for way in stored))
    if not stored or ways[0].trunk_no != stored[0][0]:
        return (), (CampaignTrunk(row["trunk_id"], row["trunk_kind"], ways[0].priority, ways[0].weight),)
    return ways, tuple(CampaignTrunk(UUID(way[3]), way[4], way[1], way[2]) for way in stored)


def _columns(plan: CampaignPlan) -> tuple[object, ...]:
    """The columns of a plan in the order of both statements."""
    start_min, end_min, calling_window = window_columns(plan.window)
    return (
        plan.name,
        plan.agent_id,
        plan.trunk_no,
        plan.from_number,
        json.dumps(keep_policy(plan.retry)),
        start_min,
        end_min,
        plan.starts_at,
        plan.ends_at,
        plan.weight,
        plan.retry_share,
        json.dumps(numbers_of(plan.ways)) if plan.ways else None,
        [way.trunk_no for way in plan.ways] if len(plan.ways) > 1 else [],
        *(plan.pin or (None, None)),
        calling_window,
    )
