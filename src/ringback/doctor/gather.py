"""Reads the facts: from the database, the disk and the trunks."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.simulator.check import check_simulator
from ringback.carriers.simulator.settings import parse_settings as parse_simulator
from ringback.carriers.sip.check import check_sip
from ringback.carriers.sip.settings import parse_settings as parse_sip
from ringback.clock import Clock
from ringback.config import Settings, rules_dir, secret_key
from ringback.doctor.facts import Disk, Facts, Ours, RulesState, TrunkState
from ringback.doctor.machine import OLD
from ringback.doctor.ours import LONGEST_CALL, LONGEST_WAIT
from ringback.domain.library import Library, choose
from ringback.errors import Invalid, SchemaError, SecretKeyError
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store import checks
from ringback.store.checks import Rows
from ringback.store.database import Connection, Database, connect
from ringback.store.migrate import check_schema
from ringback.store.nodes import server_time
from ringback.store.rule_packs import RuledRow, read_rule_packs

T = TypeVar("T")

SKEW_LOOKS = 5
"""At the database's clock; the quickest of them tells the most."""

TrunkCheck = Callable[[Mapping[str, Any], Path], str | None]
"""(a trunk's settings, the folder for relative paths) -> what keeps it from dialling, None for nothing."""

TRUNK_CHECKS: Mapping[str, TrunkCheck] = MappingProxyType(
    {
        "simulator": lambda settings, folder: check_simulator(parse_simulator(settings), folder),
        "sip": lambda settings, _: check_sip(parse_sip(settings)),
    }
)
"""For each kind of trunk; the settings have their secrets in the clear."""


async def gather_facts(dsn: str, settings: Settings, clock: Clock) -> Facts:
    """Read all that the findings are made of; the database is only read.

    Raises:
        DatabaseUnavailable: it does not answer.
    """
    database = await connect(dsn, size=2, settings={})
    try:
        fault = await _schema_fault(database)
        async with database.connection() as db:
            skew, looks = await _skew(db, clock), _Looks()
            now = await server_time(db)
            library = await asyncio.to_thread(Shelf(rules_dir()).library)
            return Facts(
                now=now,
                embedded=settings.database_url is None,
                skew=skew,
                disk=_disk(settings.data),
                server=await looks.at(("database", "snapshots"), checks.read_server(db, now - OLD), None),
                schema_fault=fault,
                ours=await _ours(db, now, settings.data, library, looks) if fault is None else None,
                library=library,
                slow=looks.slow,
            )
    finally:
        await database.close()


async def _schema_fault(database: Database) -> str | None:
    try:
        await check_schema(database)
    except SchemaError as fault:
        return str(fault)
    return None


class _Looks:
    """Looks one after the other; what one that takes too long would have found is left out, and the others go on.

    Attributes:
        slow: the checks of which one took too long.
    """

    def __init__(self) -> None:
        self.slow: list[str] = []

    async def at(self, of: tuple[str, ...], look: Awaitable[T], instead: T) -> T:
        """What a look finds, or something instead."""
        found = await checks.within_a_minute(look)
        if found is None:
            self.slow.extend(of)
            return instead
        return found


async def _ours(db: Connection, now: Instant, folder: Path, library: Library, looks: _Looks) -> Ours:
    rows, campaigns = ("rows",), ("campaigns",)
    return Ours(
        nodes=await looks.at(("nodes",), checks.read_nodes(db), []),
        rows=Rows(
            await looks.at(rows, checks.read_abandoned(db), 0),
            await looks.at(rows, checks.read_endless(db, now - LONGEST_CALL), 0),
            await looks.at(rows, checks.read_nowhere(db), []),
            await looks.at(rows, checks.read_resurrected(db), []),
        ),
        overdue=await looks.at(campaigns, checks.read_overdue(db, now, now - LONGEST_WAIT), []),
        shut=await looks.at(campaigns, checks.read_shut(db), []),
        unlimited=await looks.at(("limits",), checks.read_unlimited(db), []),
        tables=await looks.at(("tables",), checks.read_tables(db), []),
        stopped=list(_stopped(await looks.at(("rules",), read_rule_packs(db), []), library, now)),
        trunks=[await _trunk(row, folder) for row in await looks.at(("trunks",), checks.read_trunks(db), [])],
    )


def _stopped(rows: Iterable[RuledRow], library: Library, now: Instant) -> Iterator[RulesState]:
    for row in rows:
        if faults := choose(library, row.rule_packs, now).faults:
            yield RulesState(row.kind, row.name, faults)


async def _trunk(row: checks.TrunkRow, folder: Path) -> TrunkState:
    check = TRUNK_CHECKS.get(row.kind)
    if check is None:
        return TrunkState(row.name, f"this release has no trunks of kind {row.kind}")
    stored = msgspec.json.decode(row.settings)
    try:
        sealer = Sealer(folder, secret_key())
        settings = sealer.unseal(stored)
        fault = await asyncio.to_thread(check, settings, folder)
    except (Invalid, SecretKeyError) as refused:
        return TrunkState(row.name, str(refused))
    return TrunkState(row.name, fault, is_local=settings != stored and sealer.is_alone)


async def _skew(db: Connection, clock: Clock) -> TimeDelta:
    """How far this machine's clock is ahead of the database's, as the quickest of some looks has it."""
    looks = []
    for _ in range(SKEW_LOOKS):
        before = clock.now()
        there = await server_time(db)
        took = clock.now() - before
        looks.append((took, before + took / 2 - there))
    return min(looks)[1]


def _disk(data: Path) -> Disk | None:
    with suppress(FileNotFoundError):
        usage = shutil.disk_usage(data)
        return Disk(str(data), usage.free, usage.total)
    return None
