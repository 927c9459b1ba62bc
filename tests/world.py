"""A small world to dial in: a workspace, a trunk, a campaign and its leads, in a migrated database of its own."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.postgres import drop_database, fresh_database
from whenever import Instant, TimeDelta

from ringback import ids
from ringback.clock import Clock, VirtualClock
from ringback.domain.campaign import CampaignAction
from ringback.domain.hours import CallingWindow, every_day
from ringback.domain.policy_form import parse_policy
from ringback.domain.window import Zones
from ringback.engine.engine import Engine, EngineSettings
from ringback.events import Event
from ringback.ids import Ids
from ringback.intake.leads import Chunk, Lead
from ringback.intake.report import Report
from ringback.store.campaign_status import act
from ringback.store.campaigns import CampaignPlan, CampaignRow, create_campaign, find_campaign
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, Record, connect
from ringback.store.leads import import_leads
from ringback.store.migrate import migrate
from ringback.store.queue import Intent, Take, intend, take_due
from ringback.store.trunks import create_trunk
from ringback.store.workspaces import create_workspace
from ringback.wiring import build_engine, engine_database

NOON = Instant.from_utc(2026, 3, 2, 12)
WHOLE_DAY = every_day(0, 1440)
SINGLE = MappingProxyType({"max_attempts": 1, "after": {}})

NOBODY_ANSWERS = MappingProxyType(
    {"never_share": 1.0, "voicemail_share": 0.0, "invalid_share": 0.0, "failure_share": 0.0}
)
"""Every dial rings out, or the phone is off."""

EVERYBODY_ANSWERS = MappingProxyType(
    {"answer_rates": [1.0] * 24, "never_share": 0.0, "busy_share": 0.0, "invalid_share": 0.0, "failure_share": 0.0}
)

LIVELY = MappingProxyType(
    {
        "seed": 3,
        "answer_rates": [0.3] * 24,
        "busy_share": 0.2,
        "invalid_share": 0.05,
        "failure_share": 0.05,
        "mean_talk_sec": 20,
        "ring_timeout_sec": 8,
    }
)
"""A bit of everything."""

_templates: dict[str, str] = {}


@dataclass(slots=True)
class World:
    """What a test dials in; closed with all that it opened."""

    dsn: str
    folder: Path
    database: Database
    workspace_no: int
    trunk_no: int
    campaign: CampaignRow
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    ids: Ids = field(default_factory=lambda: Ids(random.Random(1)))
    events: list[Event] = field(default_factory=list)
    opened: list[Database] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def engine(
        self,
        name: str = "a",
        *,
        database: Database | None = None,
        clock: Clock | None = None,
        seed: int = 2,
        check_clock: bool = False,
        **settings: Any,
    ) -> Engine:
        """A node's engine; its lease outlasts the test unless `lease_sec` says otherwise."""
        made = build_engine(
            database or await self.engine_database(),
            clock or self.clock,
            random.Random(seed),
            folder=self.folder,
            publish=self.hear,
            settings=EngineSettings(name=name, **{"lease_sec": 1e7, **settings}),
            check_clock=check_clock,
        )
        self.engines.append(made)
        return made

    def hear(self, event: Event) -> None:
        """Keep what a node publishes."""
        self.events.append(event)
        self.news.set()

    async def until(self, condition: Callable[[], bool], patience_sec: float = 20.0) -> None:
        """Wait until something was published after which the condition holds."""
        async with asyncio.timeout(patience_sec):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def engine_database(self) -> Database:
        """Connections as an engine has them."""
        self.opened.append(await engine_database(self.dsn))
        return self.opened[-1]

    async def add_leads(self, leads: Iterable[Lead], now: Instant | None = None, **options: Any) -> Report:
        """Import leads into the campaign, at the clock's time."""
        chunks = [Chunk(list(leads), [], 0)]
        at = now or self.clock.now()
        return await import_leads(
            self.database, self.workspace_no, self.campaign.campaign_no, chunks, self.ids, at, **options
        )

    async def act(self, action: str) -> None:
        """Do as the campaign's owner may."""
        async with self.database.connection() as db:
            row = await find_campaign(db, self.workspace_no, self.campaign.campaign_id)
        assert row is not None
        await act(self.database, row, CampaignAction(action), self.clock.now())

    async def rows(self, statement: str, *args: object) -> list[Record]:
        """What a statement returns."""
        async with self.database.connection() as db:
            return list(await db.fetch(statement, *args))

    async def value(self, statement: str, *args: object) -> Any:
        """The first value that a statement returns."""
        async with self.database.connection() as db:
            return await db.fetchval(statement, *args)

    async def attempts(self) -> list[Record]:
        """All attempts, in the order of their keys."""
        return await self.rows("SELECT * FROM attempts ORDER BY workspace_no, call_id, attempt")

    async def queue(self) -> list[Record]:
        """All that waits, in the order in which it is due."""
        return await self.rows("SELECT * FROM queue ORDER BY due_at, call_id")

    async def calls(self) -> list[Record]:
        """All calls, in the order of their ids."""
        return await self.rows("SELECT * FROM calls ORDER BY workspace_no, call_id")

    async def status(self) -> str:
        """The state of the campaign."""
        found: str = await self.value("SELECT status FROM campaigns WHERE campaign_no = $1", self.campaign.campaign_no)
        return found

    def dials(self) -> list[dict[str, Any]]:
        """What the far end remembers of being asked, in its own order."""
        path = self.folder / "dials.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def close(self) -> None:
        """Let go of engines, connections and the database."""
        for engine in self.engines:
            await engine.checker.stop()
            await engine.deliverer.stop()
            await engine.node.trunks.close()
        for database in (*self.opened, self.database):
            await database.close()
        await drop_database(self.dsn)


@asynccontextmanager
async def a_world(
    postgres: str,
    folder: Path,
    *,
    leads: int | Iterable[Lead] = 0,
    started: bool = True,
    retry: Mapping[str, Any] = SINGLE,
    window: CallingWindow = WHOLE_DAY,
    starts_at: Instant | None = None,
    ends_at: Instant | None = None,
    caps: tuple[int | None, int | None, int | None] = (None, None, None),
    dials_per_sec: float | None = None,
    simulator: Mapping[str, Any] = NOBODY_ANSWERS,
    billing: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[World]:
    """A world with a campaign that runs.

    Args:
        postgres: the DSN of a server's maintenance database.
        folder: where the simulator keeps its record.
        leads: so many of them in UTC, or these.
        started: whether the campaign runs or is a draft.
        retry: its policy; by default one dial.
        window: its calling window; by default any hour.
        starts_at: its beginning.
        ends_at: its end.
        caps: calls at a time of the workspace, the campaign and the trunk.
        dials_per_sec: the trunk's pace.
        simulator: the trunk's settings besides its record.
        billing: the trunk's tariff.
    """
    dsn = await migrated(postgres)
    database = await connect(dsn, size=4, settings=API_SETTINGS)
    made, by_workspace, by_campaign, by_trunk = Ids(random.Random(7)), *caps
    settings = json.dumps({**simulator, "record": "dials.jsonl"})
    async with database.transaction() as db:
        workspace_no = await create_workspace(db, made.new(NOON), "acme", by_workspace, NOON)
        trunk = (made.new(NOON), "sim", "simulator", settings, json.dumps(dict(billing)))
        trunk_no = await create_trunk(db, workspace_no, *trunk, by_trunk, dials_per_sec, NOON)
        plan = CampaignPlan(
            "c", None, trunk_no, None, parse_policy(dict(retry)), window, starts_at, ends_at, by_campaign
        )
        campaign_id = made.new(NOON)
        await create_campaign(db, workspace_no, campaign_id, plan, NOON)
        campaign = await find_campaign(db, workspace_no, campaign_id)
    assert campaign is not None
    world = World(dsn, folder, database, workspace_no, trunk_no, campaign)
    try:
        if wanted := some_leads(leads) if isinstance(leads, int) else list(leads):
            await world.add_leads(wanted)
        if started:
            await world.act("start")
        yield world
    finally:
        await world.close()


async def migrated(postgres: str) -> str:
    """The DSN of a new database with the schema of this release: a copy of one that is migrated once."""
    if postgres not in _templates:
        template = await fresh_database(postgres)
        database = await connect(template, size=1, settings={})
        await migrate(database, NOON)
        await database.close()
        _templates[postgres] = template.partition("?")[0].rsplit("/", 1)[1]
    return await fresh_database(postgres, _templates[postgres])


async def single_connection(world: World) -> Database:
    """One connection as an engine has them, for each of many nodes. All of them wait for their turn in one process."""
    patient = {**ENGINE_SETTINGS, "idle_in_transaction_session_timeout": "60s"}
    world.opened.append(await connect(world.dsn, size=1, settings=patient))
    return world.opened[-1]


async def claim(world: World, count: int, now: Instant | None = None, node_no: int = 0) -> list[Intent]:
    """Take dials of the campaign out of the queue and record their intents, as a node does."""
    at = now or world.clock.now()
    due_by = at + TimeDelta(seconds=1)  # an import's leads are a microsecond apart
    lane = Take(world.workspace_no, world.campaign.campaign_no, 0, 0, count, count, Instant.MIN, Instant.MIN)
    async with world.database.transaction() as db:
        taken = await take_due(db, [lane], due_by)
        intents = [_intent(world, row) for row in taken]
        if intents:
            await intend(db, intents, node_no, at)
    return intents


def _intent(world: World, row: Record) -> Intent:
    ids_of = (row["workspace_no"], row["call_id"], row["attempt"], world.ids.new(world.clock.now()))
    return Intent(*ids_of, row["campaign_no"], world.trunk_no, 0, 1, None)


def some_leads(count: int, *, first: int = 0, zones: Zones = ("UTC",)) -> list[Lead]:
    """So many people with consecutive numbers."""
    return [a_lead(first + n, zones=zones) for n in range(count)]


def a_lead(n: int, *, zones: Zones = ("UTC",)) -> Lead:
    """The n-th person."""
    return Lead(n + 2, f"+1415555{n:04}", zones, None, None, "{}")


async def drive(engine: Engine, clock: VirtualClock, until: Instant) -> None:
    """Run every duty, rescue among them, until nothing waits and nothing is up, or until `until`."""
    node = engine.node
    while clock.now() < until:
        await node.lease.run_once()
        while await _all_duties(engine):
            pass
        async with node.database.connection() as db:
            up = await db.fetchval("SELECT count(*) FROM attempts WHERE ended_at IS NULL")
        wakes = [clock.next_timer(), node.hand.next_place_at(), engine.dialler.next_due]
        # what another node left up is looked at again and again
        soonest = min([at for at in wakes if at] + ([clock.now() + TimeDelta(seconds=5)] if up else []), default=None)
        if soonest is None:
            return
        clock.advance_to(min(max(soonest, clock.now() + TimeDelta(milliseconds=1)), until))


async def _all_duties(engine: Engine) -> int:
    duties = (engine.rescuer, engine.settler, engine.node.permits, engine.dialler, engine.placer, engine.finisher)
    return sum([await duty.run_once() for duty in duties])


def shown(attempt: Record) -> str:
    """The id of an attempt as the record writes it."""
    return ids.show(ids.ATTEMPT, attempt["attempt_id"])
