"""The history read's figure: our API beside a bare handler over the same query, on the same server."""

import asyncio
import json
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from whenever import Instant

from bench.figures import Context, Figure, Limit, amount, middle, spread
from bench.http_load import Load, drive, fetch
from bench.machine import cpu_sec
from bench.world import SQL, World, new_world, tidy
from ringback.clock import SystemClock
from ringback.ids import CALL, Ids, show
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.keys import Scope, Secret, create_key, make_secret

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
LEAST_SHARE = Limit(0.6)
ATTEMPTS_A_CALL = 5
FILLERS = 2
BEGINNING = Instant.from_utc(2026, 3, 1, hour=10)
EXPLAINED = f"""## History read

`GET /v1/call-logs/{{id}}/retries` of random calls, {ATTEMPTS_A_CALL} attempts each, over keep-alive connections on
loopback. Ours admits the API key, answers all headers of the contract and makes an ETag. The bare peer is a Starlette
handler that runs the same statement on a plain asyncpg pool of the same size and encodes the same fields with msgspec,
for anybody who asks. Both run on Granian, one process each; only one of them is asked at a time. What drives them is a
process of its own on the same cores. Before the rounds, both answer the same calls and the answers are compared."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many calls there are, and how they are read."""

    calls: int
    a_fill: int
    asked: int
    connections: int
    rounds: int
    round_sec: float


@dataclass(frozen=True, slots=True)
class Target:
    """One of the two servers."""

    pid: int
    port: int
    headers: str = ""

    def requests(self, call_ids: Sequence[UUID]) -> list[bytes]:
        """The requests for the histories of these calls."""
        head = f"HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n{self.headers}\r\n"
        return [f"GET /v1/call-logs/{show(CALL, call_id)}/retries {head}".encode() for call_id in call_ids]


@dataclass(frozen=True, slots=True)
class Round:
    """How a server did in one round.

    Attributes:
        load: its answers.
        cpu_ms: milliseconds of CPU of its process for a thousand of them.
    """

    load: Load
    cpu_ms: float


async def measure(context: Context) -> list[Figure]:
    """Fill the tables, start both servers, and ask them in turn."""
    quick, full = Sizes(400, 100, 50, 4, 1, 0.3), Sizes(1_000_000, 20_000, 50_000, 16, 12, 1.0)
    sizes = quick if context.quick else full
    database = await connect(context.dsn, size=FILLERS, settings=API_SETTINGS)
    try:
        world = await new_world(database, BEGINNING)
        await fill(context, database, world, sizes.calls, sizes.a_fill)
        call_ids = await _some_calls(database, world, sizes.asked)
        secret = await _new_key(database, world)
        async with _served("ours", context.dsn) as served, _served("bare", context.dsn) as bare:
            ours = replace(served, headers=f"Authorization: Bearer {secret.text}\r\n")
            await _compare(ours, bare, call_ids[:20])
            rounds = await _rounds(context, ours, bare, call_ids, sizes)
    finally:
        await database.close()
    return _figures(rounds, sizes)


async def fill(context: Context, database: Database, world: World, calls: int, a_fill: int) -> None:
    """Give a world so many calls with their attempts, so many at a time."""
    first_calls = range(0, calls, a_fill)
    todo = iter(first_calls)
    what = f"{calls:,} calls with {ATTEMPTS_A_CALL * calls:,} attempts"
    with context.step(what, len(first_calls)) as done:

        async def fill_some() -> None:
            async with database.connection() as db:
                for first in todo:
                    key = (world.workspace_no, world.campaign_no, world.trunk_no)
                    await db.execute(SQL["fill_history"], *key, first, a_fill, BEGINNING)
                    done()

        async with asyncio.TaskGroup() as fillers:
            for _ in range(FILLERS):
                fillers.create_task(fill_some())
    with context.step("vacuum"):
        async with database.connection() as db:
            await tidy(db)


async def _some_calls(database: Database, world: World, count: int) -> list[UUID]:
    async with database.connection() as db:
        return [row["call_id"] for row in await db.fetch(SQL["some_calls"], world.workspace_no, count)]


async def _new_key(database: Database, world: World) -> Secret:
    chance, now = random.SystemRandom(), SystemClock().now()
    secret = make_secret(Ids(chance).new(now), live=True, chance=chance)
    async with database.connection() as db:
        await create_key(db, world.workspace_no, secret, "bench", [Scope.CALLS_READ], now)
    return secret


@asynccontextmanager
async def _served(which: str, dsn: str) -> AsyncIterator[Target]:
    """A server in a process of its own, on a free port; it ends when its input does."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.serving", which, dsn, HOST, str(port)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert await process.stdout.readline() == b"ready\n", f"the server {which} did not start"
        yield Target(process.pid, port)
    finally:
        process.stdin.close()
        await process.wait()


async def _compare(ours: Target, bare: Target, call_ids: Sequence[UUID]) -> None:
    """A peer that answers something else would be no peer."""
    for our_request, bare_request in zip(ours.requests(call_ids), bare.requests(call_ids), strict=True):
        answers = [await fetch(HOST, ours.port, our_request), await fetch(HOST, bare.port, bare_request)]
        our_answer, bare_answer = [_read_times(json.loads(answer)) for answer in answers]
        assert len(our_answer["data"]) == ATTEMPTS_A_CALL
        assert our_answer == bare_answer, f"ours: {our_answer}\nbare: {bare_answer}"


def _read_times(value: Any) -> Any:
    """JSON with its times read, for milliseconds may be written or left out."""
    if isinstance(value, dict):
        return {name: _read_times(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_read_times(inner) for inner in value]
    if isinstance(value, str) and value.startswith("20") and value.endswith("Z"):
        return Instant.parse_iso(value)
    return value


async def _rounds(
    context: Context, ours: Target, bare: Target, call_ids: Sequence[UUID], sizes: Sizes
) -> list[tuple[Round, Round]]:
    our_requests, bare_requests = ours.requests(call_ids), bare.requests(call_ids)
    with context.step(f"read random histories, {sizes.connections} connections", sizes.rounds) as done:
        await _round(ours, our_requests, sizes)
        await _round(bare, bare_requests, sizes)
        rounds = []
        for _ in range(sizes.rounds):
            rounds.append((await _round(ours, our_requests, sizes), await _round(bare, bare_requests, sizes)))
            done()
    return rounds


async def _round(target: Target, requests: Sequence[bytes], sizes: Sizes) -> Round:
    before = cpu_sec(target.pid)
    load = await drive(HOST, target.port, requests, sizes.connections, sizes.round_sec)
    return Round(load, 1e6 * (cpu_sec(target.pid) - before) / load.answers)


def _figures(rounds: Sequence[tuple[Round, Round]], sizes: Sizes) -> list[Figure]:
    ours, bare = [our for our, _ in rounds], [peer for _, peer in rounds]
    shares = [our.load.per_sec / peer.load.per_sec for our, peer in rounds]
    size = f"{sizes.calls:,} calls and {ATTEMPTS_A_CALL * sizes.calls:,} attempts"
    at = f"at {sizes.connections} connections"
    return [
        Figure(
            f"history read: share of a bare handler, at {size}",
            middle(shares),
            "of bare",
            LEAST_SHARE,
            "bare Starlette + msgspec",
            spread(shares),
        ),
        _beside("answers", "requests/s", ours, bare, lambda found: found.load.per_sec),
        _beside(f"time to answer {at}, median", "ms", ours, bare, lambda found: found.load.median_ms),
        _beside(f"time to answer {at}, 99 of 100 within", "ms", ours, bare, lambda found: found.load.p99_ms),
        _beside("CPU of the server's process for 1,000 answers", "ms", ours, bare, lambda found: found.cpu_ms),
    ]


def _beside(
    what: str, unit: str, ours: Sequence[Round], bare: Sequence[Round], value: Callable[[Round], float]
) -> Figure:
    peer = f"bare: {amount(middle([value(found) for found in bare]))} {unit}"
    return Figure(f"history read: {what}", middle([value(found) for found in ours]), unit, peer=peer)
