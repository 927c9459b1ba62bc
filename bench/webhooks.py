"""Webhooks: nothing lost while a receiver is down for a day, others told in a second, and what a settlement costs."""

import asyncio
import json
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from tests.https import Server, https_server
from whenever import Instant, TimeDelta

from bench.figures import Context, Figure, Limit, Stopwatch, middle, spread
from bench.ours import until
from bench.world import SQL, World, new_world, tidy
from ringback import wiring
from ringback.clock import Clock, SystemClock, VirtualClock
from ringback.domain.webhooks import Event
from ringback.engine.engine import Engine, EngineSettings
from ringback.event_log import LogAndCount
from ringback.ids import Ids
from ringback.sealing import Sealer
from ringback.store import attempts
from ringback.store.attempts import Result
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect
from ringback.store.webhooks import WebhookPlan, create_webhook

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1aTgGKjcRTM="  # noqa: S105  # the bench's
DAY = TimeDelta(hours=24)
PER_CALL = 4
"""Events that are told of each call."""

BATCH = 200
NO_LOSS, MOST_TWICE, MOST_P99 = Limit(0, most=True), Limit(1, most=True), Limit(1.0, most=True)
EXPLAINED = """## Webhooks

On a virtual clock one receiver answers 503 for 24 hours, while events of calls are written to the outbox, four of each;
then it takes them. Half way through that, its node is let go of with all that it has in hand, and another one sends on.
The receiver is an HTTPS server in the same process: each event is really sent. On the machine's clock a second receiver
is told of events beside one that never answers and one that refuses all. What a settlement costs is that of batches of
200 attempts in PostgreSQL, in turn with no webhook and with one that is told of attempts' and of calls' ends."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """So many events in so many steps of a day; so many a second for so long; so many batches that are settled."""

    events: int
    steps: int
    per_sec: int
    sec: float
    batches: int


@dataclass(slots=True)
class Heard:
    """What a receiver took: how often each event, and what of each call in which order."""

    times: Counter[str] = field(default_factory=Counter)
    by_call: dict[str, list[str]] = field(default_factory=dict)

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Note an event; the order is that of the first time that each came."""
        self.times[headers["webhook-id"]] += 1
        if self.times[headers["webhook-id"]] == 1:
            told = json.loads(body)
            self.by_call.setdefault(told["data"]["call_id"], []).append(told["type"])


async def measure(context: Context) -> list[Figure]:
    """A day without a receiver, neighbours of a dead one, and the cost of a settlement."""
    sizes = Sizes(400, 24, 50, 0.5, 4) if context.quick else Sizes(100_000, 288, 100, 30.0, 100)
    database = await connect(context.dsn, size=4, settings=API_SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        try:
            async with _receiver(Path(folder)) as server:
                figures = await _a_day_down(context, database, server, Path(folder), sizes)
                figures += await _neighbours(context, database, server, Path(folder), sizes)
            return figures + await _settlements(context, database, Path(folder), sizes)
        finally:
            await database.close()


@asynccontextmanager
async def _receiver(folder: Path) -> AsyncIterator[Server]:
    allowed = {"RINGBACK_WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128", "SSL_CERT_FILE": str(folder / "ca.pem")}
    async with https_server(folder) as server:
        with patch.dict("os.environ", allowed):
            yield server


async def _hook(database: Database, world: World, folder: Path, url: str, *events: str) -> None:
    now = SystemClock().now()
    webhook_id = Ids(random.SystemRandom()).new(now)
    async with database.transaction() as db:
        sealed = Sealer(folder, None).seal(SECRET)
        plan = WebhookPlan(url, "bench", events or [str(event) for event in Event])
        await create_webhook(db, world.workspace_no, webhook_id, plan, sealed, 20, now)


async def _engine(context: Context, name: str, folder: Path, clock: Clock) -> Engine:
    engine = wiring.build_engine(
        await wiring.engine_database(context.dsn),
        clock,
        random.Random(2),
        folder=folder,
        publish=LogAndCount(),
        settings=EngineSettings(name=name, lease_sec=1e6),
        check_clock=False,
    )
    await engine.node.lease.run_once()
    return engine


async def _leave(engine: Engine) -> None:
    await engine.deliverer.stop()
    await engine.node.lease.leave()
    await engine.node.database.close()


async def _a_day_down(context: Context, database: Database, server: Server, folder: Path, sizes: Sizes) -> list[Figure]:
    """Write events while nothing is taken, then have all of them taken, by two nodes one after the other."""
    world = await new_world(database, SystemClock().now(), status="draft")
    await _hook(database, world, folder, server.url)
    clock = VirtualClock(SystemClock().now())
    engine, heard, tries = await _engine(context, "first", folder, clock), Heard(), 0

    async def answer(headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        nonlocal tries
        if clock.now() < began + DAY:
            tries += 1
            return 503, b""
        heard.take(headers, body)
        return 200, b""

    server.answer, began, watch = answer, clock.now(), Stopwatch()
    with context.step(f"{sizes.events:,} events in a day without a receiver", sizes.steps + 1) as done:
        for step in range(1, sizes.steps + 1):
            calls = (
                sizes.events // PER_CALL * step // sizes.steps - sizes.events // PER_CALL * (step - 1) // sizes.steps
            )
            await _write(database, world, calls, clock.now())
            clock.advance_to(began + DAY * step / sizes.steps - TimeDelta(seconds=1))
            await _deliver(engine)
            done()
        clock.advance_to(began + DAY + TimeDelta(minutes=6))
        back = Stopwatch()
        while len(heard.times) < sizes.events // 2:
            await _deliver(engine, once=True)
        dropped = engine
        await dropped.node.lease.leave()  # and nothing of what it has in hand is written down
        engine = await _engine(context, "second", folder, clock)
        while await _waits(database, world):
            clock.advance_to(clock.now() + TimeDelta(seconds=2))
            await _deliver(engine)
        took = back.sec()
    for one in (engine, dropped):
        await _leave(one)
    order = ["attempt.started", "attempt.ended", "call.retry_scheduled", "call.finished"]
    wrong = sum(told != order for told in heard.by_call.values())
    lost, twice = sizes.events - len(heard.times), sum(times - 1 for times in heard.times.values())
    what = f"webhooks: {sizes.events:,} events, a receiver down for 24 h"
    told = f"tried {tries:,} times meanwhile, then {len(heard.times) / took:,.0f} events/s; {watch.sec():.0f} s in all"
    return [
        Figure(f"{what}: lost", lost, "events", NO_LOSS, told),
        Figure(f"{what}: calls told out of order", wrong, "calls", NO_LOSS),
        Figure(f"{what}: sent twice, a node dying in the middle", 100 * twice / sizes.events, "% of them", MOST_TWICE),
    ]


async def _write(database: Database, world: World, calls: int, now: Instant) -> None:
    async with database.connection() as db:
        await db.execute(SQL["fill_outbox"], world.workspace_no, calls, now)


async def _waits(database: Database, world: World) -> int:
    async with database.connection() as db:
        waits: int = await db.fetchval(SQL["count_outbox"], world.workspace_no)
    return waits


async def _deliver(engine: Engine, *, once: bool = False) -> None:
    """Send what is due until nothing more is begun with; `once` leaves what was answered to the next time."""
    deliverer = engine.deliverer
    while await deliverer.run_once() or deliverer._tasks:
        if deliverer._tasks:
            await asyncio.wait(deliverer._tasks, return_when=asyncio.FIRST_COMPLETED)
        if once:
            return


async def _neighbours(context: Context, database: Database, server: Server, folder: Path, sizes: Sizes) -> list[Figure]:
    """Tell one receiver of events beside a dead one and one that refuses all."""
    world, clock, never = await new_world(database, SystemClock().now(), status="draft"), SystemClock(), asyncio.Event()
    late_sec: list[float] = []

    async def answer(headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if "hangs" in headers[":first-line"]:
            await never.wait()
            return 200, b""
        if "refuses" in headers[":first-line"]:
            return 503, b""
        happened = Instant.parse_iso(json.loads(body)["timestamp"])
        late_sec.append((clock.now() - happened).total("seconds"))
        return 200, b""

    async def taken() -> int:
        return len(late_sec)

    server.answer = answer
    for which in ("hangs", "refuses", "takes"):
        await _hook(database, world, folder, f"{server.url}&{which}")
    engine, stop = await _engine(context, "third", folder, clock), asyncio.Event()
    with context.step(f"{sizes.per_sec} events/s beside two receivers that fail, {sizes.sec:.0f} s"):
        running = asyncio.create_task(engine.run(stop, 0.1))
        await asyncio.sleep(1.5)  # until it has seen the webhooks
        watch, made = Stopwatch(), 0
        while watch.sec() < sizes.sec:
            await _write(database, world, max(sizes.per_sec // PER_CALL // 10, 1), clock.now())
            made += max(sizes.per_sec // PER_CALL // 10, 1) * PER_CALL
            await asyncio.sleep(0.1)
        await until(taken, made)
        stop.set()
        never.set()
        await running
    await engine.node.database.close()
    parts = statistics.quantiles(late_sec, n=100)
    what = "webhooks: from an event to its receiver, beside one that hangs and one that refuses all"
    return [Figure(f"{what}, 99 of 100 within", parts[98], "s", MOST_P99, f"median {parts[49]:.2f} s, {made:,} events")]


async def _settlements(context: Context, database: Database, folder: Path, sizes: Sizes) -> list[Figure]:
    """End attempts in batches, in turn of a tenant without a webhook and of one with one."""
    worlds = [await new_world(database, SystemClock().now(), status="draft") for _ in range(2)]
    await _hook(database, worlds[1], folder, "https://example.com/", "attempt.ended", "call.finished")
    engines = await connect(context.dsn, size=1, settings=ENGINE_SETTINGS)
    found: tuple[list[float], list[float]] = ([], [])
    with context.step(f"{sizes.batches} settlements of {BATCH}, with a webhook and without", sizes.batches) as done:
        live = [await _live(database, world, BATCH * sizes.batches) for world in worlds]
        async with database.connection() as db:
            await tidy(db)
        async with engines.connection() as db:
            for batch in range(sizes.batches):
                for results, times in zip(live, found, strict=True):
                    part = results[batch * BATCH : (batch + 1) * BATCH]
                    watch = Stopwatch()
                    assert len(await attempts.settle(db, part)) == BATCH
                    times.append(watch.sec() * 1_000_000 / BATCH)
                done()
    await engines.close()
    without, told = map(middle, found)
    return [
        Figure("webhooks: a settlement with no webhook, for each attempt", without, "us"),
        Figure("webhooks: two events of each attempt more", told - without, "us", None, "", spread(found[1][:5])),
    ]


async def _live(database: Database, world: World, count: int) -> list[Result]:
    """So many attempts that are up, as they end."""
    now = SystemClock().now()
    async with database.connection() as db:
        keys = (world.workspace_no, world.campaign_no, world.trunk_no)
        rows = await db.fetch(SQL["fill_live"], *keys, now, count)
    ends = (now, None, now, "no-answer", "user_did_not_pick_up", 0, 20, None, 487, 0, 0, "USD", None, None)
    follows = ("attempts_exhausted", "no-answer", world.campaign_no, None)
    return [Result(world.workspace_no, row["call_id"], 1, row["attempt_id"], *ends, *follows) for row in rows]
