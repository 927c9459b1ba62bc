import pytest
from tests.rows import single_call
from tests.world import NOON, a_lead, claim, some_leads
from whenever import TimeDelta

from ringback.domain.limits import LimitKey, LimitKind
from ringback.store import queue
from ringback.store.queue import Waiting

LATER = NOON + TimeDelta(hours=1)


async def lanes(world):
    """The lanes that may be dialled, with the time of their first dial."""
    async with world.database.connection() as db:
        return [(lane.lane.key, lane.via_trunk_no, lane.due_at) for lane in await queue.due_lanes(db)]


async def test_a_campaign_is_a_lane_and_a_trunk_is_another(make_world):
    """Single calls wait apart, and the longest waiting comes first."""
    world = await make_world(leads=2)
    await single_call(world, due_at=NOON - TimeDelta(seconds=1))
    workspace, campaign, trunk = world.workspace_no, world.campaign.campaign_no, world.trunk_no
    assert await lanes(world) == [
        ((workspace, 0, trunk), trunk, NOON - TimeDelta(seconds=1)),
        ((workspace, campaign, 0), trunk, NOON),
    ]


@pytest.mark.parametrize("action", ["pause", "cancel"])
async def test_only_running_campaigns_are_lanes(make_world, action):
    """Neither a draft nor one that was paused or cancelled."""
    world = await make_world(leads=1, started=False)
    assert await lanes(world) == []
    await world.act("start")
    assert len(await lanes(world)) == 1
    await world.act(action)
    assert await lanes(world) == []


async def test_nothing_is_due_before_a_campaign_begins(make_world):
    """Whatever its queue says."""
    world = await make_world(leads=1)
    await world.value("UPDATE campaigns SET starts_at = $1", LATER)
    assert [due_at for _, _, due_at in await lanes(world)] == [LATER]
    await world.value("UPDATE campaigns SET starts_at = $1", NOON - TimeDelta(hours=1))
    assert [due_at for _, _, due_at in await lanes(world)] == [NOON]


async def test_the_earliest_due_dials_are_taken_first(make_world):
    """At most so many, and none that is due later."""
    world = await make_world(leads=5)
    await world.value(
        "UPDATE queue SET due_at = $1 WHERE call_id IN (SELECT max(call_id::text)::uuid FROM queue)", LATER
    )
    ids = [row["call_id"] for row in await world.queue()]
    assert [intent.call_id for intent in await claim(world, 3)] == ids[:3]
    assert [intent.call_id for intent in await claim(world, 3)] == ids[3:4]
    assert [row["call_id"] for row in await world.queue()] == ids[4:]


async def test_what_another_holds_is_passed_over(make_world):
    """Two claimers do not wait for each other."""
    world = await make_world(leads=3)
    first, *others = [row["call_id"] for row in await world.queue()]
    async with world.database.transaction() as db:
        await db.fetch("SELECT FROM queue WHERE call_id = $1 FOR UPDATE", first)
        assert [intent.call_id for intent in await claim(world, 3)] == others


async def test_limits_are_told_with_what_is_in_flight(make_world):
    """Of the workspace, the campaign and the trunk; a single call counts for the first and the last."""
    world = await make_world(leads=4, caps=(10, 5, 7), dials_per_sec=3.5)
    await claim(world, 2)
    await world.value(
        "UPDATE attempts SET campaign_no = 0 WHERE call_id = (SELECT min(call_id::text)::uuid FROM attempts)"
    )
    async with world.database.transaction() as db:
        due = await queue.due_lanes(db)
        limits = await queue.lock_limits(db, [lane.lane for lane in due])
        rooms = queue.rooms(limits, await queue.lanes_now(db, due))
    slots = {key.kind: room.slots for key, room in rooms.items()}
    assert slots == {LimitKind.WORKSPACE: 8, LimitKind.CAMPAIGN: 4, LimitKind.TRUNK: 5}
    assert rooms[LimitKey(world.workspace_no, LimitKind.TRUNK, world.trunk_no)].dials_per_sec == 3.5


async def test_a_limit_that_is_missing_is_not_told(make_world):
    """So that nothing may be dialled under it."""
    world = await make_world(leads=1)
    await world.value("DELETE FROM limits WHERE kind = 'trunk'")
    async with world.database.transaction() as db:
        due = await queue.due_lanes(db)
        limits = await queue.lock_limits(db, [lane.lane for lane in due])
    assert {key.kind for key in limits} == {LimitKind.WORKSPACE, LimitKind.CAMPAIGN}


async def test_a_pace_is_remembered(make_world):
    """To the microsecond, and of no other limit."""
    world = await make_world(leads=1, dials_per_sec=3)
    at = NOON + TimeDelta(microseconds=333_334)
    async with world.database.transaction() as db:
        due = await queue.due_lanes(db)
        limits = await queue.lock_limits(db, [lane.lane for lane in due])
        rooms = queue.rooms(limits, await queue.lanes_now(db, due))
        paced = {
            key: type(room)(room.slots, room.dials_per_sec, at) for key, room in rooms.items() if room.dials_per_sec
        }
        await queue.set_pace(db, paced)
    found = await world.rows("SELECT kind, next_dial_at FROM limits ORDER BY kind")
    assert [tuple(row) for row in found] == [("campaign", None), ("trunk", at), ("workspace", None)]


async def test_a_dial_that_is_put_off_keeps_its_ordinal(make_world):
    """It is the same dial, later."""
    world = await make_world(leads=1)
    await world.value("UPDATE queue SET attempt = 3")
    [row] = await world.queue()
    async with world.database.transaction() as db:
        await db.execute("DELETE FROM queue")
        await queue.postpone(db, [Waiting(row["workspace_no"], row["call_id"], row["campaign_no"], 0, 3, LATER)])
    [again] = await world.queue()
    assert (again["attempt"], again["due_at"]) == (3, LATER)


async def test_a_call_expires_once(make_world):
    """One that is final already stays as it is."""
    world = await make_world(leads=2)
    one, two = [(row["workspace_no"], row["call_id"]) for row in await world.queue()]
    async with world.database.connection() as db:
        await queue.expire(db, [one], NOON)
        await queue.expire(db, [one, two], LATER)
    assert [(c["final_status"], c["finished_at"]) for c in await world.calls()] == [
        ("expired", NOON),
        ("expired", LATER),
    ]


async def test_zone_sets_are_told_by_their_numbers(make_world):
    """Only those that were asked for."""
    world = await make_world(leads=[*some_leads(1), a_lead(1, zones=("Asia/Tokyo", "Asia/Seoul"))])
    asian = await world.value("SELECT zone_set_no FROM zone_sets WHERE cardinality(zones) = 2")
    async with world.database.connection() as db:
        assert await queue.zone_sets(db, [asian]) == [(asian, ("Asia/Tokyo", "Asia/Seoul"))]
        assert await queue.zone_sets(db, []) == []
