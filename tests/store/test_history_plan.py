"""The retry history is read by primary keys alone, whatever the planner believes of the tables."""

import json

from tests.world import NOON

from ringback.store.queries import load

KEYS = {"calls_pkey", "attempts_pkey", "trunks_pkey", "queue_pkey"}

FILL = """
WITH made AS (
    INSERT INTO calls (workspace_no, call_id, campaign_no, trunk_no, to_number, zone_set_no, created_at)
    SELECT $1, gen_random_uuid(), $2, 0, '+1415' || n, 1, $3 FROM generate_series(1000000, 1000000 + $4::int) n
    RETURNING workspace_no, call_id, campaign_no
)
INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, policy_version,
                      status, intent_at, ended_at, end_reason, stop_reason)
SELECT workspace_no, call_id, n, gen_random_uuid(), campaign_no, $5, 1, 1, 'busy', $3, $3, 'user_busy', 'not_retryable'
FROM made, generate_series(1, 5) n
"""


def nodes(plan):
    """All nodes of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def check(world):
    """No table is read but by its primary key."""
    call_id = await world.value("SELECT coalesce(min(call_id::text), gen_random_uuid()::text) FROM calls")
    statement = load("history")["history"].replace("$1", str(world.workspace_no)).replace("$2", f"'{call_id}'::uuid")
    [row] = await world.rows(f"EXPLAIN (FORMAT JSON) {statement}")
    found = list(nodes(json.loads(row[0])[0]["Plan"]))
    assert {node["Index Name"] for node in found if "Index Name" in node} == KEYS
    assert not [node for node in found if node["Node Type"] == "Seq Scan"]


async def test_history_is_read_by_keys_in_empty_tables(make_world):
    """Before and after the planner has looked at tables without a row."""
    world = await make_world(started=False)
    await check(world)
    await world.rows("ANALYZE")
    await check(world)


async def test_history_is_read_by_keys_in_filled_tables(make_world):
    """With tables of a page and of many, with and without statistics."""
    world = await make_world(started=False)
    for more in (10, 300, 5_000):
        await world.rows(FILL, world.workspace_no, world.campaign.campaign_no, NOON, more, world.trunk_no)
        await world.rows("UPDATE calls SET to_number = to_number || $1", str(more))
        await check(world)
        await world.rows("ANALYZE")
        await check(world)
