"""`ringback nodes`: who works on a database, as a table."""

import asyncio
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from whenever import Instant

from ringback.api.show import show_time
from ringback.config import Settings
from ringback.store.database import API_SETTINGS, connect
from ringback.store.embedded import dsn_of_running
from ringback.store.migrate import check_schema
from ringback.store.node_list import Listed, list_nodes
from ringback.store.nodes import server_time

_COLOURS = {"dialling": "green", "answering": "green", "draining": "yellow"}


def show_nodes(settings: Settings, *, as_json: bool) -> None:
    """Print the nodes and APIs of a database.

    Args:
        settings: the user's own database, or the data directory of an embedded one that runs.
        as_json: for machines, with whole times.

    Raises:
        DataDirectoryError: no server runs on the data directory.
        DatabaseUnavailable: the database does not answer.
        SchemaError: it is not of a schema that this release works on.
    """
    dsn = settings.database_url or dsn_of_running(settings.data)
    now, listed = asyncio.run(_read(dsn))
    if as_json:
        Console().print_json(data=[_as_json(node, now) for node in listed])
    else:
        Console().print(_table(listed, now))


async def _read(dsn: str) -> tuple[Instant, list[Listed]]:
    database = await connect(dsn, size=1, settings=API_SETTINGS)
    try:
        await check_schema(database)
        async with database.connection() as db:
            now = await server_time(db)
            return now, await list_nodes(db, now)
    finally:
        await database.close()


def _as_json(node: Listed, now: Instant) -> dict[str, Any]:
    times = {"started_at": show_time(node.started_at), "heartbeat_at": show_time(node.heartbeat_at)}
    pace = {} if node.dials_per_sec is None else {"dials_per_sec": round(node.dials_per_sec, 1)}
    return {**asdict(node), **times, **pace, "heartbeat_sec_ago": round(_ago(node.heartbeat_at, now), 1)}


def _table(listed: list[Listed], now: Instant) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("name", "role", "version", "since (UTC)"):
        table.add_column(header, no_wrap=True)
    for header in ("live calls", "dials/s", "heartbeat"):
        table.add_column(header, no_wrap=True, justify="right")
    table.add_column("state", no_wrap=True)
    for node in listed:
        table.add_row(
            node.name,
            node.role,
            node.version,
            node.started_at.format_iso(unit="second", sep=" ").rstrip("Z"),
            "" if node.live_calls is None else f"{node.live_calls:,}",
            "" if node.dials_per_sec is None else f"{node.dials_per_sec:,.1f}",
            f"{_ago(node.heartbeat_at, now):.1f} s ago",
            f"[{_COLOURS.get(node.state, 'red')}]{node.state}",
        )
    return table


def _ago(at: Instant, now: Instant) -> float:
    return max((now - at).total("seconds"), 0.0)
