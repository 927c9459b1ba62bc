"""Who serves the API on a database."""

from whenever import Instant

from ringback import __version__
from ringback.store.database import Connection
from ringback.store.queries import load, schema_version

_SQL = load("api_servers")


async def enlist(db: Connection, name: str, now: Instant, lease_until: Instant) -> int:
    """Write down that an API of this release begins; returns its number."""
    number: int = await db.fetchval(_SQL["enlist"], name, __version__, schema_version(), now, lease_until)
    return number


async def heartbeat(db: Connection, server_no: int, now: Instant, lease_until: Instant) -> bool:
    """Say that it goes on; False where it was forgotten meanwhile."""
    return await db.fetchval(_SQL["heartbeat"], server_no, now, lease_until) is not None


async def leave(db: Connection, server_no: int) -> None:
    """Say that it ends."""
    await db.execute(_SQL["leave"], server_no)
