from tests.engine.duties import begun

from ringback.engine.packs import RulePacks
from ringback.engine.plan import KEPT, Plans
from ringback.rules.shelf import Shelf
from ringback.store import queue


async def test_campaigns_of_long_ago_are_forgotten(make_world):
    """A node that runs for months keeps the rules of the campaigns that it dials, and not those of all that it did."""
    world = await make_world(leads=1)
    engine = await begun(world)
    async with engine.node.database.connection() as db:
        lanes = [(queue.LaneKey(world.workspace_no, world.campaign.campaign_no, 0, 0), world.trunk_no)]
        [row] = await queue.lanes_now(db, lanes, engine.node.lease.node_no, world.clock.now())
    plans = Plans(RulePacks(Shelf(), world.hear))
    for number in range(KEPT + 10):
        plans.refresh([{**row, "campaign_no": number + 1}], world.clock.now())
    assert len(plans) <= KEPT
    assert plans.refresh([row], world.clock.now()) == [row]
