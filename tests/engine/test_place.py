from dataclasses import replace

import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.invariants import check_all
from tests.world import NOON, drive
from whenever import TimeDelta

from ringback.carriers.carrier import Ended, NeverPlaced, Over, StillUp, Unknown
from ringback.domain.hours import every_day
from ringback.domain.outcome import EndReason
from ringback.errors import CarrierError, CarrierUnavailable, DatabaseUnavailable
from ringback.events import LeaseLost, Withdrawn

DAY = TimeDelta(hours=24)
LATER = NOON + TimeDelta(seconds=11)


async def claimed(world, count=1, name="a", **settings):
    """An engine that has claimed dials and placed none."""
    world.clock.advance_to(NOON + TimeDelta(milliseconds=1))  # all leads of an import are due by then
    engine = await world.engine(name, **settings)
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    assert len(engine.node.hand.live) == count
    return engine


async def test_an_intent_is_placed_once(make_world):
    """However often the duty runs."""
    world = await make_world(leads=3)
    engine = await claimed(world, 3)
    assert [await engine.placer.run_once() for _ in range(3)] == [3, 0, 0]
    assert len(world.dials()) == 3


async def test_an_intent_waits_for_its_instant(make_world):
    """The pace says when; a moment before, nothing is placed."""
    world = await make_world(leads=3, dials_per_sec=20)
    engine = await claimed(world, 3)
    start = world.clock.now()
    placed = []
    for milli in (0, 49, 50, 99, 100):
        world.clock.advance_to(start + TimeDelta(milliseconds=milli))
        await engine.placer.run_once()
        placed.append(len(world.dials()))
    assert placed == [1, 1, 2, 2, 3]


async def test_a_window_that_closes_after_the_claim_forbids_the_dial(make_world):
    """The intent is taken back, and the same dial is made the next morning."""
    world = await make_world(leads=1, window=every_day(540, 721))
    engine = await claimed(world)
    world.clock.advance_to(NOON + TimeDelta(minutes=1))
    await engine.placer.run_once()
    assert world.dials() == []
    assert (await world.attempts(), engine.node.hand.live) == ([], {})
    assert [row["attempt"] for row in await world.queue()] == [1]
    await drive(engine, world.clock, NOON + DAY)
    assert [dial["at"] for dial in world.dials()] == ["2026-03-03T09:00:00.000Z"]


async def test_a_campaign_that_ends_after_the_claim_is_not_dialled(make_world):
    """The intent is taken back, and the call is over."""
    world = await make_world(leads=1, ends_at=NOON + TimeDelta(seconds=5))
    engine = await claimed(world)
    world.clock.advance_to(NOON + TimeDelta(seconds=5))
    await drive(engine, world.clock, NOON + DAY)
    assert world.dials() == []
    assert [call["final_status"] for call in await world.calls()] == ["expired"]


async def test_a_node_that_was_frozen_past_its_lease_places_nothing(make_world):
    """What it had claimed waits again."""
    world = await make_world(leads=2)
    engine = await claimed(world, 2, lease_sec=10)
    world.clock.advance_to(LATER)
    await engine.placer.run_once()
    assert world.dials() == []
    assert len(await world.queue()) == 2
    assert any(isinstance(event, Withdrawn) and event.dials == 2 for event in world.events)


async def test_a_node_that_lost_its_lease_and_won_another_places_nothing_of_before(make_world):
    """Another node has taken the intents back meanwhile and has dialled them: they are not its own any more."""
    world = await make_world(leads=2)
    frozen = await claimed(world, 2, lease_sec=10)
    world.clock.advance_to(LATER)
    other = await world.engine("b")
    await drive(other, world.clock, LATER + TimeDelta(milliseconds=500))
    assert len(world.dials()) == 2
    await frozen.node.lease.run_once()
    assert any(isinstance(event, LeaseLost) for event in world.events)
    await frozen.placer.run_once()
    await drive(other, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)


async def test_a_claim_that_outlasts_its_lease_is_not_placed(make_world):
    """The lease is lost and won anew while the claim is on its way to the database."""
    world = await make_world(leads=1)
    engine = await claimed(world, lease_sec=10)
    world.clock.advance_to(LATER)
    await engine.node.lease.run_once()
    [row] = await world.attempts()
    assert row["node_no"] != engine.node.lease.node_no
    await engine.placer.run_once()
    assert world.dials() == []
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 1


async def test_a_node_whose_name_was_taken_places_nothing(make_world):
    """Two processes of one name: the second is the node, and the first learns it at its next heartbeat."""
    world = await make_world(leads=2)
    first = await claimed(world, 2)
    second = await world.engine("a")
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    await second.node.lease.run_once()
    await first.node.lease.run_once()
    await first.placer.run_once()
    assert world.dials() == []


async def test_a_trunk_that_cannot_be_asked_fails_the_dial(make_world):
    """It counts as an attempt, by a reason that a policy may redial."""
    world = await make_world(leads=1, retry={"max_attempts": 2, "after": {"failed": ["1m"]}})
    engine = await world.engine()
    puppet = use(engine, Puppet(world.clock))
    puppet.raises = CarrierUnavailable("no route")
    await drive(engine, world.clock, NOON + DAY)
    rows = await world.attempts()
    assert [(row["attempt"], row["end_reason"], row["cost_micros"]) for row in rows] == [
        (1, "network_failure", 0),
        (2, "network_failure", 0),
    ]
    assert puppet.asked == []


@pytest.mark.parametrize(
    ("knows", "reason"),
    [
        (NeverPlaced(), "network_failure"),
        (Unknown(), "outcome_unknown"),
    ],
)
async def test_a_dial_that_may_have_been_placed_is_asked_about_and_not_repeated(make_world, knows, reason):
    """What the trunk can tell is its end."""
    world = await make_world(leads=1)
    engine = await claimed(world)
    puppet = Puppet(world.clock)
    puppet.raises, puppet.knows = CarrierError("cut off"), knows
    _swap(engine, puppet)
    await engine.placer.run_once()
    await engine.settler.run_once()
    [row] = await world.attempts()
    assert (row["end_reason"], puppet.asked) == (reason, [row["attempt_id"]])


async def test_a_dial_that_was_placed_all_the_same_ends_as_the_trunk_says(make_world):
    """And one that is still up goes on, until its own end is reported."""
    world = await make_world(leads=2)
    engine = await claimed(world, 2)
    puppet = Puppet(world.clock)
    _swap(engine, puppet)
    puppet.raises, puppet.knows = CarrierError("cut off"), StillUp(NOON)
    await engine.placer.run_once()
    await engine.settler.run_once()
    assert len(engine.node.hand.live) == 2
    for attempt_id in list(engine.node.hand.live):
        engine.node.hand.hear(Ended(attempt_id, LATER, EndReason.USER_BUSY, sip_code=486))
    await engine.settler.run_once()
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"] * 2


async def test_the_end_that_the_trunk_tells_is_the_attempts(make_world):
    """The answer to the question is taken as an event."""
    world = await make_world(leads=1)
    engine = await claimed(world)
    puppet = Puppet(world.clock)
    _swap(engine, puppet)
    [attempt_id] = engine.node.hand.live
    puppet.raises = CarrierError("cut off")
    puppet.knows = Over(NOON, Ended(attempt_id, LATER, EndReason.USER_REJECTED, sip_code=603))
    await engine.placer.run_once()
    await engine.settler.run_once()
    [row] = await world.attempts()
    assert (row["end_reason"], row["ended_at"], row["sip_code"]) == ("user_rejected", LATER, 603)


async def test_what_could_not_be_taken_back_is_taken_back_the_next_time(make_world, monkeypatch):
    """A database that is away for a moment loses nothing."""
    world = await make_world(leads=1, window=every_day(540, 721))
    engine = await claimed(world)
    world.clock.advance_to(NOON + TimeDelta(minutes=1))

    def away():
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as gone:
        gone.setattr(engine.node.database, "connection", away)
        with pytest.raises(DatabaseUnavailable):
            await engine.placer.run_once()
    await engine.placer.run_once()
    assert (await world.attempts(), len(await world.queue()), world.dials()) == ([], 1, [])


def _swap(engine, puppet: Puppet) -> None:
    """Put a puppet in the place of a carrier that is made already."""
    trunks = engine.node.trunks
    for key, trunk in trunks._known.items():
        trunks._known[key] = replace(trunk, carrier=puppet)
