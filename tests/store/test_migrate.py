import asyncio
import re

import asyncpg
import pytest
from tests.postgres import drop_database, fresh_database
from tests.world import NOON
from whenever import TimeDelta

from ringback.errors import SchemaError
from ringback.store import migrate as migrating
from ringback.store import queries
from ringback.store.database import Database, connect
from ringback.store.migrate import check_schema, contract, migrate
from ringback.store.queries import Migration, migrations, schema

CATALOGUE = {
    "tables": """SELECT relname, relkind, relpersistence, reloptions, relrowsecurity
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')""",
    "columns": """SELECT c.relname, a.attname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
        format_type(a.atttypid, a.atttypmod), a.attnotnull,
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


@pytest.fixture
def second_schema():
    """What makes this code of the second schema, which has something to contract, or of the third."""
    with pytest.MonkeyPatch.context() as patch:

        def turn(on):
            patch.undo()
            for module in (migrating, queries):
                patch.setattr(module, "migrations", lambda: migrations()[: 2 if on else 3])

        turn(True)
        yield turn


@pytest.fixture
async def first_release(database):
    """The same, brought to the schema of the first release, which recorded no contraction."""
    async with database.transaction() as db:
        await db.execute(migrations()[0].expand)
        await db.execute("INSERT INTO schema_migrations VALUES (1, 'foundation', $1)", NOON)
    return database


@pytest.fixture
def next_release():
    """What makes this code the release after this one, with a migration more, and back."""
    step = Migration(
        len(migrations()) + 1, "next", "ALTER TABLE agents ADD COLUMN x integer", "ALTER TABLE agents DROP COLUMN kind"
    )
    with pytest.MonkeyPatch.context() as patch:

        def turn(on):
            patch.undo()
            if on:
                steps = (*migrations(), step)
                for module in (migrating, queries):
                    patch.setattr(module, "migrations", lambda: steps)

        yield turn


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
    assert [name for _, name, _ in before] == names == [step.name for step in migrations()]


async def test_nodes_that_start_together_migrate_once(empty_database):
    """Of many at a time, one applies what is missing and the others wait for it, one migration after the other."""
    many = [await connect(empty_database, size=1, settings={}) for _ in range(6)]
    try:
        done = await asyncio.gather(*(migrate(one, NOON) for one in many))
        assert sorted(name for names in done for name in names) == sorted(step.name for step in migrations())
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


async def node(database, schema_version, lease_until, table="nodes"):
    """A node, or an API, of a release."""
    async with database.connection() as db:
        await db.execute(
            f"INSERT INTO {table} (name, version, schema_version, started_at, heartbeat_at, lease_until) "  # noqa: S608
            "VALUES ('old', '0', $1, $2, $2, $3)",
            schema_version,
            NOON,
            lease_until,
        )


async def node_of_first_release(database, lease_until):
    """A node as 0.1.0 writes it."""
    async with database.connection() as db:
        await db.execute(
            "INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until) VALUES ($1, '0.1.0', $2, $2, $3)",
            "old",
            NOON,
            lease_until,
        )


async def contracted(database):
    """The versions of which the database says that they are contracted."""
    async with database.connection() as db:
        query = "SELECT version FROM schema_migrations WHERE contracted_at IS NOT NULL ORDER BY 1"
        return [row["version"] for row in await db.fetch(query)]


async def test_a_node_of_the_release_before_keeps_what_it_needs(first_release, second_schema):
    """The schema is expanded beside it, and contracted a quarter of a minute after its lease, for its API's sake."""
    lease = NOON + TimeDelta(seconds=10)
    await node_of_first_release(first_release, lease)
    assert await migrate(first_release, NOON) == ["scale"]
    await check_schema(first_release)
    assert await contracted(first_release) == []
    assert await contract(first_release, lease + TimeDelta(seconds=14)) == []
    async with first_release.connection() as db:
        assert await db.fetch("SELECT next_dial_at FROM limits") == []
    assert await contract(first_release, lease + TimeDelta(seconds=16)) == ["scale"]
    assert await contracted(first_release) == [2]
    assert await contract(first_release, lease + TimeDelta(seconds=16)) == []


@pytest.mark.parametrize("table", ["nodes", "api_servers"])
async def test_whoever_is_of_this_schema_is_left_in_peace_by_the_next(database, next_release, table):
    """This release works on what the next one has expanded, and the next one contracts when we are gone."""
    await migrate(database, NOON)
    await node(database, len(migrations()), NOON + TimeDelta(seconds=10), table)
    next_release(True)
    assert await migrate(database, NOON) == ["next"]
    next_release(False)
    await check_schema(database)
    assert await migrate(database, NOON) == []
    next_release(True)
    assert await contract(database, NOON + TimeDelta(seconds=9)) == []
    assert await contract(database, NOON + TimeDelta(seconds=10)) == ["next"]
    await check_schema(database)
    next_release(False)
    with pytest.raises(SchemaError, match="newer release"):
        await check_schema(database)
    with pytest.raises(SchemaError, match="newer release"):
        await migrate(database, NOON)


async def test_two_releases_at_once_are_refused(first_release):
    """While a node of the first release lives, the second one's schema is made and the third one's is not."""
    await node_of_first_release(first_release, NOON + TimeDelta(seconds=10))
    with pytest.raises(SchemaError, match="stop it first"):
        await migrate(first_release, NOON)
    assert [version for version, *_ in await applied(first_release)] == [1, 2]
    assert await migrate(first_release, NOON + TimeDelta(minutes=1)) == [step.name for step in migrations()[2:]]
    assert await contracted(first_release) == [2]


async def test_what_takes_nothing_away_may_be_gone_back_from(database, second_schema):
    """The second release works on the third one's schema, beside it and after it."""
    await migrate(database, NOON)
    await node(database, 2, NOON + TimeDelta(seconds=10))
    second_schema(False)
    assert await migrate(database, NOON) == ["calls"]
    assert await contract(database, NOON + TimeDelta(minutes=1)) == []
    second_schema(True)
    await check_schema(database)
    assert await migrate(database, NOON + TimeDelta(minutes=1)) == []


async def test_a_table_in_use_is_not_waited_for(first_release, second_schema):
    """A contraction gives up within moments while an import goes on, and is done when it is asked for again."""
    await node_of_first_release(first_release, NOON + TimeDelta(seconds=1))
    await migrate(first_release, NOON)
    late = NOON + TimeDelta(minutes=1)
    async with first_release.transaction() as importing:
        await importing.execute("LOCK TABLE queue IN ROW EXCLUSIVE MODE")
        assert await contract(first_release, late) == []
    assert await contract(first_release, late) == ["scale"]


async def test_a_schema_is_expanded_when_the_tables_are_free(first_release, monkeypatch):
    """It is tried again while an import goes on, and in the end told why it cannot be; afterwards it can."""
    monkeypatch.setattr(migrating, "EXPAND_TRIES", 2)
    async with first_release.transaction() as importing:
        await importing.execute("LOCK TABLE queue IN ROW EXCLUSIVE MODE")
        with pytest.raises(SchemaError, match="in use"):
            await migrate(first_release, NOON)
    assert await migrate(first_release, NOON) == [step.name for step in migrations()[1:]]


@pytest.mark.parametrize("step", migrations()[1:], ids=lambda step: step.name)
def test_tables_are_locked_before_anything_is_done(step):
    """Whoever uses one of them, autovacuum among them, is met before an index is built in vain."""
    statements = re.sub(r"--.*", "", step.expand)
    locked = {name for names in re.findall(r"LOCK TABLE ([\w, ]+) IN", statements) for name in names.split(", ")}
    made = set(re.findall(r"CREATE TABLE (\w+)", statements))
    assert set(re.findall(r"(?:ALTER TABLE| ON|REFERENCES) (\w+)", statements)) - made == locked
    begun = min(statements.index(word) for word in ("ALTER TABLE", "CREATE") if word in statements)
    assert not locked or statements.rindex("LOCK TABLE") < begun


@pytest.mark.parametrize("table", ["calls", "tallies"])
async def test_autovacuum_is_named_among_those_that_may_use_a_table(first_release, monkeypatch, table):
    """It is not stopped: that takes a second of waiting, for which whoever dials would wait behind us."""
    monkeypatch.setattr(migrating, "EXPAND_TRIES", 2)
    async with first_release.transaction() as vacuuming:
        await vacuuming.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(SchemaError, match="autovacuum"):
            await migrate(first_release, NOON)
    assert "scale" in await migrate(first_release, NOON)


async def test_whoever_migrates_just_now_is_waited_for(empty_database, database):
    """For longer than other statements may take: building an index takes minutes."""
    await migrate(database, NOON)
    impatient = Database(await asyncpg.create_pool(empty_database, min_size=1, max_size=2, command_timeout=0.5))
    async with database.transaction() as another:
        await another.execute(queries.load("migrations")["lock_migrations"])
        waiting = asyncio.create_task(migrate(impatient, NOON))
        assert await asyncio.wait((waiting,), timeout=1.5) == (set(), {waiting})
    assert await waiting == []
    await impatient.close()


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
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))
