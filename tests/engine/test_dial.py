import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.duties import begun, dial
from tests.engine.invariants import check_all, most_at_once, most_in_a_second
from tests.rows import second_campaign, single_call
from tests.world import NOBODY_ANSWERS, NOON, a_lead, drive, some_leads
from whenever import Instant, TimeDelta

from ringback.domain.hours import every_day
from ringback.engine.dial import LOOK_AGAIN
from ringback.engine.virtual import run_virtual
from ringback.events import Claimed

MORNING = every_day(9 * 60, 12 * 60)
DAY = TimeDelta(hours=24)


def nothing(_):
    """Nobody looks at the time."""


@pytest.mark.parametrize("rate", [0.5, 1.0, 7.0, 40.0])
@pytest.mark.parametrize("tick_ms", [10, 1000])
async def test_no_second_has_more_dials_than_the_trunks_pace(make_world, rate, tick_ms):
    """In whichever second one counts, and however coarse the clock is."""
    world = await make_world(leads=60, dials_per_sec=rate)
    await run_virtual(await world.engine(), world.clock, NOON + DAY, nothing, TimeDelta(milliseconds=tick_ms))
    dials = world.dials()
    assert len(dials) == 60
    assert most_in_a_second(dials) <= max(rate, 1)
    await check_all(world)


async def test_a_pace_is_kept_up(make_world):
    """Forty a second for sixty dials is a second and a half, not more."""
    world = await make_world(leads=60, dials_per_sec=40)
    await run_virtual(await world.engine(), world.clock, NOON + DAY, nothing, TimeDelta(milliseconds=5))
    times = [Instant.parse_iso(dial["at"]) for dial in world.dials()]
    assert (max(times) - min(times)).total("seconds") < 1.6


async def test_a_node_that_was_held_up_does_not_catch_up_in_a_burst(make_world):
    """Dials that it had claimed ahead go at the pace too, together with those that it claims now."""
    world = await make_world(leads=120, dials_per_sec=40)
    engine = await world.engine()
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    world.clock.advance_to(NOON + TimeDelta(seconds=3))
    await run_virtual(engine, world.clock, NOON + DAY, nothing, TimeDelta(milliseconds=10))
    assert len(world.dials()) == 120
    assert most_in_a_second(world.dials()) <= 40


async def test_two_nodes_share_a_pace(make_world):
    """It is the trunk's, not the node's."""
    world = await make_world(leads=40, dials_per_sec=20)
    one, two = await world.engine("one"), await world.engine("two")
    for engine in (one, two):
        await engine.node.lease.run_once()
    while len(world.dials()) < 40:
        for engine in (one, two):
            await engine.dialler.run_once()
            await engine.placer.run_once()
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=20))
    assert most_in_a_second(world.dials()) <= 20


async def test_a_slow_limit_makes_no_burst_under_a_fast_one(make_world):
    """A dial that its workspace's pace holds up takes its turn in the trunk's as well."""
    world = await make_world(leads=40, dials_per_sec=30)
    await world.value("UPDATE limits SET dials_per_sec = 11 WHERE kind = 'workspace'")
    await run_virtual(await world.engine(), world.clock, NOON + DAY, nothing, TimeDelta(milliseconds=10))
    assert most_in_a_second(world.dials()) <= 11


@pytest.mark.parametrize("caps", [(3, None, None), (None, 3, None), (None, None, 3), (5, 4, 2)])
async def test_no_cap_is_exceeded(make_world, caps):
    """Of the workspace, the campaign or the trunk, from the intent to the end of each attempt."""
    world = await make_world(leads=20, caps=caps, retry={"max_attempts": 2, "after": {"no-answer": ["1m"]}})
    await run_virtual(await world.engine(claim_batch=7), world.clock, NOON + DAY, nothing)
    assert len(world.dials()) == 40
    assert await most_at_once(world) == min(cap for cap in caps if cap)
    await check_all(world)


async def test_a_limit_without_a_row_allows_nothing(make_world):
    """What is missing is no leave to dial."""
    world = await make_world(leads=2)
    await world.value("DELETE FROM limits WHERE kind = 'campaign'")
    await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=1))
    assert world.dials() == []
    assert len(await world.queue()) == 2


async def test_a_cap_of_nothing_makes_calls_wait(make_world):
    """And the same calls go once there is room."""
    world = await make_world(leads=2, caps=(None, 0, None))
    engine = await world.engine()
    await drive(engine, world.clock, NOON + TimeDelta(minutes=1))
    assert world.dials() == []
    await world.value("UPDATE limits SET max_concurrent_calls = 2 WHERE kind = 'campaign'")
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 2


async def test_a_paused_campaign_has_no_new_intents(make_world):
    """Not one after the pause; those that were up end, and their redials wait."""
    world = await make_world(leads=9, caps=(None, 3, None), retry={"max_attempts": 2, "after": {"no-answer": ["1m"]}})
    engine = await world.engine()
    await drive(engine, world.clock, NOON + TimeDelta(seconds=10))
    await world.act("pause")
    paused = await world.attempts()
    await drive(engine, world.clock, NOON + TimeDelta(hours=1))
    assert [row["attempt_id"] for row in await world.attempts()] == [row["attempt_id"] for row in paused]
    assert len(paused) < 9 == len(await world.queue())
    await world.act("resume")
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 18
    await check_all(world)


async def test_a_call_that_is_due_outside_its_window_is_put_off(make_world):
    """It was open when the dial was planned, and is shut now: the dial waits for the next morning."""
    world = await make_world(leads=3, window=MORNING, started=False)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await world.value("UPDATE queue SET due_at = $1", NOON)
    await world.act("start")
    engine = await world.engine()
    await engine.node.lease.run_once()
    assert await engine.dialler.run_once() == 3
    assert Claimed(0, 3, 0) in world.events
    assert {row["due_at"] for row in await world.queue()} == {NOON + TimeDelta(hours=21)}
    await drive(engine, world.clock, NOON + DAY * 2)
    assert len(world.dials()) == 3
    await check_all(world)


async def test_each_lead_is_called_in_the_hours_of_its_own_day(make_world):
    """Leads of four continents, one window."""
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
    leads = [a_lead(n, zones=(zones[n % 4],)) for n in range(16)]
    policy = {"max_attempts": 3, "after": {"no-answer": ["5h"], "busy": ["3h"]}}
    world = await make_world(leads=leads, window=every_day(540, 1200), retry=policy)
    await run_virtual(await world.engine(), world.clock, NOON + DAY * 4, nothing)
    assert len(world.dials()) == 48
    await check_all(world)


async def test_a_call_that_has_no_time_left_expires(make_world):
    """Its policy's `expires_after` is over when its turn comes."""
    policy = {"max_attempts": 2, "after": {}, "expires_after": "1h"}
    world = await make_world(leads=2, retry=policy, started=False)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await world.act("start")
    await drive(await world.engine(), world.clock, NOON + DAY)
    calls = await world.calls()
    assert {(c["final_status"], c["final_reason"], c["finished_at"]) for c in calls} == {
        ("expired", "expired", NOON + TimeDelta(hours=1))
    }
    assert world.dials() == []
    assert await world.status() == "completed"


async def test_a_campaign_waits_for_its_beginning(make_world):
    """The clock is moved to it, and no further."""
    begins = NOON + TimeDelta(hours=3)
    world = await make_world(leads=1, starts_at=begins)
    engine = await world.engine()
    await drive(engine, world.clock, begins)
    assert world.dials() == []
    await drive(engine, world.clock, NOON + DAY)
    assert [Instant.parse_iso(dial["at"]) for dial in world.dials()] == [begins]


async def test_a_beginning_that_was_put_off_is_waited_for(make_world):
    """The dials were planned for an earlier one."""
    begins = NOON + TimeDelta(hours=3)
    world = await make_world(leads=1)
    await world.value("UPDATE campaigns SET starts_at = $1", begins)
    await run_virtual(await world.engine(), world.clock, NOON + DAY, nothing)
    assert [Instant.parse_iso(dial["at"]) for dial in world.dials()] == [begins]


async def test_a_long_queue_does_not_starve_a_short_one(make_world):
    """Campaigns take turns at the trunk that they share."""
    world = await make_world(leads=30, caps=(None, None, 2))
    second = await second_campaign(world)
    moved = "UPDATE {} SET campaign_no = $1 WHERE call_id IN (SELECT call_id FROM calls ORDER BY call_id DESC LIMIT 2)"
    await world.value(moved.format("queue"), second)
    await world.value(moved.format("calls"), second)
    engine = await world.engine()
    world.clock.advance_to(NOON + TimeDelta(seconds=1))
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    assert {row["campaign_no"] for row in await world.attempts()} == {world.campaign.campaign_no, second}


async def test_a_trunk_that_cannot_be_used_holds_up_no_other(make_world):
    """Its calls wait, none of them is claimed, and the events say why."""
    world = await make_world(leads=2, simulator={**NOBODY_ANSWERS, "speed": 1.0})
    await world.value("UPDATE trunks SET kind = 'pigeon'")
    await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=1))
    assert (await world.attempts(), len(await world.queue())) == ([], 2)
    assert "pigeon" in str(world.events)


async def test_a_node_without_a_lease_claims_nothing(make_world):
    """It has none before its first heartbeat, and none after its last one ran out."""
    world = await make_world(leads=2)
    engine = await world.engine(lease_sec=10)
    assert await engine.dialler.run_once() == 0
    await engine.node.lease.run_once()
    world.clock.advance_to(NOON + TimeDelta(seconds=10))
    assert await engine.dialler.run_once() == 0
    assert await world.attempts() == []


async def test_single_calls_are_dialled_beside_a_campaign(make_world):
    """They wait in a lane of their trunk, at any hour, under their own policy."""
    world = await make_world(leads=some_leads(2), window=MORNING)
    await single_call(world)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + TimeDelta(hours=1))
    assert [dial["to_number"] for dial in world.dials()] == ["+14155550999"] * 2
    assert [row["attempt"] for row in await world.attempts()] == [1, 2]
    assert [c["final_reason"] for c in await world.calls() if c["campaign_no"] == 0] == ["attempts_exhausted"]


async def test_a_trunk_that_takes_a_few_dials_at_a_time_is_asked_again_soon(make_world):
    """It tells nobody when it takes more, and what is claimed beyond that would wait after its intent."""
    world = await make_world(leads=5)
    engine = await begun(world, puppet=False)
    use(engine, Puppet(world.clock)).slots = 2
    assert await dial(engine) == 2
    assert engine.dialler.next_due == world.clock.now() + LOOK_AGAIN
    world.clock.advance_to(engine.dialler.next_due)
    assert await dial(engine) == 4
