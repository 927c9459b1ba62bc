"""The rules for a dial, put together from its campaign's row or its own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from whenever import Instant

from ringback.calendars import public_holidays
from ringback.domain.campaign import CampaignState
from ringback.domain.contact import NO_RULES, ContactRules
from ringback.domain.hours import CallingWindow, either, shut_on_holidays
from ringback.domain.place import Place
from ringback.domain.policy_form import kept_policy
from ringback.domain.retry import Bounds, RetryPolicy, ends_at
from ringback.domain.ways import Way, Ways, as_ways
from ringback.domain.window import ZoneSource
from ringback.engine.packs import RulePacks, Rulings
from ringback.store import queue
from ringback.store.database import Connection, Record
from ringback.store.windows import country_at, hours_at, read_window, window_of

SINGLE_CALL_POLICY_VERSION = 1

KEPT = 500
"""Campaigns whose plans are kept, unless more are due at a time: past that, all are put together anew."""


@dataclass(frozen=True, slots=True)
class DialPlan:
    """What governs one dial and what follows it.

    Attributes:
        policy: when to redial.
        policy_version: of the campaign's own counting.
        bounds: at which hours.
        from_number: the caller number, None for the trunk's.
        ways: the campaign's trunks, none for a single call.
        contact: how often the number may be dialled by its rule packs.
        requires_consent: who has not agreed to be called is not.
    """

    policy: RetryPolicy
    policy_version: int
    bounds: Bounds
    from_number: str | None
    ways: Ways = ()
    contact: ContactRules = NO_RULES
    requires_consent: bool = False


@dataclass(frozen=True, slots=True)
class _Campaign:
    """The part of a plan that all leads of a campaign share."""

    policy: RetryPolicy
    policy_version: int
    window: CallingWindow
    ends_at: Instant | None
    from_number: str | None
    ways: Ways
    rulings: Rulings | None
    requires_consent: bool


class _Where(NamedTuple):
    """Where a lead is, as far as it matters.

    Attributes:
        zone_set_no: where the clocks are that count.
        zone_source: who said so.
        country: ISO 3166, None where it is not known or matters to nothing.
        region: ISO 3166-2, as the lead's row gave it, None as for the country.
        place: where the rule packs take the phone to be, None without packs.
    """

    zone_set_no: int
    zone_source: ZoneSource
    country: str | None
    region: str | None
    place: Place | None


class Plans:
    """Knows the campaigns as of the last refresh and the time zones for good: a zone set never changes.

    Args:
        packs: knows the rule packs.
    """

    def __init__(self, packs: RulePacks) -> None:
        self._packs = packs
        self._singles: dict[int, Rulings | None] = {}
        self._zones: dict[int, tuple[str, ...]] = {}
        self._campaigns: dict[tuple[int, int], _Campaign] = {}
        self._plans: dict[tuple[int, int], dict[_Where, DialPlan]] = {}

    def __len__(self) -> int:
        """How many campaigns it knows."""
        return len(self._campaigns)

    async def learn_zones(self, db: Connection, wanted: set[int]) -> None:
        """Read the zone sets of these numbers that are not known yet."""
        if missing := wanted - self._zones.keys():
            self._zones.update(await queue.zone_sets(db, sorted(missing)))

    def refresh(self, lanes: Iterable[Record], now: Instant) -> list[Record]:
        """Take the campaigns and the rule packs as they are now; returns the rows of those that may be dialled.

        Those run, have the row's trunk, and can have all packs that they name.
        """
        lanes = list(lanes)
        self._look(now)
        if len(self._campaigns) + len(lanes) > KEPT:
            self._forget()
        for row in lanes:
            key = (row["workspace_no"], row["campaign_no"])
            if not row["campaign_no"]:
                self._singles[row["workspace_no"]] = self._packs.rule(row)
            elif row["status"] is not None:
                campaign = _campaign(row, self._packs.rule(row))
                if campaign != self._campaigns.get(key):
                    self._campaigns[key], self._plans[key] = campaign, {}
        return [row for row in lanes if self._runs(row)]

    def plan(self, row: Record) -> DialPlan:
        """The rules for a row of the queue, joined with its call: the same for all leads of a campaign in one place."""
        if not row["campaign_no"]:
            return self._single_call_plan(row, self._singles[row["workspace_no"]])
        key = (row["workspace_no"], row["campaign_no"])
        campaign = self._campaigns[key]
        where = _where(row, campaign.window, campaign.rulings)
        is_shared = campaign.policy.expires_after_sec is None and row["consent_expires_at"] is None
        known = self._plans[key].get(where) if is_shared else None
        if known is not None:
            return known
        plan = self._campaign_plan(row, campaign, where)
        if is_shared:
            self._plans[key][where] = plan
        return plan

    def orphan_plan(self, row: Record, now: Instant) -> DialPlan:
        """The rules for an attempt that another node left behind, its campaign's columns in the same row.

        Where its packs cannot be had, its redial is due without them, and waits for them then.
        """
        self._look(now)
        rulings = self._packs.rulings(row)
        if not row["campaign_no"]:
            return self._single_call_plan(row, rulings)
        policy, window = read_policy(row["retry"]), window_of(row)
        end = ends_at(row["ends_at"], row["created_at"], policy, row["consent_expires_at"])
        bounds = self._bounds(window, rulings, _where(row, window, rulings), end)
        ways = read_ways(row["campaign_trunk_no"], row["ways"])
        return DialPlan(policy, row["policy_version"], bounds, row["from_number"], ways)

    def way(self, row: Record) -> Way:
        """The way that a row of a lane names, of its campaign as of the last refresh or of single calls."""
        if not row["campaign_no"]:
            return Way(row["via_trunk_no"])
        ways = self._campaigns[row["workspace_no"], row["campaign_no"]].ways
        return next(way for way in ways if way.trunk_no == row["via_trunk_no"])

    def _look(self, now: Instant) -> None:
        """Take the rule packs as they are now."""
        if self._packs.refresh(now):
            self._forget()

    def _forget(self) -> None:
        self._campaigns.clear()
        self._plans.clear()

    def _campaign_plan(self, row: Record, campaign: _Campaign, where: _Where) -> DialPlan:
        end = ends_at(campaign.ends_at, row["created_at"], campaign.policy, row["consent_expires_at"])
        return DialPlan(
            campaign.policy,
            campaign.policy_version,
            self._bounds(campaign.window, campaign.rulings, where, end),
            campaign.from_number,
            campaign.ways,
            _contact(campaign.rulings, where),
            campaign.requires_consent,
        )

    def _single_call_plan(self, row: Record, rulings: Rulings | None) -> DialPlan:
        """The rules for a call of no campaign: its own policy, its own hours or any, and its workspace's packs."""
        policy, window = read_policy(row["retry"]), read_window(row["calling_window"])
        end = ends_at(None, row["created_at"], policy, row["consent_expires_at"])
        where = _where(row, window, rulings)
        bounds, contact = self._bounds(window, rulings, where, end), _contact(rulings, where)
        return DialPlan(policy, SINGLE_CALL_POLICY_VERSION, bounds, row["from_number"], contact=contact)

    def _bounds(
        self, window: CallingWindow | None, rulings: Rulings | None, where: _Where, end: Instant | None
    ) -> Bounds:
        own, holidays = ((), None) if window is None else hours_at(window, where.country, where.region)
        lawful = () if rulings is None else rulings.hours(where.place)
        if where.place is not None and shut_on_holidays(lawful):
            country, region = where.place.country, where.region
            theirs = public_holidays(country, region if region and region[:2] == country else None)
            holidays = either(holidays, theirs) if shut_on_holidays(own) else theirs
        return Bounds((*own, *lawful), self._zones[where.zone_set_no], end, holidays, where.zone_source)

    def _runs(self, row: Record) -> bool:
        if not row["campaign_no"]:
            return self._singles[row["workspace_no"]] is not None
        if row["status"] != CampaignState.RUNNING:
            return False
        campaign = self._campaigns[row["workspace_no"], row["campaign_no"]]
        return campaign.rulings is not None and any(way.trunk_no == row["via_trunk_no"] for way in campaign.ways)


@lru_cache(maxsize=10_000)
def read_policy(text: str) -> RetryPolicy:
    """The policy that the store keeps as JSON text."""
    return kept_policy(json.loads(text))


@lru_cache(maxsize=10_000)
def read_ways(trunk_no: int, text: str | None) -> Ways:
    """The trunks of a campaign, by the one that it prefers and what the store keeps as JSON text."""
    return as_ways(trunk_no, json.loads(text) if text else None)


def _where(row: Record, window: CallingWindow | None, rulings: Rulings | None) -> _Where:
    source = ZoneSource(row["zone_source"] or ZoneSource.NUMBER)
    place = rulings and rulings.place(row["to_number"], row["region"])
    if place is None and (window is None or window.is_placeless):
        return _Where(row["zone_set_no"], source, None, None, None)
    region = row["region"]
    return _Where(row["zone_set_no"], source, country_at(row["to_number"], region), region, place)


def _contact(rulings: Rulings | None, where: _Where) -> ContactRules:
    return NO_RULES if rulings is None else rulings.contact(where.place)


def _campaign(row: Record, rulings: Rulings | None) -> _Campaign:
    return _Campaign(
        policy=read_policy(row["retry"]),
        policy_version=row["policy_version"],
        window=window_of(row),
        ends_at=row["ends_at"],
        from_number=row["from_number"],
        ways=read_ways(row["campaign_trunk_no"], row["ways"]),
        rulings=rulings,
        requires_consent=row["requires_consent"],
    )
