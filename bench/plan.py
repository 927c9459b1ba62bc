"""Plans: whether what is foreseen is what a run of the engine then comes to, and how long 100,000 leads take."""

import asyncio
import json
import os
import random
import resource
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from whenever import Instant, TimeDelta

from bench.databases import fresh_database
from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from ringback import wiring
from ringback.clock import VirtualClock
from ringback.config import DATABASE_URL
from ringback.domain.campaign import CampaignAction
from ringback.domain.plan import MOST_RUNS, Order
from ringback.domain.policy_form import parse_policy
from ringback.domain.window_form import DEFAULT_WINDOW
from ringback.engine.engine import EngineSettings
from ringback.engine.virtual import run_virtual
from ringback.event_log import LogAndCount
from ringback.ids import Ids
from ringback.intake.leads import Chunk, Lead
from ringback.planning.foresee import Plan, foresee, read_plan
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.campaign_status import act
from ringback.store.campaigns import CampaignPlan, CampaignRow, create_campaign, find_campaign
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.explain import reading_much
from ringback.store.leads import import_leads
from ringback.store.progress import read_progress
from ringback.store.trunks import create_trunk
from ringback.store.workspaces import create_workspace

MOST_SEC, LEAST_COVERED = Limit(60, most=True), Limit(18)
EXPLAINED = """## Plan

Campaigns of the same people's numbers in four time zones, each with a simulator of another seed: who answers, and when,
is drawn anew in each. Each is planned while it is a draft, with a seed of the plan's own. Then all are started, and the
engine runs them for seven days on a virtual clock, in a real database. A figure counts the campaigns in which as many
leads were reached as the plan's 95 % interval has. The time is that of one plan of 100,000 leads over seven days, in a
process of its own, from its start to its answer."""

BEGINS = Instant.from_utc(2026, 3, 2, 6)
DAYS = 7
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
RETRY = {
    "max_attempts": 5,
    "after": {"no-answer": ["2h", "5h", "1d"], "busy": ["10m", "30m", "2h"], "voicemail": ["1d"], "failed": ["15m"]},
    "jitter": "10m",
}
BILLING = {"per_minute_micros": 12_000, "currency": "USD", "first_sec": 60, "next_sec": 6, "connect_micros": 0}
CHUNK = 10_000
OTHERS = 1_000
"""So much larger is the seed of a plan than that of the people it is about."""

TICK = TimeDelta(minutes=1)
"""The engine looks at its queue so often here: most of the time goes into asking."""


class Compared(NamedTuple):
    """A plan, and what the campaign then came to."""

    plan: Plan
    reached: int
    attempts: int

    @property
    def is_covered(self) -> bool:
        """Whether the interval has it."""
        return self.plan.reach.low <= self.reached <= self.plan.reach.high


def people(count: int) -> Iterator[Chunk]:
    """So many leads, spread over the zones."""
    for first in range(0, count, CHUNK):
        some = range(first, min(first + CHUNK, count))
        yield Chunk([Lead(n + 2, f"+1415{n:07}", (ZONES[n % 4],), None, None, "{}") for n in some], [], some[-1] + 2)


async def drafts(database: Database, seeds: Sequence[int], leads: int, cap: int | None) -> list[CampaignRow]:
    """A campaign for each seed, over a simulator of its own."""
    ids = Ids(random.Random(1))
    async with database.transaction() as db:
        workspace_no = await create_workspace(db, ids.new(BEGINS), "plans", None, BEGINS)
    return [await _draft(database, ids, workspace_no, seed, leads, cap) for seed in seeds]


async def _draft(
    database: Database, ids: Ids, workspace_no: int, seed: int, leads: int, cap: int | None
) -> CampaignRow:
    name, campaign_id = f"of seed {seed}", ids.new(BEGINS)
    async with database.transaction() as db:
        trunk = (ids.new(BEGINS), name, "simulator", json.dumps({"seed": seed}), json.dumps(BILLING), None, None)
        trunk_no = await create_trunk(db, workspace_no, *trunk, BEGINS)
        plan = CampaignPlan(name, None, trunk_no, None, parse_policy(RETRY), DEFAULT_WINDOW, None, None, cap)
        await create_campaign(db, workspace_no, campaign_id, plan, BEGINS)
        made = await find_campaign(db, workspace_no, campaign_id)
    assert made is not None
    await import_leads(database, workspace_no, made.campaign_no, people(leads), ids, BEGINS)
    return made


async def planned(database: Database, campaign: CampaignRow, order: Order, folder: Path, runs: int) -> Plan:
    """A plan of at most so many runs, made here."""
    async with reading_much(database) as db:
        longest = wiring.longest_of(Sealer(folder, None))
        stage, answers = await read_plan(db, campaign, order, Shelf(), longest)
    return foresee(stage, answers, runs)


def order_of(campaign: CampaignRow, seed: int, leads: int) -> Order:
    """What is asked of a plan."""
    return Order(campaign.workspace_no, campaign.campaign_id, BEGINS.format_iso(), DAYS, seed, leads)


async def compared(
    dsn: str,
    seeds: Sequence[int],
    leads: int,
    cap: int | None,
    folder: Path,
    *,
    tick: TimeDelta = TICK,
    runs: int = MOST_RUNS,
) -> list[Compared]:
    """Plan a campaign for each seed, and run them all."""
    database = await connect(dsn, size=4, settings=API_SETTINGS)
    try:
        campaigns = await drafts(database, seeds, leads, cap)
        orders = [order_of(campaign, OTHERS + seed, leads) for campaign, seed in zip(campaigns, seeds, strict=True)]
        plans = [await planned(database, *pair, folder, runs) for pair in zip(campaigns, orders, strict=True)]
        for campaign in campaigns:
            await act(database, campaign, CampaignAction.START, BEGINS)
        await _run(dsn, folder, tick)
        return [Compared(plan, *await _came_to(database, one)) for plan, one in zip(plans, campaigns, strict=True)]
    finally:
        await database.close()


async def _run(dsn: str, folder: Path, tick: TimeDelta) -> None:
    database, clock = await wiring.engine_database(dsn), VirtualClock(BEGINS)
    settings = EngineSettings(name="plan", lease_sec=(DAYS + 1) * 86_400.0)
    engine = wiring.build_engine(
        database,
        clock,
        random.Random(3),
        folder=folder,
        publish=LogAndCount(),
        settings=settings,
        check_clock=False,
    )
    await run_virtual(engine, clock, BEGINS + TimeDelta(hours=24 * DAYS), lambda _: None, tick)
    await engine.node.trunks.close()
    await database.close()


async def _came_to(database: Database, campaign: CampaignRow) -> tuple[int, int]:
    async with database.connection() as db:
        counts = await read_progress(db, campaign)
    reached = sum(calls for (_, reason), calls in counts.calls.items() if reason == "reached")
    return reached, sum(row["attempts"] for row in counts.tallies)


async def timed(dsn: str, leads: int, cap: int, folder: Path) -> tuple[float, float, float]:
    """Seconds of a plan in a process of its own, of them those on a core, and the most memory in MB."""
    database = await connect(dsn, size=4, settings=API_SETTINGS)
    try:
        [campaign] = await drafts(database, [1], leads, cap)
    finally:
        await database.close()
    environment, before = {**os.environ, DATABASE_URL: dsn}, resource.getrusage(resource.RUSAGE_CHILDREN)
    pipe, watch = asyncio.subprocess.PIPE, Stopwatch()
    child = await asyncio.create_subprocess_exec(*wiring.plan_command(folder), stdin=pipe, stdout=pipe, env=environment)
    told, _ = await child.communicate(msgspec.json.encode(order_of(campaign, OTHERS, leads)))
    assert msgspec.json.decode(told)["leads"]["played"] == leads, told
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return watch.sec(), used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, used.ru_maxrss / 1024


async def measure(context: Context) -> list[Figure]:
    """The long plan by itself first, then the many campaigns."""
    large, seeds, leads, cap = (500, 4, 40, 20) if context.quick else (100_000, 20, 5_000, 500)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with context.step(f"a plan of {large:,} leads"):
            async with fresh_database(context.dsn, "plan_large") as dsn:
                sec, cpu_sec, memory_mb = await timed(dsn, large, cap, folder)
        with context.step(f"{seeds} campaigns of {leads:,} leads, planned and run"):
            found = await compared(context.dsn, range(seeds), leads, cap, folder)
    apart = sorted(
        abs(one.plan.reach.leads - one.reached) / (one.plan.reach.high - one.plan.reach.leads) for one in found
    )
    dials = sum(one.plan.foreseen.whole.dials for one in found) / sum(one.attempts for one in found)
    return [
        Figure(f"plan: {large:,} leads over {DAYS} days", sec, "s", MOST_SEC, f"{amount(cpu_sec)} s on a core"),
        Figure("plan: memory of its process", memory_mb, "MB"),
        Figure(
            f"plan: reach within its interval, of {seeds}", sum(one.is_covered for one in found), "runs", LEAST_COVERED
        ),
        Figure(
            "plan: reach from the middle of the interval, median", middle(apart), "of its half", rounds=spread(apart)
        ),
        Figure("plan: attempts foreseen of those that were made", dials, "of them"),
    ]
