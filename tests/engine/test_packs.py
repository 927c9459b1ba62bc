import json

import pytest
from tests.engine.duties import another_campaign, another_workspace, begun, work
from tests.rows import single_call
from tests.world import NOON, drive
from whenever import Instant, TimeDelta

from ringback.clock import VirtualClock
from ringback.config import RULES_DIR
from ringback.domain.library import span_sec
from ringback.events import RulePacksUnusable, RulePacksUsable
from ringback.intake.leads import Lead
from ringback.rules.shelf import Shelf
from ringback.store.contacts import remember
from ringback.store.rule_packs import give_purpose, rule_campaign, rule_workspace

MIAMI, AUSTIN, BERLIN = "+13055550100", "+15125550100", "+493012345678"
EVENING = Instant("2026-03-03T02:30:00Z")
"""20:30 in Austin and 21:30 in Miami."""

HOUSE = """
pack = "house"
version = "{version}"
effective_from = {since}
title = "House rules"
not_covered = []
[[clause]]
id = "hours"
text = "From {start} on."
citation = "House rules, 1"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-01-01
applies_to = {{ countries = ["US"] }}
hours = {{ mon-sun = ["{start}-24:00"] }}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The operator's folder of packs."""
    made = tmp_path / "rules"
    made.mkdir()
    monkeypatch.setenv(RULES_DIR, str(made))
    return made


def put(folder, version="2026.1", since="2026-01-01", start="18:00"):
    """Write a version of the house rules."""
    text = HOUSE.format(version=version, since=since, start=start)
    (folder / f"house@{version}.toml").write_text(text, encoding="utf-8")


def leads(*numbers, zone="America/Chicago"):
    """People with these numbers, in one zone."""
    return [Lead(n, number, (zone,), None, None, "{}") for n, number in enumerate(numbers, 2)]


async def ruled(world, *names, purpose=None):
    """Let the campaign name packs, as the API does."""
    async with world.database.transaction() as db:
        await rule_campaign(db, world.workspace_no, world.campaign.campaign_id, names, purpose)
        await remember(db, world.workspace_no, span_sec(Shelf().library(), names), world.clock.now())


async def governed(world, *names, purpose=None):
    """Let the workspace name packs, as the API does."""
    async with world.database.transaction() as db:
        await rule_workspace(db, world.workspace_no, names)
        await give_purpose(db, world.workspace_no, purpose)
        await remember(db, world.workspace_no, span_sec(Shelf().library(), names), world.clock.now())


def dialled(world):
    """Whom the far end was asked to dial, with when, in order."""
    return [(dial["to_number"], dial["at"][:16]) for dial in world.dials()]


async def run(world, engine, until=NOON + TimeDelta(hours=48)):
    """Work until nothing waits."""
    await drive(engine, world.clock, until)


async def decisions(world):
    """Why dials were withheld: rule, pack, version and the time there."""
    rows = await world.rows("SELECT * FROM decisions ORDER BY first_at, call_id")
    return [
        (row["rule"], row["pack"], row["pack_version"], json.loads(row["inputs"])["local_time"][:16]) for row in rows
    ]


async def late(make_world, *numbers, **plan):
    """A world in which it is half past eight in the evening in Austin."""
    world = await make_world(leads=leads(*numbers), **plan)
    world.clock.advance_to(EVENING)
    return world


async def test_each_number_is_bound_by_the_packs_of_its_state(make_world):
    """At half past eight the federal rules let Texas be called; those of Florida make the other wait."""
    world = await late(make_world, MIAMI, AUSTIN)
    await ruled(world, "us-federal", "us-fl", purpose="marketing")
    await run(world, await world.engine())
    assert dialled(world) == [(AUSTIN, "2026-03-03T02:30"), (MIAMI, "2026-03-03T14:00")]
    assert await decisions(world) == [("hours", "us-fl", "2026.1", "2026-03-02T20:30")]


async def test_a_lead_who_moved_is_bound_by_both_states(make_world):
    """The number is of Texas, and the lead's row says Florida."""
    world = await late(make_world, AUSTIN)
    await world.value("UPDATE calls SET region = 'US-FL'")
    await ruled(world, "us-federal", "us-fl", purpose="marketing")
    await run(world, await world.engine())
    assert dialled(world) == [(AUSTIN, "2026-03-03T14:00")]


async def test_public_holidays_are_those_of_the_lead(make_world):
    """A clause that is shut on Sundays and on them goes on with the Tuesday after Easter."""
    world = await make_world(leads=leads("+61292345678", zone="Australia/Sydney"))
    await ruled(world, "au", purpose="marketing")
    world.clock.advance_to(Instant("2026-04-05T01:00:00Z"))  # Easter Sunday at noon
    await run(world, await world.engine(), Instant("2026-04-10T00:00:00Z"))
    assert dialled(world) == [("+61292345678", "2026-04-06T23:00")]  # Tuesday at nine
    assert {rule[0] for rule in await decisions(world)} == {"telemarketing-hours"}


@pytest.mark.parametrize(
    ("purpose", "waits"), [("service", False), ("collections", False), ("marketing", True), (None, True)]
)
async def test_a_clause_binds_calls_of_its_purpose(make_world, purpose, waits):
    """And those of which nobody has said what they are for."""
    world = await late(make_world, MIAMI)
    await ruled(world, "us-fl", purpose=purpose)
    await run(world, await world.engine())
    assert dialled(world) == [(MIAMI, "2026-03-03T14:00" if waits else "2026-03-03T02:30")]


async def test_a_workspaces_packs_bind_its_campaigns_and_its_single_calls(make_world):
    """A campaign's own are added to them, and its purpose goes before the workspace's."""
    world = await late(make_world, MIAMI)
    await governed(world, "us-fl", purpose="service")
    await ruled(world, purpose="marketing")
    await single_call(world, due_at=EVENING)  # to California, whose pack is not there: us-fl says nothing of it
    await world.value(
        "UPDATE calls SET to_number = $1, retry = '{\"max_attempts\": 1}' WHERE campaign_no = 0", "+13055550999"
    )
    await run(world, await world.engine())
    assert dialled(world) == [("+13055550999", "2026-03-03T02:30"), (MIAMI, "2026-03-03T14:00")]


async def test_a_single_call_waits_for_the_hours_of_its_workspaces_packs(make_world):
    """It has no window of its own."""
    world = await make_world()
    await governed(world, "us-fl", purpose="marketing")
    world.clock.advance_to(EVENING)
    await single_call(world, due_at=EVENING)
    await world.value("UPDATE calls SET to_number = $1, zone_set_no = 2, retry = '{\"max_attempts\": 1}'", MIAMI)
    await world.value("INSERT INTO zone_sets OVERRIDING SYSTEM VALUE VALUES (2, '{America/New_York}')")
    await run(world, await world.engine())
    assert dialled(world) == [(MIAMI, "2026-03-03T13:00")]
    assert await decisions(world) == [("hours", "us-fl", "2026.1", "2026-03-02T21:30")]


async def test_a_country_that_no_pack_speaks_of_has_the_hours_of_a_day(make_world):
    """Nine to eight, by a rule of that name."""
    world = await make_world(leads=leads(BERLIN, zone="Europe/Berlin"))
    await ruled(world, "us-federal")
    world.clock.advance_to(NOON + TimeDelta(hours=8))
    await run(world, await world.engine())
    assert dialled(world) == [(BERLIN, "2026-03-03T08:00")]
    assert await decisions(world) == [("uncovered_country", None, None, "2026-03-02T21:00")]


async def test_a_broken_pack_stops_its_campaigns_and_nothing_else(make_world, folder):
    """Their leads wait; once the file is mended they are dialled, without anybody's doing anything more."""
    (folder / "house@2026.1.toml").write_text("pack = ")
    world = await make_world(leads=leads(MIAMI))
    other = await another_campaign(world, 1)
    await ruled(world, "house")
    engine = await begun(world)
    assert await work(world, engine, rounds=3) == [1]
    assert [row["campaign_no"] for row in await world.attempts()] == [other.campaign.campaign_no]
    assert len(await world.queue()) == 1
    (told,) = [event for event in world.events if isinstance(event, RulePacksUnusable)]
    assert told.of.startswith("cmp_")
    assert told.why.startswith("house@2026.1.toml: Invalid value")
    put(folder, start="00:00")
    assert await work(world, engine, rounds=5) == [2]
    assert [event.of for event in world.events if isinstance(event, RulePacksUsable)] == [told.of]


async def test_a_missing_pack_of_a_workspace_stops_its_single_calls_too(make_world):
    """And those of no other workspace."""
    world = await make_world(leads=leads(MIAMI))
    other = await another_workspace(world, 1)
    await governed(world, "us-xx")
    await single_call(world)
    engine = await begun(world)
    assert await work(world, engine, rounds=3) == [1]
    assert [row["workspace_no"] for row in await world.attempts()] == [other.workspace_no]
    told = {(event.of[:3], event.why) for event in world.events if isinstance(event, RulePacksUnusable)}
    why = "no rule pack us-xx is in force on 2026-03-02"
    assert told == {("cmp", why), ("ws_", why)}
    await governed(world)
    assert await work(world, engine, rounds=5) == [3]


@pytest.mark.parametrize(("name", "second"), [("house", "2026-03-03T10:00"), ("house@2026.1", "2026-03-03T08:00")])
async def test_the_version_in_force_is_that_of_the_day_of_the_dial(make_world, folder, name, second):
    """A node that runs on takes up the next one on its day; a version that is pinned stays."""
    put(folder, start="08:00")
    put(folder, "2026.2", since="2026-03-03", start="10:00")
    retry = {"max_attempts": 2, "after": {"no-answer": ["20h"]}}
    world = await make_world(leads=leads(MIAMI, zone="UTC"), retry=retry)
    world.clock = VirtualClock(Instant("2026-03-02T09:00:00Z"))
    await world.value("UPDATE queue SET due_at = $1", world.clock.now())
    await ruled(world, name)
    await run(world, await world.engine())
    assert dialled(world) == [(MIAMI, "2026-03-02T09:00"), (MIAMI, second)]


async def test_orphans_are_redialled_within_the_hours_of_their_packs(make_world):
    """The node that explains a lost attempt knows them too."""
    world = await late(make_world, AUSTIN, retry={"max_attempts": 2, "after": {"failed": ["1h"]}})
    await ruled(world, "us-federal", purpose="marketing")
    first = await begun(world, "a", lease_sec=5)
    await work(world, first)
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=20))
    second = await begun(world, "b")
    while await second.rescuer.run_once():
        pass
    (waiting,) = await world.queue()
    assert waiting["due_at"] == Instant("2026-03-03T14:00:00Z")
    assert not [event for event in world.events if isinstance(event, RulePacksUnusable)]
