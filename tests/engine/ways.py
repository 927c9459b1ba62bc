"""Campaigns with several trunks, and a puppet for each of them."""

from collections import Counter
from dataclasses import replace

from tests.engine.carriers import Puppet
from tests.world import NOON, World

from ringback.carriers.carrier import Ended
from ringback.domain.outcome import EndReason
from ringback.domain.ways import Way, by_preference
from ringback.engine.engine import Engine
from ringback.store.campaigns import change_campaign, find_campaign
from ringback.store.trunks import create_trunk


async def another_trunk(world: World, name: str, cap: int | None = None, pace: float | None = None) -> int:
    """One more trunk of the world's workspace, a simulator with a record of its own; returns its number."""
    async with world.database.transaction() as db:
        settings = f'{{"record": "{name}.jsonl"}}'
        trunk = (world.ids.new(NOON), name, "simulator", settings, "{}", cap, pace)
        return await create_trunk(db, world.workspace_no, *trunk, NOON)


async def go_by(world: World, *ways: tuple[int, int, int]) -> None:
    """Give the campaign these ways: (trunk_no, priority, weight)."""
    async with world.database.transaction() as db:
        campaign = await find_campaign(db, world.workspace_no, world.campaign.campaign_id)
        assert campaign is not None
        wanted = by_preference(Way(*way) for way in ways)
        plan = replace(campaign.plan, trunk_no=wanted[0].trunk_no, ways=wanted)
        await change_campaign(db, campaign, plan, world.clock.now())


async def two_trunks(world: World, *, cap: int | None = None, equal: bool = False) -> tuple[int, int]:
    """Give the campaign a second trunk, behind its first one or beside it; returns both numbers."""
    second = await another_trunk(world, "second", cap)
    await go_by(world, (world.trunk_no, 1, 1), (second, 1 if equal else 2, 1))
    return world.trunk_no, second


class Puppets(dict[str, Puppet]):
    """A puppet for each trunk of an engine, by the name of its record."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        engine.node.trunks._make = self._made

    def _made(self, kind, settings, listener):  # noqa: ARG002  # the signature of MakeCarrier
        return self.of(settings["record"].removesuffix(".jsonl"))

    def of(self, name: str) -> Puppet:
        """The puppet of a trunk; "dials" is the world's first one."""
        return self.setdefault(name, Puppet(self._engine.node.clock))

    def placed(self) -> dict[str, int]:
        """How many dials each was asked for."""
        return {name: len(puppet.placed) for name, puppet in self.items() if puppet.placed}


async def refuse(engine: Engine, code: int | None = 503, reason: EndReason = EndReason.NETWORK_FAILURE, **more) -> None:
    """All calls that are up were refused by their trunks."""
    for attempt_id in list(engine.node.hand.live):
        engine.node.hand.hear(Ended(attempt_id, engine.node.clock.now(), reason, sip_code=code, **more))
    await engine.settler.run_once()


async def by_trunk(world: World) -> Counter[int]:
    """How many attempts there were over each trunk."""
    return Counter(row["trunk_no"] for row in await world.attempts())
