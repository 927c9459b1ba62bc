import json

import pytest
from tests.engine.duties import another_workspace, begun
from tests.engine.invariants import check_all
from tests.world import NOON, a_lead, drive
from whenever import TimeDelta

from ringback.domain.hours import every_day
from ringback.engine.finish import Finisher
from ringback.engine.retain import Retainer
from ringback.engine.virtual import run_virtual
from ringback.events import DialsWithheld
from ringback.store import decisions as decisions_of_calls
from ringback.store.workspaces import Retention, change_workspace

MORNING = every_day(9 * 60, 12 * 60)
DAY = TimeDelta(hours=24)
HOUR = TimeDelta(hours=1)


async def decisions(world):
    """All decisions, by call and in their order."""
    return await world.rows("SELECT * FROM decisions ORDER BY workspace_no, call_id, decision_id")


def rules(world):
    """What the nodes told of withheld dials, in order."""
    return [dict(event.rules) for event in world.events if isinstance(event, DialsWithheld)]


async def shut_out(make_world, leads=3):
    """A world whose leads are due an hour after their window has shut, and a node that has looked at them."""
    world = await make_world(leads=leads, window=MORNING, started=False)
    world.clock.advance_to(NOON + HOUR)
    await world.value("UPDATE queue SET due_at = $1", NOON)
    await world.act("start")
    engine = await begun(world)
    await engine.dialler.run_once()
    return world, engine


async def test_a_shut_window_leaves_a_row_for_each_dial(make_world):
    """With the ordinal, the rule, what it went by, and when the dial may be placed."""
    world, _ = await shut_out(make_world)
    rows = await decisions(world)
    assert [row["call_id"] for row in rows] == [call["call_id"] for call in await world.calls()]
    opening = NOON + TimeDelta(hours=21)
    for row in rows:
        assert (row["attempt"], row["rule"], row["pack"], row["pack_version"]) == (1, "calling_window", None, None)
        assert (row["first_at"], row["last_at"], row["times"], row["next_at"]) == (NOON + HOUR, NOON + HOUR, 1, opening)
        assert json.loads(row["inputs"]) == {
            "local_time": "2026-03-02T13:00:00",
            "timezone": "UTC",
            "timezone_from": "lead",
            "why": "calling_window",
        }
    assert rules(world) == [{"calling_window": 3}]


async def test_who_is_in_no_known_zone_waits(make_world):
    """The dial is put off and looked at again, until the campaign's end."""
    world = await make_world(leads=[a_lead(1, zones=())], window=MORNING, ends_at=NOON + DAY)
    engine = await begun(world)
    await engine.dialler.run_once()
    [row] = await decisions(world)
    assert (row["rule"], json.loads(row["inputs"])["why"]) == ("calling_window", "unknown_zone")
    assert [waiting["due_at"] for waiting in await world.queue()] == [row["next_at"]]
    world.clock.advance_to(NOON + DAY)
    await engine.finisher.run_once()
    assert [call["final_status"] for call in await world.calls()] == ["expired"]


async def test_the_same_reason_once_more_is_the_same_row(make_world):
    """However often it is looked at; another reason is another row."""
    world, engine = await shut_out(make_world, leads=2)
    for days in (1, 2):
        world.clock.advance_to(NOON + DAY * days + HOUR)  # in the window nobody was there to dial
        await engine.dialler.run_once()
    rows = await decisions(world)
    assert [(row["times"], row["first_at"], row["last_at"]) for row in rows] == [
        (3, NOON + HOUR, NOON + DAY * 2 + HOUR)
    ] * 2
    assert {row["next_at"] for row in rows} == {NOON + DAY * 2 + TimeDelta(hours=21)}
    await world.value("UPDATE campaigns SET ends_at = $1", NOON + DAY * 3)
    world.clock.advance_to(NOON + DAY * 3 + HOUR)
    await engine.dialler.run_once()
    assert [row["rule"] for row in await decisions(world)] == ["calling_window", "campaign_end"] * 2
    await check_all(world)


async def test_each_dial_has_its_own_reasons(make_world):
    """What withheld the second dial is not added to what withheld the first."""
    world, engine = await shut_out(make_world, leads=1)
    await world.value("UPDATE queue SET attempt = 2, due_at = $1", NOON)
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=10))
    await engine.dialler.run_once()
    assert [(row["attempt"], row["times"]) for row in await decisions(world)] == [(1, 1), (2, 1)]


async def test_a_call_that_expires_says_by_what(make_world):
    """By its policy, in the claim."""
    policy = {"max_attempts": 2, "after": {}, "expires_after": "1h"}
    world = await make_world(leads=2, retry=policy, started=False)
    world.clock.advance_to(NOON + HOUR)
    await world.act("start")
    await drive(await world.engine(), world.clock, NOON + DAY)
    rows = await decisions(world)
    assert [(row["rule"], row["next_at"]) for row in rows] == [("expires_after", None)] * 2
    assert {call["final_status"] for call in await world.calls()} == {"expired"}


async def test_the_campaigns_end_comes_first_where_it_is_sooner(make_world):
    """Of two ends the one that binds is named."""
    policy = {"max_attempts": 2, "after": {}, "expires_after": "2h"}
    world = await make_world(leads=1, retry=policy, started=False, ends_at=NOON + HOUR)
    world.clock.advance_to(NOON + HOUR)
    await world.act("start")
    await (await begun(world)).dialler.run_once()
    assert [row["rule"] for row in await decisions(world)] == ["campaign_end"]


async def test_what_waits_when_its_campaign_ends_says_so(make_world):
    """Calls that are ended by the duty and not by a claim have their decision too."""
    world = await make_world(leads=3, started=False, ends_at=NOON + HOUR)
    await world.act("start")
    engine = await begun(world)
    world.clock.advance_to(NOON + HOUR)
    await Finisher(engine.node).run_once()
    rows = await decisions(world)
    assert [(row["rule"], row["attempt"], json.loads(row["inputs"])) for row in rows] == [
        ("campaign_end", 1, {"ends_at": "2026-03-02T13:00:00.000Z"})
    ] * 3
    assert rules(world) == [{"campaign_end": 3}]
    await check_all(world)


async def test_what_is_dialled_or_waits_for_a_slot_is_no_decision(make_world):
    """Being short of a slot is the ordinary course of things."""
    world = await make_world(leads=9, caps=(None, 2, None))
    await run_virtual(await world.engine(), world.clock, NOON + DAY, lambda _: None)
    assert len(world.dials()) == 9
    assert await decisions(world) == []
    assert rules(world) == []


async def test_a_claim_that_withholds_nothing_writes_nothing(make_world, monkeypatch):
    """The statement is sent only where there is a decision to write."""

    async def refuse(*_):
        raise AssertionError("nothing was withheld")

    monkeypatch.setattr(decisions_of_calls, "withhold", refuse)
    world = await make_world(leads=2)
    await (await begun(world)).dialler.run_once()
    assert len(await world.attempts()) == 2


async def test_a_workspace_has_its_own_decisions(make_world):
    """Two calls of one id in two workspaces have nothing to do with each other."""
    world, engine = await shut_out(make_world, leads=1)
    other = await another_workspace(world, 1)
    mine, theirs = world.workspace_no, other.workspace_no
    await world.value("UPDATE calls SET call_id = (SELECT call_id FROM calls WHERE workspace_no = $1)", mine)
    await world.value("UPDATE queue SET due_at = $1, call_id = (SELECT call_id FROM calls LIMIT 1)", NOON)
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=10))
    await engine.dialler.run_once()
    counted = await world.rows("SELECT workspace_no, sum(times)::int AS times FROM decisions GROUP BY 1")
    assert {row["workspace_no"]: row["times"] for row in counted} == {mine: 2, theirs: 1}


@pytest.mark.parametrize("mode", ["delete", "anonymise"])
async def test_decisions_go_or_stay_with_their_calls(make_world, mode):
    """Deleted with them; of an anonymised call only what leads to its number goes."""
    policy = {"max_attempts": 2, "after": {}, "expires_after": "1h"}
    world = await make_world(leads=2, retry=policy, started=False)
    world.clock.advance_to(NOON + HOUR)
    await world.act("start")
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await world.value('UPDATE decisions SET inputs = inputs || \'{"do_not_call_id": "dnc_1", "reason": "Ada paid"}\'')
    async with world.database.transaction() as db:
        await change_workspace(db, world.workspace_no, {"retention": Retention(7, mode)})
    world.clock.advance_to(NOON + DAY * 9)
    retainer = Retainer(engine.node)
    while await retainer.run_once():
        pass
    left = [json.loads(row["inputs"]) for row in await decisions(world)]
    assert len(left) == (2 if mode == "anonymise" else 0)
    assert all({"do_not_call_id", "reason"}.isdisjoint(inputs) and "ends_at" in inputs for inputs in left)
