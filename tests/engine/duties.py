"""Nodes whose duties a test runs by hand, and campaigns and workspaces beside those of its world."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.engine.carriers import Puppet, use
from tests.world import NOON, World, some_leads
from whenever import TimeDelta

from ringback.carriers.carrier import Ended
from ringback.domain.outcome import EndReason
from ringback.engine.engine import Engine
from ringback.store.campaigns import create_campaign, find_campaign
from ringback.store.trunks import create_trunk
from ringback.store.workspaces import create_workspace

MOMENT = TimeDelta(milliseconds=300)
"""Longer than a node that is short of permits waits before it asks again."""


async def begun(world: World, name: str = "a", *, puppet: bool = True, **options: Any) -> Engine:
    """A node with a lease, at a time at which all leads of an import are due; its attempts' ids are its own."""
    world.clock.advance_to(max(world.clock.now(), NOON + TimeDelta(milliseconds=1)))
    engine = await world.engine(name, **{"seed": 100 + len(world.engines), **options})
    if puppet:
        use(engine, Puppet(engine.node.clock))
    await engine.node.lease.run_once()
    return engine


def puppet_of(engine: Engine) -> Puppet:
    """The carrier that it dials by."""
    [trunk] = engine.node.trunks._known.values()
    assert isinstance(trunk.carrier, Puppet)
    return trunk.carrier


async def dial(engine: Engine) -> int:
    """One claim, placed; returns how many calls this node has up after it."""
    await engine.dialler.run_once()
    await engine.placer.run_once()
    return len(engine.node.hand.live)


async def end(engine: Engine, count: int | None = None, reason: EndReason = EndReason.USER_BUSY) -> None:
    """So many of the calls that are up are over, by default all."""
    for attempt_id in list(engine.node.hand.live)[:count]:
        engine.node.hand.hear(Ended(attempt_id, engine.node.clock.now(), reason))
    await engine.settler.run_once()


async def work(world: World, *engines: Engine, rounds: int = 1) -> list[int]:
    """Let time pass in moments, in each of which every node looks to its permits and dials; returns what each has up.

    A second of this is more than enough for permits to move.
    """
    for _ in range(rounds):
        world.clock.advance_to(world.clock.now() + MOMENT)
        for engine in engines:
            await engine.node.lease.run_once()
            await engine.node.permits.run_once()
            await dial(engine)
    return [len(engine.node.hand.live) for engine in engines]


async def another_campaign(world: World, leads: int, *, first: int = 1000, **plan: Any) -> World:
    """The same world, seen from another campaign that runs; its plan is as the first one's but for what is named."""
    campaign_id = world.ids.new(NOON)
    async with world.database.transaction() as db:
        wanted = replace(world.campaign.plan, trunk_no=world.trunk_no, **plan)
        await create_campaign(db, world.workspace_no, campaign_id, wanted, NOON)
        campaign = await find_campaign(db, world.workspace_no, campaign_id)
    assert campaign is not None
    other = replace(world, campaign=campaign)
    await other.add_leads(some_leads(leads, first=first), now=NOON)
    await other.act("start")
    return other


async def another_workspace(world: World, leads: int, *, cap: int | None = None) -> World:
    """The same world, seen from another workspace with a campaign that runs over a trunk of its own."""
    async with world.database.transaction() as db:
        workspace_no = await create_workspace(db, world.ids.new(NOON), "other", cap, NOON)
        settings = '{"record": "other.jsonl"}'
        trunk = (world.ids.new(NOON), "sim", "simulator", settings, "{}", None, None)
        trunk_no = await create_trunk(db, workspace_no, *trunk, NOON)
    return await another_campaign(replace(world, workspace_no=workspace_no, trunk_no=trunk_no), leads)


async def up_by_campaign(world: World) -> dict[int, int]:
    """How many calls of each campaign are up, over all workspaces."""
    live = "SELECT campaign_no, count(*)::int AS up FROM attempts WHERE ended_at IS NULL GROUP BY 1"
    return {row["campaign_no"]: row["up"] for row in await world.rows(live)}


async def make_redials(world: World, count: int) -> None:
    """Make so many of the campaign's first dials wait as redials."""
    some = [row["call_id"] for row in await world.queue() if row["campaign_no"] == world.campaign.campaign_no]
    await world.value("UPDATE queue SET attempt = 2 WHERE call_id = ANY ($1)", some[:count])


def ordinals(rows: Iterable[Any]) -> list[int]:
    """The attempts' ordinals."""
    return [row["attempt"] for row in rows]
