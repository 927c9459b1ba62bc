"""Stages for plans of a test's world."""

from ringback.domain.plan import Order
from ringback.planning.foresee import foresee, read_plan
from ringback.planning.told import show_plan
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.campaigns import find_campaign
from ringback.store.explain import reading_much
from ringback.wiring import longest_of


async def staged(world, days=6, seed=1, **order):
    """What a plan of this world goes by."""
    async with reading_much(world.database) as db:
        campaign = await find_campaign(db, world.workspace_no, world.campaign.campaign_id)
        wanted = Order(world.workspace_no, campaign.campaign_id, world.clock.now().format_iso(), days, seed, **order)
        return await read_plan(db, campaign, wanted, Shelf(), longest_of(Sealer(world.folder, None)))


async def planned(world, runs=3, **order):
    """A plan of this world as it is answered."""
    stage, answers = await staged(world, **order)
    async with world.database.connection() as db:
        campaign = await find_campaign(db, world.workspace_no, world.campaign.campaign_id)
    return show_plan(campaign, foresee(stage, answers, runs))
