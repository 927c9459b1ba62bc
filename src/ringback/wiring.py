"""The only place that builds objects: everything else is given what it needs."""

import asyncio
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ringback.api.app import create_app
from ringback.api.operation import ApiSettings
from ringback.api.server import serve
from ringback.carriers.carrier import Carrier, Listener
from ringback.carriers.simulator.carrier import open_simulator
from ringback.carriers.simulator.settings import parse_settings
from ringback.clock import Clock, SystemClock, seconds
from ringback.config import Settings
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.lease import Lease
from ringback.engine.live import InHand
from ringback.engine.node import Node
from ringback.engine.plan import Plans
from ringback.engine.trunks import MakeCarrier, Trunks
from ringback.errors import Impossible
from ringback.events import LogAndCount, Publish
from ringback.ids import Ids
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect

ENGINE_CONNECTIONS = 6
"""One for each duty of a node, and one to spare."""

API_CONNECTIONS = 12
"""Requests that are at the database at once; the others wait for a moment."""

TRUNK_KINDS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {"simulator": parse_settings}
"""The kinds of trunk of this release, each with what checks its settings."""


def carrier_maker(clock: Clock, folder: Path) -> MakeCarrier:
    """What makes the carriers of a node.

    Args:
        clock: the node's.
        folder: where relative paths in a trunk's settings begin.
    """

    def make(kind: str, settings: dict[str, object], listener: Listener) -> Carrier:
        if kind not in TRUNK_KINDS:
            raise Impossible("trunk_kind_unknown", f"trunk kind {kind} is not available in this release")
        return open_simulator(parse_settings(settings), clock, listener, folder)

    return make


async def engine_database(dsn: str) -> Database:
    """Connections for a node's engine."""
    return await connect(dsn, size=ENGINE_CONNECTIONS, settings=ENGINE_SETTINGS)


def build_engine(
    database: Database,
    clock: Clock,
    chance: random.Random,
    *,
    folder: Path,
    publish: Publish,
    settings: EngineSettings,
    check_clock: bool = True,
) -> Engine:
    """A node's engine with the carriers of this release.

    Args:
        database: connections with ENGINE_SETTINGS.
        clock: the machine's or a virtual one.
        chance: where jitter and ids come from.
        folder: where relative paths in a trunk's settings begin.
        publish: told of all that happens.
        settings: how the node works.
        check_clock: compare the clock with the database's; off on a virtual clock.
    """
    hand = InHand()
    length = seconds(settings.lease_sec)
    lease = Lease(
        database, clock, settings.name, length, publish, take_over=settings.take_over, check_clock=check_clock
    )
    trunks = Trunks(carrier_maker(clock, folder), hand.hear, publish)
    return Engine(Node(database, clock, chance, Ids(chance), lease, trunks, Plans(), hand, publish), settings)


async def serve_api(dsn: str, settings: Settings, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve the API on its port until `stop` is set; requests under way are answered.

    Args:
        dsn: the database, of this release's schema.
        settings: host and port.
        stop: set by who wants it to end.
        ready: called once requests are taken.
    """
    chance, clock = random.SystemRandom(), SystemClock()
    database = await connect(dsn, size=API_CONNECTIONS, settings=API_SETTINGS)
    api_settings = ApiSettings(trunk_kinds=TRUNK_KINDS, chance=chance, publish=LogAndCount())
    await serve(create_app(database, clock, Ids(chance), api_settings), settings.host, settings.port, stop, ready)
    await database.close()
