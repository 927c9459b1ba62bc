"""An installation: its database, its first workspace and keys, and the server that runs on it."""

import asyncio
import logging
import os
import platform
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ringback.clock import SystemClock
from ringback.config import DATABASE_URL, Settings, secret_key
from ringback.errors import DatabaseUnavailable, OurError
from ringback.ids import WORKSPACE, Ids, show
from ringback.sealing import Sealer
from ringback.store.audit import OPERATOR, Change
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.embedded_directory import DataDirectory, explained
from ringback.store.founding import DEFAULT_CAP, found_workspace
from ringback.store.migrate import migrate
from ringback.store.nodes import server_time
from ringback.store.secrets import reseal
from ringback.store.workspaces import workspace_names
from ringback.supervisor import Supervisor
from ringback.telemetry.scrape import new_folder, read_standing, served

_LOG = logging.getLogger("ringback.installation")

LAME_SEC = 5.0
"""Where other servers can take requests over: time for a load balancer to notice."""

NAME_FILE = "node-name"


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """What `init` made. The keys are shown now and never again."""

    workspace_id: str
    name: str
    live_key: str
    test_key: str


@contextmanager
def running_database(settings: Settings) -> Iterator[tuple[EmbeddedPostgres | None, str]]:
    """The embedded server, started and in the end stopped, and its DSN; or none and the DSN of the user's own.

    Either way the data directory is ours alone meanwhile.

    Raises:
        DataDirectoryError: the data directory cannot be used; the message says what to do.
    """
    if settings.database_url is None:
        with EmbeddedPostgres(settings.data) as postgres:
            yield postgres, postgres.dsn
        return
    directory = DataDirectory(settings.data)
    with explained(directory.path):
        directory.lock()
    try:
        yield None, settings.database_url
    finally:
        directory.unlock()


def initialise(settings: Settings, name: str) -> NewWorkspace:
    """Make the database if there is none, and a workspace with one live and one test key.

    Raises:
        Conflict: there is a workspace of this name.
        DataDirectoryError: the data directory cannot be used.
        OurError: the database cannot be reached.
    """
    with running_database(settings) as (_, dsn), told_of_a_wrong_url(settings):
        return asyncio.run(_initialise(dsn, name))


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Run the server until SIGTERM or SIGINT. Call it from the main thread; it takes both signals over.

    Args:
        settings: port 0 takes a free port.
        ready: told the server's URL once it answers; its name where it only dials.

    Raises:
        OurError: it cannot be started; nothing is left running.
    """
    _end_on_signals()
    _refuse_without_database(settings)
    sealer = Sealer(settings.data, secret_key())
    with running_database(settings) as (postgres, dsn):
        settings = _completed(settings, alone=postgres is not None)
        with told_of_a_wrong_url(settings):
            _run_to_its_end_or_a_signal(_prepare(dsn, sealer))
        supervisor = Supervisor(settings, postgres, dsn)
        try:
            with _telling_figures(settings, dsn):
                asyncio.run(supervisor.run(lambda: ready(_whereabouts(settings))))
        finally:
            _end_on_signals()


@contextmanager
def _telling_figures(settings: Settings, dsn: str) -> Iterator[None]:
    """A new folder for the figures of this server's processes, and the port where they are told, if there is one."""
    folder = new_folder(settings.data)
    if settings.metrics_port is None:
        yield
        return
    _usable_port(settings.host, settings.metrics_port, "--metrics-port")
    with served(settings.host, settings.metrics_port, folder, lambda: read_standing(dsn), SystemClock()):
        yield


def _end_on_signals() -> None:
    """While there is no loop that hears them, SIGTERM and SIGINT end this process by way of all its clean-up."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def _run_to_its_end_or_a_signal(work: Coroutine[None, None, None]) -> None:
    """Run what speaks to the database: nothing is raised in the midst of the driver's C code, which may crash by it.

    Raises:
        SystemExit: a signal came; the work was cancelled.
    """

    async def is_cancelled() -> bool:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(task.cancel))
        try:
            await task
        except asyncio.CancelledError:
            return True
        finally:
            _end_on_signals()
        return False

    if asyncio.run(is_cancelled()):
        sys.exit(0)


def _refuse_without_database(settings: Settings) -> None:
    directory = DataDirectory(settings.data)
    with explained(directory.path):
        if settings.database_url is None and not directory.pgdata.exists():
            raise OurError(f"there is no database in {settings.data}: run `ringback init --data {settings.data}` first")


@contextmanager
def told_of_a_wrong_url(settings: Settings) -> Iterator[None]:
    """A database of the user's own that does not answer at the start is not waited for: its URL may be wrong."""
    try:
        yield
    except DatabaseUnavailable as away:
        if settings.database_url is None:
            raise
        cause = away.__cause__ or away
        raise OurError(
            f"PostgreSQL does not answer ({type(cause).__name__}): see that it runs, and that {DATABASE_URL} is right"
        ) from away


async def _initialise(dsn: str, name: str) -> NewWorkspace:
    clock, chance = SystemClock(), random.SystemRandom()
    ids, now = Ids(chance), clock.now()
    database = await connect(dsn, size=2, settings=API_SETTINGS)
    await _migrate(database)
    async with database.transaction() as db:
        founded = await found_workspace(db, name, DEFAULT_CAP, ids, chance, now)
        shown = show(WORKSPACE, founded.workspace_id)
        made = Change(founded.workspace_no, ids.new(now), now, OPERATOR, "ringback init", "workspace", shown)
        await made.note(db, None, {"name": name, "max_concurrent_calls": DEFAULT_CAP})
    await database.close()
    return NewWorkspace(shown, name, founded.live_key, founded.test_key)


async def _prepare(dsn: str, sealer: Sealer) -> None:
    """Bring schema and seals up to date; a server without a workspace could answer nobody."""
    database: Database = await connect(dsn, size=2, settings=API_SETTINGS)
    if applied := await _migrate(database):
        _LOG.info("the database was brought to schema: %s", ", ".join(applied))
    async with database.connection() as db:
        names = await workspace_names(db)
        renewed, shut = await reseal(db, sealer.renew)
    await database.close()
    if renewed or shut:
        _LOG.info(
            "secrets of %d trunks, agents and checks were sealed with a new key, %d cannot be opened", renewed, shut
        )
    if not names:
        raise OurError("there is no workspace yet: run `ringback init` for the same database first")


async def _migrate(database: Database) -> list[str]:
    """By the database's clock: by one that is wrong, a node that lives would be taken for gone."""
    async with database.connection() as db:
        now = await server_time(db)
    return await migrate(database, now)


def _usable_port(host: str, port: int, option: str = "--port") -> int:
    """The port that is to be listened on, or a free one for 0; one that is taken is told before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            usable: int = listener.getsockname()[1]
            return usable
    except OSError as error:
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise OurError(
            f"port {port} of {host} cannot be listened on ({why}): give another {option} or --host"
        ) from error


def _completed(settings: Settings, *, alone: bool) -> Settings:
    """The settings with all that was left open: the port, the name, and how long it is lame.

    Args:
        settings: as they were given.
        alone: the database is embedded, so that no other server can be asked instead.
    """
    lame_sec = settings.lame_sec
    if lame_sec is None:
        lame_sec = 0.0 if alone else LAME_SEC
    return replace(
        settings,
        port=_usable_port(settings.host, settings.port) if settings.api else settings.port,
        node_name=settings.node_name or _kept_name(settings.data),
        lame_sec=lame_sec,
        alone=alone,
    )


def _kept_name(data: Path) -> str:
    """The name that a data directory has kept since it was first served: no other one is likely to have it.

    It is kept, so that a server that comes back is known by it, on another host too.
    """
    with explained(data):
        with suppress(FileNotFoundError):
            if name := (data / NAME_FILE).read_text().strip():
                return name
        name = f"{platform.node()[:40] or 'node'}-{secrets.token_hex(3)}"
        draft = data / f"{NAME_FILE}.new"
        draft.write_text(f"{name}\n")
        draft.rename(data / NAME_FILE)
    return name


def _whereabouts(settings: Settings) -> str:
    if not settings.api:
        return str(settings.node_name)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
