"""The two processes that a server is made of, each on the same database: the API and a dialling node."""

import asyncio
import json
import logging
import platform
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from ringback import wiring
from ringback.api.server import Ending
from ringback.clock import SystemClock
from ringback.config import Settings
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.lease import NameTaken
from ringback.errors import DatabaseUnavailable, OurError, SchemaError
from ringback.events import Publish
from ringback.store.database import Database, ServerError
from ringback.store.migrate import check_schema, contract
from ringback.store.node_list import drain
from ringback.store.nodes import server_time
from ringback.telemetry.subscriber import subscribed

_LOG = logging.getLogger("ringback.processes")

NODE, API = "node", "api"

READY = "ready"
"""What a process prints on a line of its own once it does its work."""

LAME = signal.SIGUSR1
"""What makes the API tell whoever asks that it is about to end."""

WIN_MORE_SEC, WIN_LOOK_SEC = 2.0, 0.5
"""A name is asked for again and again, for as long as a lease holds and a little more."""

SCHEMA_LOOK_SEC = 10.0


async def run_node(dsn: str, settings: Settings) -> None:
    """Dial until SIGTERM, then let live calls end for `drain_sec`.

    Args:
        dsn: the database.
        settings: of the server.

    Raises:
        SchemaError: the database is not of this release.
        DatabaseUnavailable: it does not answer.
        NameTaken: another node of this name dials on it.
    """
    with subscribed(settings.data, _name(settings), NODE, SystemClock()) as publish:
        await _run_node(dsn, settings, publish)


async def _run_node(dsn: str, settings: Settings, publish: Publish) -> None:
    database = await wiring.engine_database(dsn)
    await check_schema(database)
    engine = wiring.build_engine(
        database,
        SystemClock(),
        random.SystemRandom(),
        folder=settings.data,
        publish=publish,
        settings=EngineSettings(name=_name(settings), take_over=settings.alone, lease_sec=settings.lease_sec),
    )
    await _win(engine, settings.lease_sec)
    stop = _told_to_stop()
    await check_schema(database)  # once more: from our lease on nobody takes away what we need
    keeping = asyncio.create_task(_keep_schema(database, stop))
    telling = asyncio.create_task(_tell_of_the_end(database, engine, stop))
    wiring.collect_seldom()
    _say_ready()
    await engine.run(stop, settings.drain_sec)
    for task in (keeping, telling):
        task.cancel()
    await asyncio.wait((keeping, telling))
    await database.close()
    if not keeping.cancelled():
        keeping.result()


async def _win(engine: Engine, lease_sec: float) -> None:
    """Win the lease. A node of this name that was killed has it for a while yet; one that lives keeps it."""
    for _ in range(round((lease_sec + WIN_MORE_SEC) / WIN_LOOK_SEC)):
        with suppress(NameTaken):
            return await engine.node.lease.run_once()
        await asyncio.sleep(WIN_LOOK_SEC)
    return await engine.node.lease.run_once()


async def _keep_schema(database: Database, stop: asyncio.Event) -> None:
    """Take away what older releases needed once they are gone, and stop where a newer one did so to us.

    Raises:
        SchemaError: a newer release did; the node was away for so long that it was taken for dead.
    """
    while True:
        await asyncio.sleep(SCHEMA_LOOK_SEC)
        try:
            await _look_at_schema(database)
        except DatabaseUnavailable:
            continue
        except SchemaError:
            stop.set()
            raise
        except (OurError, ServerError) as refused:
            _LOG.warning("the schema is looked at again in %.0f s: %s", SCHEMA_LOOK_SEC, refused)


async def _look_at_schema(database: Database) -> None:
    async with database.connection() as db:
        now = await server_time(db)  # ours may be wrong, and whoever lives would be taken for gone
    if done := await contract(database, now):
        _LOG.info("nothing of an older release is left; the schema was contracted: %s", ", ".join(done))
    await check_schema(database)


async def _tell_of_the_end(database: Database, engine: Engine, stop: asyncio.Event) -> None:
    """Let `ringback nodes` show that this node was told to end."""
    await stop.wait()
    with suppress(DatabaseUnavailable):
        async with database.connection() as db:
            await drain(db, engine.node.lease.node_no, SystemClock().now())


async def run_api(dsn: str, settings: Settings) -> None:
    """Serve HTTP until SIGTERM and `lame_sec` more; requests under way are answered. SIGUSR1 makes it lame only.

    Args:
        dsn: the database.
        settings: of the server.

    Raises:
        SchemaError: the database is not of a schema that this release works on.
        OurError: the address is not to be had, or the database does not answer.
    """
    ending = Ending(stop=_told_to_stop(), lame_sec=settings.lame_sec or 0.0)
    asyncio.get_running_loop().add_signal_handler(LAME, ending.leaving.set)
    try:
        with subscribed(settings.data, _name(settings), API, SystemClock()) as publish:
            await wiring.serve_api(dsn, settings, publish, ending, _say_ready)
    except OSError as taken:
        raise OurError(f"the API cannot listen on port {settings.port} of {settings.host} ({taken})") from taken


def log_to_stderr(level: int = logging.INFO) -> None:
    """One JSON line for each log record, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # its pool warns, with a traceback, whenever the database is away: the duties and the API say so themselves
    logging.getLogger("asyncpg").setLevel(logging.ERROR)


class _JsonLines(logging.Formatter):
    """Times as everywhere else: RFC 3339 in UTC with milliseconds."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        body = json.loads(text) if text.startswith("{") else {"message": text}
        line = {"at": self.formatTime(record), "level": record.levelname.lower(), "logger": record.name, **body}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _say_ready() -> None:
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()


def _name(settings: Settings) -> str:
    return settings.node_name or platform.node()


def child_command(role: str, settings: Settings) -> list[str]:
    """The command line of a process of this server; its database, which may name a password, is in the environment."""
    told = asdict(replace(settings, node_name=_name(settings), database_url=None))
    data = str(Path(settings.data).absolute())
    return [sys.executable, "-m", "ringback.child", role, json.dumps({**told, "data": data})]


def told_settings(text: str) -> Settings:
    """The settings in such a command line."""
    told = json.loads(text)
    return Settings(**{**told, "data": Path(told["data"])})
