"""Lists of calls are read in the order of an index, from where the reader goes on: depth costs nothing."""

import json

import pytest
from tests.store.test_history_plan import FILL, nodes
from tests.store.test_plans import generic_plan
from tests.world import NOON

from ringback.store.queries import load


@pytest.mark.parametrize("name", ["find_calls", "find_campaign_calls"])
async def test_a_list_begins_where_its_cursor_is_and_is_not_sorted(make_world, name):
    """Also where the planner does not know the arguments, with and without statistics."""
    world = await make_world(started=False)
    for more in (10, 3_000):
        await world.rows(FILL, world.workspace_no, world.campaign.campaign_no, NOON, more, world.trunk_no)
        await world.rows("UPDATE calls SET to_number = to_number || $1", str(more))
        async with world.database.connection() as db:
            plan = await generic_plan(db, load("calls")[name].rstrip(";"))
        found = list(nodes(json.loads(plan)[0]["Plan"]))
        assert not [node for node in found if "Sort" in node["Node Type"]]
        [calls] = [node for node in found if node.get("Alias") == "c"]
        assert "Index" in calls["Node Type"]
        assert "call_id >= " in calls["Index Cond"]
        assert "call_id < " in calls["Index Cond"]
        await world.rows("ANALYZE")
