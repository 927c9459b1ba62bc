"""Reads the facts: from the database, the disk and the trunks."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.simulator.check import check_simulator
from ringback.carriers.simulator.settings import parse_settings
from ringback.clock import Clock
from ringback.config import Settings
from ringback.doctor.facts import Disk, Facts, Ours, TrunkState
from ringback.doctor.machine import OLD
from ringback.doctor.ours import LONGEST_CALL, LONGEST_WAIT
from ringback.errors import Invalid, SchemaError
from ringback.store import checks
from ringback.store.database import Connection, Database, connect
from ringback.store.migrate import check_schema
from ringback.store.nodes import server_time

SKEW_LOOKS = 5
"""At the database's clock; the quickest of them tells the most."""

TrunkCheck = Callable[[Mapping[str, Any], Path], str | None]
"""(a trunk's settings, the folder for relative paths) -> what keeps it from dialling, None for nothing."""

TRUNK_CHECKS: Mapping[str, TrunkCheck] = MappingProxyType(
    {"simulator": lambda settings, folder: check_simulator(parse_settings(settings), folder)}
)
"""For each kind of trunk; one that reaches over a network asks its far end."""


async def gather_facts(dsn: str, settings: Settings, clock: Clock) -> Facts:
    """Read all that the findings are made of; the database is only read.

    Raises:
        DatabaseUnavailable: it does not answer.
    """
    database = await connect(dsn, size=2, settings={})
    try:
        fault = await _schema_fault(database)
        async with database.connection() as db:
            skew = await _skew(db, clock)
            now = await server_time(db)
            return Facts(
                now=now,
                embedded=settings.database_url is None,
                skew=skew,
                disk=_disk(settings.data),
                server=await checks.read_server(db, now - OLD),
                schema_fault=fault,
                ours=await _ours(db, now, settings.data) if fault is None else None,
            )
    finally:
        await database.close()


async def _schema_fault(database: Database) -> str | None:
    try:
        await check_schema(database)
    except SchemaError as fault:
        return str(fault)
    return None


async def _ours(db: Connection, now: Instant, folder: Path) -> Ours:
    return Ours(
        nodes=await checks.read_nodes(db),
        rows=await checks.read_rows(db, now, LONGEST_CALL, LONGEST_WAIT),
        unlimited=await checks.read_unlimited(db),
        shut=await checks.read_shut(db),
        tables=await checks.read_tables(db),
        trunks=[await _trunk(row, folder) for row in await checks.read_trunks(db)],
    )


async def _trunk(row: checks.TrunkRow, folder: Path) -> TrunkState:
    check = TRUNK_CHECKS.get(row.kind)
    if check is None:
        return TrunkState(row.name, f"this release has no trunks of kind {row.kind}")
    try:
        return TrunkState(row.name, await asyncio.to_thread(check, msgspec.json.decode(row.settings), folder))
    except Invalid as fault:
        return TrunkState(row.name, str(fault))


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
