"""The work on procrastinate 3.10: a job for each attempt.

Set up by its guides: an asynchronous task on `PsycopgConnector`, one worker process with sub-workers (30, the number
that its guide on concurrency shows; more did not help), LISTEN as by default, and finished jobs deleted, so that its
table stays short. History and next job are one transaction of the job's own connection, as its guide on external
connections has it.
"""

from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import DeleteJobCondition

from bench.peers.work import COLUMNS, MAKE_HISTORY, Done, Job, first_jobs, keep, perform
from ringback.clock import SystemClock

SUB_WORKERS = 30
A_FILL = 5_000
TASK = "dial"
KEEP = keep(*(["%s"] * len(COLUMNS)))


async def fill(dsn: str, leads: int) -> None:
    """Make the tables and defer the first attempt of so many leads."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(MAKE_HISTORY)
    app = App(connector=PsycopgConnector(conninfo=dsn))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        jobs = [{"job": job} for job in first_jobs(leads)]
        for first in range(0, leads, A_FILL):
            await app.configure_task(TASK, allow_unknown=True).batch_defer_async(*jobs[first : first + A_FILL])


async def work(dsn: str, connections: int) -> None:
    """Work for ever, with so many connections: one of them listens, outside the pool."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=connections - 1, max_size=connections - 1))
    clock = SystemClock()

    async def dial(job: list[Any]) -> None:
        await _keep(app, perform(Job(*job), clock.now()))

    app.task(name=TASK)(dial)
    async with app.open_async():
        await app.run_worker_async(concurrency=SUB_WORKERS, delete_jobs=DeleteJobCondition.SUCCESSFUL)


async def _keep(app: App, done: Done) -> None:
    async with app.connector.pool.connection() as connection:
        await connection.execute(KEEP, done.row)
        if done.next is not None:
            wait = {"seconds": done.wait_sec}
            await app.configure_task(TASK, schedule_in=wait, connection=connection).defer_async(job=done.next)
