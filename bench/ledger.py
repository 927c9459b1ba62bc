"""The ledger's figures: what it costs the engine, how fast a packet is verified, and which falsified ones are found."""

import asyncio
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Context, Figure, Limit, Stopwatch, amount, middle, spread
from bench.ours import SETTINGS, build_engine, ended_attempts, engine_at_work, rate, until
from bench.tampering import TAMPERINGS, read_packet, write_packet
from bench.world import SQL, World, fill_queue, new_world, tidy
from ringback import wiring
from ringback.clock import SystemClock
from ringback.engine import entries
from ringback.ledger.export import Selection, export
from ringback.ledger.key import Signer, fingerprint
from ringback.ledger.status import status_of
from ringback.ledger.verify import verify
from ringback.store import attempts
from ringback.store.attempts import Bodies, Result
from ringback.store.database import API_SETTINGS, Database, connect

LEAST_SHARE, MOST_BEHIND, MOST_SEC = Limit(0.9), Limit(5, most=True), Limit(60, most=True)
FEW = 300
NEVER_SEC = 1e6
NOTES = ("ready", "entered")
SALTED, NO_SALT = "encode(d.salt, 'hex')::uuid", "NULL"

EXPLAINED = """## Ledger

The engine's bench once more, in turns with the ledger and without it: without, the statement that ends attempts notes
nothing, and neither of the ledger's duties has anything to do. The share is the median of the pairs. How far the ledger
is behind is looked at all the while. Then many attempts that are over are entered, a packet of all of them is made, and
verified by one process; and packets of a small ledger are falsified, each in one of the ways of `bench/tampering.py`,
by a seed: found is one only if the entry, or the file, that was falsified is named."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done."""

    leads: int
    pairs: int
    sec: float
    entries: int
    falsified: int


async def measure(context: Context) -> list[Figure]:
    """Cost, verification and falsification, each on a world of its own."""
    sizes = Sizes(20_000, 1, 0.5, 2_000, 24) if context.quick else Sizes(1_500_000, 4, 15.0, 1_000_000, 1_000)
    database = await connect(context.dsn, size=3, settings=API_SETTINGS)
    try:
        with tempfile.TemporaryDirectory(prefix="ringback-bench-ledger-") as folder:
            async with database.connection() as db:
                await db.execute(SQL["no_history"], SystemClock().now())
            cost = await _cost(context, database, sizes)
            return [*cost, *await _verification(context, database, sizes, Path(folder))]
    finally:
        await database.close()


async def _cost(context: Context, database: Database, sizes: Sizes) -> list[Figure]:
    world = await new_world(database, SystemClock().now())
    with context.step(f"{sizes.leads:,} leads"):
        await fill_queue(database, world, sizes.leads, SystemClock().now())
        async with database.connection() as db:
            await tidy(db)
    kept: list[float] = []
    bare: list[float] = []
    behind: list[int] = []
    with context.step(f"with the ledger and without, {sizes.sec:.0f} s a round", 2 * sizes.pairs) as done:
        for pair in range(sizes.pairs):
            for with_ledger in (True, False) if pair % 2 else (False, True):
                per_sec, late = await _round(context, database, world, sizes.sec, with_ledger=with_ledger)
                (kept if with_ledger else bare).append(per_sec)
                behind += [late] if with_ledger else []
                done()
    share = [ours / others for ours, others in zip(kept, bare, strict=True)]
    without = f"without: {amount(middle(bare))} attempts/s, with: {amount(middle(kept))}"
    return [
        Figure(
            "ledger: attempts a second, of what the engine does without it",
            middle(share),
            "times",
            LEAST_SHARE,
            without,
            spread(share),
        ),
        Figure("ledger: behind by, at most", max(behind), "s", MOST_BEHIND),
    ]


async def _round(
    context: Context, database: Database, world: World, sec: float, *, with_ledger: bool
) -> tuple[float, int]:
    """Attempts a second, and by how many seconds the ledger was behind at most."""
    settings = SETTINGS if with_ledger else replace(SETTINGS, ledger_sec=NEVER_SEC, checkpoint_sec=NEVER_SEC)

    async def ended() -> int:
        return await ended_attempts(database, world)

    with nullcontext() if with_ledger else _without():
        async with engine_at_work(context.dsn, None, settings):
            await until(ended, await ended() + 1)
            looking = asyncio.create_task(_most_behind(database, world, sec))
            per_sec = await rate(ended, sec)
            return per_sec, await looking


@contextmanager
def _without() -> Iterator[None]:
    """The settlement as it would be if there were no ledger."""
    ours = attempts._SQL
    bare = ours["settle"].replace(SALTED, NO_SALT)
    for name in NOTES:
        bare = re.sub(rf"(?:--[^\n]*\n)?^{name} AS \(\n.*?^\),\n", "", bare, flags=re.MULTILINE | re.DOTALL)
    assert "ledger_due" not in bare, "the statement has changed: it still notes what is to be entered"
    assert "ledger_ready" not in bare, "the statement has changed: it still notes what is to be entered"
    assert NO_SALT in bare, "the statement has changed: it still writes salts"
    attempts._SQL = {**ours, "settle": bare}  # type: ignore[assignment]  # the bare peer
    made, entries.bodies_of = entries.bodies_of, _no_bodies
    try:
        yield
    finally:
        attempts._SQL, entries.bodies_of = ours, made


def _no_bodies(over: object, results: Sequence[Result]) -> tuple[list[bytes], list[Bodies]]:
    """Nothing of the ledger is made."""
    del over
    return [b""] * len(results), []


async def _most_behind(database: Database, world: World, sec: float) -> int:
    watch, most = Stopwatch(), 0
    while watch.sec() < sec:
        await asyncio.sleep(min(2.0, sec))
        async with database.connection() as db:
            most = max(most, (await status_of(db, world.workspace_no, SystemClock().now()))["behind_sec"])
    return most


async def _verification(context: Context, database: Database, sizes: Sizes, folder: Path) -> list[Figure]:
    with context.step(f"{sizes.entries:,} entries"):
        path, per_sec = await _packet(context, database, sizes.entries, folder / "many.zip")
    key = fingerprint(Signer(folder, None).public_key)
    with context.step("verifying them"):
        began, watch = time.process_time(), Stopwatch()
        verdict = verify(path, key)
        used, took = time.process_time() - began, watch.sec()
    assert (verdict.faults, verdict.entries) == ([], sizes.entries)
    few, _ = await _packet(context, database, FEW, folder / "few.zip")
    with context.step(f"{sizes.falsified:,} falsified packets"):
        found = _falsified(few, key, sizes.falsified)
    size = f"the packet has {path.stat().st_size / 1e6:,.0f} MB; by the clock {took:.1f} s"
    return [
        Figure("ledger: entries written a second, by a duty that does nothing else", per_sec, "entries/s"),
        Figure(f"ledger: verifying {sizes.entries:,} entries on one core", used, "s", MOST_SEC, size),
        Figure(
            f"ledger: falsified packets that were found and named, of {sizes.falsified:,}",
            found,
            "packets",
            Limit(sizes.falsified),
        ),
    ]


async def _packet(context: Context, database: Database, entries: int, path: Path) -> tuple[Path, float]:
    """A packet of a ledger of so many entries, and how many a second were written."""
    now = SystemClock().now()
    world = await new_world(database, now, status="draft")
    engines = await wiring.engine_database(context.dsn)
    engine = build_engine(engines, replace(SETTINGS, name=path.name, lease_sec=3600.0))
    await engine.node.lease.run_once()
    async with database.connection() as db:
        keys = (world.workspace_no, world.campaign_no, world.trunk_no)
        await db.execute(SQL["fill_ledger"], *keys, now, entries, timeout=600)
        watch = Stopwatch()
        while await engine.bookkeeper.run_once():
            pass
        per_sec = entries / watch.sec()
        owner = world.workspace_no, await db.fetchval(SQL["workspace_id"], world.workspace_no)
        signer = Signer(path.parent, None)
        await export(db, owner, Selection({"all": "entries"}), signer, path, SystemClock().now())
    await engine.node.lease.leave()
    await engines.close()
    return path, per_sec


def _falsified(packet: Path, key: str, cases: int) -> int:
    """How many of so many falsified packets were found, with what was falsified named."""
    chance, falsified, found = random.Random(11), packet.with_name("falsified.zip"), 0
    kinds = list(TAMPERINGS.values())
    for case in range(cases):
        files = read_packet(packet)
        named = kinds[case % len(kinds)](files, chance)
        write_packet(falsified, files)
        found += any(fault.where == named for fault in verify(falsified, key).faults)
    return found
