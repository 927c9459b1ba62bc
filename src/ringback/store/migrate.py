"""Brings a database to the schema of this release, while nodes of the release before may be working on it.

Each migration first expands the schema, which hurts nobody, and contracts it once nobody of an older schema is left.
"""

import asyncio

import asyncpg
from whenever import Instant

from ringback.errors import OurError, SchemaError
from ringback.store.database import Connection, Database
from ringback.store.queries import Migration, load, migrations, schema_version

_SQL = load("migrations")

EXPAND_TRIES, EXPAND_REST_SEC = 120, 0.5
EXPAND_WAIT_MS, CONTRACT_WAIT_MS = "300", "100"
"""For a lock on a table. Below a second, so that PostgreSQL never has to choose a victim: it is always us."""
LONGEST_SEC = 3600.0
"""For the statements of a migration, and for those of another process: an index of tens of millions of rows takes
minutes."""


async def migrate(database: Database, now: Instant) -> list[str]:
    """Apply what is missing, each migration in the same transaction as its record, and contract what may be.

    Args:
        database: connections with the right to create tables.
        now: by the database's clock; what is recorded as the time, and by which leases are over.

    Returns:
        the names of what was applied.

    Raises:
        SchemaError: a newer release has taken away what this one needs, or an older one still needs what this one
            would take away, or the tables were in use all the time.
    """
    names = []
    for step in migrations():
        if await _expand(database, step, now):
            names.append(step.name)
        await contract(database, now)
    return names


async def contract(database: Database, now: Instant) -> list[str]:
    """Take away what releases before this one needed, if nobody needs it any more. Cheap where there is nothing to do.

    Never waits for long: where a table is in use it gives up, to be asked again in a while.

    Args:
        database: connections with the right to change tables.
        now: by the database's clock; whose lease is over by then is gone.

    Returns:
        the names of the migrations that were contracted.

    Raises:
        OurError: something of the user's own hangs on what is to be taken away.
    """
    async with database.connection() as db:
        pending = await _pending(db)
    done = []
    for step in pending:
        try:
            if not await _contract(database, step, now):
                break
        except asyncpg.LockNotAvailableError:
            break
        except asyncpg.PostgresError as refused:
            raise OurError(f"schema {step.version} cannot be contracted: {refused}") from refused
        done.append(step.name)
    return done


async def check_schema(database: Database) -> None:
    """Refuse to work on a schema that has not what this release needs.

    One that the next release has expanded will do, until that release takes away what this one needs.

    Raises:
        SchemaError: it is older, too new, or not there at all.
    """
    async with database.connection() as db:
        found, contracted = await _state(db)
    wanted = schema_version()
    if found < wanted:
        raise SchemaError(
            f"the database is at schema {found} and this release needs {wanted}: run `ringback serve` or "
            "`ringback init` of this release on it"
        )
    _refuse_newer(found, contracted)


async def _expand(database: Database, step: Migration, now: Instant) -> bool:
    """Whether the migration was missing and has been applied."""
    for _ in range(EXPAND_TRIES):
        try:
            return await _try_to_expand(database, step, now)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(EXPAND_REST_SEC)
    raise SchemaError(
        f"schema {step.version} cannot be made: the tables were in use for a minute, by an import, a backup or "
        "autovacuum; start again when it is over"
    )


async def _try_to_expand(database: Database, step: Migration, now: Instant) -> bool:
    async with database.transaction() as db:
        await db.execute(_SQL["lock_migrations"], timeout=LONGEST_SEC)  # another process may be at it
        found, contracted = await _state(db)
        _refuse_newer(found, contracted)
        if step.version <= found:
            return False
        await _refuse_skipping(db, step)
        await db.execute(_SQL["wait_briefly"], EXPAND_WAIT_MS)
        await db.execute(step.expand, timeout=LONGEST_SEC)
        await db.execute(_SQL["record_migration"], step.version, step.name, now)
    return True


async def _contract(database: Database, step: Migration, now: Instant) -> bool:
    """Whether nobody of an older schema lives, so that it could be contracted."""
    async with database.transaction() as db:
        await db.execute(_SQL["wait_briefly"], CONTRACT_WAIT_MS)
        await db.execute(_SQL["lock_migrations"])
        await db.execute(_SQL["keep_starters_out"])
        if await db.fetchval(_SQL["older_lives"], step.version, now):
            return False
        if step in await _pending(db):
            await db.execute(step.contract)
            await db.execute(_SQL["record_contraction"], step.version, now)
    return True


async def _state(db: Connection) -> tuple[int, int]:
    """The newest migration that was applied, and the newest that was contracted; 0 for none."""
    if not await db.fetchval(_SQL["migrations_recorded"]):
        return 0, 0
    row = await db.fetchrow(_SQL["schema_state"])
    return row["version"] or 0, row["contracted"] or 0


async def _pending(db: Connection) -> list[Migration]:
    """What was expanded and not contracted yet, of what this release knows."""
    versions = {row["version"] for row in await db.fetch(_SQL["uncontracted"])}
    return [step for step in migrations() if step.contract and step.version in versions]


async def _refuse_skipping(db: Connection, step: Migration) -> None:
    if step.version > 1 and await _pending(db):
        raise SchemaError(
            f"schema {step.version} cannot be made: a node or an API of a release before the last one still runs on "
            "the database; stop it first"
        )


def _refuse_newer(found: int, contracted: int) -> None:
    known = schema_version()
    if found > known + 1 or contracted > known:
        raise SchemaError(
            f"the database is at schema {found}, made by a newer release; this one knows {known}: "
            "start the newer release instead"
        )
