"""Databases with something in them to measure."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from whenever import Instant

from ringback.clock import SystemClock
from ringback.ids import Ids
from ringback.store.database import Connection, Database
from ringback.store.zones import zone_set_numbers

ZONES = (("Europe/Berlin",), ("America/New_York",), ("Asia/Tokyo",), ("Australia/Sydney",))
CAP = 5_000
INSTANT: MappingProxyType[str, object] = MappingProxyType({"seed": 7, "speed": 0})
"""A simulator without any delay."""


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


async def new_world(
    database: Database,
    now: Instant,
    *,
    status: str = "running",
    max_attempts: int = 4,
    cap: int = CAP,
    people: Mapping[str, object] = INSTANT,
) -> World:
    """Make a tenant of its own.

    Args:
        database: of our schema.
        now: when it is made.
        status: the campaign's.
        max_attempts: dials of each call in all.
        cap: concurrent calls of the workspace, of the campaign and of the trunk.
        people: the settings of the simulator.
    """
    ids = Ids(random.SystemRandom())
    async with database.transaction() as db:
        workspace_no = await db.fetchval(SQL["new_workspace"], ids.new(now), now)
        trunk_no = await db.fetchval(SQL["new_trunk"], workspace_no, ids.new(now), now, json.dumps(dict(people)))
        campaign_no = await db.fetchval(
            SQL["new_campaign"], workspace_no, ids.new(now), trunk_no, status, now, max_attempts
        )
        await db.execute(SQL["new_limits"], workspace_no, campaign_no, trunk_no, cap)
    return World(workspace_no, campaign_no, trunk_no)


async def fill_queue(
    database: Database, world: World, leads: int, due: Instant, *, first: int = 0, gap_micros: int = 1
) -> None:
    """Give a world so many leads more.

    Args:
        database: where the world is.
        world: which.
        leads: so many.
        due: when the first of them is; as an import leaves them, the others follow a microsecond apart.
        first: so many numbers are left out, for they are leads already.
        gap_micros: microseconds from one due time to the next.
    """
    async with database.connection() as db:
        numbers = await zone_set_numbers(db, ZONES)
        zones, now = [numbers[zone] for zone in ZONES], SystemClock().now()
        await db.execute(
            SQL["fill_queue"], world.workspace_no, world.campaign_no, zones, leads, now, due, first, gap_micros
        )


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
