"""Runs ahead of time come to what runs of the engine do: here the people are the same, and nothing is by chance."""

import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from tests.planning.staging import planned, staged
from tests.world import LIVELY, NOON, a_lead, some_leads
from whenever import TimeDelta

from ringback.carriers.simulator.settings import parse_settings
from ringback.domain.callers import CoolDown
from ringback.domain.contact import parse_contact_rules
from ringback.domain.hours import every_day
from ringback.domain.plan import HOUR_SEC
from ringback.domain.rates import Rate
from ringback.domain.ways import Way
from ringback.engine.virtual import run_virtual
from ringback.planning.people import Simulated
from ringback.planning.play import Play
from ringback.planning.told import WHY_NEVER
from ringback.store.budgets import set_budget
from ringback.store.caller_pools import PoolPlan, create_pool, pool_campaign, set_numbers
from ringback.store.campaigns import change_campaign
from ringback.store.contacts import set_rules
from ringback.store.rates import add_version, create_deck, give_deck
from ringback.store.trunks import create_trunk

DAY = TimeDelta(hours=24)
RETRY = {
    "max_attempts": 4,
    "after": {"no-answer": ["1h", "5h"], "busy": ["10m"], "voicemail": ["1d"], "failed": ["5m"]},
}
PLACES = ("Europe/Berlin", "America/New_York")
PEOPLE = [a_lead(n, zones=(PLACES[n % 2],)) for n in range(24)]


async def played(world, days=6, **people):
    """A run with the very people of the trunk."""
    stage, answers = await staged(world, days)
    known = parse_settings({**LIVELY, **people})
    return Play(stage, Simulated(known, known.seed), answers.speed, random.Random(1)).run()


async def ran(world, days=6):
    """What the engine comes to: how calls ended, and dials by hour."""
    await run_virtual(await world.engine(), world.clock, NOON + DAY * days, lambda _: None)
    finals = Counter(row["final_reason"] for row in await world.calls() if row["final_reason"])
    hours = Counter(row["called_at"].timestamp() // HOUR_SEC for row in await world.attempts())
    return finals, hours


def told(played):
    """The same of a run ahead of time."""
    return played.finals, Counter({hour: sums.dials for hour, sums in played.hours.items() if sums.dials})


CASES = {
    "by the hours and waits": {"retry": RETRY, "window": every_day(540, 1200)},
    "spaced": {
        "retry": {**RETRY, "spread": True, "max_per_day": 2, "min_gap": "40m"},
        "window": every_day(540, 1260),
    },
    "expiring": {"retry": {**RETRY, "expires_after": "30h"}, "window": every_day(540, 1200)},
    "with an end": {"retry": RETRY, "window": every_day(600, 1140), "ends_at": NOON + DAY * 2},
    "at night": {"retry": RETRY, "window": every_day(1320, 1560), "starts_at": NOON + TimeDelta(hours=3)},
}


@pytest.mark.parametrize("case", CASES)
async def test_what_is_played_is_what_the_engine_does(make_world, case):
    """Each dial in its hour, and each call to its end."""
    world = await make_world(leads=PEOPLE, simulator=LIVELY, **CASES[case])
    ahead = await played(world)
    assert told(ahead) == await ran(world)
    assert sum(ahead.finals.values()) == len(PEOPLE)


async def test_rule_packs_and_contact_rules_are_kept(make_world):
    """Those of the workspace and those of a pack, whatever the policy asks for."""
    world = await make_world(leads=PEOPLE, simulator=LIVELY, retry=RETRY, window=every_day(0, 1440))
    async with world.database.transaction() as db:
        await set_rules(
            db, world.workspace_no, parse_contact_rules({"per_number": ["2 per 24h"], "min_gap": "2h"}), NOON
        )
    await world.value("UPDATE campaigns SET rule_packs = '{us-federal}', purpose = 'marketing'")
    assert told(await played(world)) == await ran(world)


async def test_dials_about_one_debt_are_counted_together(make_world):
    """Whichever lead they are to: seven in seven days."""
    world = await make_world(leads=PEOPLE, simulator={**LIVELY, "answer_rates": 0.02}, retry=RETRY)
    await world.value("UPDATE campaigns SET rule_packs = '{us-federal}', purpose = 'collections'")
    await world.value("UPDATE calls SET debt_id = 'loan ' || right(to_number, 1)::integer % 2")
    ahead = await played(world, answer_rates=0.02)
    finals, hours = await ran(world)
    assert sum(hours.values()) == 14
    assert told(ahead) == (finals, hours)


async def test_numbers_of_a_pool_rest_and_keep_to_their_caps(make_world):
    """Dials wait for a number as those of the engine do."""
    world = await make_world(leads=PEOPLE, simulator=LIVELY, retry=RETRY, window=every_day(540, 1200))
    rule = CoolDown(20, 86_400)
    async with world.database.transaction() as db:
        plan = PoolPlan("pool", False, rule)
        pool_no = await create_pool(db, world.workspace_no, world.ids.new(NOON), plan, NOON)
        numbers = ["+14155550100", "+14155550101"]
        await set_numbers(db, (world.workspace_no, pool_no), numbers, world.ids, NOON)
        await pool_campaign(db, world.workspace_no, world.campaign.campaign_id, pool_no)
    ahead = await played(world)
    finals, hours = await ran(world)
    first_day = range(NOON.timestamp() // HOUR_SEC, NOON.timestamp() // HOUR_SEC + 24)
    assert sum(hours[hour] for hour in first_day) == 40 == sum(told(ahead)[1][hour] for hour in first_day)
    assert ahead.finals["reached"] == pytest.approx(finals["reached"], abs=2)


async def test_refused_dials_go_on_over_another_trunk(make_world):
    """In the same moment, and the other trunk's people are who answers there."""
    world = await make_world(leads=PEOPLE, simulator={**LIVELY, "failure_share": 0.4}, retry=RETRY)
    async with world.database.transaction() as db:
        settings = json.dumps({**LIVELY, "failure_share": 0.4})
        trunk = (world.ids.new(NOON), "other", "simulator", settings, "{}", None, None)
        other = await create_trunk(db, world.workspace_no, *trunk, NOON)
        ways = (Way(world.trunk_no, 1, 1), Way(other, 2, 1))
        await change_campaign(db, world.campaign, replace(world.campaign.plan, ways=ways), NOON)
    assert told(await played(world, failure_share=0.4)) == await ran(world)


async def test_caps_and_paces_put_dials_off_as_much(make_world):
    """In any hour about as many dials; which of them come first is a matter of moments."""
    plan = {"retry": {**RETRY, "max_attempts": 2}, "caps": (None, 3, None), "dials_per_sec": 0.2}
    world = await make_world(leads=some_leads(40), simulator=LIVELY, **plan)
    ahead = await played(world, days=1)
    finals, hours = await ran(world, days=1)
    assert max(sums.peak for sums in ahead.hours.values()) == 3
    assert 60 < ahead.longest_wait_sec < 600
    foreseen = told(ahead)[1]
    assert all(abs(foreseen[hour] - hours[hour]) <= 3 for hour in foreseen.keys() | hours.keys()), (foreseen, hours)
    assert ahead.finals["reached"] == pytest.approx(finals["reached"], abs=2)


async def test_slots_that_are_wanted_are_those_of_the_hour_in_which_dials_were_due(make_world):
    """Who waits for a slot into the next day, or beyond the plan, wanted one on the first."""
    once = {"max_attempts": 1, "after": {}}
    plan = {"retry": once, "window": every_day(720, 722), "caps": (None, 1, None)}
    world = await make_world(leads=some_leads(60), simulator=LIVELY, **plan)
    ahead = await played(world, days=3)
    assert ahead.left > 20
    assert ahead.longest_wait_sec > 86_400
    wanted = {hour: sums.wanted_sec for hour, sums in ahead.hours.items()}
    assert wanted[NOON.timestamp() // HOUR_SEC] == sum(wanted.values())
    assert ahead.finals.total() * 5 < wanted[NOON.timestamp() // HOUR_SEC] < 60 * 60


async def test_calls_that_are_up_and_waits_that_run_are_played_on(make_world):
    """A plan may be made of a campaign that runs: it begins where that is."""
    world = await make_world(leads=PEOPLE, simulator=LIVELY, retry=RETRY, caps=(None, 5, None))
    engine = await world.engine()
    await run_virtual(engine, world.clock, NOON + TimeDelta(minutes=20), lambda _: None)
    over = await world.value("SELECT count(*) FROM calls WHERE final_status IS NOT NULL")
    ahead = await played(world)
    await run_virtual(engine, world.clock, NOON + DAY * 6, lambda _: None)
    assert sum(ahead.finals.values()) == len(PEOPLE) - over
    reached = await world.value("SELECT count(*) FROM calls WHERE final_reason = 'reached'")
    before = (await staged(world))[0].counts.reached
    assert before == reached


async def test_why_a_lead_can_never_be_called_is_told_by_the_rule(make_world):
    """No zone, hours that begin too late, the list, a quiet time that outlasts the campaign; and no consent."""
    leads = [a_lead(1, zones=()), a_lead(2, zones=("Asia/Tokyo",)), a_lead(3), a_lead(4), a_lead(5)]
    end = NOON + TimeDelta(hours=5)
    world = await make_world(leads=leads, retry=RETRY, window=every_day(720, 1200), ends_at=end)
    rules = parse_contact_rules({"quiet_after_conversation": "7d"})
    async with world.database.transaction() as db:
        await set_rules(db, world.workspace_no, rules, NOON)
    await world.value(
        "INSERT INTO contacts VALUES ($1, $2, '{}', $3)", world.workspace_no, leads[2].e164, NOON - TimeDelta(hours=1)
    )
    await world.value("UPDATE workspaces SET list_version = 1")
    await world.value(
        "INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at) VALUES ($1, $2, $3, 'api', $4)",
        world.workspace_no,
        world.ids.new(NOON),
        leads[3].e164,
        NOON,
    )
    ahead = await played(world, never_share=1.0, invalid_share=0)
    found = {reason.kind: count for reason, count in ahead.never.items()}
    assert found == {"no_zone": 1, "ends_at": 1, "do_not_call": 1, "contact": 1}
    await world.value("UPDATE campaigns SET requires_consent = true")
    ahead = await played(world, never_share=1.0, invalid_share=0)
    assert {reason.kind for reason in ahead.never} == {"no_zone", "consent", "ends_at"}
    assert {*found, "consent"} <= WHY_NEVER.keys()


async def test_rate_decks_and_the_worth_of_redials_are_kept(make_world):
    """A deck's rate goes before the tariff; redials at which a person costs too much are not made."""
    stop = {"stop_when": {"cost_per_reach_micros": 70_000, "min_attempts": 20}}
    tariff = {"per_minute_micros": 600_000}
    world = await make_world(leads=some_leads(60), simulator=LIVELY, retry={**RETRY, **stop}, billing=tariff)
    deck_id = world.ids.new(NOON)
    async with world.database.transaction() as db:
        await create_deck(db, world.workspace_no, deck_id, "deck", "USD", NOON)
        await add_version(db, world.workspace_no, deck_id, [Rate("+1", 60_000, 0, 60, 60)], NOON, NOON)
        await give_deck(db, world.workspace_no, world.trunk_no, deck_id)
    ahead = await played(world)
    finals, _ = await ran(world)
    assert ahead.finals["too_costly"] == pytest.approx(finals["too_costly"], abs=2) != 0
    spent = await world.value("SELECT sum(cost_micros)::bigint FROM tallies")
    assert ahead.cost_micros["USD"] == pytest.approx(spent, abs=3 * 60_000)


async def test_nothing_is_dialled_on_a_budget_that_is_used_up(make_world):
    """What is up when it is reached ends, and is paid; the plan says when that is."""
    tariff = {"per_minute_micros": 60_000, "first_sec": 60, "next_sec": 60}
    plan = {"retry": RETRY, "billing": tariff, "caps": (None, 2, None)}
    world = await make_world(leads=some_leads(40), simulator=LIVELY, **plan)
    async with world.database.transaction() as db:
        await set_budget(db, world.workspace_no, world.campaign.campaign_no, 6 * 60_000, NOON)
    ahead, told_of = await played(world), await planned(world)
    await ran(world, days=1)
    assert 6 <= ahead.cost_micros["USD"] / 60_000 <= 8
    assert ahead.left > 20
    dials, made = sum(sums.dials for sums in ahead.hours.values()), len(await world.attempts())
    assert dials == pytest.approx(made, abs=3)
    assert told_of["budget_reached_at"]["expected"] < "2026-03-02T13"
    async with world.database.transaction() as db:
        await set_budget(db, world.workspace_no, world.campaign.campaign_no, 60_000, NOON)
    assert (await planned(world))["attempts"] == 0
