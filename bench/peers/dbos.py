"""The work on DBOS Transact 3.4: a workflow for each attempt, on a queue.

Set up by its reference: the workflow has one step, which keeps the row of history and enqueues the workflow of the next
attempt, with its delay, in one transaction; both have keys of their own, so a step that runs a second time changes
nothing. That was faster than its data sources, which checkpoint in a table more. Functions are synchronous, for DBOS
does its database work on threads. A poll takes as many workflows as the worker has room for, so there is much room and
polls are frequent. Nothing here waits for messages, so no connection is spent on LISTEN.
"""

import asyncio
import logging
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient

from bench.peers.work import COLUMNS, MAKE_HISTORY, Job, first_jobs, keep, perform
from ringback.clock import SystemClock

ROOM, POLL_SEC = 200, 0.05
STEP_CONNECTIONS = 3
APP, QUEUE, WORKFLOW, STEP = "bench", "dials", "dial", "perform"
VERSION = "1"
KEEP = sa.text(keep(*(f":{name}" for name in COLUMNS)))


async def fill(dsn: str, leads: int) -> None:
    """Make the tables and enqueue the first attempt of so many leads."""
    await asyncio.to_thread(_fill, dsn, leads)


async def work(dsn: str, connections: int) -> None:
    """Work for ever, with so many connections."""
    url = _url(dsn)
    _configure(url, connections - STEP_CONNECTIONS)
    engine = sa.create_engine(url, pool_size=STEP_CONNECTIONS, max_overflow=0)
    # never asked for a connection of its own: it only enqueues on those of the step
    client, clock = _client(url), SystemClock()

    def perform_and_keep(job: list[Any]) -> None:
        done = perform(Job(*job), clock.now())
        with engine.begin() as db:
            db.execute(KEEP, dict(zip(COLUMNS, done.row, strict=True)))
            if done.next is not None:
                client.enqueue_in_transaction(db, _options(done.next, done.wait_sec), list(done.next))

    step = DBOS.step(name=STEP)(perform_and_keep)

    def dial(job: list[Any]) -> None:
        step(job)

    DBOS.workflow(name=WORKFLOW)(dial)
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE, worker_concurrency=ROOM, polling_interval_sec=POLL_SEC)
    await asyncio.Event().wait()


def _fill(dsn: str, leads: int) -> None:
    url = _url(dsn)
    _configure(url, 2)
    DBOS.launch()
    DBOS.destroy()
    client, engine = _client(url), sa.create_engine(url)
    with engine.begin() as db:
        db.execute(sa.text(MAKE_HISTORY))
        for job in first_jobs(leads):
            client.enqueue_in_transaction(db, _options(job, 0.0), list(job))
    engine.dispose()
    client.destroy()


def _url(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)


def _configure(url: str, connections: int) -> None:
    logging.getLogger("dbos").setLevel(logging.WARNING)
    DBOS(
        config={
            "name": APP,
            "application_version": VERSION,
            "system_database_url": url,
            "sys_db_pool_size": connections,
            "use_listen_notify": False,
            "log_level": "WARNING",
        }
    )


def _client(url: str) -> Any:
    return DBOSClient(system_database_url=url, use_listen_notify=False, lazy=True, application_name=APP)


def _options(job: Job, wait_sec: float) -> Any:
    """An id of its own for each attempt: enqueued a second time, it is the same workflow."""
    options: dict[str, Any] = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "app_version": VERSION}
    options["workflow_id"] = f"{job.lead_no}-{job.attempt}"
    return {**options, "delay_seconds": wait_sec} if wait_sec else options
