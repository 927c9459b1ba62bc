"""What the planner makes of the hot statements: on empty tables, on fresh ones without statistics, on large ones."""

import json
from uuid import UUID

import asyncpg
import pytest
from tests.postgres import drop_database
from tests.world import NOON, migrated
from whenever import TimeDelta

from ringback.store.database import ENGINE_SETTINGS, connect
from ringback.store.queries import load

LARGE = 50_000
FRESH = 5_000
KEYS = ("workspaces", "trunks", "campaigns")
WATCHED = frozenset(
    {
        "calls",
        "attempts",
        "queue",
        "nodes",
        "agent_reports",
        "decisions",
        "do_not_call",
        "contacts",
        "budgets",
        "rates",
        "caller_pool_numbers",
        "outbox",
    }
)
HOT = {
    ("queue", "due_lanes"): "queue_lanes",
    ("queue", "lanes_now"): "limits_pkey",
    ("queue", "take_due"): "queue_lanes",
    ("queue", "intend"): "caller_pool_numbers_pkey",
    ("queue", "loosen"): "queue_lanes",
    ("queue", "end"): "calls_pkey",
    ("briefings", "briefings"): "calls_pkey",
    ("attempts", "settle"): "attempts_pkey",
    ("attempts", "progress"): "attempts_pkey",
    ("attempts", "withdraw"): "attempts_pkey",
    ("attempts", "still_live"): "attempts_pkey",
    ("attempts", "earlier_dials"): "attempts_pkey",
    ("attempts", "orphans"): "attempts_live",
    ("agent_reports", "keep_tokens"): "attempts_pkey",
    ("agent_reports", "drop_unused"): "agent_reports_pkey",
    ("agent_reports", "token"): "agent_reports_pkey",
    ("agent_reports", "told_of"): "calls_pkey",
    ("agent_reports", "first_transcript"): "agent_reports_pkey",
    ("agent_reports", "first_analysis"): "agent_reports_pkey",
    ("agent_reports", "reports"): "agent_reports_pkey",
    ("decisions", "withhold"): "decisions_pkey",
    ("decisions", "decisions"): "decisions_pkey",
    ("decisions", "is_call"): "calls_pkey",
    ("caller_pools", "hold_members"): "caller_pool_numbers_pool",
    ("caller_pools", "members"): "caller_pool_numbers_pool",
    ("caller_pools", "uncount"): "caller_pool_numbers_pkey",
    ("contacts", "give_back"): "contacts_pkey",
    ("contacts", "uncount"): "contacts_pkey",
    ("contacts", "dials_of"): "attempts_pkey",
    ("contacts", "contact_rules"): "workspaces_pkey",
    ("contacts", "set_contact_rules"): "workspaces_pkey",
    ("contacts", "hold_span"): "workspaces_pkey",
    ("contacts", "remember"): "workspaces_pkey",
    ("contacts", "forget"): "workspaces_pkey",
    ("pre_dial_checks", "read_check"): "workspaces_pkey",
    ("pre_dial_checks", "hold_check"): "workspaces_pkey",
    ("pre_dial_checks", "set_check"): "workspaces_pkey",
    ("pre_dial_checks", "questions"): "calls_pkey",
    ("pre_dial_checks", "admit"): "attempts_pkey",
    ("pre_dial_checks", "recount"): "contacts_pkey",
    ("do_not_call", "change_list"): "workspaces_pkey",
    ("do_not_call", "hold_lists"): "workspaces_pkey",
    ("do_not_call", "list_versions"): "workspaces_pkey",
    ("do_not_call", "listed"): "do_not_call_number",
    ("do_not_call", "drop_expired"): "do_not_call_number",
    ("do_not_call", "cancel_listed"): "calls_lead",
    ("do_not_call", "entry"): "do_not_call_pkey",
    ("budgets", "hold_budgets"): "budgets_pkey",
    ("rates", "rates_of"): "rates_pkey",
    ("outbox", "due"): "outbox_due",
    ("outbox", "contents"): "attempts_pkey",
    ("outbox", "push_back"): "outbox_pkey",
    ("outbox", "take_out"): "outbox_pkey",
    ("outbox", "put_off"): "outbox_pkey",
    ("outbox", "hasten"): "outbox_due",
    ("outbox", "said_down"): "trunks_down",
    ("finish", "end_waiting"): "queue_lanes",
    ("finish", "lock_idle"): "queue_lanes",
    ("finish", "reopen"): "queue_lanes",
    ("finish", "to_hang_up"): "campaigns_hang_up",
    ("grants", "lock_limits"): "limits_pkey",
    ("grants", "hold_node"): "nodes_pkey",
    ("grants", "grants_of"): "grants_pkey",
    ("grants", "count_in"): "attempts_live",
    ("grants", "to_look_at"): "grants_by_node",
    ("grants", "dials_freed"): "limits_pkey",
    ("grants", "adopt"): "attempts_live",
    ("grants", "limits_of_ended"): "nodes_open",
    ("grants", "shrink"): "attempts_held",
    ("grants", "drop_empty"): "grants_by_node",
    ("nodes", "heartbeat"): "nodes_pkey",
    ("nodes", "leave"): "nodes_pkey",
    ("nodes", "end_expired"): "nodes_open",
    ("nodes", "unexplained"): "nodes_open",
    ("nodes", "explain"): "nodes_open",
}
"""Each statement with the index that it must live by."""

TOPICS = (
    "queue",
    "briefings",
    "attempts",
    "agent_reports",
    "decisions",
    "do_not_call",
    "contacts",
    "budgets",
    "rates",
    "pre_dial_checks",
    "caller_pools",
    "outbox",
    "finish",
    "grants",
    "nodes",
)

FILL = """
INSERT INTO workspaces (workspace_id, name, created_at)
    SELECT gen_random_uuid(), 'w', '2026-03-02' FROM generate_series(1, 3);
INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at)
    SELECT workspace_no, gen_random_uuid(), 't', 'simulator', '{{}}', '{{}}', '2026-03-02' FROM workspaces;
INSERT INTO campaigns (workspace_no, campaign_id, name, trunk_no, status, retry, window_start_min, window_end_min,
                       created_at)
    SELECT workspace_no, gen_random_uuid(), 'c', trunk_no, 'running', '{{}}', 0, 1440, '2026-03-02' FROM trunks;
INSERT INTO limits
    SELECT workspace_no, kind, CASE kind WHEN 'campaign' THEN campaign_no WHEN 'trunk' THEN trunk_no ELSE 0 END
    FROM campaigns, unnest(ARRAY['workspace', 'campaign', 'trunk']) AS kind;
INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until, schema_version, ended_at, explained_at)
    SELECT 'n', '0', '2026-03-02', '2026-03-02', '2026-03-03', 2, '2026-03-03',
           CASE WHEN n < {nodes} - 3 THEN '2026-03-03'::timestamptz END
    FROM generate_series(1, {nodes}) n;
INSERT INTO grants
    SELECT workspace_no, kind, ref_no, node_no, 2, 1, true, true FROM limits, nodes WHERE explained_at IS NULL;
INSERT INTO caller_numbers (workspace_no, caller_id, number, created_at)
    SELECT workspace_no, gen_random_uuid(), '+1212' || n, '2026-03-02' FROM workspaces, generate_series(1, 500) n;
INSERT INTO caller_pools (workspace_no, pool_id, name, local_presence, max_dials, span_sec, created_at)
    SELECT workspace_no, gen_random_uuid(), 'p', true, 100, 86400, '2026-03-02'
    FROM workspaces, generate_series(1, 100) n;
INSERT INTO caller_pool_numbers (workspace_no, caller_no, pool_no)
    SELECT n.workspace_no, n.caller_no, p.pool_nos[1 + n.caller_no % 100]
    FROM caller_numbers n
    JOIN (SELECT workspace_no, array_agg(pool_no) AS pool_nos FROM caller_pools GROUP BY 1) p USING (workspace_no);
INSERT INTO zone_sets (zones) VALUES ('{{UTC}}');
INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at)
    SELECT workspace_no, gen_random_uuid(), campaign_no, 0, '+1415' || n, 1, '2026-03-02'
    FROM campaigns, generate_series(1, {rows} / 3) n;
INSERT INTO queue
    SELECT workspace_no, call_id, campaign_no, 0, 1, '2026-03-02T12:00Z'::timestamptz + n * interval '1 us'
    FROM (SELECT *, row_number() OVER () AS n FROM calls) c;
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version,
                      status, intent_at, ended_at, end_reason, stop_reason)
    SELECT workspace_no, call_id, a, gen_random_uuid(), campaign_no, 1, 1, 1,
           CASE WHEN up THEN 'initiated' ELSE 'busy' END, '2026-03-02',
           CASE WHEN NOT up THEN '2026-03-02'::timestamptz END, CASE WHEN NOT up THEN 'user_busy' END,
           CASE WHEN NOT up THEN 'cancelled' END
    FROM (SELECT *, row_number() OVER () AS n FROM calls) c, generate_series(1, 2) a,
         LATERAL (SELECT a = 2 AND n % 50 = 0 AS up) u;
INSERT INTO agent_reports (workspace_no, call_id, attempt, token_hash)
    SELECT workspace_no, call_id, attempt, '\\x00' FROM attempts;
INSERT INTO decisions (workspace_no, call_id, decision_id, attempt, rule, inputs, first_at, last_at)
    SELECT workspace_no, call_id, gen_random_uuid(), attempt, 'calling_window', '{{}}', '2026-03-02', '2026-03-02'
    FROM attempts;
INSERT INTO webhooks (workspace_no, webhook_id, url, name, events, secret, created_at)
    SELECT workspace_no, gen_random_uuid(), 'https://example.com', 'w', '{{attempt.ended}}', '{{}}', '2026-03-02'
    FROM workspaces;
INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, attempt, happened_at, due_at)
    SELECT workspace_no, 1, call_id, 'attempt.ended', attempt, '2026-03-02', '2026-03-02' FROM attempts;
INSERT INTO contacts (workspace_no, to_number, dials)
    SELECT workspace_no, to_number, '{{2026-03-02}}' FROM calls;
INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at)
    SELECT workspace_no, gen_random_uuid(), '+1416' || n, 'import', '2026-03-02'
    FROM workspaces, generate_series(1, {rows} / 3) n;
INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at)
    SELECT workspace_no, gen_random_uuid(), '+1900*', 'import', '2026-03-02' FROM workspaces;
"""


async def fill(dsn: str, rows: int, *, analyse: bool) -> None:
    """Calls that wait, with two attempts each, of which one in a hundred is up."""
    connection = await asyncpg.connect(dsn)
    for table in WATCHED:
        await connection.execute(
            f"ALTER TABLE {table} SET (autovacuum_enabled = off)"
        )  # or statistics come by themselves
    await connection.execute(FILL.format(rows=rows, nodes=max(rows // 50, 8)))
    if analyse:
        await connection.execute("VACUUM ANALYZE")
    await connection.close()


@pytest.fixture(params=["empty", "fresh", "analysed"])
async def engine(request, postgres):
    """A connection as the engine has it, to a database of each kind."""
    dsn = await migrated(postgres)
    if request.param != "empty":
        await fill(dsn, FRESH if request.param == "fresh" else LARGE, analyse=request.param == "analysed")
    database = await connect(dsn, size=1, settings=ENGINE_SETTINGS)
    async with database.connection() as connection:
        yield connection
    await database.close()
    await drop_database(dsn)


async def arguments(db, statement: str, rows: int = 20) -> list[object]:
    """Real arguments for a statement: keys of attempts that are over, and otherwise what fits the type."""
    prepared = await db.prepare(statement)
    found = await db.fetch("SELECT * FROM attempts WHERE end_reason IS NOT NULL LIMIT $1", rows)
    of_type = {
        "int2": [row["attempt"] for row in found],
        "int4": [row["workspace_no"] for row in found],
        "int8": [1] * len(found),
        "uuid": [row["call_id"] for row in found],
        "text": ["busy"] * len(found),
        "bool": [False] * len(found),
        "bytea": [b""] * len(found),
        "timestamptz": [NOON + TimeDelta(seconds=n) for n, _ in enumerate(found)],
    }
    numbers = {"int2": 1, "int4": 5, "int8": 5, "float4": 1.5}
    plain = {**numbers, "timestamptz": NOON, "text": "{}", "jsonb": "{}", "uuid": UUID(int=0), "bytea": b"secret"}
    return [
        of_type[parameter.name.removesuffix("[]")] if parameter.kind == "array" else plain[parameter.name]
        for parameter in prepared.get_parameters()
    ]


def nodes_of(plan: dict) -> list[dict]:
    """A plan and all that is below it."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes_of(below))]


BY_KEY = {
    "calls": {"calls_pkey", "calls_lead", "calls_single"},
    "attempts": {"attempts_pkey", "attempts_live", "attempts_held"},
    "queue": {"queue_lanes", "queue_pkey"},
    "nodes": {"nodes_pkey", "nodes_open"},
    "agent_reports": {"agent_reports_pkey"},
    "decisions": {"decisions_pkey"},
    "contacts": {"contacts_pkey"},
    "budgets": {"budgets_pkey"},
    "rates": {"rates_pkey"},
    "caller_pool_numbers": {"caller_pool_numbers_pool", "caller_pool_numbers_pkey"},
    "outbox": {"outbox_due", "outbox_pkey"},
    "do_not_call": {"do_not_call_number", "do_not_call_prefixes", "do_not_call_pkey"},
}
"""The indexes by which a duty may find a row of these; another one that fits by chance is a walk over many."""


SMALL = {"attempts_live", "attempts_held", "nodes_open"}
"""Indexes of what is up or unexplained: those may be read from end to end."""


def check(explained: list, index: str) -> None:
    """No watched table is walked over, and the statement lives by its index."""
    nodes = nodes_of(explained[0]["Plan"])
    walked = [node for node in nodes if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in WATCHED]
    assert walked == [], [node["Relation Name"] for node in walked]
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert index in used, used
    for node in nodes:
        if "Index Name" in node and node.get("Relation Name") in BY_KEY:
            assert node["Index Name"] in BY_KEY[node["Relation Name"]]
    # a scan of the whole index is a walk over the table by another name
    whole = [n for n in nodes if n.get("Relation Name") in WATCHED and "Index Name" in n and "Index Cond" not in n]
    assert [n["Index Name"] for n in whole if n["Index Name"] not in SMALL] == []
    assert not any("Hash Join" in node["Node Type"] or "Merge Join" in node["Node Type"] for node in nodes)


async def test_hot_statements_live_by_their_index(engine):
    """With real arguments, and planned once for all arguments as a prepared statement comes to be."""
    for (topic, name), index in HOT.items():
        statement = load(topic)[name].rstrip(";")
        values = await arguments(engine, statement)
        real = json.loads(await engine.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values))
        generic = json.loads(await generic_plan(engine, statement))
        for explained in (real, generic):
            try:
                check(explained, index)
            except AssertionError as wrong:
                raise AssertionError(f"{topic}.{name}: {wrong}\n{json.dumps(explained, indent=1)}") from wrong
    await a_settlement_reads_by_key(engine)
    await what_is_entered_is_read_by_key(engine)


async def a_settlement_reads_by_key(db) -> None:
    """Of a hundred attempts that are over: the pages that it touches are a few for each, whatever the tables hold."""
    statement = load("attempts")["settle"].rstrip(";")
    values = await arguments(db, statement, 100)
    explained = json.loads(await db.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values))
    plan = explained[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 20 * max(len(values[0]), 1)


async def what_is_entered_is_read_by_key(db) -> None:
    """Of a hundred attempts and decisions that are to be entered: once each, however many trunks there are."""
    await db.execute(
        "INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at) "
        "SELECT workspace_no, gen_random_uuid(), 't' || n, 'simulator', '{}', '{}', '2026-03-02' "
        "FROM workspaces, generate_series(1, 50) n; "
        "INSERT INTO ledger_due "
        "SELECT workspace_no, call_id, attempt FROM attempts WHERE end_reason IS NOT NULL LIMIT 100; "
        "INSERT INTO ledger_due SELECT workspace_no, call_id, attempt, decision_id FROM decisions LIMIT 100"
    )
    statement = load("ledger")["take"].rstrip(";")
    explained = json.loads(await db.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", 200))
    plan = explained[0]["Plan"]
    found = [node for node in nodes_of(plan) if node.get("Relation Name") in {"attempts", "decisions", "calls"}]
    assert {node["Index Name"] for node in found} == {"attempts_pkey", "decisions_pkey", "calls_pkey"}
    assert all(node["Actual Loops"] <= 100 for node in found)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 20 * 200


async def generic_plan(db, statement: str) -> str:
    """The plan of a statement whose arguments are not known."""
    async with db.transaction():
        # asyncpg prepares every statement, and would want arguments for this one
        await db.execute(
            "CREATE OR REPLACE FUNCTION pg_temp.plan_of(text) RETURNS json LANGUAGE plpgsql AS "
            "$$ DECLARE plan json; BEGIN EXECUTE $1 INTO plan; RETURN plan; END $$"
        )
        return await db.fetchval("SELECT pg_temp.plan_of($1)", f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement}")


def test_the_engines_statements_are_looked_at():
    """What reads a large table in a duty is in the table above, or is by its nature an insert."""
    exempt = {("queue", "zone_sets"), ("queue", "postpone"), ("queue", "transaction_state")}
    exempt |= {("agent_reports", "keep_transcript"), ("agent_reports", "keep_analysis")}
    exempt |= {("contacts", name) for name in ("reserve", "talked", "count_before")}
    exempt |= {("caller_pools", name) for name in load("caller_pools")} - set(HOT)
    exempt |= {("do_not_call", name) for name in ("add_entries", "entries", "count_entries", "delete_entry")}
    exempt |= {("budgets", name) for name in load("budgets") if name != "hold_budgets"}
    exempt |= {("rates", name) for name in load("rates") if name != "rates_of"}
    exempt |= {("outbox", name) for name in load("outbox")} - set(HOT)
    exempt |= {("finish", "complete_empty"), ("grants", "grant")}
    exempt |= {("nodes", "lock_name"), ("nodes", "enlist"), ("nodes", "server_time")}
    known = {(topic, name) for topic in TOPICS for name in load(topic)}
    assert known - exempt == set(HOT)
    assert exempt <= known
