"""Brings a database to the schema of this release, under a lock, so that nodes that start together do it once."""

from whenever import Instant

from ringback.errors import SchemaError
from ringback.store.database import Database
from ringback.store.queries import load, migrations

_SQL = load("migrations")


async def migrate(database: Database, now: Instant) -> list[str]:
    """Apply what is missing, each migration in the same transaction as its record.

    Args:
        database: connections with the right to create tables.
        now: what is recorded as the time.

    Returns:
        the names of what was applied.

    Raises:
        SchemaError: the database has migrations that this release does not know.
    """
    known = migrations()
    async with database.transaction() as db:
        await db.execute(_SQL["lock_migrations"])
        there = await db.fetchval(_SQL["migrations_recorded"])
        applied = {row["version"] for row in await db.fetch(_SQL["applied_migrations"])} if there else set()
        if newer := applied - {version for version, _, _ in known}:
            raise SchemaError(
                f"the database is at schema {max(newer)}, made by a newer release; this one knows {known[-1][0]}: "
                "start the newer release instead"
            )
        missing = [m for m in known if m[0] not in applied]
        for version, name, statements in missing:
            await db.execute(statements)
            await db.execute(_SQL["record_migration"], version, name, now)
    return [name for _, name, _ in missing]


async def check_schema(database: Database) -> None:
    """Refuse to work on a schema that is not this release's.

    Raises:
        SchemaError: it is older, newer, or not there at all.
    """
    wanted = migrations()[-1][0]
    async with database.connection() as db:
        there = await db.fetchval(_SQL["migrations_recorded"])
        rows = await db.fetch(_SQL["applied_migrations"]) if there else []
    found = max((row["version"] for row in rows), default=0)
    if found != wanted:
        raise SchemaError(f"the database is at schema {found} and this release needs {wanted}: run `ringback init`")
