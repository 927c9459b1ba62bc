from tests.engine.invariants import check_all
from tests.world import NOON, drive, some_leads
from whenever import TimeDelta

from ringback.events import CampaignsFinished

DAY = TimeDelta(hours=24)
REDIALS = {"max_attempts": 5, "after": {"no-answer": ["1h"]}}


async def test_a_campaign_completes_when_its_last_call_is_final(make_world):
    """Once, and with the time of it."""
    world = await make_world(leads=3, retry=REDIALS)
    await drive(await world.engine(), world.clock, NOON + DAY)
    assert await world.status() == "completed"
    assert [event for event in world.events if isinstance(event, CampaignsFinished)] == [CampaignsFinished(1)]
    last = max(row["ended_at"] for row in await world.attempts())
    assert await world.value("SELECT finished_at FROM campaigns") >= last
    await check_all(world)


async def test_leads_added_to_a_completed_campaign_are_dialled(make_world):
    """It runs again, and completes again."""
    world = await make_world(leads=2)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    assert await world.status() == "completed"
    await world.add_leads(some_leads(3, first=1))
    assert await world.status() == "running"
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    await drive(engine, world.clock, NOON + DAY)
    assert (len(world.dials()), await world.status()) == (4, "completed")
    await check_all(world)


async def test_at_its_end_a_campaign_stops_redialling(make_world):
    """What waits expires, and nothing is dialled at or after the end."""
    world = await make_world(leads=4, retry=REDIALS, ends_at=NOON + TimeDelta(minutes=90))
    await drive(await world.engine(), world.clock, NOON + DAY)
    assert len(world.dials()) == 8
    assert {(c["final_status"], c["final_reason"]) for c in await world.calls()} == {("expired", "expired")}
    assert await world.status() == "completed"
    await check_all(world)


async def test_the_end_may_be_brought_forward(make_world):
    """Redials that were decided before wait no longer."""
    world = await make_world(leads=4, retry=REDIALS)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + TimeDelta(minutes=10))
    await world.value("UPDATE campaigns SET ends_at = $1", world.clock.now())
    assert await engine.finisher.run_once() == 5
    assert {c["final_status"] for c in await world.calls()} == {"expired"}
    assert await world.status() == "completed"
    await check_all(world)


async def test_a_paused_campaign_that_is_over_expires_and_stays_paused(make_world):
    """Its owner said pause, and its end came."""
    world = await make_world(leads=2, ends_at=NOON + TimeDelta(hours=1))
    await world.act("pause")
    await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=1))
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await drive(world.engines[0], world.clock, NOON + DAY)
    assert {c["final_status"] for c in await world.calls()} == {"expired"}
    assert await world.status() == "paused"


async def test_a_node_without_a_lease_finishes_nothing(make_world):
    """Its clock may be anything."""
    world = await make_world(leads=1, ends_at=NOON)
    engine = await world.engine()
    assert await engine.finisher.run_once() == 0
    assert len(await world.queue()) + len(await world.calls()) >= 1


async def test_a_call_left_in_a_campaign_cancelled_long_ago_ends_with_the_next_node(make_world):
    """It came back while the campaign was cancelled, and every node was down for the hours after that."""
    world = await make_world(leads=1)
    await world.value("UPDATE campaigns SET status = 'cancelled', finished_at = $1", NOON - DAY)
    engine = await world.engine()
    await engine.node.lease.run_once()
    assert await engine.finisher.run_once() == 1
    assert [call["final_status"] for call in await world.calls()] == ["cancelled"]
    assert await world.queue() == []
