"""Plans as they are answered: by their seed, their people, their caps, and what they do not know."""

import pytest
from tests.engine.duties import another_campaign
from tests.planning.staging import planned
from tests.world import NOON, drive, some_leads
from whenever import TimeDelta

from ringback.errors import Impossible

RETRY = {"max_attempts": 2, "after": {"no-answer": ["30m"], "failed": ["5m"]}}


async def test_the_same_seed_gives_the_same_plan(make_world):
    """And another one another."""
    world = await make_world(leads=30, started=False, retry=RETRY, simulator={})
    one, again, other = [await planned(world, seed=seed) for seed in (1, 1, 2)]
    assert one == again
    assert one["hours"] != other["hours"]
    assert sum(hour["dials"] for hour in one["hours"]) == pytest.approx(one["attempts"], abs=1)


async def test_who_answers_is_learned_from_the_workspaces_own_dials(make_world):
    """Of which there must be some."""
    world = await make_world(leads=30, retry=RETRY)
    with pytest.raises(Impossible, match="dialled nobody in the last 7 days"):
        await planned(world, history_days=7)
    await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=10))
    learned = await planned(world, history_days=7)
    assert (learned["leads"]["open"], learned["reach"]["leads"]) == (30, 0)
    assert learned["reach"]["high"] > 0
    assert "the 30 of this workspace in the last 7 days" in learned["answers"]
    assert "0.0 % reached a person" in learned["answers"]


async def test_some_leads_stand_for_all_with_their_part_of_the_caps(make_world):
    """A cap makes dials wait; the interval is wider where fewer are played."""
    world = await make_world(leads=150, caps=(None, 4, None), retry=RETRY, simulator={})
    whole, part = await planned(world), await planned(world, leads=75)
    assert (whole["slots"]["peak"], whole["slots"]["cap"]) == (4, 4)
    assert whole["slots"]["longest_wait_sec"] > 60
    assert 50 < part["leads"]["played"] < 100
    assert part["attempts"] == pytest.approx(whole["attempts"], rel=0.15)
    wide, narrow = (one["reach"]["high"] - one["reach"]["low"] for one in (part, whole))
    assert wide > narrow
    assert any("stand for 150" in line for line in part["not_known"])


async def test_what_a_plan_does_not_know_is_said(make_world):
    """Other campaigns, a pause, a pack and a trunk that cannot be had: then nobody is dialled."""
    world = await make_world(leads=3, retry=RETRY)
    await another_campaign(world, 2)
    await world.act("pause")
    await world.value("UPDATE campaigns SET rule_packs = '{no-such-pack}'")
    await world.value("UPDATE workspaces SET pre_dial_check = '{}'")
    await world.value("""UPDATE trunks SET settings = '{"speed": 1, "nonsense": 1}'""")
    told = await planned(world, answers={})
    said = "\n".join(told["not_known"])
    assert all(
        words in said
        for words in ("1 other campaign of", "pre-dial check", "paused", "no-such-pack", "cannot be set up")
    )
    assert (told["attempts"], told["left"], told["ends_at"]) == (0, 3, None)


async def test_who_comes_when_the_campaign_is_empty(make_world):
    """Nobody is reached, and nothing is divided by."""
    told = await planned(await make_world(leads=some_leads(0)))
    assert told["reach"] == {"leads": 0, "low": 0, "high": 0, "share": None}
    assert told["hours"] == told["cost"] == []
