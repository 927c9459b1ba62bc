"""Nodes as their operator sees them."""

from dataclasses import dataclass

from whenever import Instant

from ringback.store.database import Connection
from ringback.store.queries import load

_SQL = load("node_list")


@dataclass(frozen=True, slots=True)
class Listed:
    """A node, or an API: what is shown of it.

    Attributes:
        name: of its server.
        role: `dial` or `api`.
        version: of its release.
        schema_version: of the schema that its release makes.
        started_at: since when it works.
        heartbeat_at: when it last said so.
        live_calls: calls that were up then; None for an API.
        dials_per_sec: dials that it placed; None for an API.
        state: `dialling`, `draining`, `lease over` (dead or away, and nobody has taken over yet), `explaining` (dead,
            and another one finds out what became of its calls); `answering` or `lease over` for an API.
    """

    name: str
    role: str
    version: str
    schema_version: int
    started_at: Instant
    heartbeat_at: Instant
    live_calls: int | None
    dials_per_sec: float | None
    state: str


async def list_nodes(db: Connection, now: Instant) -> list[Listed]:
    """All that live or left something behind, by name.

    Args:
        db: a connection.
        now: by the database's clock.
    """
    return [Listed(*row) for row in await db.fetch(_SQL["listed"], now)]


async def drain(db: Connection, node_no: int, now: Instant) -> None:
    """Write down that a node was told to end."""
    await db.execute(_SQL["drain"], node_no, now)
