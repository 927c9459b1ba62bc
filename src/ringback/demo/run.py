"""Runs the demo's campaign on a virtual clock. The same leads, days and seed give the same histories, run after run."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from whenever import Instant, TimeDelta

from ringback import wiring
from ringback.clock import VirtualClock
from ringback.domain.campaign import CampaignAction
from ringback.domain.policy_form import parse_policy
from ringback.domain.window_form import DEFAULT_WINDOW
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.virtual import run_virtual
from ringback.errors import Invalid
from ringback.event_log import LogAndCount
from ringback.ids import Ids
from ringback.intake.leads import Chunk, read_leads
from ringback.store.campaign_status import act
from ringback.store.campaigns import CampaignPlan, CampaignRow, create_campaign, find_campaign
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.leads import import_leads
from ringback.store.migrate import migrate
from ringback.store.trunks import create_trunk
from ringback.store.workspaces import create_workspace

BEGINS = Instant.parse_iso("2026-03-02T06:00:00Z")
"""A Monday, with both kinds of daylight-saving change ahead in the days that follow."""

TICK = TimeDelta(minutes=5)
"""The engine looks at its queue so often here: most of the time goes into asking, and five days are many minutes."""
CAP = 400
POLICY = {
    "max_attempts": 5,
    "after": {"no-answer": ["2h", "5h", "1d"], "busy": ["10m", "30m", "2h"], "voicemail": ["1d"], "failed": ["15m"]},
    "jitter": "10m",
}
BILLING = {"per_minute_micros": 12_000, "currency": "USD", "first_sec": 60, "next_sec": 6, "connect_micros": 0}


@dataclass(frozen=True, slots=True)
class Demo:
    """What is to be shown.

    Attributes:
        file: the leads.
        leads: so many of them, from the top.
        days: virtual days that the campaign may take.
        seed: of all chance.
    """

    file: Path
    leads: int
    days: int
    seed: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A campaign that was run.

    Attributes:
        campaign: as it ended.
        rejected: rows of the file that became no lead.
        wall_sec: seconds from the first dial to the last outcome on the wall's clock.
        virtual_sec: the same on the campaign's own.
    """

    campaign: CampaignRow
    rejected: int
    wall_sec: float
    virtual_sec: float


async def run_demo(dsn: str, demo: Demo, moved: Callable[[Instant, Instant], None]) -> tuple[Database, Ran]:
    """Import the leads and run the campaign until it is complete or its days are over.

    Args:
        dsn: an empty database.
        demo: what is to be shown.
        moved: told of (virtual time, end) as the campaign goes on.

    Returns:
        the database, still open, and what ran.

    Raises:
        Invalid: the file has fewer leads than were asked for.
    """
    chance = random.Random(demo.seed)  # noqa: S311 - the same seed gives the same demo
    clock, ends = VirtualClock(BEGINS), BEGINS + TimeDelta(hours=24 * demo.days)
    database = await connect(dsn, size=4, settings=API_SETTINGS)
    await migrate(database, BEGINS)
    campaign = await _make_campaign(database, demo, Ids(chance), ends)
    report = await import_leads(
        database, campaign.workspace_no, campaign.campaign_no, _first(demo.file, demo.leads), Ids(chance), BEGINS
    )
    if report.created + report.rejected < demo.leads:
        raise Invalid(
            [f"{demo.file} has {report.created} leads; ask for at most so many, or give another file by --file"]
        )
    await act(database, campaign, CampaignAction.START, BEGINS)
    began = perf_counter()
    await _run(dsn, clock, chance, demo, ends, moved)
    wall_sec = perf_counter() - began
    async with database.connection() as db:
        done = await find_campaign(db, campaign.workspace_no, campaign.campaign_id)
    return database, Ran(done or campaign, report.rejected, wall_sec, (clock.now() - BEGINS).total("seconds"))


async def _run(
    dsn: str,
    clock: VirtualClock,
    chance: random.Random,
    demo: Demo,
    ends: Instant,
    moved: Callable[[Instant, Instant], None],
) -> None:
    database = await wiring.engine_database(dsn)
    engine: Engine = wiring.build_engine(
        database,
        clock,
        chance,
        folder=demo.file.parent,
        publish=LogAndCount(),
        settings=EngineSettings(name="demo", lease_sec=(demo.days + 1) * 86_400.0),
        check_clock=False,
    )
    await run_virtual(engine, clock, ends, lambda at: moved(at, ends), TICK)
    await engine.node.trunks.close()
    await database.close()


async def _make_campaign(database: Database, demo: Demo, ids: Ids, ends: Instant) -> CampaignRow:
    async with database.transaction() as db:
        workspace_no = await create_workspace(db, ids.new(BEGINS), "demo", CAP, BEGINS)
        settings = json.dumps({"seed": demo.seed})
        trunk_no = await create_trunk(
            db,
            workspace_no,
            ids.new(BEGINS),
            "simulator",
            "simulator",
            settings,
            json.dumps(BILLING),
            CAP,
            None,
            BEGINS,
        )
        plan = CampaignPlan(
            name="demo",
            agent_id=None,
            trunk_no=trunk_no,
            from_number="+14155550100",
            retry=parse_policy(POLICY),
            window=DEFAULT_WINDOW,
            starts_at=None,
            ends_at=ends,
            max_concurrent_calls=CAP,
        )
        campaign_id = ids.new(BEGINS)
        await create_campaign(db, workspace_no, campaign_id, plan, BEGINS)
        made = await find_campaign(db, workspace_no, campaign_id)
    if made is None:
        raise LookupError("the campaign that was just made is not there")
    return made


def _first(file: Path, leads: int) -> Iterator[Chunk]:
    """The first so many rows of a file."""
    left = leads
    for chunk in read_leads(file):
        rows = sorted([lead.row for lead in chunk.leads] + [bad.row for bad in chunk.rejects])[:left]
        left -= len(rows)
        last = rows[-1] if rows else 0
        taken = [lead for lead in chunk.leads if lead.row <= last]
        yield Chunk(taken, [bad for bad in chunk.rejects if bad.row <= last], last)
        if left <= 0:
            return
