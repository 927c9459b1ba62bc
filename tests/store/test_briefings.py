"""Who handles a call, and what is told of it."""

import json
from uuid import UUID

from tests.engine.duties import another_workspace
from tests.rows import an_agent, single_call

from ringback.store.briefings import read_briefings


async def briefed(world, calls=None):
    """What is read for these calls of the workspace, or for all, by the call."""
    wanted = calls or [call["call_id"] for call in await world.calls() if call["workspace_no"] == world.workspace_no]
    async with world.database.connection() as db:
        return {one.call_id: one for one in await read_briefings(db, [(world.workspace_no, each) for each in wanted])}


async def test_a_campaigns_agent_handles_its_calls(make_world):
    """Each is told of with the campaign's name, the person's and the variables."""
    world = await make_world(leads=2)
    agent = await an_agent(world, 1, settings='{"text": "Hello {name}"}')
    await world.value("UPDATE campaigns SET agent_id = $1", agent)
    first, second = [call["call_id"] for call in await world.calls()]
    await world.value("UPDATE calls SET name = 'Ada', variables = '{\"order\": \"A-17\"}' WHERE call_id = $1", first)
    found = await briefed(world)
    assert found.keys() == {first, second}
    one = found[first]
    assert (one.agent_id, one.kind, json.loads(one.settings)) == (agent, "message", {"text": "Hello {name}"})
    assert (one.name, one.campaign, json.loads(one.variables)) == ("Ada", "c", {"order": "A-17"})
    assert (found[second].name, found[second].workspace_no) == (None, world.workspace_no)


async def test_a_calls_own_agent_goes_before_its_campaigns(make_world):
    """And a single call has none but its own, and no campaign."""
    world = await make_world(leads=1)
    general, own = await an_agent(world, 1), await an_agent(world, 2, kind="websocket")
    await world.value("UPDATE campaigns SET agent_id = $1", general)
    await single_call(world, n=9)
    await world.value("UPDATE calls SET agent_id = $1", own)
    found = await briefed(world)
    assert {(one.agent_id, one.kind) for one in found.values()} == {(own, "websocket")}
    assert found[UUID(int=9)].campaign is None


async def test_calls_without_an_agent_and_calls_that_are_gone_are_missing(make_world):
    """The others of the batch are told of all the same."""
    world = await make_world(leads=1)
    await single_call(world, n=9)
    await world.value("UPDATE calls SET agent_id = $1 WHERE campaign_no = 0", await an_agent(world, 1))
    [lead] = [call["call_id"] for call in await world.calls() if call["campaign_no"]]
    assert set(await briefed(world, [lead, UUID(int=9), UUID(int=404)])) == {UUID(int=9)}
    async with world.database.connection() as db:
        assert await read_briefings(db, []) == []


async def test_another_workspaces_agent_is_not_found(make_world):
    """Not by its id either: the workspace of the call is asked for it."""
    world = await make_world(leads=1)
    other = await another_workspace(world, 1)
    agent = await an_agent(other, 1)
    await world.value("UPDATE calls SET agent_id = $1", agent)
    assert await briefed(world) == {}
    assert len(await briefed(other)) == 1
