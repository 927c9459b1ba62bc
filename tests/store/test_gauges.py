"""How a database stands: the figures, and that they cost the same however much waits."""

import asyncio
import json

import asyncpg
import pytest
from tests.postgres import drop_database
from tests.world import NOON, migrated
from whenever import TimeDelta

from ringback.store.database import API_SETTINGS, connect
from ringback.store.gauges import COUNTED, Figures, read_figures
from ringback.store.queries import load

MANY = 20_000
PATIENCE_SEC = 20.0
FILL = """
INSERT INTO workspaces (workspace_id, name, created_at) VALUES (gen_random_uuid(), 'w', '2026-03-02');
INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at)
    SELECT 1, gen_random_uuid(), name, 'simulator', '{{}}', '{{}}', '2026-03-02' FROM unnest(ARRAY['a', 'b']) AS name;
INSERT INTO caller_numbers (workspace_no, caller_id, number, created_at)
    VALUES (1, gen_random_uuid(), '+14155550100', '2026-03-02');
INSERT INTO campaigns (workspace_no, campaign_id, name, trunk_no, status, starts_at, retry, window_start_min,
                       window_end_min, created_at)
    SELECT 1, gen_random_uuid(), status, 1, status, starts_at, '{{}}', 0, 1440, '2026-03-02'
    FROM (VALUES ('running', NULL), ('running', '2026-03-03T00:00Z'::timestamptz), ('paused', NULL))
        AS c (status, starts_at);
INSERT INTO queue (workspace_no, call_id, campaign_no, trunk_no, attempt, due_at)
    SELECT 1, gen_random_uuid(), 1 + n % 3, 0, 1 + n % 2, '2026-03-02T12:00Z'::timestamptz + n * interval '1 s'
    FROM generate_series(1, {waiting}) n;
INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until, ended_at, explained_at)
    VALUES ('lives', '0', '2026-03-02', '2026-03-02T12:00Z', '2026-03-02T12:00:10Z', NULL, NULL),
           ('died', '0', '2026-03-02', '2026-03-02T11:59:30Z', '2026-03-02T11:59:40Z', '2026-03-02T11:59:41Z', NULL),
           ('left', '0', '2026-03-02', '2026-03-02T11:00Z', '2026-03-02T11:00Z', '2026-03-02T11:00Z', NULL),
           ('gone', '0', '2026-03-01', '2026-03-01', '2026-03-01', '2026-03-01', '2026-03-01');
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version,
                      status, intent_at, ended_at, end_reason, stop_reason)
    SELECT 1, gen_random_uuid(), 1, gen_random_uuid(), 1, 1 + n % 2, CASE n WHEN 7 THEN 2 ELSE 1 END, 1,
           CASE WHEN up THEN 'initiated' ELSE 'busy' END, '2026-03-02',
           CASE WHEN NOT up THEN '2026-03-02'::timestamptz END, CASE WHEN NOT up THEN 'user_busy' END,
           CASE WHEN NOT up THEN 'cancelled' END
    FROM (SELECT n, n <= 9 AS up FROM generate_series(1, {ended} + 9) n) a;
"""


@pytest.fixture
async def make_database(postgres):
    """Makes databases with so much in them, and a connection to each as the API has it."""
    made = []

    async def make(waiting, ended=0):
        dsn = await migrated(postgres)
        connection = await asyncpg.connect(dsn)
        await connection.execute("ALTER TABLE queue SET (autovacuum_enabled = off)")
        await connection.execute(FILL.format(waiting=waiting, ended=ended))
        await connection.close()
        made.append((dsn, await connect(dsn, size=2, settings=API_SETTINGS)))
        return made[-1][1]

    yield make
    for dsn, database in made:
        await database.close()
        await drop_database(dsn)


async def test_figures_are_those_of_the_tables(make_database):
    """What waits, since when what is due is due, what is up by trunk, who lives, and who left something."""
    database = await make_database(waiting=90)
    now = NOON + TimeDelta(seconds=7)
    figures = await read_figures(database, now, PATIENCE_SEC)
    assert figures.nodes_alive == 1
    assert figures.waiting == 90
    assert figures.oldest_due_sec == 4  # the third: the first is of a campaign that begins tomorrow, the second paused
    assert sorted(figures.in_flight.values()) == [4, 5]
    assert figures.unexplained_sec == 37
    later = await read_figures(database, now + TimeDelta(seconds=20), PATIENCE_SEC)
    assert (later.nodes_alive, later.unexplained_sec) == (0, 57)


async def test_nothing_is_nought(make_database):
    """A database where nothing waits and nothing is up has figures all the same."""
    database = await make_database(waiting=0)
    async with database.connection() as db:
        await db.execute("DELETE FROM attempts")
    figures = await read_figures(database, NOON, PATIENCE_SEC)
    assert figures == Figures(nodes_alive=1, waiting=0, oldest_due_sec=0, in_flight={}, unexplained_sec=0)


async def test_long_queue_is_estimated(make_database):
    """Beyond the few that are counted it is what the server believes, near enough."""
    database = await make_database(waiting=MANY)
    waiting = COUNTED
    async with asyncio.timeout(PATIENCE_SEC):
        while waiting == COUNTED:  # the server tells of its sums when the session that changed them has ended
            waiting = (await read_figures(database, NOON, PATIENCE_SEC)).waiting
    assert 0.9 * MANY < waiting < 1.1 * MANY


async def test_figures_are_read_by_index(make_database):
    """No figure walks over what waits or what has ended, without statistics and with them."""
    database = await make_database(waiting=MANY, ended=MANY)
    async with database.connection() as db:
        await reads_few_rows(db)
        await db.execute("VACUUM ANALYZE")
        await reads_few_rows(db)


async def reads_few_rows(db):
    """Each statement of a figure looks at no more rows than are counted at most."""
    for name, statement in load("gauges").items():
        values = {"in_flight": (), "waiting": (COUNTED,)}.get(name, (NOON,))
        explained = await db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.rstrip(';')}", *values)
        read = sum(rows_read(json.loads(explained)[0]["Plan"]))
        assert read <= 2 * COUNTED, (name, explained)


def rows_read(plan):
    """How many rows each scan of a plan looked at in the large tables."""
    if plan.get("Relation Name") in {"queue", "attempts"}:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        yield (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    for below in plan.get("Plans", ()):
        yield from rows_read(below)


async def test_figure_that_takes_too_long_is_left_out(make_database):
    """One that is kept waiting does not keep the others."""
    database = await make_database(waiting=9)
    async with database.connection() as holder, holder.transaction():
        await holder.execute("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
        figures = Figures()
        async with asyncio.timeout(PATIENCE_SEC):
            while figures.waiting is None:
                figures = await read_figures(database, NOON)
    assert (figures.nodes_alive, figures.waiting) == (1, 9)
    assert (figures.in_flight, figures.unexplained_sec) == (None, None)
