import pytest
from tests.world import NOON
from whenever import Instant, TimeDelta

from ringback.clock import SystemClock, VirtualClock
from ringback.engine.lease import MOST_CLOCK_SKEW, ClockSkewed, Lease
from ringback.events import LeaseLost, NodeStarted
from ringback.store import nodes

LENGTH = TimeDelta(seconds=10)


class Shifted(SystemClock):
    """The machine's clock, fast by so much."""

    def __init__(self, by: TimeDelta) -> None:
        self.by = by

    def now(self) -> Instant:
        """The time that it shows."""
        return super().now() + self.by


def lease_of(world, clock, name="a", *, check_clock=False) -> Lease:
    """A lease of ten seconds."""
    return Lease(world.database, clock, name, LENGTH, world.events.append, check_clock=check_clock)


async def test_a_node_may_dial_while_its_lease_lasts(make_world):
    """Not before it is won, and not at its very end."""
    world = await make_world()
    lease = lease_of(world, world.clock)
    assert not lease.holds(NOON)
    await lease.run_once()
    assert lease.holds(NOON)
    assert lease.holds(NOON + LENGTH - TimeDelta(microseconds=1))
    assert not lease.holds(NOON + LENGTH)
    assert world.events == [NodeStarted(lease.node_no, "a")]


async def test_a_heartbeat_prolongs_the_lease(make_world):
    """The node stays the same."""
    world = await make_world()
    lease = lease_of(world, world.clock)
    await lease.run_once()
    before = lease.node_no
    world.clock.advance_to(NOON + TimeDelta(seconds=9))
    await lease.run_once()
    assert (lease.node_no, lease.holds(NOON + TimeDelta(seconds=18))) == (before, True)


async def test_a_node_that_missed_its_lease_begins_anew(make_world):
    """Under another number, so that nobody takes what it had for its own."""
    world = await make_world()
    lease = lease_of(world, world.clock)
    await lease.run_once()
    before = lease.node_no
    world.clock.advance_to(NOON + LENGTH)
    await lease.run_once()
    assert lease.node_no != before
    assert LeaseLost(before) in world.events
    assert lease.holds(NOON + LENGTH)


async def test_a_heartbeat_that_took_too_long_begins_anew(make_world, monkeypatch):
    """It was sent in time and written too late: others may have taken the node for dead in between."""
    world = await make_world()
    lease = lease_of(world, world.clock)
    await lease.run_once()
    before, heartbeat = lease.node_no, nodes.heartbeat

    async def slow(*args):
        world.clock.advance_to(NOON + TimeDelta(seconds=11))
        return await heartbeat(*args)

    monkeypatch.setattr(nodes, "heartbeat", slow)
    world.clock.advance_to(NOON + TimeDelta(seconds=9))
    await lease.run_once()
    assert lease.node_no != before
    assert LeaseLost(before) in world.events


async def test_who_leaves_may_not_dial(make_world):
    """The moment it says so."""
    world = await make_world()
    lease = lease_of(world, world.clock)
    await lease.run_once()
    await lease.leave()
    assert not lease.holds(NOON)


@pytest.mark.parametrize("apart", [-5, 5])
async def test_a_node_whose_clock_is_wrong_does_not_dial(make_world, apart):
    """The message names the remedy."""
    world = await make_world()
    lease = lease_of(world, Shifted(TimeDelta(seconds=apart)), check_clock=True)
    with pytest.raises(ClockSkewed, match="NTP"):
        await lease.run_once()
    assert lease.node_no == 0


async def test_a_clock_that_goes_wrong_lets_the_lease_run_out(make_world):
    """It is held to its end by the clock that won it, and not prolonged."""
    world = await make_world()
    clock = Shifted(TimeDelta())
    lease = lease_of(world, clock, check_clock=True)
    await lease.run_once()
    held_at = clock.now()
    assert lease.holds(held_at)
    clock.by = TimeDelta(seconds=5)
    with pytest.raises(ClockSkewed):
        await lease.run_once()
    assert not lease.holds(held_at + LENGTH)


async def test_a_node_stops_before_others_may_take_its_lease_for_over(make_world):
    """Their clocks may be ahead of the database's by as much as its own is behind."""
    world = await make_world()
    lease = lease_of(world, SystemClock(), check_clock=True)
    await lease.run_once()
    until = await world.value("SELECT lease_until FROM nodes")
    assert lease.holds(until - MOST_CLOCK_SKEW * 2 - TimeDelta(milliseconds=1))
    assert not lease.holds(until - MOST_CLOCK_SKEW * 2 + TimeDelta(microseconds=1))


async def test_a_virtual_clock_is_not_compared(make_world):
    """Its time is its own."""
    world = await make_world()
    lease = lease_of(world, VirtualClock(NOON))
    await lease.run_once()
    assert lease.node_no
