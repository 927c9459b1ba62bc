"""What a campaign's report shows beyond its progress."""

from uuid import UUID

from ringback.store.campaigns import CampaignRow
from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("report")

SAMPLES = ("reached_late", "never_reached", "busy_then_reached")
"""The stories that a report tells by a call each."""


async def outcomes_by_local_hour(db: Connection, campaign: CampaignRow) -> list[Record]:
    """Ended attempts by the hour of the lead's own day, status and who answered."""
    return list(await db.fetch(_SQL["outcomes_by_local_hour"], campaign.workspace_no, campaign.campaign_no))


async def find_samples(db: Connection, campaign: CampaignRow) -> dict[str, UUID]:
    """A call for each story of which the campaign has one."""
    key = (campaign.workspace_no, campaign.campaign_no)
    found = {story: await db.fetchval(_SQL[story], *key) for story in SAMPLES}
    return {story: call_id for story, call_id in found.items() if call_id is not None}
