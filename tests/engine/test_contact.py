import asyncio
import json
from contextlib import suppress

import pytest
from tests.engine.duties import another_campaign, another_workspace, begun, dial, end, puppet_of
from tests.engine.faults import Died, mortal
from tests.engine.invariants import every_call_is_somewhere
from tests.in_part import each
from tests.rows import single_call
from tests.world import NOON, a_lead, drive, single_connection
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Ended
from ringback.domain.contact import PLACED_WITHIN, SLACK, parse_contact_rules
from ringback.domain.outcome import EndReason
from ringback.engine.last_word import end_attempts
from ringback.engine.settle import settle_as
from ringback.engine.virtual import run_virtual
from ringback.store.contacts import set_rules

HOUR, DAY = TimeDelta(hours=1), TimeDelta(hours=24)
REDIALS = {"max_attempts": 5, "after": {"no-answer": ["1m"], "busy": ["1m"]}}


async def rule(world, **rules):
    """The contact rules of the world's workspace."""
    async with world.database.transaction() as db:
        await set_rules(db, world.workspace_no, parse_contact_rules(rules), world.clock.now())


async def counted(world):
    """How many dials are counted of each number."""
    rows = await world.rows("SELECT to_number, dials FROM contacts WHERE cardinality(dials) > 0")
    return {row["to_number"]: len(row["dials"]) for row in rows}


def most_in(dials, span):
    """By number, the most dials in any span of so long."""
    by_number: dict[str, list[Instant]] = {}
    for one in dials:
        by_number.setdefault(one["to_number"], []).append(Instant.parse_iso(one["at"]))
    most = 0
    for times in map(sorted, by_number.values()):
        first = 0
        for last, at in enumerate(times):
            while at - times[first] >= span:
                first += 1
            most = max(most, last - first + 1)
    return most


async def test_redials_keep_within_a_rolling_limit(make_world):
    """Over days, by the far end's own record; what is one too many waits, and its decision says until when."""
    world = await make_world(leads=3, retry={"max_attempts": 8, "after": {"no-answer": ["1m"], "busy": ["1m"]}})
    await rule(world, per_number=["2 per 1h", "3 per 24h"])
    await run_virtual(await world.engine(), world.clock, NOON + DAY * 4, lambda _: None)
    assert len(world.dials()) == 24
    assert most_in(world.dials(), HOUR) == 2
    assert most_in(world.dials(), DAY) == 3
    decided = await world.rows("SELECT rule, inputs FROM decisions")
    assert {row["rule"] for row in decided} == {"per_number: 2 per 1h", "per_number: 3 per 24h"}
    assert {json.loads(row["inputs"])["most"] for row in decided} == {2, 3}


async def test_campaigns_and_single_calls_to_one_number_count_together(make_world):
    """In one claim too; another workspace counts by itself."""
    world = await make_world(leads=1)
    await another_campaign(world, 1, first=0)
    await another_workspace(world, 1)
    await single_call(world)
    await world.value("UPDATE calls SET to_number = $1 WHERE campaign_no = 0", a_lead(0).e164)
    await rule(world, min_gap="2h")
    engine = await begun(world, puppet=False)
    await drive(engine, world.clock, NOON + HOUR)
    assert len([one for one in world.dials() if one["to_number"] == a_lead(0).e164]) == 1
    await drive(engine, world.clock, NOON + HOUR * 7)
    assert most_in(world.dials(), HOUR * 2) == 1
    assert len(world.dials()) >= 3


async def test_a_conversation_is_followed_by_quiet(make_world):
    """From its end, whoever asks; a machine is none."""
    world = await make_world(leads=2)
    await rule(world, quiet_after_conversation="7d")
    engine = await begun(world)
    await dial(engine)
    other = await another_campaign(world, 2, first=0)
    talked, machine = engine.node.hand.live.values()
    engine.node.hand.hear(Ended(talked.dial.attempt_id, world.clock.now(), EndReason.USER_DISCONNECTED, duration_sec=9))
    engine.node.hand.hear(Ended(machine.dial.attempt_id, world.clock.now(), EndReason.VOICEMAIL_DETECTED))
    await engine.settler.run_once()
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    await dial(engine)
    assert [one.to_number for one in puppet_of(engine).placed[2:]] == [machine.dial.to_number]
    waits = await world.value("SELECT due_at FROM queue WHERE campaign_no = $1", other.campaign.campaign_no)
    assert waits == world.clock.now() - TimeDelta(seconds=1) + DAY * 7


async def test_a_conversation_that_somebody_else_has_ended_is_passed_over(make_world):
    """As by a node that was taken for dead: its settlement changes nothing, and stops nobody."""
    world = await make_world(leads=1)
    await rule(world, quiet_after_conversation="7d")
    engine = await begun(world)
    await dial(engine)
    [attempt] = engine.node.hand.live.values()
    talked = Ended(attempt.dial.attempt_id, world.clock.now(), EndReason.USER_DISCONNECTED, duration_sec=9)
    over = [(attempt, settle_as(attempt, talked, 0.0, engine.node.trunks))]
    async with world.database.connection() as db:
        assert await end_attempts(db, over, engine.node) == {attempt.key}
        assert await end_attempts(db, over, engine.node) == set()


async def test_a_leads_own_dials_are_counted_by_its_call(make_world):
    """Dials of other campaigns to the number are not the lead's."""
    world = await make_world(leads=1, retry=REDIALS)
    await another_campaign(world, 1, first=0)
    await rule(world, per_lead=["1 per 1d"])
    engine = await begun(world)
    assert await dial(engine) == 1
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=2))
    assert await dial(engine) == 2
    await end(engine)
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=5))
    assert await dial(engine) == 0
    assert {row["rule"] for row in await world.rows("SELECT rule FROM decisions")} >= {"per_lead: 1 per 1d"}


async def test_what_was_dialled_before_the_rules_counts(make_world):
    """They bind from the beginning, not from the next dial on."""
    world = await make_world(leads=1, retry=REDIALS)
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    await rule(world, min_gap="2h")
    assert await counted(world) == {a_lead(0).e164: 1}
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=5))
    assert await dial(engine) == 0


async def test_a_withdrawn_intent_is_not_counted(make_world):
    """The same dial is due again, and is not withheld by itself."""
    world = await make_world(leads=2)
    await rule(world, min_gap="2h")
    engine = await begun(world)
    await engine.dialler.run_once()
    assert sum((await counted(world)).values()) == 2
    world.clock.advance_to(world.clock.now() + PLACED_WITHIN + TimeDelta(milliseconds=1))
    await engine.placer.run_once()
    assert puppet_of(engine).placed == []
    assert await counted(world) == {}
    assert await dial(engine) == 2


async def test_a_workspace_without_rules_pays_nothing(make_world):
    """No row is written, and no dial is hurried."""
    world = await make_world(leads=3)
    engine = await begun(world)
    await engine.dialler.run_once()
    assert await world.rows("SELECT * FROM contacts") == []
    assert {attempt.placed_by for attempt in engine.node.hand.live.values()} == {None}


async def test_a_node_that_dies_at_any_step_leaves_no_dial_uncounted(make_world):
    """Between the count, the intent and the commit: what is counted is what was committed, and the limit holds."""
    for last in range(1, 14, each(3)):
        world = await make_world(leads=2, retry=REDIALS)
        await rule(world, per_number=["1 per 1h"])
        world.clock.advance_to(NOON + TimeDelta(milliseconds=1))
        engine, _ = await mortal(world, last, lease_sec=10)
        with suppress(Died):
            await engine.node.lease.run_once()
            await engine.dialler.run_once()
            await engine.placer.run_once()
        live = {row["call_id"] for row in await world.attempts()}
        assert sum((await counted(world)).values()) == len(live)
        world.clock.advance_to(NOON + TimeDelta(seconds=60))
        await drive(await world.engine("b"), world.clock, NOON + HOUR * 3)
        assert most_in(world.dials(), HOUR) <= 1
        await every_call_is_somewhere(world)
        (world.folder / "dials.jsonl").unlink(missing_ok=True)


CLAIMERS, CAMPAIGNS, NUMBERS = 64, 8, 12


async def test_sixty_four_claimers_never_exceed_a_rolling_limit(make_world):
    """Eight campaigns and single calls, all to the same numbers: not one dial over, by the far end's own record."""
    world = await make_world(leads=NUMBERS, retry={"max_attempts": 20, "after": {"no-answer": ["1s"], "busy": ["1s"]}})
    for _ in range(CAMPAIGNS - 1):
        await another_campaign(world, NUMBERS, first=0, retry=world.campaign.plan.retry)
    for n in range(1, NUMBERS + 1):
        await single_call(world, n=n)
        number = a_lead(n - 1).e164
        await world.value(
            "UPDATE calls SET to_number = $1 WHERE campaign_no = 0 AND call_id::text LIKE $2", number, f"%{n:012x}"
        )
    await rule(world, per_number=["3 per 10s", "5 per 60s"])
    engines = [
        await begun(world, f"n{n}", puppet=False, database=await single_connection(world), claim_batch=7)
        for n in range(CLAIMERS)
    ]

    async def work(engine):
        await engine.dialler.run_once()
        await engine.placer.run_once()
        await engine.settler.run_once()

    for _ in range(12):
        await asyncio.gather(*map(work, engines))
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=4))
    assert most_in(world.dials(), TimeDelta(seconds=10)) <= 3
    assert most_in(world.dials(), TimeDelta(seconds=60)) <= 5
    assert len(world.dials()) >= NUMBERS * 3
    await every_call_is_somewhere(world)


@pytest.mark.parametrize("late", [TimeDelta(), PLACED_WITHIN])
async def test_a_dial_that_is_placed_late_within_its_time_breaks_no_limit(make_world, late):
    """The span counts from the intent, and is longer by as much."""
    world = await make_world(leads=1)
    await another_campaign(world, 1, first=0)
    await rule(world, min_gap="10s")
    engine = await begun(world, puppet=False)
    await engine.dialler.run_once()
    world.clock.advance_to(world.clock.now() + late)
    await engine.placer.run_once()
    await drive(engine, world.clock, NOON + TimeDelta(minutes=2))
    times = sorted(Instant.parse_iso(one["at"]) for one in world.dials())
    assert TimeDelta(seconds=10) <= times[1] - times[0] <= TimeDelta(seconds=12) + SLACK
