"""What a campaign is planned by: its leads, what stands above it, and how attempts ended before."""

from typing import NamedTuple

from whenever import Instant

from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("planning")

SLICES = 65_536

MOST_ORDINAL = 6
"""Later attempts are too few to be told apart."""


class Counts(NamedTuple):
    """The leads of a campaign: all, those that are not over, those that were reached."""

    leads: int
    open: int
    reached: int


class Surroundings(NamedTuple):
    """What stands above a campaign, or takes slots beside it.

    Attributes:
        contact_rules: JSON, None for none.
        list_version: of the do-not-call list, 0 where it never had an entry.
        asks_first: whether the workspace is asked before each dial.
        other_campaigns: of the workspace that run.
    """

    contact_rules: str | None
    list_version: int
    asks_first: bool
    other_campaigns: int


class Outcomes(NamedTuple):
    """How attempts of the same ordinal, placed in the same hour of the lead's day, ended.

    Attributes:
        attempt: the ordinal; the last one stands for all that follow.
        hour: 0 to 23.
        end_reason: how they ended.
        attempts: how many.
        talk_sec: seconds connected, in all.
        ring_sec: seconds of ringing, in all.
    """

    attempt: int
    hour: int
    end_reason: str
    attempts: int
    talk_sec: int
    ring_sec: int


async def read_leads(db: Connection, workspace_no: int, campaign_no: int, most: int, of: int) -> list[Record]:
    """The leads that wait or are up, or about `most` of them, drawn evenly and always the same.

    Args:
        db: a connection, in a transaction that may read much.
        workspace_no: the tenant.
        campaign_no: which.
        most: so many at most, but for chance.
        of: how many there are.
    """
    slices = min(SLICES, most * SLICES // max(of, 1))
    return list(await db.fetch(_SQL["campaign_leads"], workspace_no, campaign_no, max(slices, 1)))


async def read_counts(db: Connection, workspace_no: int, campaign_no: int) -> Counts:
    """How many leads a campaign has."""
    return Counts(*await db.fetchrow(_SQL["count_campaign"], workspace_no, campaign_no))


async def read_surroundings(db: Connection, workspace_no: int, campaign_no: int) -> Surroundings:
    """What stands above a campaign, or takes slots beside it."""
    return Surroundings(*await db.fetchrow(_SQL["surroundings"], workspace_no, campaign_no))


async def read_outcomes(db: Connection, workspace_no: int, begins: Instant, ends: Instant) -> list[Outcomes]:
    """How the attempts of a workspace ended that were made in a span; those that an operator cut short tell nothing."""
    return [Outcomes(*row) for row in await db.fetch(_SQL["outcomes"], workspace_no, begins, ends, MOST_ORDINAL)]
