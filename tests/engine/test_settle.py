import json
import random
from uuid import UUID

import pytest
from tests.engine.carriers import Puppet, use
from tests.world import NOON
from whenever import TimeDelta

from ringback.carriers.carrier import Answered, Ended, Ringing
from ringback.domain.outcome import AnsweredBy, EndReason
from ringback.errors import DatabaseUnavailable
from ringback.events import Settled, StrayEvent

RANG, ANSWERED, OVER = (NOON + TimeDelta(seconds=n) for n in (1, 6, 90))
POLICY = {
    "max_attempts": 3,
    "after": {"no-answer": ["30m"], "busy": ["5m", "15m"], "voicemail": ["1d"], "failed": ["1m"]},
}


async def placed(world, count=1, **settings):
    """An engine with dials that are placed, and the ids of their attempts."""
    engine = await world.engine(**settings)
    use(engine, Puppet(world.clock))
    world.clock.advance_to(NOON + TimeDelta(milliseconds=1))
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    await engine.placer.run_once()
    live = list(engine.node.hand.live)
    assert len(live) == count
    return engine, live


async def hears(engine, *events):
    """The node is told of events and settles what they mean."""
    for event in events:
        engine.node.hand.hear(event)
    return await engine.settler.run_once()


def talked(attempt_id: UUID, **changes) -> Ended:
    """A conversation that a person ended."""
    plain = {"ring_sec": 5, "duration_sec": 84, "answered_by": AnsweredBy.HUMAN, "sip_code": 200}
    return Ended(attempt_id, OVER, EndReason.USER_DISCONNECTED, **(plain | changes))


async def test_a_dial_shows_how_far_it_has_come(make_world):
    """Rings, is answered, is over: each is written down as it happens."""
    world = await make_world(leads=1, billing={"per_minute_micros": 12_000, "first_sec": 60, "next_sec": 6})
    engine, [attempt] = await placed(world)
    seen = []
    for event in (Ringing(attempt, RANG), Answered(attempt, ANSWERED), talked(attempt)):
        await hears(engine, event)
        [row] = await world.attempts()
        seen.append((row["status"], row["answered_at"], row["ended_at"]))
    assert seen == [("ringing", None, None), ("in-progress", ANSWERED, None), ("completed", ANSWERED, OVER)]
    assert (row["called_at"], row["duration_sec"], row["ring_sec"]) == (NOON + TimeDelta(milliseconds=1), 84, 5)
    assert (row["billed_sec"], row["cost_micros"], row["answered_by"], row["sip_code"]) == (84, 16_800, "human", 200)
    assert engine.node.hand.live == {}
    assert [(c["final_status"], c["final_reason"]) for c in await world.calls()] == [("completed", "reached")]


async def test_all_that_comes_at_once_is_settled_at_once(make_world):
    """At speed 0 a dial rings, is answered and ends in one batch."""
    world = await make_world(leads=1)
    engine, [attempt] = await placed(world)
    await hears(engine, Ringing(attempt, RANG), Answered(attempt, ANSWERED), talked(attempt))
    [row] = await world.attempts()
    assert (row["status"], row["answered_at"]) == ("completed", ANSWERED)
    assert row["called_at"] == NOON + TimeDelta(milliseconds=1)


@pytest.mark.parametrize(
    ("reason", "status", "wait_sec", "rule"),
    [
        (EndReason.USER_DID_NOT_PICK_UP, "no-answer", 1800, "no-answer: 30m"),
        (EndReason.USER_UNREACHABLE, "no-answer", 1800, "no-answer: 30m"),
        (EndReason.USER_BUSY, "busy", 300, "busy: 5m"),
        (EndReason.VOICEMAIL_DETECTED, "completed", 86_400, "voicemail: 1d"),
        (EndReason.NETWORK_FAILURE, "failed", 60, "failed: 1m"),
        (EndReason.SYSTEM_AT_CAPACITY, "failed", 60, "failed: 1m"),
    ],
)
async def test_what_is_redialled_waits_as_the_policy_says(make_world, reason, status, wait_sec, rule):
    """Counted from the end of the attempt, to the second."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await hears(engine, Ended(attempt, OVER, reason))
    [row], [waiting] = await world.attempts(), await world.queue()
    assert (row["status"], row["retry_rule"], row["stop_reason"]) == (status, rule, None)
    assert waiting["due_at"] == row["retry_at"] == OVER + TimeDelta(seconds=wait_sec)


@pytest.mark.parametrize("reason", [EndReason.INVALID_PHONE_NUMBER, EndReason.DESTINATION_FORBIDDEN])
async def test_what_is_never_redialled_ends_the_call(make_world, reason):
    """Whatever the policy says of failures."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await hears(engine, Ended(attempt, OVER, reason))
    assert [(c["final_status"], c["final_reason"]) for c in await world.calls()] == [("failed", "not_retryable")]
    assert await world.queue() == []


async def test_what_else_was_told_is_kept(make_world):
    """A far end's odd words among it: no outcome waits for them."""
    world = await make_world(leads=2, retry=POLICY)
    engine, [one, other] = await placed(world, 2)
    told = {"q850": 17, "sip_call_id": "a\0b", "hung_up_by": None, "note": "\ud800"}
    assert await hears(engine, Ended(one, OVER, EndReason.USER_BUSY, details=told), talked(other)) == 2
    kept = {row["attempt_id"]: row["details"] and json.loads(row["details"]) for row in await world.attempts()}
    assert kept == {one: {"q850": 17, "sip_call_id": "a\ufffdb", "hung_up_by": None, "left_out": 1}, other: None}


@pytest.mark.parametrize("reason", [EndReason.AGENT_DISCONNECTED, EndReason.VOICEMAIL_DETECTED])
async def test_who_opted_out_is_not_dialled_again(make_world, reason):
    """The call is over for that, also where the policy would have redialled it."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    await hears(engine, Ended(attempt, OVER, reason, duration_sec=9, details={"opted_out": True, "digits": "9"}))
    [row], [call] = await world.attempts(), await world.calls()
    assert (row["status"], row["retry_at"], row["stop_reason"]) == ("completed", None, "opted_out")
    assert (call["final_status"], call["final_reason"]) == ("completed", "opted_out")
    assert await world.queue() == []


async def test_jitter_comes_from_the_nodes_chance(make_world):
    """Never less than the wait, and the same for the same seed."""
    world = await make_world(leads=1, retry={**POLICY, "jitter": "10m"})
    engine, [attempt] = await placed(world)
    engine.node.chance.seed(5)
    await hears(engine, Ended(attempt, OVER, EndReason.USER_BUSY))
    [waiting] = await world.queue()
    expected = TimeDelta(milliseconds=round(1000 * (300 + 600 * random.Random(5).random())))
    assert waiting["due_at"] == OVER + expected


async def test_events_that_come_twice_or_late_change_nothing(make_world):
    """They are counted as strays, and no attempt is ended or redialled twice."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    busy = Ended(attempt, OVER, EndReason.USER_BUSY)
    await hears(engine, busy, busy, Ringing(attempt, RANG))
    before = await world.attempts(), await world.queue()
    await hears(engine, busy, Answered(attempt, ANSWERED), talked(attempt))
    assert (await world.attempts(), await world.queue()) == before
    assert sum(isinstance(event, StrayEvent) for event in world.events) == 5


async def test_a_ringing_after_the_answer_changes_nothing(make_world):
    """Events may be out of order."""
    world = await make_world(leads=1)
    engine, [attempt] = await placed(world)
    await hears(engine, Answered(attempt, ANSWERED), Ringing(attempt, RANG))
    assert [row["status"] for row in await world.attempts()] == ["in-progress"]
    assert await hears(engine, Ringing(attempt, RANG)) == 0


async def test_an_event_of_nobodys_attempt_is_a_stray(make_world):
    """It stops nothing else."""
    world = await make_world(leads=1)
    engine, [attempt] = await placed(world)
    await hears(engine, Ended(UUID(int=5), OVER, EndReason.USER_BUSY), Ended(attempt, OVER, EndReason.USER_BUSY))
    assert [row["end_reason"] for row in await world.attempts()] == ["user_busy"]
    assert sum(isinstance(event, StrayEvent) for event in world.events) == 1


async def test_outcomes_are_kept_until_the_database_has_them(make_world, monkeypatch):
    """It was away when they came; what was decided then is written later, once."""
    world = await make_world(leads=2, retry=POLICY)
    engine, live = await placed(world, 2)

    def away():
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as gone:
        gone.setattr(engine.node.database, "connection", away)
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await hears(engine, *(Ended(attempt, OVER, EndReason.USER_BUSY) for attempt in live))
    assert await engine.settler.run_once() == 2
    assert await engine.settler.run_once() == 0
    assert len(await world.queue()) == 2
    assert [event.attempts for event in world.events if isinstance(event, Settled)] == [2]
    assert await world.value("SELECT sum(attempts) FROM tallies") == 2


async def test_an_outcome_that_was_written_and_not_heard_of_is_not_written_again(make_world, monkeypatch):
    """The connection broke at the very end: the second time the guard passes it over."""
    world = await make_world(leads=1, retry=POLICY)
    engine, [attempt] = await placed(world)
    real = engine.node.database.connection

    class Breaking:
        """Breaks off once the statement is through."""

        async def __aenter__(self):
            self.inner = real()
            return await self.inner.__aenter__()

        async def __aexit__(self, *_):
            await self.inner.__aexit__(None, None, None)
            raise DatabaseUnavailable("broke off")

    with monkeypatch.context() as breaking:
        breaking.setattr(engine.node.database, "connection", Breaking)
        with pytest.raises(DatabaseUnavailable):
            await hears(engine, Ended(attempt, OVER, EndReason.USER_BUSY))
    await engine.settler.run_once()
    assert len(await world.queue()) == 1
    assert await world.value("SELECT attempts FROM tallies") == 1
    assert engine.node.hand.live == {}


async def test_a_long_inbox_is_settled_in_batches(make_world):
    """Of at most so many ends."""
    world = await make_world(leads=5)
    engine, live = await placed(world, 5, settle_batch=2)
    moved = [await hears(engine, *(Ended(attempt, OVER, EndReason.USER_BUSY) for attempt in live))]
    while moved[-1]:
        moved.append(await engine.settler.run_once())
    assert moved == [2, 2, 1, 0]


async def test_an_attempt_that_another_node_ended_is_let_go_of(make_world):
    """This one was frozen; the other's word stands, in the sums too."""
    world = await make_world(leads=1)
    engine, [attempt] = await placed(world, lease_sec=10)
    world.clock.advance_to(NOON + TimeDelta(seconds=11))
    other = await world.engine("b")
    use(other, Puppet(world.clock))
    await other.node.lease.run_once()
    await other.rescuer.run_once()
    await hears(engine, talked(attempt))
    assert [row["end_reason"] for row in await world.attempts()] == ["outcome_unknown"]
    assert engine.node.hand.live == {}
    assert await world.value("SELECT sum(attempts) FROM tallies") == 1


async def test_a_call_that_is_up_when_its_campaign_is_cancelled_ends_by_itself(make_world):
    """It is not redialled, and counts as the attempt that it was."""
    world = await make_world(leads=2, retry=POLICY, caps=(None, 1, None))
    engine, [attempt] = await placed(world)
    await world.act("cancel")
    await hears(engine, Ended(attempt, OVER, EndReason.USER_BUSY))
    assert await engine.dialler.run_once() == 0
    assert {c["final_status"] for c in await world.calls()} == {"cancelled"}
    assert [row["stop_reason"] for row in await world.attempts()] == ["cancelled"]
    assert await world.queue() == []
