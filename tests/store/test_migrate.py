import asyncio

import asyncpg
import pytest
from tests.postgres import drop_database, fresh_database
from tests.world import NOON
from whenever import TimeDelta

from ringback.errors import SchemaError
from ringback.store.database import connect
from ringback.store.migrate import check_schema, migrate
from ringback.store.queries import migrations, schema

CATALOGUE = {
    "tables": """SELECT relname, relkind, relpersistence, reloptions, relrowsecurity
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')""",
    "columns": """SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attidentity, a.attgenerated, a.attcompression, a.attstorage, a.attstattarget, a.attoptions,
        pg_get_expr(d.adbin, d.adrelid), col.collname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_collation col ON col.oid = a.attcollation
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": """SELECT conrelid::regclass::text, conname, contype, convalidated, condeferrable,
        pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": """SELECT i.indrelid::regclass::text, c.relname, c.reloptions, i.indisvalid,
        pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'public'::regnamespace""",
    "sequences": """SELECT schemaname, sequencename, data_type::text, start_value, increment_by, cycle
        FROM pg_sequences""",
    "triggers": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "comments": """SELECT objoid::regclass::text, objsubid, description FROM pg_description
        WHERE classoid = 'pg_class'::regclass
          AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)""",
}


async def catalogue(dsn):
    """All that is defined in a database, by kind."""
    connection = await asyncpg.connect(dsn)
    try:
        return {kind: sorted(repr(tuple(r)) for r in await connection.fetch(sql)) for kind, sql in CATALOGUE.items()}
    finally:
        await connection.close()


@pytest.fixture
async def database(empty_database):
    """Connections to an empty database."""
    made = await connect(empty_database, size=4, settings={})
    yield made
    await made.close()


async def applied(database):
    """What the database says was applied to it."""
    async with database.connection() as db:
        return [
            tuple(row) for row in await db.fetch("SELECT version, name, applied_at FROM schema_migrations ORDER BY 1")
        ]


async def test_the_migrations_make_the_schema(postgres, empty_database, database):
    """A database that is migrated is, to the last storage option, one that is made from schema.sql."""
    await migrate(database, NOON)
    whole = await fresh_database(postgres)
    try:
        connection = await asyncpg.connect(whole)
        await connection.execute(schema())
        await connection.close()
        wanted, found = await catalogue(whole), await catalogue(empty_database)
        for kind in CATALOGUE:
            assert found[kind] == wanted[kind]
        assert len(wanted["tables"]) > 10
    finally:
        await drop_database(whole)


async def test_a_second_run_applies_nothing(database):
    """What is applied and recorded stays as it was recorded."""
    names = await migrate(database, NOON)
    before = await applied(database)
    assert await migrate(database, NOON + TimeDelta(hours=1)) == []
    assert await applied(database) == before
    assert [name for _, name, _ in before] == names == [name for _, name, _ in migrations()]


async def test_nodes_that_start_together_migrate_once(empty_database):
    """Of many at a time, one applies what is missing and the others wait for it."""
    many = [await connect(empty_database, size=1, settings={}) for _ in range(6)]
    try:
        done = await asyncio.gather(*(migrate(one, NOON) for one in many))
        assert sorted(map(len, done)) == [0] * 5 + [len(migrations())]
    finally:
        for one in many:
            await one.close()


async def test_a_newer_schema_is_refused(database):
    """A database that a newer release has migrated is left alone, whole."""
    await migrate(database, NOON)
    async with database.connection() as db:
        await db.execute("INSERT INTO schema_migrations VALUES (9999, 'from the future', $1)", NOON)
    with pytest.raises(SchemaError, match="newer release"):
        await migrate(database, NOON)
    with pytest.raises(SchemaError, match="9999"):
        await check_schema(database)


async def test_an_old_or_empty_database_is_not_worked_on(database):
    """Before the migrations, the remedy is named; after them, nothing is wrong."""
    with pytest.raises(SchemaError, match="ringback init"):
        await check_schema(database)
    await migrate(database, NOON)
    await check_schema(database)


async def test_a_migration_that_fails_leaves_nothing(database):
    """Statements and record are one transaction: a table that is in the way undoes all."""
    async with database.connection() as db:
        await db.execute("CREATE TABLE tallies (x integer)")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(database, NOON)
    async with database.connection() as db:
        assert await db.fetchval(
            "SELECT array_agg(relname::text) FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace"
        ) == ["tallies"]
        await db.execute("DROP TABLE tallies")
    assert await migrate(database, NOON)


def test_migrations_are_numbered_without_a_gap():
    """So that 'the newest' says all."""
    assert [version for version, _, _ in migrations()] == list(range(1, len(migrations()) + 1))
