"""Calls that are over, as no engine has dialled them: each instant and outcome is the test's own."""

from itertools import pairwise
from uuid import UUID

from tests.world import NOON, World
from whenever import Instant, TimeDelta

from ringback.domain.outcome import MEANINGS, AnsweredBy, EndReason
from ringback.domain.retry import RetryAt
from ringback.domain.waits import show_duration
from ringback.store.zones import zone_set_numbers

Dial = tuple[Instant, EndReason, int]
"""When it was placed, how it ended, and after how many seconds connected."""

PICKED_UP = {EndReason.USER_DISCONNECTED, EndReason.AGENT_DISCONNECTED, EndReason.VOICEMAIL_DETECTED}
RING_SEC = 20


def ends(dial: Dial) -> Instant:
    """When a dial is over."""
    return dial[0] + TimeDelta(seconds=RING_SEC + dial[2])


async def add_call(
    world: World,
    dials: list[Dial],
    *,
    to_number: str | None = None,
    zone: str = "UTC",
    single: bool = False,
    from_number: str | None = "+14155550100",
    policy_version: int = 1,
    currency: str = "USD",
    stop: str = "attempts_exhausted",
) -> UUID:
    """A call of the world's campaign, or of none, with these attempts; each costs 1,000 micros. Returns its id."""
    made = world.ids.new(dials[0][0])
    async with world.database.connection() as db:
        zones = (await zone_set_numbers(db, [(zone,)]))[(zone,)]
        there = await db.fetchval("SELECT count(*) FROM calls")
        number = to_number or f"+1415555{there:04}"
        campaign_no = 0 if single else world.campaign.campaign_no
        reached = MEANINGS[dials[-1][1]].reached
        final = (str(MEANINGS[dials[-1][1]].status), "reached" if reached else stop)
        await db.execute(
            """INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, retry,
                created_at, final_status, final_reason, finished_at)
            VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $3 = 0 THEN '{}'::jsonb END, $7, $8, $9, $10)""",
            *(world.workspace_no, made, campaign_no, world.trunk_no if single else 0, number, zones, dials[0][0]),
            *final,
            ends(dials[-1]),
        )
        following: list[Dial | None] = [*(after for _, after in pairwise(dials)), None]
        for n, (dial, after) in enumerate(zip(dials, following, strict=True), 1):
            retry = None if after is None else _decision(dial, after)
            await db.execute(
                """INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no,
                    policy_version, from_number, status, intent_at, called_at, ended_at, end_reason, duration_sec,
                    billed_sec, cost_micros, currency, answered_by, retry_at, retry_rule, stop_reason)
                VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $10, $11, $12, $13, $13, 1000, $14, $15, $16, $17,
                    $18)""",
                *(world.workspace_no, made, n, world.ids.new(dial[0]), campaign_no, world.trunk_no, policy_version),
                *(from_number, str(MEANINGS[dial[1]].status), dial[0], ends(dial), str(dial[1]), dial[2], currency),
                str(AnsweredBy.HUMAN) if dial[1] in PICKED_UP else None,
                retry and retry.at,
                retry and retry.rule,
                None if retry else final[1],
            )
    return made


def _decision(dial: Dial, after: Dial) -> RetryAt:
    wait = round((after[0] - ends(dial)).total("seconds"))
    return RetryAt(after[0], f"{MEANINGS[dial[1]].retry_key}: {show_duration(wait)}")


def at(hour: float, day: int = 2) -> Instant:
    """An hour of a day of March 2026, in UTC; the 2nd, that of NOON, is a Monday."""
    return NOON.subtract(hours=12) + TimeDelta(hours=24 * (day - 2) + hour)
