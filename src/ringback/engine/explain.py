"""Explain: what the next claims will do with a call if nothing changes, found by what a claim itself goes by."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.domain.blockers import Blocked
from ringback.domain.callers import resting
from ringback.domain.campaign import CampaignState
from ringback.domain.decision import Withheld, show_instant
from ringback.domain.explain import (
    Action,
    Constraint,
    Explanation,
    Kind,
    Next,
    Path,
    Step,
    Turn,
    explain_turn,
    kind_of,
)
from ringback.domain.limits import LimitKey
from ringback.engine.blockers import count_blocked
from ringback.engine.callers_seen import look_at_pool, pool_is_full
from ringback.engine.contact import look_at
from ringback.engine.packs import RulePacks
from ringback.engine.plan import DialPlan, Plans
from ringback.engine.withhold import by_campaign_end, by_list, by_time, may_dial, without_consent
from ringback.engine.worth import look_at_worth
from ringback.errors import CallerError, CarrierError, OurError
from ringback.events import Event
from ringback.ids import TRUNK, show
from ringback.rules.shelf import Shelf
from ringback.store import explain as facts
from ringback.store import queue
from ringback.store.budgets import is_spent
from ringback.store.caller_pools import PoolNow
from ringback.store.campaigns import CampaignRow
from ringback.store.database import Connection, Record

MOST_STEPS = 50
"""After so many claims that would withhold a dial nobody says any more when it is placed."""

Longest = Callable[[str, Mapping[str, Any]], TimeDelta]
"""(kind, settings) -> for how long a dial over such a trunk lasts at most; raises where it cannot be set up."""


class Explainer:
    """Says what happens next with a call. It holds nothing and changes nothing.

    Args:
        shelf: where the rule packs are.
        longest: knows the kinds of trunk.
    """

    def __init__(self, shelf: Shelf, longest: Longest) -> None:
        self._shelf, self._longest = shelf, longest

    async def call(self, db: Connection, workspace_no: int, call_id: UUID, now: Instant) -> Explanation | None:
        """What happens next with a call; None where the workspace has none of that id.

        Args:
            db: a connection, in a transaction with one snapshot.
            workspace_no: the tenant.
            call_id: which.
            now: the time of asking.
        """
        row = await facts.read_turn(db, workspace_no, call_id)
        if row is None:
            return None
        zones = dict(await queue.zone_sets(db, [row["zone_set_no"]])).get(row["zone_set_no"], ())
        if row["final_status"] is not None:
            return Explanation(Next(Action.NONE, None, None, row["final_reason"]), (_final(row),), zones)
        if row["last_attempt"] is not None and row["ended_at"] is None:
            return Explanation(Next(Action.WAIT, None, None, Kind.LIVE), (self._live(row),), zones)
        return await self._waiting(db, row, zones, now)

    async def campaign(self, db: Connection, workspace_no: int, campaign: CampaignRow, now: Instant) -> Blocked:
        """What the leads of a campaign wait for. Reads its whole queue: in a transaction that is bounded.

        Args:
            db: a connection, in a transaction with one snapshot.
            workspace_no: the tenant.
            campaign: which.
            now: the time of asking.
        """
        packs = RulePacks(self._shelf, _tell_nobody)
        plans, lanes = Plans(packs), await facts.read_lanes(db, workspace_no, campaign.campaign_no, 0, 0)
        plans.refresh(lanes, now)
        stops, crowds = await self._stops(db, packs, lanes, now), await _crowds(db, lanes, now)
        pool = await look_at_pool(db, lanes[0])
        rests = None if pool is None else resting(pool.pool, now)
        return await count_blocked(db, plans, lanes, campaign.plan.starts_at, stops, crowds, rests, now)

    async def _stops(self, db: Connection, packs: RulePacks, lanes: Sequence[Record], now: Instant) -> list[Constraint]:
        """What holds up all dials of a lane for as long as somebody lets it."""
        return [
            *_pause(lanes[0]),
            *_spent(lanes[0]),
            *_unusable(packs, lanes[0]),
            *self._trunks(lanes),
            *await _nodes(db, now),
        ]

    async def _waiting(self, db: Connection, row: Record, zones: tuple[str, ...], now: Instant) -> Explanation:
        packs = RulePacks(self._shelf, _tell_nobody)
        plans = Plans(packs)
        lanes = await facts.read_lanes(db, row["workspace_no"], row["campaign_no"], row["trunk_no"], row["caller_no"])
        await plans.learn_zones(db, {row["zone_set_no"]})
        plans.refresh(lanes, now)
        stops = await self._stops(db, packs, lanes, now)
        path = Path((), None)
        if not packs.faults(lanes[0]):
            path = await _follow(db, plans, lanes, row, now)
            plans.refresh(lanes, now)
        plan = None if packs.faults(lanes[0]) else plans.plan(row)
        crowds = await _crowds(db, lanes, now)
        return explain_turn(_turn(row, plan, now), path, stops, crowds, zones, now)

    def _live(self, row: Record) -> Constraint:
        detail = {
            "attempt": row["last_attempt"],
            "status": row["last_status"],
            "since": show_instant(row["since"]),
        }
        try:
            longest = self._longest(row["trunk_kind"], json.loads(row["settings"]))
        except (CallerError, CarrierError, OurError, OSError):
            return Constraint(Kind.LIVE, True, None, detail)
        return Constraint(Kind.LIVE, True, row["since"] + longest, detail)

    def _trunks(self, lanes: Sequence[Record]) -> list[Constraint]:
        """The trunks, where none of them can be set up."""
        faults = {}
        for lane in lanes:
            try:
                self._longest(lane["kind"], json.loads(lane["settings"]))
            except (CallerError, CarrierError, OurError, OSError) as refused:
                faults[show(TRUNK, lane["trunk_id"])] = str(refused)
        if len(faults) < len(lanes):
            return []
        return [Constraint(Kind.TRUNK, True, None, {"trunk_id": t, "why": why}) for t, why in faults.items()]


async def _follow(db: Connection, plans: Plans, lanes: Sequence[Record], row: Record, now: Instant) -> Path:
    """Let claim after claim look at a dial, each at the instant to which the one before put it off."""
    at, steps = max(now, row["due_at"], row["starts_at"] or now), list[Step]()
    watched = await look_at(db, (row["workspace_no"], row["call_id"], row["attempt"]), row["to_number"], row["debt_id"])
    pool = await look_at_pool(db, lanes[0])
    while len(steps) < MOST_STEPS:
        plans.refresh(lanes, at)
        if row["ends_at"] is not None and row["ends_at"] <= at:
            ended = by_campaign_end(row["ends_at"])
            return Path((*steps, Step(max(now, row["ends_at"]), ended)), None)
        why = await _withheld(db, plans, row, pool, at) or watched.withheld(plans.plan(row).contact, at)
        if why is None:
            return Path(tuple(steps), at)
        steps.append(Step(at, why))
        if why.next_at is None or kind_of(why) is Kind.NO_ZONE:
            break
        at = why.next_at
    return Path(tuple(steps), None)


async def _withheld(db: Connection, plans: Plans, row: Record, pool: PoolNow | None, at: Instant) -> Withheld | None:
    """Why a claim at this instant would withhold the dial, by all that is known now."""
    plan = plans.plan(row)
    if lacking := without_consent(row, plan, at):
        return lacking
    if not may_dial(plan, at):
        return by_time(row, plan, at)
    if pool is not None and (rests := resting(pool.pool, at)) is not None:
        return rests
    if (costly := await look_at_worth(db, row, plan)) is not None:
        return costly
    number = (row["workspace_no"], row["to_number"])
    return (await by_list(db, [number], at)).get(number)


def _turn(row: Record, plan: DialPlan | None, now: Instant) -> Turn:
    """The dial that waits; without a plan its packs cannot be had, and it has none of their hours."""
    ends_at = row["ends_at"] if plan is None else plan.bounds.ends_at
    ends_by = Kind.CONSENT if ends_at and ends_at == row["consent_expires_at"] else Kind.ENDS_AT
    is_redial, put_off = row["last_attempt"] is not None, _decided(row)
    if put_off is None and not is_redial and plan is not None:
        put_off = _opening(row, plan, max(now, row["starts_at"] or now))
    return Turn(row["attempt"], row["due_at"], put_off, row["retry_rule"], row["starts_at"], ends_at, ends_by)


def _decided(row: Record) -> Withheld | None:
    """The decision that has put the dial off to when it is due."""
    if row["decided_attempt"] != row["attempt"] or row["decided_until"] != row["due_at"]:
        return None
    pack = (row["decided_pack"], row["decided_version"])
    return Withheld(row["decided_rule"], row["decided_until"], json.loads(row["decided_by"]), *pack)


def _opening(row: Record, plan: DialPlan, at: Instant) -> Withheld | None:
    """The hours that a first dial waits for: it is due when they begin."""
    return None if may_dial(plan, at) else by_time(row, plan, at)


def _final(row: Record) -> Constraint:
    """Why a call is final: by which attempt, or by which decision where that came last."""
    detail = {"final_status": row["final_status"], "final_reason": row["final_reason"]}
    detail |= {"finished_at": show_instant(row["finished_at"]), "attempt": row["last_attempt"]}
    detail |= {"end_reason": row["end_reason"]}
    is_decided = row["decided_rule"] is not None and row["decided_until"] is None
    return Constraint(Kind.FINAL, True, None, detail | {"rule": row["decided_rule"] if is_decided else None})


def _pause(lane: Record) -> list[Constraint]:
    kinds = {CampaignState.DRAFT: Kind.NOT_STARTED, CampaignState.PAUSED: Kind.PAUSED}
    kind = kinds.get(lane["status"])
    return [] if kind is None else [Constraint(kind, True, None, {"status": lane["status"]})]


def _spent(lane: Record) -> list[Constraint]:
    return [
        Constraint(
            Kind.BUDGET,
            True,
            None,
            {
                "limit": of,
                "spent_micros": lane[f"{of}_spent"],
                "budget_micros": lane[f"{of}_budget"],
                "currency": lane["currency"],
            },
        )
        for of in ("workspace", "campaign")
        if is_spent(lane[f"{of}_budget"], lane[f"{of}_spent"])
    ]


def _unusable(packs: RulePacks, lane: Record) -> list[Constraint]:
    return [Constraint(Kind.RULE_PACK, True, None, {"why": line}) for line in packs.faults(lane)]


async def _nodes(db: Connection, now: Instant) -> list[Constraint]:
    return [] if await facts.node_lives(db, now) else [Constraint(Kind.NODE, True, None, {})]


async def _crowds(db: Connection, lanes: Sequence[Record], now: Instant) -> list[Constraint]:
    """The limits that are full; those of one trunk bind only where no other has room."""
    by_lane = [queue.limits_of(lane) for lane in lanes]
    pool = await look_at_pool(db, lanes[0])
    keys = list(dict.fromkeys((*(key for limits in by_lane for key in limits), *(pool.caps if pool else ()))))
    use = await facts.read_use(db, lanes[0]["workspace_no"], keys, now)
    full: dict[LimitKey, list[Constraint]] = {}
    for limits in by_lane:
        for key, caps in limits.items():
            full[key] = _full(key, caps or (0, None), use[key])
    is_shut = all(any(full[key] for key in limits) for limits in by_lane)
    crowds = [one._replace(binding=is_shut) for found in full.values() for one in found]
    numbers = None if pool is None else pool_is_full(pool, use, now)
    return crowds if numbers is None else [*crowds, numbers]


def _full(key: LimitKey, caps: tuple[int | None, float | None], use: facts.Use) -> list[Constraint]:
    most, pace = caps
    found = []
    if most is not None and use.calls >= most:
        found.append(Constraint(Kind.SLOT, True, None, {"limit": key.kind, "up": use.calls, "cap": most}))
    if pace is not None and use.dials >= pace:
        found.append(Constraint(Kind.RATE, True, None, {"limit": key.kind, "last_second": use.dials, "cap": pace}))
    return found


def _tell_nobody(_: Event) -> None:
    """Nodes tell of packs that cannot be had; who asks is answered."""
