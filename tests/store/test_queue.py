import json

import pytest
from tests.rows import single_call
from tests.world import NOON, a_lead, claim, some_leads
from whenever import Instant, TimeDelta

from ringback.domain.limits import LaneKey, LimitKey, LimitKind
from ringback.store import nodes, queue
from ringback.store.queue import DueLane, Over, Take, Waiting, stream_name

LATER = NOON + TimeDelta(hours=1)
SOON = NOON + TimeDelta(seconds=1)


async def lanes(world, marks=()):
    """The lanes that may be dialled, with the time of their first dial."""
    async with world.database.connection() as db:
        taken_up_to = {stream_name(*stream): at.format_iso() for stream, at in marks}
        return await queue.due_lanes(db, json.dumps(taken_up_to))


def lane_of(world) -> LaneKey:
    """That of the campaign."""
    return LaneKey(world.workspace_no, world.campaign.campaign_no, 0, 0)


async def a_node(world, lease=TimeDelta(hours=1)) -> int:
    """A node that lives."""
    async with world.database.connection() as db:
        return await nodes.enlist(db, "n", "0", NOON, NOON + lease)


async def lanes_now(world, *keys, node_no=None, now=NOON):
    """The lanes as a claim finds them."""
    node_no = node_no or await a_node(world)
    async with world.database.transaction() as db:
        return await queue.lanes_now(db, [(key, world.trunk_no) for key in keys], node_no, now)


async def take(world, share, redials, *, first_from=Instant.MIN, redial_from=Instant.MIN, now=SOON):
    """Take dials of the campaign; returns the ordinal of each."""
    async with world.database.transaction() as db:
        taken = await queue.take_due(db, [Take(*lane_of(world), share, redials, first_from, redial_from)], now)
    return [row["attempt"] for row in taken]


async def redial(world, count, due_at=NOON):
    """Make redials of so many of the first dials that wait."""
    some = [row["call_id"] for row in await world.queue() if row["attempt"] == 1][:count]
    await world.value("UPDATE queue SET attempt = 2, due_at = $1 WHERE call_id = ANY ($2)", due_at, some)


async def test_a_campaign_is_a_lane_and_a_trunk_is_another(make_world):
    """Single calls wait apart, and the longest waiting comes first."""
    world = await make_world(leads=2)
    await single_call(world, due_at=NOON - TimeDelta(seconds=1))
    single = LaneKey(world.workspace_no, 0, world.trunk_no, 0)
    assert await lanes(world) == [
        DueLane(single, False, (world.trunk_no,), NOON - TimeDelta(seconds=1)),
        DueLane(lane_of(world), False, (world.trunk_no,), NOON),
    ]


async def test_redials_are_told_apart_from_first_dials(make_world):
    """Each kind with the time of the first that waits."""
    world = await make_world(leads=3)
    await redial(world, 1, NOON - TimeDelta(seconds=5))
    assert [(lane.redial, lane.due_at) for lane in await lanes(world)] == [
        (True, NOON - TimeDelta(seconds=5)),
        (False, NOON + TimeDelta(microseconds=1)),
    ]


async def test_who_has_taken_all_up_to_an_instant_looks_on_from_there(make_world):
    """Each kind of dial has a mark of its own; a mark of another lane is none of this one's."""
    world = await make_world(leads=3)
    await redial(world, 1)
    mine, other = lane_of(world), LaneKey(world.workspace_no, 99, 0, 0)
    mark = NOON + TimeDelta(microseconds=2)
    assert {lane.redial: lane.due_at for lane in await lanes(world, [((mine, False), mark)])} == {
        False: mark,
        True: NOON,
    }
    assert [lane.redial for lane in await lanes(world, [((mine, False), LATER)])] == [True]
    assert await lanes(world, [((other, False), LATER)]) == await lanes(world)


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
    assert [lane.due_at for lane in await lanes(world)] == [LATER]
    await world.value("UPDATE campaigns SET starts_at = $1", NOON - TimeDelta(hours=1))
    assert [lane.due_at for lane in await lanes(world)] == [NOON]


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


@pytest.mark.parametrize(
    ("share", "redials", "taken"), [(4, 2, [2, 2, 1, 1]), (4, 0, [1, 1, 1]), (4, 4, [2, 2, 2, 1]), (1, 1, [2])]
)
async def test_redials_go_first_as_many_as_are_set_aside_for_them(make_world, share, redials, taken):
    """What they leave of the share is for first dials."""
    world = await make_world(leads=6)
    await redial(world, 3)
    assert sorted(await take(world, share, redials), reverse=True) == taken


async def test_the_share_of_redials_that_are_not_there_goes_to_first_dials(make_world):
    """Nothing is left over while anything is due."""
    world = await make_world(leads=6)
    await redial(world, 1)
    assert sorted(await take(world, 5, 4)) == [1, 1, 1, 1, 2]


async def test_what_was_due_before_the_mark_is_left_alone(make_world):
    """It is not walked over: a look back finds what is left there."""
    world = await make_world(leads=4)
    await redial(world, 2)
    late = NOON + TimeDelta(microseconds=3)
    assert await take(world, 9, 9, first_from=late, redial_from=SOON) == [1]
    assert sorted(await take(world, 9, 9)) == [1, 2, 2]


async def test_what_another_holds_is_passed_over(make_world):
    """Two claimers do not wait for each other."""
    world = await make_world(leads=3)
    first, *others = [row["call_id"] for row in await world.queue()]
    async with world.database.transaction() as db:
        await db.fetch("SELECT FROM queue WHERE call_id = $1 FOR UPDATE", first)
        assert [intent.call_id for intent in await claim(world, 3)] == others


async def test_a_lane_is_told_with_its_limits(make_world):
    """Of the workspace, the campaign and the trunk, each with its caps as they are; a single call has no campaign's."""
    world = await make_world(leads=1, caps=(10, 5, 7), dials_per_sec=3.5)
    single = LaneKey(world.workspace_no, 0, world.trunk_no, 0)
    rows = {queue.lane_key(row): row for row in await lanes_now(world, lane_of(world), single)}
    workspace = LimitKey(world.workspace_no, LimitKind.WORKSPACE, 0)
    trunk = LimitKey(world.workspace_no, LimitKind.TRUNK, world.trunk_no)
    campaign = LimitKey(world.workspace_no, LimitKind.CAMPAIGN, world.campaign.campaign_no)
    assert queue.limits_of(rows[single]) == {workspace: (10, None), trunk: (7, 3.5)}
    assert queue.limits_of(rows[lane_of(world)]) == {workspace: (10, None), trunk: (7, 3.5), campaign: (5, None)}


async def test_a_limit_that_is_missing_is_told_as_missing(make_world):
    """So that nothing may be dialled under it."""
    world = await make_world(leads=1)
    await world.value("DELETE FROM limits WHERE kind = 'trunk'")
    [row] = await lanes_now(world, lane_of(world))
    caps = {key.kind: cap for key, cap in queue.limits_of(row).items()}
    assert caps == {"workspace": (None, None), "trunk": None, "campaign": (None, None)}


@pytest.mark.parametrize("end", ["lease", "ended", "unknown"])
async def test_a_node_that_does_not_live_finds_no_lanes(make_world, end):
    """Its lease is over, or another node has ended it, or nobody knows it."""
    world = await make_world(leads=1)
    node_no = await a_node(world, TimeDelta(seconds=10))
    now = NOON + TimeDelta(seconds=10 if end == "lease" else 9)
    assert len(await lanes_now(world, lane_of(world), node_no=node_no, now=now - TimeDelta(seconds=1))) == 1
    if end == "ended":
        await world.value("UPDATE nodes SET ended_at = $1", NOON)
    assert await lanes_now(world, lane_of(world), node_no=99 if end == "unknown" else node_no, now=now) == []


async def test_a_node_that_is_claiming_is_not_ended(make_world):
    """Who would end it passes it over; once its claim is through it is ended, and what it claimed can be seen."""
    world = await make_world(leads=1)
    node_no = await a_node(world, TimeDelta(seconds=10))
    over = NOON + TimeDelta(seconds=11)
    async with world.database.transaction() as claiming:
        assert await queue.lanes_now(claiming, [(lane_of(world), world.trunk_no)], node_no, NOON)
        async with world.database.connection() as db:
            assert await nodes.end_expired(db, over) == []
    async with world.database.connection() as db:
        assert await nodes.end_expired(db, over) == [(node_no, "n")]


async def test_a_dial_that_is_put_off_keeps_its_ordinal(make_world):
    """It is the same dial, later."""
    world = await make_world(leads=1)
    await world.value("UPDATE queue SET attempt = 3")
    [row] = await world.queue()
    async with world.database.transaction() as db:
        await db.execute("DELETE FROM queue")
        await queue.postpone(db, [Waiting(row["workspace_no"], row["call_id"], row["campaign_no"], 0, 0, 3, LATER)])
    [again] = await world.queue()
    assert (again["attempt"], again["due_at"]) == (3, LATER)


async def test_a_call_expires_once(make_world):
    """One that is final already stays as it is."""
    world = await make_world(leads=2)
    one, two = [Over(row["workspace_no"], row["call_id"], "expired", "expired") for row in await world.queue()]
    async with world.database.connection() as db:
        await queue.end(db, [one], NOON)
        await queue.end(db, [one, two], LATER)
    assert [(c["final_status"], c["finished_at"]) for c in await world.calls()] == [
        ("expired", NOON),
        ("expired", LATER),
    ]


async def test_what_became_of_a_transaction_is_told(make_world):
    """So that a claim whose commit was cut off can be explained."""
    world = await make_world()
    seen = []
    async with world.database.connection() as asking:
        async with world.database.transaction() as db:
            own = await db.fetchval("SELECT pg_current_xact_id()::text")
            seen.append(await queue.transaction_state(asking, own))
        seen.append(await queue.transaction_state(asking, own))
    assert seen == ["in progress", "committed"]


async def test_zone_sets_are_told_by_their_numbers(make_world):
    """Only those that were asked for."""
    world = await make_world(leads=[*some_leads(1), a_lead(1, zones=("Asia/Tokyo", "Asia/Seoul"))])
    asian = await world.value("SELECT zone_set_no FROM zone_sets WHERE cardinality(zones) = 2")
    async with world.database.connection() as db:
        assert await queue.zone_sets(db, [asian]) == [(asian, ("Asia/Tokyo", "Asia/Seoul"))]
        assert await queue.zone_sets(db, []) == []
