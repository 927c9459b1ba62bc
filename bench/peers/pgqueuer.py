"""The work on pgqueuer 1.6: a job for each attempt.

Set up by its performance guide: a connection of its own for the manager and a pool for the jobs, which enqueue;
`durable`, the default, for nothing of ours may be lost in a crash either; its recommended autovacuum settings; a larger
batch, because the jobs are short. asyncpg runs on uvloop, as its command line has it. History and next job are one
transaction, so that a crash between the two neither loses a call nor dials it twice.
"""

import json
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job as Queued
from pgqueuer.queries import Queries

from bench.peers.work import COLUMNS, MAKE_HISTORY, Done, Job, first_jobs, keep, perform
from ringback.clock import SystemClock

BATCH = 100
A_FILL = 10_000
ENTRYPOINT = "dial"
KEEP = keep(*(f"${n}" for n in range(1, len(COLUMNS) + 1)))

new_event_loop = uvloop.new_event_loop


async def fill(dsn: str, leads: int) -> None:
    """Make the tables and enqueue the first attempt of so many leads."""
    connection = await asyncpg.connect(dsn)
    queries = Queries.from_asyncpg_connection(connection)
    await queries.install()
    await queries.optimize_autovacuum()
    await connection.execute(MAKE_HISTORY)
    payloads: list[bytes | None] = [json.dumps(job).encode() for job in first_jobs(leads)]
    for first in range(0, leads, A_FILL):
        some = payloads[first : first + A_FILL]
        await queries.enqueue([ENTRYPOINT] * len(some), some, [0] * len(some))
    await connection.close()


async def work(dsn: str, connections: int) -> None:
    """Work for ever, with so many connections."""
    size = connections - 1
    async with asyncpg.create_pool(dsn, min_size=size, max_size=size) as pool:
        queuer, clock = PgQueuer(AsyncpgDriver(await asyncpg.connect(dsn))), SystemClock()

        async def dial(queued: Queued) -> None:
            assert queued.payload is not None
            await _keep(pool, perform(Job(*json.loads(queued.payload)), clock.now()))

        queuer.entrypoint(ENTRYPOINT)(dial)
        await queuer.run(batch_size=BATCH, max_concurrent_tasks=2 * BATCH, dequeue_timeout=timedelta(seconds=1))


async def _keep(pool: asyncpg.Pool, done: Done) -> None:
    if done.next is None:
        await pool.execute(KEEP, *done.row)
        return
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(KEEP, *done.row)
        payload = json.dumps(done.next).encode()
        queries = Queries.from_asyncpg_connection(connection)
        await queries.enqueue(ENTRYPOINT, payload, execute_after=timedelta(seconds=done.wait_sec))
