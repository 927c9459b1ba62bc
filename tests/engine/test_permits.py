"""Several nodes under one cap and one pace."""

import asyncio
import random

import pytest
from tests.engine.duties import MOMENT, begun, dial, end, work
from tests.engine.invariants import check_all, every_call_is_somewhere, most_in_a_second
from tests.world import NOBODY_ANSWERS, NOON
from whenever import Instant, TimeDelta

from ringback.engine import dial as dial_duty
from ringback.engine.engine import Engine
from ringback.events import Renewed

CAP = 10
GRANTED = "SELECT coalesce(sum(calls), 0)::int FROM grants WHERE kind = 'campaign'"
SET_CAP = "UPDATE limits SET max_concurrent_calls = $1 WHERE kind = 'campaign'"
SET_PACE = "UPDATE limits SET dials_per_sec = $1 WHERE kind = 'trunk'"


async def two(world, **options) -> list[Engine]:
    """Two nodes."""
    return [await begun(world, name, **options) for name in ("one", "two")]


async def test_who_comes_first_has_all_and_gives_half_of_it_to_the_next(make_world):
    """As its calls end: what is up stays up. Then each has its half, and both together have all."""
    world = await make_world(leads=60, caps=(None, CAP, None))
    one, other = await two(world)
    assert [await dial(one), await dial(other)] == [10, 0]
    await end(one, 3)
    assert await work(world, one, other, rounds=3) == [7, 3]
    await end(one, 7)
    assert await work(world, one, other, rounds=4) == [5, 5]
    assert await world.value(GRANTED) == CAP


async def test_an_odd_permit_is_used_too(make_world):
    """Three nodes under a cap of ten have four, three and three."""
    world = await make_world(leads=60, caps=(None, CAP, None))
    nodes = [*(await two(world)), await begun(world, "three")]
    await work(world, *nodes, rounds=2)
    for _ in range(2):
        for node in nodes:
            await end(node)
        await work(world, *nodes, rounds=4)
    assert sorted(await work(world, *nodes)) == [3, 3, 4]


async def test_idle_permits_move_within_a_second(make_world):
    """The node that has them has had nothing to dial for a while; its permits duty gives them back."""
    world = await make_world(leads=60, caps=(None, CAP, None))
    one, other = await two(world)
    assert await dial(one) == CAP
    await end(one)
    assert await dial(other) == 0
    for _ in range(6):  # 1.8 s: of these it is idle for the last 0.8
        await one.node.permits.run_once()
        await work(world, other)
    assert len(other.node.hand.live) == CAP == await world.value(GRANTED)


async def test_a_cap_of_one_moves(make_world):
    """The only permit goes from call to call, and to the other node when its own has nothing to dial any more."""
    world = await make_world(leads=9, caps=(None, 1, None))
    one, other = await two(world)
    dialled = []
    for dialling, idle in ((one, other), (other, one)):
        before = len(await world.attempts())
        for _ in range(7):
            await idle.node.permits.run_once()
            await work(world, dialling)
            assert len(one.node.hand.live) + len(other.node.hand.live) <= 1
            await end(dialling)
        dialled.append(len(await world.attempts()) - before)
    assert sum(dialled) == 9
    assert min(dialled) > 0


async def test_permits_are_not_asked_for_all_the_time(make_world):
    """A node that is full waits a moment before it asks again; one that has room asks nobody."""
    world = await make_world(leads=60, caps=(None, CAP, None))
    one = await begun(world, claim_batch=2)
    for _ in range(4):
        await dial(one)
    assert len([event for event in world.events if isinstance(event, Renewed)]) == 1


async def test_a_raised_cap_is_shared_too(make_world):
    """From the next claim on, by whoever has something to dial."""
    world = await make_world(leads=60, caps=(None, 4, None))
    one, other = await two(world)
    await work(world, one, other, rounds=4)
    await end(one)
    await work(world, one, other, rounds=4)
    await world.value(SET_CAP, CAP)
    assert await work(world, one, other, rounds=6) == [5, 5]


async def test_a_lowered_cap_lets_nothing_begin_until_there_is_room(make_world):
    """Whichever node's calls end."""
    world = await make_world(leads=60, caps=(None, CAP, None))
    one, other = await two(world)
    await work(world, one, other, rounds=2)
    await end(one)
    assert await work(world, one, other, rounds=4) == [5, 5]
    await world.value(SET_CAP, 3)
    await end(one, 4)
    assert await work(world, one, other, rounds=3) == [1, 5]
    await end(other, 4)
    assert sum(await work(world, one, other, rounds=3)) == 3


async def test_a_cap_that_is_set_where_there_was_none_counts_what_is_up(make_world):
    """On every node, before anything more begins."""
    world = await make_world(leads=60)
    one, other = await two(world, claim_batch=4)
    assert await dial(one) == 4
    await world.value(SET_CAP, 3)
    assert await dial(other) == 0
    await end(one)
    assert sum(await work(world, one, other, rounds=3)) == 3


async def test_what_was_counted_in_comes_back_from_a_node_that_stops(make_world):
    """Its calls began while there was no cap, so it never asked for a permit; it dials no more, and they end."""
    world = await make_world(leads=60)
    stopping, other = await two(world, claim_batch=4)
    assert await dial(stopping) == 4
    await world.value(SET_CAP, 4)
    assert await dial(other) == 0
    await end(stopping)
    for _ in range(6):
        await stopping.node.permits.run_once()
        await work(world, other)
    assert len(other.node.hand.live) == 4


async def test_a_call_of_which_nobody_knows_the_end_keeps_its_permit(make_world):
    """For as long as the trunk's owner says that it may still be up."""
    world = await make_world(leads=60, caps=(None, 1, None))
    await world.value("UPDATE trunks SET lost_call_hold_sec = 3600")
    one = await begun(world)
    [attempt] = (await dial(one), one.node.hand.live)[1]
    called = world.clock.now()
    world.clock.advance_to(called + TimeDelta(minutes=11))  # past its deadline, and its carrier knows nothing
    await one.overseer.run_once()
    await one.settler.run_once()
    [row] = await world.attempts()
    assert (row["attempt_id"], row["end_reason"]) == (attempt, "outcome_unknown")
    assert row["held_until"] == called + TimeDelta(hours=1)
    assert await work(world, one, rounds=2) == [0]
    world.clock.advance_to(called + TimeDelta(hours=1))
    assert await work(world, one) == [1]


class Paced:
    """Nodes over one trunk with a pace, run in small uneven steps of time, and to the very instant of each dial.

    Args:
        world: with the trunk.
    """

    def __init__(self, world):
        self.world, self.chance = world, random.Random(7)
        self._permits_at = world.clock.now()

    async def run(self, sec, *engines):
        """Let the engines work for so long."""
        clock, until = self.world.clock, self.world.clock.now() + TimeDelta(seconds=sec)
        while clock.now() < until:
            clock.advance_to(self._next(engines))
            for engine in self.chance.sample(engines, len(engines)):
                await engine.dialler.run_once()
                await engine.placer.run_once()
            if clock.now() >= self._permits_at:
                self._permits_at = clock.now() + TimeDelta(milliseconds=250)
                for engine in engines:
                    await engine.node.lease.run_once()
                    await engine.node.permits.run_once()
                    await engine.settler.run_once()

    async def skip(self, sec, engine):
        """Let time go by in which this node does nothing but to keep its lease."""
        for _ in range(2):
            self.world.clock.advance_to(self.world.clock.now() + TimeDelta(seconds=sec / 2))
            await engine.node.lease.run_once()

    def _next(self, engines):
        """The next moment at which anything happens: a dial whose instant has come is not late."""
        moment = self.world.clock.now() + TimeDelta(milliseconds=self.chance.randint(60, 300))
        paced = [at for engine in engines if (at := engine.node.hand.next_place_at()) is not None]
        return min([moment, *paced])

    def placed(self, since: Instant = NOON, until: Instant = Instant.MAX):
        """The dials that the far end was asked for in that time."""
        return [dial for dial in self.world.dials() if since <= Instant.parse_iso(dial["at"]) < until]


@pytest.fixture
async def paced(make_world):
    """Two nodes over a trunk of ten dials a second."""
    world = await make_world(leads=250, dials_per_sec=10, simulator={**NOBODY_ANSWERS, "ring_timeout_sec": 5})
    one, other = [await begun(world, name, puppet=False, lease_sec=10) for name in ("one", "two")]
    return Paced(world), one, other


async def test_two_nodes_over_one_trunk_keep_its_pace(paced):
    """By the far end's record; and they use nearly all of it, both of them."""
    pacing, one, other = paced
    await pacing.run(2, one)
    await pacing.run(4, one, other)
    assert most_in_a_second(pacing.placed()) <= 10
    assert len(pacing.placed(NOON + TimeDelta(seconds=4))) >= 15
    assert min(len(engine.node.hand.live) for engine in (one, other)) > 0
    await check_all(pacing.world)


async def test_dials_that_go_out_a_little_late_do_not_pile_up(make_world):
    """However late each of them is: what is claimed and not placed is never more than a tenth of a second's worth.

    What has piled up would go out after this node has given its share of the pace away.
    """
    world = await make_world(leads=150, dials_per_sec=10)
    engine = await begun(world)
    waiting = []
    for _ in range(60):
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=125))
        await engine.dialler.run_once()
        await engine.placer.run_once()
        waiting.append(sum(attempt.called_at is None for attempt in engine.node.hand.live.values()))
    assert max(waiting) <= 2


async def test_a_node_that_froze_keeps_the_pace_when_it_wakes(paced):
    """Its share was taken over by then; what it had claimed it takes back, and its new lease begins with nothing."""
    pacing, one, other = paced
    await pacing.run(2, one, other)
    await one.dialler.run_once()
    await pacing.skip(7, other)
    await pacing.run(1, other)
    await pacing.skip(2, other)
    await other.rescuer.run_once()
    await pacing.run(2, other)
    await one.placer.run_once()
    await pacing.run(3, one, other)
    assert most_in_a_second(pacing.placed()) <= 10
    assert len(pacing.placed(pacing.world.clock.now() - TimeDelta(seconds=1))) >= 5
    await check_all(pacing.world)


async def test_the_share_of_a_node_that_died_is_used_by_the_others(paced):
    """Not before a second without its dials has gone by."""
    pacing, one, other = paced
    await pacing.run(2, one, other)
    await pacing.skip(11, other)
    await other.rescuer.run_once()
    since = pacing.world.clock.now() + TimeDelta(seconds=1.5)
    await pacing.run(3, other)
    assert most_in_a_second(pacing.placed()) <= 10
    assert len(pacing.placed(since)) >= 13
    await check_all(pacing.world)


@pytest.mark.parametrize(("before", "after"), [(10, 3), (3, 10), (10, 0.5)])
async def test_a_pace_that_is_changed_is_kept_from_then_on(paced, before, after):
    """But for what was claimed ahead of its instant already."""
    pacing, one, other = paced
    await pacing.world.value(SET_PACE, before)
    await pacing.run(3, one, other)
    changed = pacing.world.clock.now()
    await pacing.world.value(SET_PACE, after)
    await pacing.run(4, one, other)
    assert most_in_a_second(pacing.placed(until=changed)) <= before
    later = pacing.placed(changed + TimeDelta(milliseconds=200))
    assert most_in_a_second(later) <= max(after, 1)
    assert len(later) >= after * 1.5


async def test_a_paced_node_that_stops_dialling_gives_its_share_back(paced):
    """All of the pace is the other's within two seconds."""
    pacing, one, other = paced
    await pacing.run(3, one, other)
    for _ in range(8):
        pacing.world.clock.advance_to(pacing.world.clock.now() + MOMENT)
        await one.node.permits.run_once()
        await other.dialler.run_once()
        await other.placer.run_once()
        await other.node.permits.run_once()
    since = pacing.world.clock.now()
    await pacing.run(3, other)
    assert most_in_a_second(pacing.placed()) <= 10
    assert len(pacing.placed(since)) >= 24


async def test_a_claim_stays_with_the_lease_that_it_began_under(make_world, monkeypatch):
    """Lost and won anew in its midst: the grants of the old number cover what it took, so it is the old number's."""
    world = await make_world(leads=20, caps=(None, CAP, None))
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    first, take, duties = engine.node.lease.node_no, dial_duty.queue.take_due, []

    async def take_due(*asked):
        taken = await take(*asked)
        await world.value("UPDATE nodes SET lease_until = $1", world.clock.now())
        await engine.node.lease.run_once()
        duties.append(asyncio.create_task(engine.node.permits.run_once()))
        await asyncio.sleep(0)
        return taken

    monkeypatch.setattr(dial_duty.queue, "take_due", take_due)
    await engine.dialler.run_once()
    await asyncio.gather(*duties)
    assert engine.node.lease.node_no != first
    assert {row["node_no"] for row in await world.attempts()} == {first}
    await engine.placer.run_once()
    assert await world.value("SELECT count(*) FROM attempts WHERE ended_at IS NULL") == 0
    await every_call_is_somewhere(world)
