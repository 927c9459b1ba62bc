"""Databases with something in them to measure."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from whenever import Instant

from ringback.ids import Ids
from ringback.store.database import Connection, Database
from ringback.store.zones import zone_set_numbers

ZONES = (("Europe/Berlin",), ("America/New_York",), ("Asia/Tokyo",), ("Australia/Sydney",))
CAP = 5_000


def _statements() -> MappingProxyType[str, str]:
    parts = Path(__file__).with_name("bench.sql").read_text(encoding="utf-8").split("-- name: ")[1:]
    return MappingProxyType(
        {name.strip(): body.strip().removesuffix(";") for name, _, body in (part.partition("\n") for part in parts)}
    )


SQL = _statements()
"""The statements of bench.sql by name."""


@dataclass(frozen=True, slots=True)
class World:
    """A tenant with one campaign on one simulator trunk."""

    workspace_no: int
    campaign_no: int
    trunk_no: int


async def new_world(database: Database, now: Instant, *, status: str = "running") -> World:
    """Make a tenant of its own."""
    ids = Ids(random.SystemRandom())
    async with database.transaction() as db:
        workspace_no = await db.fetchval(SQL["new_workspace"], ids.new(now), now)
        trunk_no = await db.fetchval(SQL["new_trunk"], workspace_no, ids.new(now), now)
        campaign_no = await db.fetchval(SQL["new_campaign"], workspace_no, ids.new(now), trunk_no, status, now)
        await db.execute(SQL["new_limits"], workspace_no, campaign_no, trunk_no, CAP)
    return World(workspace_no, campaign_no, trunk_no)


async def fill_queue(database: Database, world: World, leads: int, now: Instant) -> None:
    """Give a world so many leads that are all due."""
    async with database.connection() as db:
        numbers = await zone_set_numbers(db, ZONES)
        zones = [numbers[zone] for zone in ZONES]
        await db.execute(SQL["fill_queue"], world.workspace_no, world.campaign_no, zones, leads, now)


async def tidy(db: Connection) -> None:
    """Statistics, and nothing left to be written back, so that one step does not pay for the one before it."""
    await db.execute("VACUUM (ANALYZE)")
    await db.execute("CHECKPOINT")


@asynccontextmanager
async def at_work(work: "asyncio.Task[None]", stop: asyncio.Event) -> AsyncIterator[None]:
    """A task that works while the block runs and ends when it is told to; its failure ends the block."""
    block = asyncio.current_task()
    work.add_done_callback(lambda _: stop.is_set() or block is None or block.cancel("the work has failed"))
    try:
        yield
    finally:
        stop.set()
        await work
