"""Carrier events as they come in life: twice, late, out of order, for nobody, and not at all."""

from uuid import UUID

import pytest
from tests.engine.duties import begun, dial, puppet_of
from tests.world import NOON
from whenever import TimeDelta

from ringback.carriers.carrier import Answered, Ended, NeverPlaced, Over, Ringing, StillUp, Unknown
from ringback.domain.outcome import EndReason
from ringback.events import LookedUp, StrayEvent
from ringback.ids import ATTEMPT, show

RANG, ANSWERED, OVER = (NOON + TimeDelta(seconds=n) for n in (2, 6, 90))
DEADLINE = TimeDelta(minutes=10, seconds=15)
"""The puppet's longest call, and a grace for its events."""
POLICY = {"max_attempts": 3, "after": {"busy": ["5m"], "no-answer": ["5m"], "failed": ["5m"]}}


async def placed(world, count=1):
    """A node with dials that are placed, and the ids of their attempts."""
    engine = await begun(world)
    assert await dial(engine) == count
    return engine, list(engine.node.hand.live)


async def hears(engine, *events):
    """The node is told of these, one after the other, and settles each by itself."""
    for event in events:
        engine.node.hand.hear(event)
        await engine.settler.run_once()


def strays(world):
    """What changed nothing, by kind and reason."""
    return [(event.kind, event.why) for event in world.events if isinstance(event, StrayEvent)]


def looked_up(world):
    """What trunks were asked and knew."""
    return [event for event in world.events if isinstance(event, LookedUp)]


def busy(attempt):
    """A call that met a busy line."""
    return Ended(attempt, OVER, EndReason.USER_BUSY)


async def test_what_is_reported_twice_is_counted_and_changes_nothing(make_world):
    """Ringing, answered and the end, each once more."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    events = (Ringing(attempt, RANG), Answered(attempt, ANSWERED), busy(attempt))
    for event in events:
        await hears(engine, event)
        before = await world.attempts(), await world.queue()
        await hears(engine, event)
        assert (await world.attempts(), await world.queue()) == before
    assert strays(world) == [("Ringing", "repeated"), ("Answered", "repeated"), ("Ended", "over")]


async def test_what_comes_out_of_order_is_counted_and_changes_nothing(make_world):
    """A ringing after the answer, and both after the end."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await hears(engine, Answered(attempt, ANSWERED), Ringing(attempt, RANG))
    assert [row["status"] for row in await world.attempts()] == ["in-progress"]
    await hears(engine, busy(attempt))
    before = await world.attempts(), await world.queue()
    await hears(engine, Ringing(attempt, RANG), Answered(attempt, ANSWERED))
    assert (await world.attempts(), await world.queue()) == before
    assert strays(world) == [("Ringing", "out_of_order"), ("Ringing", "over"), ("Answered", "over")]


async def test_what_comes_behind_the_end_in_one_batch_is_late_too(make_world):
    """The end is decided, though not yet written."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    for event in (busy(attempt), busy(attempt), Ringing(attempt, RANG)):
        engine.node.hand.hear(event)
    await engine.settler.run_once()
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"]
    assert strays(world) == [("Ended", "over"), ("Ringing", "over")]


async def test_what_nobody_asked_for_is_counted_by_its_id(make_world):
    """An attempt of another node, or of none; what comes behind it is settled as ever."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    nobodys = UUID(int=5)
    await hears(engine, Ringing(nobodys, RANG), busy(nobodys), busy(attempt))
    unknown = [show(ATTEMPT, nobodys)] * 2
    assert [event.attempt_id for event in world.events if isinstance(event, StrayEvent)] == unknown
    assert strays(world) == [("Ringing", "unknown"), ("Ended", "unknown")]
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"]


async def test_an_end_for_a_dial_that_is_redialled_by_then_ends_that_one_not(make_world):
    """The first attempt's end comes once more while the second one is up."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [first] = await placed(world)
    await hears(engine, busy(first))
    world.clock.advance_to(OVER + TimeDelta(minutes=6))
    assert await dial(engine) == 1
    await hears(engine, busy(first), Ringing(first, RANG))
    assert [row["status"] for row in await world.attempts()] == ["busy", "initiated"]
    assert strays(world) == [("Ended", "over"), ("Ringing", "over")]


async def test_a_live_attempt_is_left_alone_until_its_deadline(make_world):
    """It may ring and talk for so long."""
    world = await make_world(leads=1)
    engine, _ = await placed(world)
    called = world.clock.now()
    world.clock.advance_to(called + DEADLINE - TimeDelta(milliseconds=1))
    await engine.overseer.run_once()
    assert (puppet_of(engine).asked, looked_up(world)) == ([], [])
    world.clock.advance_to(called + DEADLINE)
    await engine.overseer.run_once()
    assert len(puppet_of(engine).asked) == 1


async def overdue(world, engine, knows):
    """Past the deadline no event has come, and the trunk knows this; what it told is settled."""
    puppet_of(engine).knows = knows
    world.clock.advance_to(world.clock.now() + DEADLINE)
    await engine.overseer.run_once()
    await engine.settler.run_once()


@pytest.mark.parametrize(
    ("knows", "reason", "counted"),
    [
        (NeverPlaced(), "network_failure", LookedUp(1, over=0, still_up=0, unknown=0, never_placed=1)),
        (Unknown(), "outcome_unknown", LookedUp(1, over=0, still_up=0, unknown=1, never_placed=0)),
    ],
)
async def test_an_attempt_whose_events_do_not_come_ends_as_its_trunk_tells(make_world, knows, reason, counted):
    """It counts as an attempt, and is redialled by the policy; nobody is dialled a second time before."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await overdue(world, engine, knows)
    [row], [waiting] = await world.attempts(), await world.queue()
    assert (row["end_reason"], row["retry_rule"], waiting["attempt"]) == (reason, "failed: 5m", 2)
    assert looked_up(world) == [counted]
    assert (len(puppet_of(engine).placed), engine.node.hand.live) == (1, {})
    await hears(engine, busy(attempt))
    assert strays(world) == [("Ended", "over")]


async def test_an_end_that_was_lost_on_its_way_is_the_attempts_end(make_world):
    """As the trunk tells it, with its own time."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await overdue(world, engine, Over(NOON, busy(attempt)))
    [row] = await world.attempts()
    assert (row["end_reason"], row["ended_at"]) == ("user_busy", OVER)
    assert looked_up(world) == [LookedUp(1, over=1, still_up=0, unknown=0, never_placed=0)]


async def test_a_call_that_is_still_up_is_asked_about_again(make_world):
    """Not at once, and for as long as it lasts; its end comes as ever."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await overdue(world, engine, StillUp(NOON))
    await engine.overseer.run_once()
    assert len(puppet_of(engine).asked) == 1
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=30))
    await engine.overseer.run_once()
    assert len(puppet_of(engine).asked) == 2
    assert [event.still_up for event in looked_up(world)] == [1, 1]
    await hears(engine, busy(attempt))
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"]


async def test_each_of_many_that_are_overdue_is_asked_about(make_world):
    """And those that are not are left alone."""
    world = await make_world(leads=5, retry=POLICY)
    engine, live = await placed(world, 5)
    await hears(engine, busy(live[0]))
    await overdue(world, engine, Unknown())
    assert sorted(puppet_of(engine).asked) == sorted(live[1:])
    assert looked_up(world) == [LookedUp(4, over=0, still_up=0, unknown=4, never_placed=0)]
    assert {row["end_reason"] for row in await world.attempts()} == {"user_busy", "outcome_unknown"}
