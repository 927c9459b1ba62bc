"""How far a campaign has come, summed up from its counts."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from ringback.api.show import Json
from ringback.domain.outcome import MEANINGS, EndReason
from ringback.ids import CAMPAIGN, show
from ringback.store.campaigns import CampaignRow
from ringback.store.database import Record
from ringback.store.progress import Counts


def show_progress(campaign: CampaignRow, counts: Counts) -> Json:
    """The answer; its sums are those of the attempts that have ended, exactly."""
    final = {key: calls for key, calls in counts.calls.items() if key[0] is not None}
    by_reason = _by(final.items(), lambda item: item[0][1])
    return {
        "campaign_id": show(CAMPAIGN, campaign.campaign_id),
        "status": campaign.status,
        "leads": sum(counts.calls.values()),
        "queued": counts.queued,
        "scheduled": counts.scheduled,
        "live": counts.live,
        "finished": sum(final.values()),
        # who wants no more calls was spoken to
        "reached": by_reason.get("reached", 0) + by_reason.get("opted_out", 0),
        "by_final_status": _by(final.items(), lambda item: item[0][0]),
        "by_final_reason": by_reason,
        "attempt_stages": _stages(counts.tallies),
        "outcomes": _by(((row["end_reason"], row["attempts"]) for row in counts.tallies), lambda item: item[0]),
        "totals": _sums(counts.tallies),
        "by_day": _by_day(counts.tallies),
    }


def _by(items: Iterable[tuple[Any, int]], key: Callable[[tuple[Any, int]], Hashable]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for item in items:
        found[str(key(item))] += item[1]
    return dict(sorted(found.items()))


def _stages(tallies: list[Record]) -> list[Json]:
    ordinals = sorted({row["attempt"] for row in tallies})
    return [_stage(ordinal, [row for row in tallies if row["attempt"] == ordinal]) for ordinal in ordinals]


def _stage(ordinal: int, rows: list[Record]) -> Json:
    reached, sums = _reached(rows), _sums(rows)
    cost = sums["cost_micros"]
    return {
        "attempt": ordinal,
        "attempted": sums["attempts"],
        "reached": reached,
        "cost_micros": cost,
        "currency": sums["currency"],
        "cost_per_reached_micros": None if cost is None or not reached else -(-cost // reached),
    }


def _by_day(tallies: list[Record]) -> list[Json]:
    days = sorted({row["day"] for row in tallies})
    return [_day([row for row in tallies if row["day"] == day], day.isoformat()) for day in days]


def _day(rows: list[Record], day: str) -> Json:
    return {"day": day, "reached": _reached(rows), **_sums(rows)}


def _reached(rows: Iterable[Record]) -> int:
    return sum(row["attempts"] for row in rows if MEANINGS[EndReason(row["end_reason"])].reached)


def _sums(rows: list[Record]) -> Json:
    """Exact sums. Money of several currencies has no sum: `costs` has each."""
    costs = _by(((row["currency"], row["cost_micros"]) for row in rows), lambda item: item[0])
    one = len(costs) == 1
    return {
        "attempts": sum(row["attempts"] for row in rows),
        "connected_sec": sum(row["connected_sec"] for row in rows),
        "billed_sec": sum(row["billed_sec"] for row in rows),
        "cost_micros": sum(costs.values()) if len(costs) < 2 else None,
        "currency": next(iter(costs)) if one else None,
        "costs": [{"currency": currency, "cost_micros": micros} for currency, micros in costs.items()],
    }
