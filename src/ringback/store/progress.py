"""How far a campaign has come: counts of its calls, and the sums that were kept as its attempts ended."""

from dataclasses import dataclass

from ringback.store.campaigns import CampaignRow
from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("progress")


@dataclass(frozen=True, slots=True)
class Counts:
    """A campaign at one instant.

    Attributes:
        calls: numbers of calls by (final_status, final_reason); both are None for those that are not over.
        queued: calls that wait for their first dial.
        scheduled: calls that wait for another one.
        live: calls that are up.
        tallies: the sums of ended attempts by day, attempt, end_reason and currency.
    """

    calls: dict[tuple[str | None, str | None], int]
    queued: int
    scheduled: int
    live: int
    tallies: list[Record]


async def read_progress(db: Connection, campaign: CampaignRow) -> Counts:
    """All counts of the same instant, so that they add up while calls are on their way."""
    key = (campaign.workspace_no, campaign.campaign_no)
    async with db.transaction(isolation="repeatable_read", readonly=True):
        calls = await db.fetch(_SQL["count_leads"], *key)
        waiting = await db.fetchrow(_SQL["count_waiting"], *key)
        live = await db.fetchval(_SQL["count_live"], *key)
        tallies = await db.fetch(_SQL["tallies"], *key)
    return Counts(
        {(row["final_status"], row["final_reason"]): row["calls"] for row in calls},
        waiting["queued"],
        waiting["scheduled"],
        live,
        list(tallies),
    )
