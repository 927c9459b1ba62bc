"""What an owner says holds from then on, on every node, whatever is under way."""

import asyncio

import pytest
from tests.engine.carriers import Puppet
from tests.engine.duties import another_campaign, begun, dial, end, puppet_of
from tests.world import NOON, single_connection
from whenever import TimeDelta

from ringback.carriers.carrier import Answered, Ringing
from ringback.domain.campaign import CampaignAction
from ringback.domain.outcome import EndReason
from ringback.events import HungUp
from ringback.store.campaign_status import act

RACING = 6
TWICE = {"max_attempts": 3, "after": {"busy": ["1h"], "no-answer": ["1h"]}}


async def test_a_pause_is_exact(make_world):
    """Six nodes claim all the time; once the pause has returned, not one more intent is committed."""
    world = await make_world(leads=1000)
    nodes = [await begun(world, f"n{n}", database=await single_connection(world), claim_batch=1) for n in range(RACING)]
    seen = []
    for _ in range(5):
        racing, over = asyncio.Event(), asyncio.Event()

        async def claims(engine, racing=racing, over=over):
            while not over.is_set():
                if await engine.dialler.run_once():
                    racing.set()
                else:
                    await asyncio.to_thread(int)

        tasks = [asyncio.create_task(claims(engine)) for engine in nodes]
        await racing.wait()
        await world.act("pause")
        count = len(await world.attempts())
        over.set()
        await asyncio.gather(*tasks)
        assert [await engine.dialler.run_once() for engine in nodes] == [0] * RACING
        assert len(await world.attempts()) == count
        seen.append(count)
        await world.act("resume")
    assert sorted(set(seen)) == seen


async def test_a_pause_waits_for_a_claim_that_has_begun(make_world):
    """What that claims is there when the pause returns, and counts as up."""
    world = await make_world(leads=4)
    engine = await begun(world)
    claiming = asyncio.create_task(engine.dialler.run_once())
    pausing = asyncio.create_task(world.act("pause"))
    await pausing
    count = len(await world.attempts())
    await claiming
    assert len(await world.attempts()) == count
    assert count in {0, 4}


@pytest.mark.parametrize(("waits_sec", "claimed"), [(2, 4), (60, 0)])
async def test_a_claim_that_waits_for_the_owner_goes_by_the_time_at_which_it_goes_on(make_world, waits_sec, claimed):
    """Its intents bear no time at which the campaign was paused; where the lease ran out meanwhile there are none."""
    world = await make_world(leads=4)
    engine = await begun(world, lease_sec=30)
    owner = await single_connection(world)
    async with owner.transaction() as db:
        await db.execute("UPDATE campaigns SET status = 'paused'")
        claiming = asyncio.create_task(engine.dialler.run_once())
        while not await world.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not claiming.done()
        world.clock.advance_to(NOON + TimeDelta(seconds=waits_sec))
        await db.execute("UPDATE campaigns SET status = 'running'")
    assert await claiming == claimed
    resumed_at = NOON + TimeDelta(seconds=waits_sec)
    assert [row["intent_at"] for row in await world.attempts()] == [resumed_at] * claimed


async def test_other_campaigns_go_on_beside_one_that_is_paused(make_world):
    """A claim takes what is left."""
    world = await make_world(leads=4)
    other = await another_campaign(world, 3)
    await world.act("pause")
    engine = await begun(world)
    assert await dial(engine) == 3
    assert {row["campaign_no"] for row in await world.attempts()} == {other.campaign.campaign_no}


async def test_a_cap_that_is_changed_holds_from_the_next_claim_on(make_world):
    """Raised, and then lowered."""
    world = await make_world(leads=20, retry=TWICE, caps=(None, 2, None))
    engine = await begun(world)
    set_cap = "UPDATE limits SET max_concurrent_calls = $1 WHERE kind = 'campaign'"
    assert await dial(engine) == 2
    await world.value(set_cap, 5)
    assert await dial(engine) == 5
    await world.value(set_cap, 3)
    await end(engine, 2)
    assert await dial(engine) == 3
    await world.value(set_cap, None)
    assert await dial(engine) == 18


async def test_a_pace_that_is_set_holds_from_the_next_claim_on(make_world):
    """All of what it was without one is placed; of the rest, one a second."""
    world = await make_world(leads=20)
    engine = await begun(world, claim_batch=5)
    assert await dial(engine) == 5
    await world.value("UPDATE limits SET dials_per_sec = 1 WHERE kind = 'trunk'")
    assert [await dial(engine) for _ in range(3)] == [6, 6, 6]


async def cancel(world, *, hang_up):
    """As the campaign's owner; returns what is left."""
    campaign = world.campaign
    return await act(world.database, campaign, CampaignAction.CANCEL, world.clock.now(), hang_up=hang_up)


async def ringing_and_talking(world):
    """A node with three calls: one was asked for, one rings, one talks; one more waits."""
    engine = await begun(world)
    await world.value("UPDATE limits SET max_concurrent_calls = 3 WHERE kind = 'campaign'")
    assert await dial(engine) == 3
    asked, rings, talks = engine.node.hand.live
    now = world.clock.now()
    for event in (Ringing(rings, now), Ringing(talks, now), Answered(talks, now)):
        engine.node.hand.hear(event)
    await engine.settler.run_once()
    return engine, asked, rings, talks


async def test_a_cancellation_hangs_up_what_rings_when_it_is_asked_to(make_world):
    """Who talks goes on talking; who waits is not dialled; and nobody is redialled."""
    world = await make_world(leads=4, retry=TWICE)
    engine, asked, rings, talks = await ringing_and_talking(world)
    left = await cancel(world, hang_up=True)
    assert (left.queued, left.live, left.cancelled) == (0, 3, 1)
    await engine.placer.hang_up_cancelled()
    assert puppet_of(engine).hung_up == [asked, rings]
    assert HungUp(2) in world.events
    await end(engine, 2, EndReason.CANCELLED_BY_OPERATOR)
    await engine.placer.hang_up_cancelled()
    assert len(puppet_of(engine).hung_up) == 2
    assert list(engine.node.hand.live) == [talks]
    await end(engine)
    assert (await world.queue(), {row["stop_reason"] for row in await world.attempts()}) == ([], {"cancelled"})
    assert {call["final_status"] for call in await world.calls()} == {"cancelled"}


async def test_who_answers_while_the_cancellation_is_looked_up_is_not_hung_up_on(make_world):
    """What rings is hung up, by what it is at the moment."""
    world = await make_world(leads=4)
    engine, asked, rings, _ = await ringing_and_talking(world)
    await cancel(world, hang_up=True)
    slow = await single_connection(world)
    async with slow.transaction() as db:
        await db.execute("LOCK campaigns")
        hanging_up = asyncio.create_task(engine.placer.hang_up_cancelled())
        while not await world.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not hanging_up.done()
        engine.node.hand.hear(Answered(rings, world.clock.now()))
    await hanging_up
    assert puppet_of(engine).hung_up == [asked]


async def test_a_cancellation_lets_all_calls_end_by_themselves_otherwise(make_world):
    """No carrier is asked to do anything."""
    world = await make_world(leads=4, retry=TWICE)
    engine, *_ = await ringing_and_talking(world)
    await cancel(world, hang_up=False)
    await engine.placer.hang_up_cancelled()
    assert puppet_of(engine).hung_up == []


async def test_every_node_hangs_up_its_own(make_world):
    """Whoever placed a call is the one that can end it; another campaign's calls are left alone."""
    world = await make_world(leads=4, retry=TWICE)
    nodes = [await begun(world, name, claim_batch=2) for name in ("one", "two")]
    assert [await dial(engine) for engine in nodes] == [2, 2]
    await another_campaign(world, 2)
    await dial(nodes[0])
    await cancel(world, hang_up=True)
    for engine in nodes:
        await engine.placer.hang_up_cancelled()
    hung_up = [attempt for engine in nodes for attempt in puppet_of(engine).hung_up]
    mine = {r["attempt_id"] for r in await world.attempts() if r["campaign_no"] == world.campaign.campaign_no}
    assert set(hung_up) == mine
    assert len(hung_up) == 4


async def test_an_intent_of_a_cancelled_campaign_that_is_not_placed_yet_is_placed_and_hung_up(make_world):
    """It was claimed before the cancellation; from the next look on nothing of it rings."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await engine.dialler.run_once()
    await cancel(world, hang_up=True)
    await engine.placer.hang_up_cancelled()
    await engine.placer.run_once()
    await engine.placer.hang_up_cancelled()
    puppet = puppet_of(engine)
    assert isinstance(puppet, Puppet)
    assert puppet.hung_up == [dialled.attempt_id for dialled in puppet.placed]


async def test_what_comes_back_into_the_queue_during_a_cancellation_does_not_stay(make_world):
    """A settlement that began before it ended decided on a redial; the finish duty takes it away."""
    world = await make_world(leads=2, retry=TWICE)
    engine = await begun(world)
    assert await dial(engine) == 2
    async with world.database.transaction() as db:
        await db.execute("UPDATE campaigns SET status = 'cancelled', finished_at = $1", world.clock.now())
        await end(engine)
    assert len(await world.queue()) == 2
    assert await dial(engine) == 0
    world.clock.advance_to(NOON + TimeDelta(seconds=1))
    assert await engine.finisher.run_once() == 2
    assert await world.queue() == []
    assert {(c["final_status"], c["final_reason"]) for c in await world.calls()} == {("cancelled", "cancelled")}
    assert await world.status() == "cancelled"
