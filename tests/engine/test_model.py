"""Whatever happens in whichever order, the invariants hold: a state machine that plays the day of three nodes."""

import asyncio
import os
import random
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
from tests.engine.duties import another_campaign
from tests.engine.invariants import check_all
from tests.rows import dial_from_a_number
from tests.world import LIVELY, a_world, drive, some_leads
from whenever import Instant, TimeDelta

from ringback.clock import VirtualClock
from ringback.domain.campaign import CampaignAction
from ringback.domain.hours import every_day
from ringback.engine.lease import ClockSkewed
from ringback.errors import Conflict
from ringback.store import nodes as node_store
from ringback.store.campaign_status import act
from ringback.store.campaigns import find_campaign

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "10"))
DAY = TimeDelta(hours=24)
LEASE_SEC = 60
CAPS = {"workspace": 4, "campaign": 3, "trunk": 4, "caller": 2}
PLAN = {
    "leads": 4,
    "window": every_day(11 * 60, 13 * 60),
    "caps": (CAPS["workspace"], CAPS["campaign"], CAPS["trunk"]),
    "retry": {
        "max_attempts": 3,
        "after": {"no-answer": ["1m", "20m"], "busy": ["30s"], "voicemail": ["2m"], "failed": ["10s"]},
    },
    "billing": {"per_minute_micros": 12_345},
    "simulator": LIVELY,
}
STANDING = """
SELECT l.kind, l.ref_no, l.max_concurrent_calls AS cap,
    (SELECT coalesce(sum(g.calls), 0)::int FROM grants g WHERE g.kind = l.kind AND g.ref_no = l.ref_no) AS granted,
    (SELECT count(*)::int FROM attempts a
     WHERE (a.ended_at IS NULL OR a.held_until > $1)
       AND l.ref_no = CASE l.kind WHEN 'campaign' THEN a.campaign_no WHEN 'trunk' THEN a.trunk_no
                                  WHEN 'caller' THEN a.caller_no ELSE 0 END) AS up
FROM limits l WHERE l.max_concurrent_calls IS NOT NULL
"""
nodes = st.sampled_from(["one", "two", "three"])


class OwnClock:
    """A node's own clock: the world's, set by so much.

    Args:
        world: whose clock it is that runs.
    """

    def __init__(self, world) -> None:
        self.world = world
        self.set_by = TimeDelta()

    def now(self) -> Instant:
        """What it shows."""
        return self.world.clock.now() + self.set_by

    def call_at(self, at, action):
        """Timers go with the world's clock."""
        return self.world.clock.call_at(at - self.set_by, action)


class Day(RuleBasedStateMachine):
    """Three nodes, each on a clock of its own, and an owner of two campaigns."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.world, self.other, self.nodes, self.leads = None, None, {}, PLAN["leads"]
        self.standing, self.stopped = {}, {}

    def wait(self, work):
        """Do some work of the world's."""
        return self.loop.run_until_complete(work)

    @initialize()
    def begins(self) -> None:
        """Two campaigns run, one of them from a caller number with a cap, and nobody works on them yet."""
        self.context = a_world(Day.postgres, Path(self.folder.name), **PLAN)
        self.world = self.wait(self.context.__aenter__())
        self.wait(dial_from_a_number(self.world, CAPS["caller"]))
        self.other = self.wait(another_campaign(self.world, 3, weight=3))
        Day.now = self.world.clock.now
        self.wait(self.looked())

    def node(self, name):
        """A node's engine, started where it is not there."""
        if name not in self.nodes:
            options = {"clock": OwnClock(self.world), "seed": len(self.world.engines), "check_clock": True}
            made = self.world.engine(name, lease_sec=LEASE_SEC, claim_batch=2, **options)
            self.nodes[name] = self.wait(made)
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
    def dials(self, name) -> None:
        """A heartbeat, a batch, and its placing, as it mostly goes."""
        for work in (self.beats, self.claims, self.places):
            work(name)

    @rule(name=nodes, placed=st.booleans())
    def freezes(self, name, placed) -> None:
        """A node stands still for longer than its lease, before or after placing what it claimed; another acts."""
        self.beats(name)
        self.claims(name)
        if placed:
            self.places(name)
        self.time_passes(LEASE_SEC + 1)
        other = "two" if name == "one" else "one"
        self.beats(other)
        self.rescues(other)
        self.dials(other)
        self.places(name)
        self.settles(name)

    @rule(name=nodes)
    def settles(self, name) -> None:
        """What it heard."""
        self.wait(self.node(name).settler.run_once())

    @rule(name=nodes)
    def looks_to_its_permits(self, name) -> None:
        """Gives back what others want."""
        self.wait(self.node(name).node.permits.run_once())

    @rule(name=nodes)
    def asks_about_what_is_overdue(self, name) -> None:
        """Where events were lost."""
        self.wait(self.node(name).overseer.run_once())

    @rule(name=nodes)
    def hangs_up(self, name) -> None:
        """What rings in a cancelled campaign."""
        self.wait(self.node(name).placer.hang_up_cancelled())

    @rule(name=nodes)
    def rescues(self, name) -> None:
        """What others left."""
        self.wait(self.node(name).rescuer.run_once())

    @rule(name=nodes)
    def finishes(self, name) -> None:
        """What is empty."""
        self.wait(self.node(name).finisher.run_once())

    @rule(name=nodes, how=st.sampled_from(["once more", "twice more", "never", "in any order"]), seed=st.integers(0, 9))
    def carrier_errs(self, name, how, seed) -> None:
        """Events come again, get lost, or overtake each other."""
        inbox = self.node(name).node.hand.inbox
        came = list(inbox)
        random.Random(seed).shuffle(came)
        if how == "in any order":
            inbox.clear()
        elif how == "never":
            inbox.clear()
            del came[:1]
        inbox.extend(came[:1] if how == "once more" else came)

    @rule(name=nodes, milli=st.sampled_from([-400, -1, 0, 250, 400]))
    def clock_is_a_little_off(self, name, milli) -> None:
        """By less than a node may be off; it is set forth and back under way."""
        self.node(name).node.clock.set_by = TimeDelta(milliseconds=milli)

    @rule(name=nodes, sec=st.sampled_from([-3600, -LEASE_SEC - 1, -5, 0.6, 5, LEASE_SEC + 1, 3600]))
    def clock_jumps(self, name, sec) -> None:
        """By less and by more than a lease: the next heartbeat finds it out and prolongs nothing."""
        clock, lease = self.node(name).node.clock, self.node(name).node.lease
        before = self.wait(self.world.rows("SELECT lease_until FROM nodes ORDER BY node_no"))
        clock.set_by, was = TimeDelta(seconds=sec), clock.set_by
        try:
            self.wait(lease.run_once())
        except ClockSkewed:
            assert self.wait(self.world.rows("SELECT lease_until FROM nodes ORDER BY node_no")) == before
        else:
            raise AssertionError("it went on by a clock that is wrong")
        finally:
            clock.set_by = was

    @precondition(lambda self: self.nodes)
    @rule(name=nodes)
    def dies(self, name) -> None:
        """A node's process is gone, with its timers and all that it knew."""
        if (engine := self.nodes.pop(name, None)) is not None:
            self.wait(engine.node.trunks.close())

    @rule(sec=st.sampled_from([0.001, 0.3, 0.3, 1, 5, 30, LEASE_SEC + 1, 600, 7200, 90_000]))
    def time_passes(self, sec) -> None:
        """Anything from a moment to a day."""
        self.world.clock.advance_to(self.world.clock.now() + TimeDelta(seconds=sec))

    @rule(action=st.sampled_from(["pause", "resume"]))
    def owner_acts(self, action) -> None:
        """Where the campaign's state allows it."""
        self._act(self.world, CampaignAction(action))

    @rule(hang_up=st.booleans())
    def owner_cancels_the_other_campaign(self, hang_up) -> None:
        """Once; the first one goes on."""
        self._act(self.other, CampaignAction.CANCEL, hang_up=hang_up)

    def _act(self, world, action, **how) -> None:
        row = self.wait(campaign_of(world))
        try:
            self.wait(act(world.database, row, action, self.world.clock.now(), **how))
        except Conflict:
            return
        number = row.campaign_no
        if action is CampaignAction.RESUME:
            self.stopped.pop(number, None)
        else:
            self.stopped[number] = self.wait(self.intents()).get(number, set())

    @rule(kind=st.sampled_from(sorted(CAPS)), cap=st.integers(0, 4))
    def owner_sets_a_cap(self, kind, cap) -> None:
        """What is up stays up."""
        self.wait(self.world.value("UPDATE limits SET max_concurrent_calls = $1 WHERE kind = $2", cap, kind))

    @rule(count=st.integers(1, 3))
    def leads_are_added(self, count) -> None:
        """Some new, some not."""
        self.wait(self.world.add_leads(some_leads(count, first=self.leads - 1)))
        self.leads += count - 1

    async def intents(self):
        """The attempts of each campaign."""
        found = {}
        for row in await self.world.attempts():
            found.setdefault(row["campaign_no"], set()).add(row["attempt_id"])
        return found

    async def looked(self):
        """How each capped limit stands: its cap, what the nodes hold of it, and what is up."""
        before = self.standing
        rows = await self.world.rows(STANDING, self.world.clock.now())
        self.standing = {(row["kind"], row["ref_no"]): (row["cap"], row["granted"], row["up"]) for row in rows}
        return before

    @invariant()
    def all_is_well(self) -> None:
        """At every moment."""
        if self.world is not None:
            self.wait(self._check())

    async def _check(self) -> None:
        await check_all(self.world)
        before = await self.looked()
        for key, (cap, granted, up) in self.standing.items():
            _, granted_before, up_before = before[key]
            # only where the cap was lowered is there more, and then it does not grow
            assert granted <= max(cap, granted_before), key
            assert up <= max(cap, up_before), key
        intents = await self.intents()
        for number, known in self.stopped.items():
            assert intents.get(number, set()) <= known

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
        for kind, cap in CAPS.items():
            await self.world.value("UPDATE limits SET max_concurrent_calls = $1 WHERE kind = $2", cap, kind)
        self.world.clock = VirtualClock(self.world.clock.now() + TimeDelta(seconds=LEASE_SEC * 2))
        last = await self.world.engine("last", seed=len(self.world.engines))
        await drive(last, self.world.clock, self.world.clock.now() + DAY * 4)
        assert await self.world.status() == "completed"
        assert all(call["final_status"] for call in await self.world.calls())
        assert {row["node_no"] for row in await self.world.rows("TABLE grants")} <= {last.node.lease.node_no}
        await check_all(self.world)


async def campaign_of(world):
    """A campaign as it is now."""
    async with world.database.connection() as db:
        return await find_campaign(db, world.workspace_no, world.campaign.campaign_id)


def test_whatever_happens_nothing_is_dialled_twice_and_nothing_is_lost(postgres, monkeypatch):
    """Claims, dials, events, deaths, permits, pauses, cancellations, caps, leads and clocks, in any order."""

    async def server_time(_):
        return Day.now()

    # the server's clock cannot be moved: it is the world's here, by which the nodes' own are checked
    monkeypatch.setattr(node_store, "server_time", server_time)
    Day.postgres = postgres
    quick = settings(
        max_examples=EXAMPLES,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Day, settings=quick)
