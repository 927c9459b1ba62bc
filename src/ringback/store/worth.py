"""What the attempts of campaigns have cost and reached, by ordinal."""

from collections.abc import Collection

from ringback.domain.outcome import MEANINGS
from ringback.domain.worth import Evidence
from ringback.store.database import Connection
from ringback.store.queries import load
from ringback.store.queue import columns

_SQL = load("worth")

_REACHED = [str(reason) for reason, meaning in MEANINGS.items() if meaning.reached]

CampaignKey = tuple[int, int]
"""(workspace_no, campaign_no)."""


async def read_evidence(db: Connection, campaigns: Collection[CampaignKey]) -> dict[CampaignKey, dict[int, Evidence]]:
    """By campaign, what its ended attempts of each ordinal come to. Of no campaign, and so of single calls, nothing."""
    found: dict[CampaignKey, dict[int, Evidence]] = {key: {} for key in campaigns}
    for row in await db.fetch(_SQL["evidence"], *columns(sorted(campaigns), width=2), _REACHED):
        cost = row["cost_micros"] if row["currencies"] <= 1 else None
        evidence = Evidence(row["attempts"], row["reached"], cost, row["currency"])
        found[row["workspace_no"], row["campaign_no"]][row["attempt"]] = evidence
    return found
