"""Caller pools for the campaigns of a world."""

from collections.abc import Sequence

from tests.world import NOON, World

from ringback.domain.callers import CoolDown
from ringback.store.caller_pools import PoolPlan, create_pool, pool_campaign, set_numbers

NUMBERS = ("+14155550100", "+12125550100", "+442071838750")


async def a_pool(
    world: World,
    numbers: Sequence[str] = NUMBERS,
    *,
    cool_down: CoolDown | None = None,
    caps: Sequence[int | None] = (),
) -> int:
    """A pool from which the world's campaign is dialled; returns its number.

    Args:
        world: where.
        numbers: of the pool.
        cool_down: when they rest.
        caps: calls at a time of each of the numbers.
    """
    async with world.database.transaction() as db:
        pool_no = await create_pool(
            db, world.workspace_no, world.ids.new(NOON), PoolPlan("pool", True, cool_down), NOON
        )
        await set_numbers(db, (world.workspace_no, pool_no), numbers, world.ids, NOON)
        await pool_campaign(db, world.workspace_no, world.campaign.campaign_id, pool_no)
    for number, cap in zip(numbers, caps, strict=False):
        await world.value(
            "UPDATE limits SET max_concurrent_calls = $2 WHERE kind = 'caller' AND ref_no = "
            "(SELECT caller_no FROM caller_numbers WHERE number = $1)",
            number,
            cap,
        )
    return pool_no
