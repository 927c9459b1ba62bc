"""The rules for a dial, put together from its campaign's row or its own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from whenever import Instant

from ringback.domain.campaign import CampaignState
from ringback.domain.hours import Hours
from ringback.domain.policy_form import kept_policy
from ringback.domain.retry import Bounds, RetryPolicy, ends_at
from ringback.domain.ways import Way, Ways, as_ways
from ringback.domain.window import DailyWindow, hours_of
from ringback.store import queue
from ringback.store.database import Connection, Record

SINGLE_CALL_POLICY_VERSION = 1

KEPT = 500
"""Campaigns whose plans are kept, unless more are due at a time: past that, all are put together anew."""


@dataclass(frozen=True, slots=True)
class DialPlan:
    """What governs one dial and what follows it; `ways` are its campaign's trunks, none for a single call."""

    policy: RetryPolicy
    policy_version: int
    bounds: Bounds
    from_number: str | None
    ways: Ways = ()


@dataclass(frozen=True, slots=True)
class _Campaign:
    """The part of a plan that all leads of a campaign share."""

    policy: RetryPolicy
    policy_version: int
    hours: Hours
    ends_at: Instant | None
    from_number: str | None
    ways: Ways


class Plans:
    """Knows the campaigns as of the last refresh and the time zones for good: a zone set never changes."""

    def __init__(self) -> None:
        self._zones: dict[int, tuple[str, ...]] = {}
        self._campaigns: dict[tuple[int, int], _Campaign] = {}
        self._plans: dict[tuple[int, int], dict[int, DialPlan]] = {}

    def __len__(self) -> int:
        """How many campaigns it knows."""
        return len(self._campaigns)

    async def learn_zones(self, db: Connection, wanted: set[int]) -> None:
        """Read the zone sets of these numbers that are not known yet."""
        if missing := wanted - self._zones.keys():
            self._zones.update(await queue.zone_sets(db, sorted(missing)))

    def refresh(self, lanes: Iterable[Record]) -> list[Record]:
        """Take the campaigns as they are now; returns the rows of those that run and have the row's trunk."""
        lanes = list(lanes)
        if len(self._campaigns) + len(lanes) > KEPT:
            self._campaigns.clear()
            self._plans.clear()
        for row in lanes:
            key = (row["workspace_no"], row["campaign_no"])
            if row["status"] is not None and (campaign := _campaign(row)) != self._campaigns.get(key):
                self._campaigns[key], self._plans[key] = campaign, {}
        return [row for row in lanes if self._runs(row)]

    def plan(self, row: Record) -> DialPlan:
        """The rules for a row of the queue, joined with its call: the same for all leads of a campaign in one place."""
        zones = self._zones[row["zone_set_no"]]
        if not row["campaign_no"]:
            return single_call_plan(row["retry"], row["created_at"], zones, row["from_number"])
        key = (row["workspace_no"], row["campaign_no"])
        known = self._plans[key].get(row["zone_set_no"])
        if known is not None:
            return known
        campaign = self._campaigns[key]
        bounds = Bounds(campaign.hours, zones, ends_at(campaign.ends_at, row["created_at"], campaign.policy))
        plan = DialPlan(campaign.policy, campaign.policy_version, bounds, campaign.from_number, campaign.ways)
        if campaign.policy.expires_after_sec is None:
            self._plans[key][row["zone_set_no"]] = plan
        return plan

    def orphan_plan(self, row: Record) -> DialPlan:
        """The rules for an attempt that another node left behind, its campaign's columns in the same row."""
        zones = self._zones[row["zone_set_no"]]
        if not row["campaign_no"]:
            return single_call_plan(row["retry"], row["created_at"], zones, row["from_number"])
        policy = read_policy(row["retry"])
        bounds = Bounds(_hours(row), zones, ends_at(row["ends_at"], row["created_at"], policy))
        ways = read_ways(row["campaign_trunk_no"], row["ways"])
        return DialPlan(policy, row["policy_version"], bounds, row["from_number"], ways)

    def way(self, row: Record) -> Way:
        """The way that a row of a lane names, of its campaign as of the last refresh or of single calls."""
        if not row["campaign_no"]:
            return Way(row["via_trunk_no"])
        ways = self._campaigns[row["workspace_no"], row["campaign_no"]].ways
        return next(way for way in ways if way.trunk_no == row["via_trunk_no"])

    def _runs(self, row: Record) -> bool:
        if not row["campaign_no"]:
            return True
        if row["status"] != CampaignState.RUNNING:
            return False
        ways = self._campaigns[row["workspace_no"], row["campaign_no"]].ways
        return any(way.trunk_no == row["via_trunk_no"] for way in ways)


@lru_cache(maxsize=10_000)
def read_policy(text: str) -> RetryPolicy:
    """The policy that the store keeps as JSON text."""
    return kept_policy(json.loads(text))


@lru_cache(maxsize=10_000)
def read_ways(trunk_no: int, text: str | None) -> Ways:
    """The trunks of a campaign, by the one that it prefers and what the store keeps as JSON text."""
    return as_ways(trunk_no, json.loads(text) if text else None)


def single_call_plan(retry: str, created_at: Instant, zones: tuple[str, ...], from_number: str | None) -> DialPlan:
    """The rules for a call that belongs to no campaign: its own policy, any hour of the day."""
    policy = read_policy(retry)
    return DialPlan(
        policy, SINGLE_CALL_POLICY_VERSION, Bounds((), zones, ends_at(None, created_at, policy)), from_number
    )


def _campaign(row: Record) -> _Campaign:
    return _Campaign(
        policy=read_policy(row["retry"]),
        policy_version=row["policy_version"],
        hours=_hours(row),
        ends_at=row["ends_at"],
        from_number=row["from_number"],
        ways=read_ways(row["campaign_trunk_no"], row["ways"]),
    )


def _hours(row: Record) -> Hours:
    return hours_of(DailyWindow(row["window_start_min"], row["window_end_min"]))
