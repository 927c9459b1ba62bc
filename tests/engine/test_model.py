"""Whatever happens in whichever order, the invariants hold: a state machine that plays the day of two nodes."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.engine.invariants import check_all, most_at_once
from tests.world import LIVELY, a_world, drive, some_leads
from whenever import TimeDelta

from ringback.clock import VirtualClock
from ringback.domain.window import DailyWindow
from ringback.errors import Conflict

DAY = TimeDelta(hours=24)
MOST = 3
PLAN = {
    "leads": 4,
    "window": DailyWindow(11 * 60, 13 * 60),
    "caps": (None, MOST, None),
    "retry": {
        "max_attempts": 3,
        "after": {"no-answer": ["1m", "20m"], "busy": ["30s"], "voicemail": ["2m"], "failed": ["10s"]},
    },
    "billing": {"per_minute_micros": 12_345},
    "simulator": LIVELY,
}
nodes = st.sampled_from(["one", "two"])


class Day(RuleBasedStateMachine):
    """Two nodes and an owner, on one clock."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.world, self.nodes, self.cap, self.leads = None, {}, MOST, PLAN["leads"]
        self.paused_with = None

    def wait(self, work):
        """Do some work of the world's."""
        return self.loop.run_until_complete(work)

    @initialize()
    def begins(self) -> None:
        """A campaign runs, and nobody works on it yet."""
        self.context = a_world(Day.postgres, Path(self.folder.name), **PLAN)
        self.world = self.wait(self.context.__aenter__())

    def node(self, name):
        """A node's engine, started where it is not there."""
        if name not in self.nodes:
            self.nodes[name] = self.wait(self.world.engine(name, lease_sec=60, claim_batch=2))
        return self.nodes[name]

    @rule(name=nodes)
    def beats(self, name) -> None:
        """A heartbeat."""
        self.wait(self.node(name).node.lease.run_once())

    @rule(name=nodes)
    def claims(self, name) -> None:
        """One batch."""
        self.wait(self.node(name).dialler.run_once())

    @rule(name=nodes)
    def places(self, name) -> None:
        """What was claimed."""
        self.wait(self.node(name).placer.run_once())

    @rule(name=nodes)
    def settles(self, name) -> None:
        """What it heard."""
        self.wait(self.node(name).settler.run_once())

    @rule(name=nodes)
    def rescues(self, name) -> None:
        """What others left."""
        self.wait(self.node(name).rescuer.run_once())

    @rule(name=nodes)
    def finishes(self, name) -> None:
        """What is empty."""
        self.wait(self.node(name).finisher.run_once())

    @rule(name=nodes, again=st.booleans())
    def hears_once_more(self, name, again) -> None:
        """A carrier repeats itself."""
        inbox = self.node(name).node.hand.inbox
        inbox.extend(list(inbox)[: 1 + again])

    @precondition(lambda self: self.nodes)
    @rule(name=nodes)
    def dies(self, name) -> None:
        """A node's process is gone, with its timers and all that it knew."""
        if (engine := self.nodes.pop(name, None)) is not None:
            self.wait(engine.node.trunks.close())

    @rule(sec=st.sampled_from([0.001, 1, 5, 30, 61, 600, 7200, 90_000]))
    def time_passes(self, sec) -> None:
        """Anything from a moment to a day."""
        self.world.clock.advance_to(self.world.clock.now() + TimeDelta(seconds=sec))

    @rule(action=st.sampled_from(["pause", "resume"]))
    def owner_acts(self, action) -> None:
        """Where the campaign's state allows it."""
        try:
            self.wait(self.world.act(action))
        except Conflict:
            return
        self.paused_with = len(self.wait(self.world.attempts())) if action == "pause" else None

    @rule(cap=st.integers(1, MOST))
    def owner_sets_the_cap(self, cap) -> None:
        """What is up stays up."""
        self.wait(self.world.value("UPDATE limits SET max_concurrent_calls = $1 WHERE kind = 'campaign'", cap))

    @rule(count=st.integers(1, 3))
    def leads_are_added(self, count) -> None:
        """Some new, some not."""
        self.wait(self.world.add_leads(some_leads(count, first=self.leads - 1)))
        self.leads += count - 1

    @invariant()
    def all_is_well(self) -> None:
        """At every moment."""
        if self.world is None:
            return
        self.wait(check_all(self.world))
        assert self.wait(most_at_once(self.world)) <= MOST
        if self.paused_with is not None:
            assert len(self.wait(self.world.attempts())) <= self.paused_with

    def teardown(self) -> None:
        """A node that lives brings all to its end."""
        if self.world is not None:
            self.wait(self._ends())
            self.wait(self.context.__aexit__(None, None, None))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    async def _ends(self) -> None:
        for engine in self.nodes.values():
            await engine.node.trunks.close()
        if await self.world.status() == "paused":
            await self.world.act("resume")
        self.world.clock = VirtualClock(self.world.clock.now() + TimeDelta(minutes=2))
        await drive(await self.world.engine("last"), self.world.clock, self.world.clock.now() + DAY * 4)
        assert await self.world.status() == "completed"
        assert all(call["final_status"] for call in await self.world.calls())
        await check_all(self.world)


def test_whatever_happens_nothing_is_dialled_twice_and_nothing_is_lost(postgres):
    """Claims, dials, events, deaths, pauses, caps, leads and the clock, in any order."""
    Day.postgres = postgres
    quick = settings(
        max_examples=12,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Day, settings=quick)
