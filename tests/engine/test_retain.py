import json
from uuid import UUID

import pytest
from tests.rows import second_campaign, single_call
from tests.world import NOON, claim, drive, some_leads
from whenever import TimeDelta

from ringback.engine.retain import REST, ROUND, Retainer
from ringback.events import Retired
from ringback.store.agent_reports import Report, keep_report, lock_told_of
from ringback.store.queries import load
from ringback.store.workspaces import Retention, change_workspace

DAY = TimeDelta(hours=24)
REDIALS = {"max_attempts": 2, "after": {"no-answer": ["1h"]}}
WEEK = 7


async def keep_for(world, days, mode="delete") -> None:
    """The workspace's rule."""
    async with world.database.transaction() as db:
        await change_workspace(db, world.workspace_no, {"retention": Retention(days, mode)})


async def walked(retainer) -> int:
    """Run the duty until it finds nothing more to do; returns how many calls it looked at."""
    total = 0
    while looked := await retainer.run_once():
        total += looked
    return total


def retired(world) -> list[tuple[int, str]]:
    """What the duty told."""
    return [(event.calls, event.mode) for event in world.events if isinstance(event, Retired)]


async def counts(world) -> tuple[int, int]:
    """Calls and attempts."""
    return await world.value("SELECT count(*) FROM calls"), await world.value("SELECT count(*) FROM attempts")


@pytest.fixture
async def dialled(make_world):
    """A world whose five calls are over since a few hours after NOON, two attempts each, and its engine."""
    world = await make_world(leads=5, retry=REDIALS)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    assert await counts(world) == (5, 10)
    return world, engine


async def test_calls_are_kept_for_ever_unless_told_otherwise(dialled):
    """No rule, no look at any call."""
    world, engine = dialled
    world.clock.advance_to(NOON + 100 * DAY)
    assert await walked(Retainer(engine.node)) == 0
    assert await counts(world) == (5, 10)


async def test_old_calls_go_with_their_attempts(dialled):
    """Not before their days are over, and the sums stay as they are."""
    world, engine = dialled
    await keep_for(world, WEEK)
    retainer = Retainer(engine.node)
    sums = "SELECT array_agg(t ORDER BY t) FROM tallies t"
    before = await world.value(sums)
    world.clock.advance_to(NOON + 7 * DAY)
    await walked(retainer)
    assert await counts(world) == (5, 10)
    world.clock.advance_to(NOON + 9 * DAY)
    assert await walked(retainer) == 5
    assert await counts(world) == (0, 0)
    assert await world.value(sums) == before
    assert retired(world) == [(5, "delete")]


async def test_anonymised_calls_keep_what_happened(dialled):
    """Outcomes, times and costs stay; number, name, variables and caller number are gone."""
    world, engine = dialled
    await world.value("UPDATE calls SET name = 'Ada', variables = '{\"a\": 1}', from_number = '+14155550100'")
    await world.value("UPDATE attempts SET from_number = '+14155550100'")
    outcomes = (
        "SELECT array_agg((status, end_reason, called_at, ended_at, cost_micros) ORDER BY attempt_id) FROM attempts"
    )
    before = await world.value(outcomes)
    await keep_for(world, WEEK, "anonymise")
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(Retainer(engine.node))
    assert await world.value(outcomes) == before
    for call in await world.calls():
        assert call["to_number"] == f"redacted:{call['call_id']}"
        assert (call["from_number"], call["name"], call["variables"]) == (None, None, None)
        assert call["final_status"] is not None
    assert {row["from_number"] for row in await world.attempts()} == {None}
    assert retired(world) == [(5, "anonymise")]


async def test_of_an_anonymised_attempts_details_only_the_line_is_told(dialled):
    """Not what the person pressed or the agent noted, nor by what the trunk's owner would find the call."""
    world, engine = dialled
    told = {"q850": 16, "early_media": True, "hung_up_by": "user", "opted_out": True}
    secret = {"digits": "1234", "sip_call_id": "6f1d", "agent_error": "no day for Ada"}
    await world.value("UPDATE attempts SET details = $1::text::jsonb WHERE attempt = 1", json.dumps(told | secret))
    await world.value("UPDATE attempts SET details = $1::text::jsonb WHERE attempt = 2", json.dumps(secret))
    await keep_for(world, WEEK, "anonymise")
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(Retainer(engine.node))
    left = {row["attempt"]: row["details"] and json.loads(row["details"]) for row in await world.attempts()}
    assert left == {1: told, 2: None}


@pytest.mark.parametrize("mode", ["delete", "anonymise"])
async def test_what_agents_told_goes_with_the_calls(dialled, mode):
    """In both cases: a transcript tells who it was. What was told of younger calls stays."""
    world, engine = dialled
    young = UUID(int=1 << 127)
    told = "SELECT workspace_no, call_id, attempt, '\\x00', '1', $1, '{}', $1 FROM attempts"
    await world.value(f"INSERT INTO agent_reports {told}", NOON)
    await world.value(f"INSERT INTO agent_reports {told.replace('call_id', '$2::uuid')} LIMIT 1", NOON, young)
    await keep_for(world, WEEK, mode)
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(Retainer(engine.node))
    assert [row["call_id"] for row in await world.rows("SELECT call_id FROM agent_reports")] == [young]


async def test_calls_that_are_not_over_stay(make_world):
    """However old they are: one that waits, one that is up, one without a campaign."""
    world = await make_world(leads=3, retry=REDIALS)
    engine = await world.engine()
    await single_call(world)
    await engine.node.lease.run_once()
    await keep_for(world, 1)
    await claim(world, 1)
    await world.act("pause")
    world.clock.advance_to(NOON + 50 * DAY)
    await walked(Retainer(engine.node))
    assert await counts(world) == (4, 1)


async def test_many_calls_go_in_parts(dialled):
    """A batch is one transaction, and bounded."""
    world, engine = dialled
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    retainer = Retainer(engine.node, batch=2)
    left = []
    while await retainer.run_once():
        left.append((await counts(world))[0])
    assert left == [3, 1, 0]
    assert retired(world) == [(2, "delete"), (2, "delete"), (1, "delete")]


async def test_what_is_gone_is_told_although_the_walk_goes_no_further(dialled):
    """A node that ends in the middle of one has told of what it did."""
    world, engine = dialled
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    await Retainer(engine.node, batch=2).run_once()
    assert retired(world) == [(2, "delete")]


async def test_what_was_looked_at_is_not_looked_at_again(dialled):
    """A walk goes on behind the last call that it came to, and only after a rest."""
    world, engine = dialled
    await keep_for(world, WEEK, "anonymise")
    world.clock.advance_to(NOON + 9 * DAY)
    retainer = Retainer(engine.node)
    assert await walked(retainer) == 5
    assert await walked(retainer) == 0
    await world.add_leads(some_leads(2, first=100))
    await drive(engine, world.clock, world.clock.now() + DAY)
    world.clock.advance_to(NOON + 20 * DAY)
    assert await walked(retainer) == 2
    world.clock.advance_to(world.clock.now() + REST)
    assert await walked(retainer) == 0
    assert retired(world) == [(5, "anonymise"), (2, "anonymise")]


async def test_what_was_left_is_looked_at_once_a_day(make_world):
    """However many calls are behind the first one that waits, ten minutes later none of them is looked at again."""
    world = await make_world(leads=4, retry=REDIALS)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await world.value(
        "UPDATE calls SET final_status = NULL, final_reason = NULL, finished_at = NULL "
        "WHERE call_id = (SELECT min(call_id::text)::uuid FROM calls)"
    )
    await keep_for(world, WEEK, "anonymise")
    retainer = Retainer(engine.node)
    world.clock.advance_to(NOON + 9 * DAY)
    begun = world.clock.now()
    assert await walked(retainer) == 4
    world.clock.advance_to(begun + REST)
    assert await walked(retainer) == 0
    world.clock.advance_to(begun + ROUND)
    assert await walked(retainer) == 4
    world.clock.advance_to(begun + ROUND + REST)
    assert await walked(retainer) == 0


async def test_calls_that_were_left_are_come_back_to(make_world):
    """One that took long to end is behind the walk by then, and is found all the same."""
    world = await make_world(leads=4, retry=REDIALS)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    first, *_ = await world.calls()
    await world.value("UPDATE calls SET finished_at = $2 WHERE call_id = $1", first["call_id"], NOON + 6 * DAY)
    await keep_for(world, WEEK)
    retainer = Retainer(engine.node)
    world.clock.advance_to(NOON + 9 * DAY)
    assert await walked(retainer) == 4
    assert [call["call_id"] for call in await world.calls()] == [first["call_id"]]
    world.clock.advance_to(NOON + 14 * DAY)
    assert await walked(retainer) == 1
    assert await counts(world) == (0, 0)


async def test_a_changed_rule_begins_anew(dialled):
    """What was anonymised is deleted by a rule that says so."""
    world, engine = dialled
    retainer = Retainer(engine.node)
    await keep_for(world, WEEK, "anonymise")
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(retainer)
    await keep_for(world, WEEK, "delete")
    assert await walked(retainer) == 5
    assert await counts(world) == (0, 0)
    await keep_for(world, None)
    assert await walked(retainer) == 0


async def test_what_somebody_holds_is_left_for_the_next_walk(dialled):
    """Nobody is waited for."""
    world, engine = dialled
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    retainer = Retainer(engine.node)
    async with world.database.transaction() as holding:
        await holding.fetch("SELECT FROM calls ORDER BY call_id LIMIT 1 FOR UPDATE")
        await walked(retainer)
        assert (await counts(world))[0] == 1
    world.clock.advance_to(world.clock.now() + ROUND)
    await walked(retainer)
    assert await counts(world) == (0, 0)


async def test_what_is_told_of_a_call_at_this_moment_goes_with_it(dialled):
    """The call stays until that is written; nothing is left of either."""
    world, engine = dialled
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    retainer = Retainer(engine.node)
    call_id = (await world.calls())[0]["call_id"]
    async with world.database.transaction() as telling:
        row = await lock_told_of(telling, world.workspace_no, call_id, None)
        await walked(retainer)
        key = (world.workspace_no, call_id, row["attempt"])
        await keep_report(telling, Report.TRANSCRIPT, key, '"Hello?"', NOON)
    assert (await counts(world))[0] == 1
    world.clock.advance_to(world.clock.now() + ROUND)
    await walked(retainer)
    assert await counts(world) == (0, 0)
    assert await world.value("SELECT count(*) FROM agent_reports") == 0


async def test_a_campaign_whose_calls_are_gone_comes_to_its_end(dialled):
    """It was paused when the last of them was over, and is resumed when none is left."""
    world, engine = dialled
    await world.value("UPDATE campaigns SET status = 'paused', finished_at = NULL")
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(Retainer(engine.node))
    assert await counts(world) == (0, 0)
    await world.act("resume")
    await engine.finisher.run_once()
    assert await world.status() == "completed"


async def test_the_oldest_node_does_it_for_all(dialled):
    """A younger one takes over once that one has left."""
    world, elder = dialled
    younger = await world.engine("b")
    await younger.node.lease.run_once()
    await keep_for(world, WEEK)
    world.clock.advance_to(NOON + 9 * DAY)
    assert await Retainer(younger.node).run_once() == 0
    await elder.node.lease.leave()
    assert await Retainer(younger.node).run_once() == 5
    assert await Retainer(elder.node).run_once() == 0


async def test_another_workspace_keeps_its_calls(dialled):
    """A rule is its workspace's own."""
    world, engine = dialled
    await keep_for(world, 1)
    await world.value(
        "INSERT INTO calls SELECT 999, call_id, campaign_no, trunk_no, agent_id, to_number, from_number, name, "
        "zone_set_no, variables, retry, created_at, final_status, final_reason, finished_at FROM calls"
    )
    world.clock.advance_to(NOON + 9 * DAY)
    await walked(Retainer(engine.node))
    assert {call["workspace_no"] for call in await world.calls()} == {999}


async def test_an_old_call_costs_no_look_at_the_others(dialled):
    """The statements find each row by where it is, on large tables without statistics too."""
    world, engine = dialled
    await second_campaign(world)
    await world.add_leads(some_leads(2_000, first=1_000))
    async with engine.node.database.connection() as db:
        for name in ("delete_old", "anonymise_old"):
            plan = await explained(db, name, world)
            assert "Seq Scan" not in plan, plan
            assert "Hash Join" not in plan, plan


async def explained(db, name, world) -> str:
    """The plan of a statement, as the engine's connections make it."""
    least, most = UUID(int=0), UUID(int=2**128 - 1)
    rows = await db.fetch(
        "EXPLAIN " + load("retention")[name], world.workspace_no, least, most, 1_000, world.clock.now()
    )
    return "\n".join(row[0] for row in rows)
