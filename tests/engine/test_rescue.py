import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.faults import CutOff
from tests.engine.invariants import check_all
from tests.engine.test_lease import Shifted
from tests.world import EVERYBODY_ANSWERS, NOBODY_ANSWERS, NOON, drive
from whenever import TimeDelta

from ringback.carriers.carrier import Ended, NeverPlaced, Over, StillUp, Unknown
from ringback.clock import SystemClock, VirtualClock
from ringback.domain.outcome import EndReason
from ringback.domain.rates import Rate
from ringback.engine import rescue
from ringback.engine.inquire import PATIENCE
from ringback.errors import DatabaseUnavailable
from ringback.events import DutyFailed, Rescued
from ringback.store.rates import add_version, create_deck, give_deck

DAY = TimeDelta(hours=24)
TWICE = {"max_attempts": 2, "after": {"no-answer": ["1h"], "failed": ["1h"]}}


async def started(world, name="a", **options):
    """An engine with a lease, at a time at which all leads of the import are due."""
    world.clock.advance_to(max(world.clock.now(), NOON + TimeDelta(milliseconds=1)))
    engine = await world.engine(name, **options)
    await engine.node.lease.run_once()
    return engine


async def restart(world, engine, **options):
    """The process is gone with all its memory and timers; another one of its name begins."""
    await engine.node.trunks.close()
    world.clock = VirtualClock(world.clock.now() + TimeDelta(milliseconds=1))
    return await started(world, **options)


async def test_an_intent_that_was_never_placed_is_dialled_as_it_was_to_be(make_world):
    """The node died after its claim: the far end knows of nothing, so nothing counts."""
    world = await make_world(leads=3)
    engine = await started(world)
    await engine.dialler.run_once()
    engine = await restart(world, engine)
    assert await engine.rescuer.run_once() == 3
    assert (await world.attempts(), [row["attempt"] for row in await world.queue()]) == ([], [1, 1, 1])
    assert Rescued(withdrawn=3, settled=0, unknown=0, still_up=0) in world.events
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 3
    await check_all(world)


async def test_a_dial_that_is_still_up_is_left_until_it_is_over(make_world):
    """The node died after placing it; nobody dials it again, and it keeps its place under the cap."""
    world = await make_world(leads=2, caps=(None, 1, None), simulator={**EVERYBODY_ANSWERS, "mean_talk_sec": 60})
    engine = await started(world)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    engine = await restart(world, engine)
    assert await engine.rescuer.run_once() == 0
    assert await engine.dialler.run_once() == 0
    assert len(world.dials()) == 1
    await drive(engine, world.clock, NOON + DAY)
    first, _ = await world.attempts()
    assert (first["status"], first["duration_sec"] > 0, first["called_at"] is None) == ("completed", True, False)
    assert len(world.dials()) == 2
    await check_all(world)


async def test_a_dial_that_ended_meanwhile_ends_as_the_far_end_tells(make_world):
    """The node died before it settled; what follows is decided from when the dial was over."""
    world = await make_world(leads=1, retry=TWICE, simulator={**NOBODY_ANSWERS, "seed": 2})
    engine = await started(world)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    world.clock.advance_to(NOON + TimeDelta(minutes=10))
    engine = await restart(world, engine)
    assert await engine.rescuer.run_once() == 1
    [row], [waiting] = await world.attempts(), await world.queue()
    assert row["end_reason"] in {"user_did_not_pick_up", "user_unreachable"}
    assert row["ended_at"] < NOON + TimeDelta(minutes=1)
    assert waiting["due_at"] == row["retry_at"] == row["ended_at"] + TimeDelta(hours=1)
    assert await engine.rescuer.run_once() == 0
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)


async def test_an_end_that_was_heard_and_not_written_is_not_lost(make_world):
    """The node died between the event and its settlement."""
    world = await make_world(leads=1, simulator={**NOBODY_ANSWERS, "speed": 0})
    engine = await started(world)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    assert engine.node.hand.inbox
    engine = await restart(world, engine)
    await drive(engine, world.clock, NOON + DAY)
    assert (len(world.dials()), await world.status()) == (1, "completed")
    await check_all(world)


async def test_what_nobody_can_tell_counts_and_is_redialled_by_the_policy_only(make_world):
    """A carrier without a memory: the outcome is unknown, and the next dial waits its hour."""
    world = await make_world(leads=1, retry=TWICE)
    await world.value("UPDATE trunks SET settings = settings - 'record'")
    engine = await started(world)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    engine = await restart(world, engine)
    await engine.rescuer.run_once()
    [row], [waiting] = await world.attempts(), await world.queue()
    assert (row["status"], row["end_reason"], row["cost_micros"]) == ("failed", "outcome_unknown", 0)
    assert (row["retry_rule"], waiting["attempt"]) == ("failed: 1h", 2)
    assert waiting["due_at"] == world.clock.now() + TimeDelta(hours=1)
    assert any(isinstance(event, Rescued) and event.unknown == 1 for event in world.events)


async def test_a_trunk_that_cannot_tell_at_the_moment_is_asked_again(make_world):
    """A process that is frozen at the simulator's record is no reason to write down a dial that never was."""
    world = await make_world(leads=1)
    engine = await started(world)
    await engine.dialler.run_once()
    engine = await restart(world, engine)
    puppet = use(engine, Puppet(world.clock))
    puppet.is_mute = True
    await engine.rescuer.run_once()
    assert [row["end_reason"] for row in await world.attempts()] == [None]
    puppet.is_mute, puppet.knows = False, NeverPlaced()
    await engine.rescuer.run_once()
    assert await world.attempts() == []
    assert len(await world.queue()) == 1


async def test_a_trunk_that_never_can_tell_is_taken_to_know_nothing(make_world):
    """Half a minute after it was asked first, the outcome is unknown."""
    world = await make_world(leads=1)
    engine = await started(world)
    await engine.dialler.run_once()
    engine = await restart(world, engine)
    use(engine, Puppet(world.clock)).is_mute = True
    await engine.rescuer.run_once()
    world.clock.advance_to(world.clock.now() + PATIENCE)
    await engine.node.lease.run_once()
    await engine.rescuer.run_once()
    assert [row["end_reason"] for row in await world.attempts()] == ["outcome_unknown"]


async def test_what_nobody_can_tell_is_final_where_the_policy_says_so(make_world):
    """Failures are not redialled by default."""
    world = await make_world(leads=1)
    engine = await started(world)
    await engine.dialler.run_once()
    engine = await restart(world, engine)
    use(engine, Puppet(world.clock)).knows = Unknown()
    await engine.rescuer.run_once()
    assert [(c["final_status"], c["final_reason"]) for c in await world.calls()] == [("failed", "not_retryable")]


@pytest.mark.parametrize(
    ("knows", "left", "waiting"),
    [(NeverPlaced(), 0, 1), (StillUp(NOON), 1, 0), (Unknown(), 0, 0)],
)
async def test_each_answer_of_a_carrier_has_its_fate(make_world, knows, left, waiting):
    """Never placed: due again. Still up: left alone. Nobody knows: over."""
    world = await make_world(leads=1)
    engine = await started(world)
    await engine.dialler.run_once()
    engine = await restart(world, engine)
    puppet = use(engine, Puppet(world.clock))
    puppet.knows = knows
    await engine.rescuer.run_once()
    assert len([row for row in await world.attempts() if row["ended_at"] is None]) == left
    assert len(await world.queue()) == waiting
    assert puppet.placed == []


async def test_the_call_was_answered_and_is_reached(make_world):
    """Cost and talk time are those of the far end."""
    world = await make_world(leads=1, billing={"per_minute_micros": 60_000_000})
    engine = await started(world)
    await engine.dialler.run_once()
    [row] = await world.attempts()
    engine = await restart(world, engine)
    ended = Ended(row["attempt_id"], NOON + TimeDelta(minutes=2), EndReason.USER_DISCONNECTED, 5, 84)
    use(engine, Puppet(world.clock)).knows = Over(NOON + TimeDelta(seconds=3), ended)
    await engine.rescuer.run_once()
    [row] = await world.attempts()
    assert (row["called_at"], row["ended_at"]) == (NOON + TimeDelta(seconds=3), ended.at)
    assert (row["duration_sec"], row["billed_sec"], row["cost_micros"]) == (84, 84, 84_000_000)
    assert [c["final_reason"] for c in await world.calls()] == ["reached"]


async def test_what_a_dead_node_left_is_charged_by_its_trunks_deck(make_world):
    """As what a living one ends."""
    world = await make_world(leads=1)
    async with world.database.transaction() as db:
        deck_id = world.ids.new(NOON)
        await create_deck(db, world.workspace_no, deck_id, "d", "USD", NOON)
        await add_version(db, world.workspace_no, deck_id, [Rate("+1415", 60_000_000, 0, 1, 1)], NOON, NOON)
        await give_deck(db, world.workspace_no, world.trunk_no, deck_id)
    engine = await started(world)
    await engine.dialler.run_once()
    [row] = await world.attempts()
    engine = await restart(world, engine)
    ended = Ended(row["attempt_id"], NOON + TimeDelta(minutes=2), EndReason.USER_DISCONNECTED, 5, 84)
    use(engine, Puppet(world.clock)).knows = Over(NOON + TimeDelta(seconds=3), ended)
    await engine.rescuer.run_once()
    assert [row["cost_micros"] for row in await world.attempts()] == [84_000_000]


async def test_a_living_node_is_left_alone(make_world):
    """Until its lease is over nobody asks about its attempts."""
    world = await make_world(leads=2)
    one = await started(world, "one", lease_sec=10)
    await one.dialler.run_once()
    two = await started(world, "two")
    assert await two.rescuer.run_once() == 0
    world.clock.advance_to(NOON + TimeDelta(seconds=9))
    assert await two.rescuer.run_once() == 0
    world.clock.advance_to(NOON + TimeDelta(seconds=11))
    assert await two.rescuer.run_once() == 2


async def test_a_node_that_left_is_rescued_at_once(make_world):
    """It said goodbye with a call still up: the next one takes care of it."""
    world = await make_world(leads=1)
    one = await started(world, "one")
    await one.dialler.run_once()
    await one.node.lease.leave()
    world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=1))
    two = await started(world, "two")
    assert await two.rescuer.run_once() == 1


async def test_a_node_that_leaves_with_a_wrong_clock_ends_no_other(make_world):
    """Every lease is over by it. The others go on, and explain what this one leaves."""
    world = await make_world()
    clock = Shifted(TimeDelta())
    one, two = [
        await world.engine(name, clock=clock if name == "two" else SystemClock(), check_clock=True, lease_sec=600)
        for name in ("one", "two")
    ]
    for engine in (one, two):
        await engine.node.lease.run_once()
    clock.by = TimeDelta(hours=1)
    await two._once("leave", two._leave)
    rows = await world.rows("SELECT name, ended_at IS NULL AS lives, explained_at IS NULL AS open FROM nodes")
    assert {tuple(row) for row in rows} == {("one", True, True), ("two", False, True)}
    assert [event.duty for event in world.events if isinstance(event, DutyFailed)] == ["leave"]
    await one.node.lease.run_once()
    await one.rescuer.run_once()
    assert await world.value("SELECT explained_at IS NOT NULL FROM nodes WHERE name = 'two'")


async def test_calls_that_are_still_up_do_not_hide_those_that_are_over(make_world, monkeypatch):
    """A node that died with more calls than a batch: each of them is asked about, however long the oldest last."""
    monkeypatch.setattr(rescue, "BATCH", 2)
    world = await make_world(leads=5)
    engine = await started(world)
    await engine.dialler.run_once()
    newest = max(engine.node.hand.live.values(), key=lambda attempt: attempt.key).dial.attempt_id
    engine = await restart(world, engine, seed=9)

    class Knowing(Puppet):
        """All are up but the last."""

        async def look_up(self, dial):
            await super().look_up(dial)
            return NeverPlaced() if dial.attempt_id == newest else StillUp(NOON)

    puppet = use(engine, Knowing(world.clock))
    for _ in range(5):
        await engine.rescuer.run_once()
    assert newest in puppet.asked
    assert len(await world.queue()) == 1


async def test_two_rescuers_write_a_fate_once(make_world):
    """Both have read the same orphans; the second changes nothing, though the first's are claimed anew by then."""
    world = await make_world(leads=2)
    dead = await started(world, "dead", lease_sec=10)
    await dead.dialler.run_once()
    world.clock.advance_to(NOON + TimeDelta(seconds=11))
    one, two = await started(world, "one"), await started(world, "two")

    class Slow(Puppet):
        """While the second node asks, the first rescues, claims and places."""

        async def look_up(self, dial):
            if not self.asked:
                await one.rescuer.run_once()
                await one.dialler.run_once()
                await one.placer.run_once()
            return await super().look_up(dial)

    use(two, Slow(world.clock)).knows = NeverPlaced()
    await two.rescuer.run_once()
    assert len(world.dials()) == len(await world.attempts()) == 2
    assert await world.queue() == []
    await drive(one, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)


async def cut_off(world, cut):
    """An engine whose claim was cut off at its commit."""
    database = CutOff(await world.engine_database())
    engine = await started(world, database=database)
    database.cut = cut
    with pytest.raises(DatabaseUnavailable):
        await engine.dialler.run_once()
    assert engine.node.hand.live == {}
    return engine, database


async def test_a_claim_in_doubt_is_taken_back(make_world):
    """It was committed, and this node never heard so: it placed none of it."""
    world = await make_world(leads=2)
    engine, _ = await cut_off(world, "after")
    assert len(await world.attempts()) == 2
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    assert await engine.rescuer.run_once() == 2
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)


async def test_a_commit_that_comes_about_late_is_taken_back_too(make_world):
    """The first look finds nothing, because the server is not done with it yet."""
    world = await make_world(leads=2)
    engine, database = await cut_off(world, "late")
    assert await engine.rescuer.run_once() == 0
    await database.come_about()
    assert len(await world.attempts()) == 2
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    assert await engine.rescuer.run_once() == 2
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)


async def test_a_claim_in_doubt_is_taken_back_whatever_became_of_its_trunk(make_world):
    """No trunk need be asked of what this node knows itself."""
    world = await make_world(leads=1)
    engine, _ = await cut_off(world, "after")
    await world.value("UPDATE trunks SET billing = '{\"currency\": 5}'")
    assert await engine.rescuer.run_once() == 1
    assert len(await world.queue()) == 1


async def test_doubt_ends(make_world):
    """The server knows what became of the claim's transaction, and the node forgets it."""
    world = await make_world(leads=1)
    engine, _ = await cut_off(world, "after")
    assert engine.node.hand.doubtful
    await engine.rescuer.run_once()
    assert not engine.node.hand.doubtful


async def test_a_claim_that_follows_a_doubtful_one_is_not_taken_for_it(make_world):
    """On a clock that stood still, both are of the same instant: what the node has in hand is not in doubt."""
    world = await make_world(leads=2)
    engine, _ = await cut_off(world, "after")
    await engine.rescuer.run_once()
    await engine.dialler.run_once()
    await engine.placer.run_once()
    assert await engine.rescuer.run_once() == 0
    await drive(engine, world.clock, NOON + DAY)
    assert len(world.dials()) == 2
    await check_all(world)
