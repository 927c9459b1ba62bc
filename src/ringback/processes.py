"""The two processes that a server is made of, each on the same database: the API and a dialling node."""

import asyncio
import json
import logging
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from ringback import wiring
from ringback.clock import SystemClock
from ringback.config import Settings
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.lease import NameTaken
from ringback.errors import OurError
from ringback.events import LogAndCount
from ringback.store.migrate import check_schema

READY = "ready"
"""What a process prints on a line of its own once it does its work."""

WIN_LOOKS, WIN_LOOK_SEC = 24, 0.5
"""For as long as a lease holds, and a little more."""


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
    database = await wiring.engine_database(dsn)
    await check_schema(database)
    engine = wiring.build_engine(
        database,
        SystemClock(),
        random.SystemRandom(),
        folder=settings.data,
        publish=LogAndCount(),
        settings=EngineSettings(name=settings.node_name, take_over=settings.alone),
    )
    await _win(engine)
    _say_ready()
    await engine.run(_told_to_stop(), settings.drain_sec)
    await database.close()


async def _win(engine: Engine) -> None:
    """Win the lease. A node of this name that was killed has it for a while yet; one that lives keeps it."""
    for _ in range(WIN_LOOKS):
        with suppress(NameTaken):
            return await engine.node.lease.run_once()
        await asyncio.sleep(WIN_LOOK_SEC)
    return await engine.node.lease.run_once()


async def run_api(dsn: str, settings: Settings) -> None:
    """Serve HTTP until SIGTERM; requests under way are answered.

    Args:
        dsn: the database.
        settings: of the server.

    Raises:
        OurError: the address is not to be had, or the database does not answer.
    """
    try:
        await wiring.serve_api(dsn, settings, _told_to_stop(), _say_ready)
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


def child_command(role: str, settings: Settings) -> list[str]:
    """The command line of a process of this server; its database comes in the environment."""
    return [
        sys.executable,
        *("-m", "ringback", role),
        *("--data", str(Path(settings.data).absolute())),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--node-name", settings.node_name, "--drain-sec", str(settings.drain_sec)),
        *(["--alone"] if settings.alone else []),
    ]
