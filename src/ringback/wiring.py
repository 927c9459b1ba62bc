"""The only place that builds objects: everything else is given what it needs."""

import asyncio
import gc
import os
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whenever import TimeDelta

from ringback.api.presence import Presence
from ringback.api.server import Ending, serve
from ringback.carriers.carrier import Carrier, Listener
from ringback.carriers.simulator.carrier import open_simulator
from ringback.carriers.simulator.model import longest_sec
from ringback.carriers.simulator.settings import parse_settings as parse_simulator
from ringback.carriers.sip.settings import parse_settings as parse_sip
from ringback.checking.network import parse_networks
from ringback.checking.post import Poster
from ringback.checking.receiver import Receivers
from ringback.clock import Clock, SystemClock, seconds
from ringback.config import (
    AUDIO,
    DATABASE_URL,
    TRUSTED_PROXIES,
    WEBHOOK_NETWORKS,
    Settings,
    check_networks,
    cors_origins,
    ledger_key,
    requests_per_min,
    rules_dir,
    secret_key,
    trusted_proxies,
    webhook_networks,
)
from ringback.engine.audio_files import AudioFiles
from ringback.engine.brief import Briefs
from ringback.engine.checks import Checks
from ringback.engine.deliver import CONNECTIONS, Deliverer
from ringback.engine.engine import Engine, EngineSettings
from ringback.engine.explain import Explainer, Longest
from ringback.engine.lease import Lease
from ringback.engine.live import InHand
from ringback.engine.node import Node
from ringback.engine.packs import RulePacks
from ringback.engine.permits import Permits
from ringback.engine.plan import Plans
from ringback.engine.trunks import MakeCarrier, Trunks
from ringback.errors import Impossible
from ringback.events import Publish
from ringback.ids import Ids
from ringback.ledger.key import Signer
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.database import API_SETTINGS, ENGINE_SETTINGS, Database, connect
from ringback.store.gauges import read_figures
from ringback.store.migrate import check_schema
from ringback.telemetry.metrics import FOLDER
from ringback.telemetry.scrape import Scraper

ENGINE_CONNECTIONS = 10
"""Those of a node's duties that ask at the same time, and one to spare; the seldom ones wait for a moment."""

if TYPE_CHECKING:
    from ringback.api.operation import ApiSettings

API_CONNECTIONS = 12
"""Requests that are at the database at once; the others wait for a moment."""

TRUNK_KINDS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {"simulator": parse_simulator, "sip": parse_sip}
"""The kinds of trunk of this release, each with what checks its settings."""


def carrier_maker(clock: Clock, folder: Path, sealer: Sealer) -> MakeCarrier:
    """What makes the carriers of a node.

    Args:
        clock: the node's.
        folder: the data directory, where relative paths in a trunk's settings begin.
        sealer: opens the passwords in their settings.
    """

    def make(kind: str, settings: dict[str, object], listener: Listener) -> Carrier:
        if kind == "simulator":
            return open_simulator(parse_simulator(settings), clock, listener, folder)
        if kind == "sip":
            # imported here: a node without such a trunk has no use for it
            from ringback.carriers.sip.carrier import open_sip

            return open_sip(parse_sip(sealer.unseal(settings)), clock, listener, folder)
        raise _unknown_kind(kind)

    return make


def explainer(shelf: Shelf, sealer: Sealer) -> Explainer:
    """What says what the engine will do with a call.

    Args:
        shelf: where the rule packs are.
        sealer: opens the passwords in the settings of trunks.
    """
    return Explainer(shelf, longest_of(sealer))


def longest_of(sealer: Sealer) -> Longest:
    """What says for how long a dial over a trunk of some kind lasts at most."""

    def longest(kind: str, settings: Mapping[str, Any]) -> TimeDelta:
        if kind == "simulator":
            return seconds(longest_sec(parse_simulator(settings)))
        if kind == "sip":
            return seconds(parse_sip(sealer.unseal(dict(settings))).longest_sec)
        raise _unknown_kind(kind)

    return longest


def plan_command(folder: Path) -> list[str]:
    """The command line of a process that makes a plan; its database comes in the environment.

    Args:
        folder: the data directory, where the key is that opens the passwords of trunks.
    """
    return [sys.executable, "-m", "ringback.planning", str(folder)]


def export_command(folder: Path) -> list[str]:
    """The command line of a process that makes an export; its database comes in the environment.

    Args:
        folder: the data directory, where the file is put.
    """
    return [sys.executable, "-m", "ringback.exporting", str(folder)]


def _unknown_kind(kind: str) -> Impossible:
    return Impossible("trunk_kind_unknown", f"trunk kind {kind} is not available in this release")


async def engine_database(dsn: str) -> Database:
    """Connections for a node's engine."""
    return await connect(dsn, size=ENGINE_CONNECTIONS, settings=ENGINE_SETTINGS)


def collect_seldom() -> None:
    """Let Python look for cycles seldom, as a node's process does.

    A node makes and drops some hundred thousand objects a second, none of them in a cycle: looked through after every
    700 of them, as by default, they cost a tenth of its CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


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
        folder: the data directory, where relative paths in a trunk's settings begin.
        publish: told of all that happens.
        settings: how the node works.
        check_clock: compare the clock with the database's; off on a virtual clock.
    """
    hand = InHand()
    length = seconds(settings.lease_sec)
    lease = Lease(
        database, clock, settings.name, length, publish, take_over=settings.take_over, check_clock=check_clock
    )
    sealer = Sealer(folder, secret_key())
    trunks = Trunks(carrier_maker(clock, folder, sealer), hand.hear, publish)
    permits = Permits(database, clock, lease, publish)
    briefs = Briefs(database, AudioFiles(database, folder / AUDIO), sealer, publish, chance)
    packs = RulePacks(Shelf(rules_dir()), publish)
    means = (Ids(chance), lease, trunks, Plans(packs), permits, briefs, hand, publish, folder)
    node = Node(database, clock, chance, *means, Checks(hand, sealer, publish))
    receivers = Receivers(parse_networks(check_networks()))
    poster = Poster(parse_networks(webhook_networks(), WEBHOOK_NETWORKS), CONNECTIONS)
    deliverer = Deliverer(node, sealer, poster)
    return Engine(node, settings, Signer(folder, ledger_key()), receivers, deliverer)


async def serve_api(dsn: str, settings: Settings, publish: Publish, ending: Ending, ready: Callable[[], None]) -> None:
    """Serve the API on its port until it is told to end; requests under way are answered.

    Args:
        dsn: the database.
        settings: host, port, name, and where its figures are.
        publish: told of all that happens.
        ending: by which it is told to end.
        ready: called once requests are taken.

    Raises:
        SchemaError: the database is not of a schema that this release works on.
    """
    # imported here: a node has no use for it, and would take twice as long to start
    from ringback.api.app import create_app

    chance, clock = random.SystemRandom(), SystemClock()
    database = await connect(dsn, size=API_CONNECTIONS, settings=API_SETTINGS, watched=True)
    presence = Presence(database, settings.node_name or settings.host)
    await check_schema(database)
    await presence.run_once()
    await check_schema(database)  # once more: from our word on nobody takes away what we need
    keeping = asyncio.create_task(presence.keep())
    scraper = Scraper(settings.data / FOLDER, lambda: read_figures(database, clock.now()), clock)
    api_settings = _api_settings(dsn, settings, chance, publish, ending, scraper)
    on_the_side = _on_the_side(database, clock, dsn, api_settings)
    await serve(create_app(database, clock, Ids(chance), api_settings), settings.host, settings.port, ending, ready)
    for task in (keeping, *on_the_side):
        task.cancel()
    await asyncio.wait(on_the_side)  # what was not written when it was cancelled is written next
    await api_settings.uses.run_once(database)
    await presence.leave()
    await database.close()


def _api_settings(
    dsn: str, settings: Settings, chance: random.Random, publish: Publish, ending: Ending, scraper: Scraper
) -> "ApiSettings":
    from ringback.api.operation import ApiSettings
    from ringback.api.plan_process import PlanProcess
    from ringback.api.rate_limits import parse_limit

    sealer, shelf = Sealer(settings.data, secret_key()), Shelf(rules_dir())
    return ApiSettings(
        trunk_kinds=TRUNK_KINDS,
        chance=chance,
        publish=publish,
        sealer=sealer,
        folder=settings.data,
        node=settings.node_name or settings.host,
        explain=explainer(shelf, sealer),
        plans=PlanProcess(plan_command(settings.data), {**os.environ, DATABASE_URL: dsn}),
        shelf=shelf,
        requests_per_min=parse_limit(requests_per_min()),
        cors_origins=cors_origins(),
        proxies=parse_networks(trusted_proxies(), TRUSTED_PROXIES),
        leaving=ending.leaving,
        scrape=scraper if settings.metrics_port is None else None,
    )


def _on_the_side(database: Database, clock: Clock, dsn: str, api_settings: "ApiSettings") -> list[asyncio.Task[None]]:
    """What a server does beside answering, until it is cancelled."""
    from ringback.api.export_process import ExportProcess
    from ringback.api.forgetting import Forgetting

    folder = api_settings.folder
    exporting = ExportProcess(
        *(database, clock, folder, api_settings.node, export_command(folder)),
        {**os.environ, DATABASE_URL: dsn},
        api_settings.exports_asked,
    )
    duties = (api_settings.uses.keep(database), Forgetting(database, clock).keep(), exporting.keep())
    return [asyncio.create_task(duty) for duty in duties]
