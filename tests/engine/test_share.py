"""Who gets the next slot: redials and first dials, campaigns by weight, workspaces apart."""

import pytest
from tests.engine.duties import (
    MOMENT,
    another_campaign,
    another_workspace,
    begun,
    dial,
    end,
    make_redials,
    ordinals,
    up_by_campaign,
    work,
)
from tests.world import NOON
from whenever import TimeDelta

TWICE = {"max_attempts": 3, "after": {"busy": ["1h"]}}


async def both_due(make_world, count=20):
    """A world in which so many redials are due, and as many first dials."""
    world = await make_world(leads=count * 2, retry=TWICE)
    await make_redials(world, count)
    return world


@pytest.mark.parametrize("batch", [1, 4, 7])
async def test_redials_and_first_dials_share_each_batch_by_half(make_world, batch):
    """Over several claims, down to one dial at a time; neither waits for the other to be done."""
    world = await both_due(make_world)
    engine = await begun(world, claim_batch=batch)
    while await dial(engine) < 16:
        pass
    taken = ordinals(await world.attempts())
    assert abs(taken.count(1) - taken.count(2)) <= 1


@pytest.mark.parametrize(("share", "redials"), [(0.0, 0), (0.25, 5), (0.75, 15), (1.0, 20)])
async def test_the_share_of_redials_is_the_campaigns_own(make_world, share, redials):
    """Of twenty dials, while there are both kinds."""
    world = await both_due(make_world)
    await world.value("UPDATE campaigns SET retry_share = $1", share)
    engine = await begun(world, claim_batch=5)
    while await dial(engine) < 20:
        pass
    assert ordinals(await world.attempts()).count(2) == redials


@pytest.mark.parametrize("share", [0.0, 1.0])
async def test_a_kind_that_is_alone_has_all(make_world, share):
    """Whatever the share of the other one is."""
    world = await both_due(make_world, 6)
    await world.value("UPDATE campaigns SET retry_share = $1", share)
    engine = await begun(world, claim_batch=5)
    for _ in range(4):
        await dial(engine)
    taken = ordinals(await world.attempts())
    assert (taken.count(1), taken.count(2)) == (6, 6)


async def test_campaigns_share_their_workspaces_slots_by_weight(make_world):
    """Three to one of eight; and so it stays as calls end, whichever they are."""
    world = await make_world(leads=60, retry=TWICE, caps=(8, None, None))
    heavy = await another_campaign(world, 60, weight=3)
    engine = await begun(world)
    shares = {world.campaign.campaign_no: 2, heavy.campaign.campaign_no: 6}
    await dial(engine)
    assert await up_by_campaign(world) == shares
    for _ in range(4):
        await end(engine, 3)
        await work(world, engine)
        assert await up_by_campaign(world) == shares


async def test_two_nodes_share_by_weight_as_one_does(make_world):
    """Each goes by what it has up itself."""
    world = await make_world(leads=60, retry=TWICE, caps=(16, None, None))
    heavy = await another_campaign(world, 60, weight=3)
    one, other = await begun(world, "one"), await begun(world, "two")
    await work(world, one, other, rounds=2)
    await end(one)
    await work(world, one, other, rounds=4)
    assert await up_by_campaign(world) == {world.campaign.campaign_no: 4, heavy.campaign.campaign_no: 12}


async def test_a_large_campaign_does_not_starve_a_small_one(make_world):
    """It came first and has all the slots; each that is freed goes to the small one until that has its share."""
    world = await make_world(leads=80, retry=TWICE, caps=(4, None, None))
    engine = await begun(world)
    assert await dial(engine) == 4
    small = await another_campaign(world, 3)
    await end(engine, 2)
    await work(world, engine)
    assert await up_by_campaign(world) == {world.campaign.campaign_no: 2, small.campaign.campaign_no: 2}


async def test_what_a_small_campaign_leaves_is_the_large_ones(make_world):
    """A share is no reservation."""
    world = await make_world(leads=80, retry=TWICE, caps=(6, None, None))
    small = await another_campaign(world, 1)
    engine = await begun(world)
    for _ in range(2):
        await dial(engine)
    assert await up_by_campaign(world) == {world.campaign.campaign_no: 5, small.campaign.campaign_no: 1}


async def test_another_workspace_is_not_affected(make_world):
    """One whose cap is used up by a long queue, and whose trunk is slow, holds up nobody else."""
    world = await make_world(leads=80, retry=TWICE, caps=(2, None, None), dials_per_sec=0.1)
    other = await another_workspace(world, 9, cap=7)
    engine = await begun(world)
    await dial(engine)
    assert (await up_by_campaign(world))[other.campaign.campaign_no] == 7
    await end(engine)
    world.clock.advance_to(NOON + TimeDelta(seconds=5))
    await work(world, engine)
    live = await up_by_campaign(world)
    assert live[other.campaign.campaign_no] == 2


async def test_a_lane_that_waits_for_its_pace_does_not_hold_up_another(make_world):
    """In the same workspace, under the same cap."""
    world = await make_world(leads=20, retry=TWICE, caps=(10, None, None))
    slow = await another_campaign(world, 20)
    await world.value(
        "UPDATE limits SET dials_per_sec = 0.5 WHERE kind = 'campaign' AND ref_no = $1", slow.campaign.campaign_no
    )
    engine = await begun(world)
    await dial(engine)
    world.clock.advance_to(world.clock.now() + MOMENT)
    await dial(engine)
    assert await up_by_campaign(world) == {world.campaign.campaign_no: 9, slow.campaign.campaign_no: 1}
