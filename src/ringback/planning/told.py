"""A plan as the API answers it."""

import math
from collections.abc import Iterator
from typing import Any

from whenever import Instant

from ringback.domain.decision import show_instant
from ringback.domain.explain import Kind
from ringback.domain.limits import LimitKind
from ringback.domain.plan import HOUR_SEC, Ended, Foreseen, HourSums, Reason
from ringback.ids import CAMPAIGN, LEAD, show
from ringback.planning.foresee import Plan
from ringback.planning.stage import Stage
from ringback.store.campaigns import CampaignRow

Json = dict[str, Any]

DIGITS = 1
"""Means of several runs are told with one digit behind the point."""

WHY_NEVER = {
    Kind.NO_ZONE: "nobody knows in which time zone they are: give the workspace one, or the leads their own",
    Kind.WINDOW: "their calling hours never begin while the campaign goes on",
    Kind.ENDS_AT: "their calling hours do not begin before the end of the campaign, or of the policy",
    Kind.RULE_PACK: "a rule pack never allows it while the campaign goes on",
    Kind.CONTACT: "a contact rule forbids it until the end",
    Kind.CONSENT: "the campaign requires a consent that they have not given, or that ends before",
    Kind.DO_NOT_CALL: "their numbers are on the do-not-call list",
}


def show_plan(campaign: CampaignRow, plan: Plan) -> Json:
    """All that a plan says."""
    stage, found = plan.stage, plan.foreseen
    return {
        "campaign_id": show(CAMPAIGN, campaign.campaign_id),
        "status": campaign.status,
        "begins_at": show_instant(stage.begins),
        "until": show_instant(stage.until),
        "seed": stage.order.seed,
        "answers": plan.answers.in_words,
        "leads": {
            "total": stage.counts.leads,
            "open": stage.counts.open,
            "reached": stage.counts.reached,
            "played": len(stage.leads),
            "runs": found.runs,
        },
        "ends_at": _ends(found.ended),
        "budget_reached_at": _ends(found.spent),
        "reach": _reach(plan),
        "attempts": _number(found.whole.dials),
        "answered": _number(found.whole.answered),
        "connected_minutes": _number(found.whole.connected_sec / 60),
        "billed_minutes": _number(found.billed_sec / 60),
        "cost": [{"currency": c, "cost_micros": round(micros)} for c, micros in sorted(found.cost_micros.items())],
        "slots": _slots(stage, found),
        "over": {reason: _number(leads) for reason, leads in sorted(found.finals.items())},
        "left": _number(found.left),
        "never": [
            _never(stage, reason, leads, found.examples.get(reason, [])) for reason, leads in found.never.items()
        ],
        "hours": [_hour(number, sums) for number, sums in found.hours.items()],
        "not_known": list(_not_known(campaign, stage)),
    }


def _ends(found: Ended | None) -> Json | None:
    if found is None:
        return None
    first, middle, last = (show_instant(Instant.from_timestamp(at)) for at in found)
    return {"expected": middle, "earliest": first, "latest": last}


def _reach(plan: Plan) -> Json:
    found, leads = plan.reach, plan.stage.counts.leads
    share = None if not leads else round(found.leads / leads, 4)
    return {"leads": _number(found.leads), "low": _number(found.low), "high": _number(found.high), "share": share}


def _slots(stage: Stage, found: Foreseen) -> Json:
    cap = min((most for most, _ in stage.caps.values() if most is not None), default=None)
    return {
        "peak": _number(min(found.whole.peak, cap or math.inf)),
        "cap": cap,
        "needed": found.needed,
        "mean_wait_sec": _number(found.wait_sec),
        "longest_wait_sec": _number(found.longest_wait_sec),
    }


def _never(stage: Stage, reason: Reason, leads: float, places: list[int]) -> Json:
    return {
        "kind": reason.kind,
        "rule": reason.rule,
        "pack": reason.pack,
        "leads": _number(leads),
        "examples": [show(LEAD, stage.leads[place].call_id) for place in places],
        "in_words": WHY_NEVER[reason.kind],
    }


def _hour(number: int, sums: HourSums) -> Json:
    return {
        "at": show_instant(Instant.from_timestamp(number * HOUR_SEC)),
        "dials": _number(sums.dials),
        "answered": _number(sums.answered),
        "reached": _number(sums.reached),
        "connected_minutes": _number(sums.connected_sec / 60),
        "peak": _number(sums.peak),
    }


def _not_known(campaign: CampaignRow, stage: Stage) -> Iterator[str]:
    """What may make it come otherwise, in words."""
    yield from stage.faults
    if campaign.status == "draft":
        yield "the campaign is a draft: it is planned as if it were started now, or at its begin"
    if campaign.status == "paused":
        yield "the campaign is paused: it is planned as if it went on now"
    if stage.around.asks_first:
        yield "the pre-dial check is not asked: it may withhold dials that are planned"
    if others := stage.around.other_campaigns:
        count = f"{others} other campaign{'s' * (others > 1)} of this workspace"
        yield f"{count} may take slots that are planned for this one, and dial the same numbers"
    if any(key.kind is not LimitKind.CAMPAIGN for key in stage.caps):
        yield "single calls, and calls that are up now, may take slots of the workspace, a trunk or a caller number"
    yield "which trunks are down, and what a carrier has room for, only nodes know: all are taken to be up"
    yield "leads, rules and lists are taken as they are now; nobody pauses, edits or adds"
    if stage.each > 1:
        yield f"{len(stage.leads):,} leads, drawn evenly, stand for {stage.counts.open:,}; so do their part of the caps"


def _number(value: float) -> float | int:
    """A whole number where it is one."""
    rounded = round(value, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded
