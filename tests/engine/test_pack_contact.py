"""The clauses of rule packs that say how often, and how soon after a conversation, a number may be dialled."""

import asyncio
import json

import pytest
from tests.engine.duties import another_campaign, begun, dial, end, puppet_of
from tests.engine.invariants import every_call_is_somewhere
from tests.engine.test_contact import counted, most_in, rule
from tests.engine.test_packs import AUSTIN, MIAMI, folder, governed, leads, put, ruled  # noqa: F401  # a fixture
from tests.world import single_connection
from whenever import Instant, TimeDelta

from ringback.domain.contact import SLACK
from ringback.domain.outcome import EndReason
from ringback.store.contacts import LONGEST_CALL, remember
from ringback.store.rule_packs import rule_campaign

TULSA = "+19185550100"
AFTERNOON = Instant("2026-03-02T18:00:00Z")
DAY, MINUTE = TimeDelta(hours=24), TimeDelta(minutes=1)
OFTEN = {"max_attempts": 20, "after": {"busy": ["1m"], "no-answer": ["1m"]}}

LIMITED = """
[[clause]]
id = "calm"
text = "Not twice within so long."
citation = "House rules, 2"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-01-01
applies_to = {{ countries = ["US"] }}
frequency = {{ most = 1, within = "{within}", per = "number" }}
"""


def limit(folder, version, within, since="2026-01-01"):  # noqa: F811
    """Write a version of the house rules that limits how often."""
    put(folder, version, since, start="00:00")
    with (folder / f"house@{version}.toml").open("a", encoding="utf-8") as file:
        file.write(LIMITED.format(within=within))


async def afternoon(make_world, *numbers, **plan):
    """A world in which it is one o'clock in Miami, and any call may be redialled at once."""
    world = await make_world(leads=leads(*numbers), **{"retry": OFTEN, **plan})
    world.clock.advance_to(AFTERNOON)
    return world


async def again(world, engine):
    """Whether one more dial is placed, a minute later; it is busy."""
    world.clock.advance_to(world.clock.now() + MINUTE)
    placed = await dial(engine)
    await end(engine)
    return placed


async def withheld(world):
    """By which rule dials were withheld."""
    return {(row["rule"], row["pack"], row["pack_version"]) for row in await world.rows("SELECT * FROM decisions")}


@pytest.mark.parametrize(
    ("pack", "clause_id", "purpose", "number", "most", "span"),
    [
        ("us-federal", "seven-in-seven", "collections", AUSTIN, 7, DAY * 7),
        ("us-fl", "three-a-day", "marketing", MIAMI, 3, DAY),
        ("us-ok", "three-a-day", "marketing", TULSA, 3, DAY),
    ],
)
async def test_the_last_dial_that_a_clause_allows_is_placed_and_the_next_one_waits(
    make_world, pack, clause_id, purpose, number, most, span
):
    """Until the first is so old; its decision names clause, pack and version."""
    world = await afternoon(make_world, number)
    await ruled(world, pack, purpose=purpose)
    engine = await begun(world)
    first_at = world.clock.now() + MINUTE
    assert [await again(world, engine) for _ in range(most + 1)] == [1] * most + [0]
    assert await withheld(world) == {(clause_id, pack, "2026.1")}
    assert await world.value("SELECT due_at FROM queue") == first_at + span + SLACK
    world.clock.advance_to(first_at + span + SLACK - MINUTE)
    await engine.node.lease.run_once()
    assert await again(world, engine) == 1


async def test_a_conversation_is_followed_by_seven_days_without_calls_about_debts(make_world):
    """Whichever campaign it was of; calls for something else go on."""
    world = await afternoon(make_world, AUSTIN)
    await ruled(world, "us-federal", purpose="collections")
    engine = await begun(world)
    assert await dial(engine) == 1
    talked_at = world.clock.now()
    await end(engine, reason=EndReason.USER_DISCONNECTED)
    debts, service = [await another_campaign(world, 0) for _ in range(2)]
    await debts.add_leads(leads(AUSTIN))
    await ruled(debts, "us-federal", purpose="collections")
    assert await again(world, engine) == 0
    assert await withheld(world) == {("after-a-conversation", "us-federal", "2026.1")}
    assert await world.value("SELECT due_at FROM queue") == talked_at + DAY * 7
    await service.add_leads(leads(AUSTIN))
    await ruled(service, "us-federal", purpose="service")
    assert await again(world, engine) == 1


async def test_dials_of_all_campaigns_count_and_each_is_bound_by_its_own_packs(make_world):
    """One without packs goes on where the other has to wait; a number of another state is not bound."""
    world = await afternoon(make_world, MIAMI, AUSTIN)
    await ruled(world, "us-fl", purpose="marketing")
    free = await another_campaign(world, 0)
    engine = await begun(world)
    assert [await again(world, engine) for _ in range(2)] == [2, 2]
    await free.add_leads(leads(MIAMI))
    assert await again(world, engine) >= 2
    world.clock.advance_to(world.clock.now() + MINUTE)
    placed = [await again(world, engine) for _ in range(3)]
    assert all(placed)
    dialled = [one.to_number for one in puppet_of(engine).placed]
    by_campaign = await world.rows(
        "SELECT campaign_no, count(*)::int AS dials FROM attempts JOIN calls USING (workspace_no, call_id, campaign_no)"
        " WHERE to_number = $1 GROUP BY 1",
        MIAMI,
    )
    dials = {row["campaign_no"]: row["dials"] for row in by_campaign}
    assert dials[world.campaign.campaign_no] <= 3
    assert sum(dials.values()) > 3
    assert dialled.count(AUSTIN) == 6
    assert ("three-a-day", "us-fl", "2026.1") in await withheld(world)


async def test_the_workspaces_own_rules_and_those_of_packs_all_hold(make_world):
    """Whichever is the stricter at the time is named."""
    world = await afternoon(make_world, MIAMI)
    await rule(world, per_number=["2 per 1h"])
    await governed(world, "us-fl", purpose="marketing")
    engine = await begun(world)
    assert [await again(world, engine) for _ in range(3)] == [1, 1, 0]
    world.clock.advance_to(world.clock.now() + TimeDelta(hours=1))
    await engine.node.lease.run_once()
    assert [await again(world, engine) for _ in range(2)] == [1, 0]
    assert await withheld(world) == {("per_number: 2 per 1h", None, None), ("three-a-day", "us-fl", "2026.1")}
    await rule(world)
    assert await world.value("SELECT contact_span_sec FROM workspaces") == 86_400


async def test_what_was_dialled_before_a_pack_was_chosen_counts(make_world):
    """From the beginning."""
    world = await afternoon(make_world, MIAMI)
    engine = await begun(world)
    assert [await again(world, engine) for _ in range(2)] == [1, 1]
    assert await counted(world) == {}
    await ruled(world, "us-fl", purpose="marketing")
    assert await counted(world) == {MIAMI: 2}
    assert [await again(world, engine) for _ in range(2)] == [1, 0]


async def test_a_call_that_is_up_when_counting_begins_is_taken_for_a_conversation(make_world):
    """Nobody notes what becomes of it: it began when nobody asked."""
    world = await afternoon(make_world, AUSTIN)
    engine = await begun(world)
    await dial(engine)
    await ruled(world, "us-federal", purpose="collections")
    assert await world.value("SELECT talked_at FROM contacts") == world.clock.now() + LONGEST_CALL
    await end(engine)
    assert await again(world, engine) == 0
    assert await withheld(world) == {("after-a-conversation", "us-federal", "2026.1")}


async def test_packs_without_such_clauses_cost_nothing(make_world):
    """No row is written, and no dial is hurried."""
    world = await afternoon(make_world, AUSTIN)
    await ruled(world, "us-wa", "au", purpose="marketing")
    engine = await begun(world)
    await engine.dialler.run_once()
    assert await world.rows("SELECT * FROM contacts") == []
    assert {attempt.placed_by for attempt in engine.node.hand.live.values()} == {None}


async def test_a_clause_that_a_pack_gets_later_binds_what_was_dialled_before(make_world, folder):  # noqa: F811
    """Its dials wait for a moment, with the clause named, until all that was dialled in its span is counted."""
    put(folder, start="00:00")
    world = await afternoon(make_world, AUSTIN)
    await ruled(world, "house")
    engine = await begun(world)
    assert await again(world, engine) == 1
    for version, within, known in (("2026.2", "1h", 0), ("2026.3", "2h", 3_600)):
        limit(folder, version, within, since=f"2026-02-0{version[-1]}")
        assert await again(world, engine) == 0
        (row,) = await world.rows("SELECT * FROM decisions WHERE pack_version = $1", version)
        assert (row["rule"], row["pack"], json.loads(row["inputs"])["counted_sec"]) == ("calm", "house", known)
        assert await counted(world) == {AUSTIN: 1}
        assert await again(world, engine) == 0
        world.clock.advance_to(world.clock.now() + TimeDelta(hours=1))
        await engine.node.lease.run_once()
    world.clock.advance_to(world.clock.now() + TimeDelta(hours=1))
    await engine.node.lease.run_once()
    assert await again(world, engine) == 1
    assert len(puppet_of(engine).placed) == 2


async def test_a_node_with_older_files_forgets_nothing_that_others_need(make_world, folder):  # noqa: F811
    """How long dials are remembered stands in the database, and grows only."""
    world = await afternoon(make_world, MIAMI)
    await ruled(world, "us-fl", purpose="marketing")
    async with world.database.transaction() as db:
        await remember(db, world.workspace_no, 7 * 86_400, world.clock.now())
    engine = await begun(world)
    assert await again(world, engine) == 1
    world.clock.advance_to(world.clock.now() + DAY * 2)
    await engine.node.lease.run_once()
    assert await again(world, engine) == 1
    assert await counted(world) == {MIAMI: 2}


async def test_what_retention_has_deleted_still_counts_when_a_longer_span_is_asked_for(make_world):
    """The attempts are gone, and what was counted of them is kept."""
    world = await afternoon(make_world, MIAMI)
    await ruled(world, "us-fl", purpose="marketing")
    engine = await begun(world)
    assert [await again(world, engine) for _ in range(2)] == [1, 1]
    await world.value("DELETE FROM attempts WHERE attempt = 1")
    async with world.database.transaction() as db:
        await remember(db, world.workspace_no, 7 * 86_400, world.clock.now())
    assert await counted(world) == {MIAMI: 2}


async def test_counting_ends_with_the_last_pack(make_world):
    """Nobody looks at it any more; the packs of another campaign are looked at."""
    world = await afternoon(make_world, MIAMI)
    other = await another_campaign(world, 0)
    await ruled(world, "us-fl")
    await ruled(other, "us-fl")
    spans = []
    for campaign in (world, other):
        await ruled(campaign)
        spans.append(await world.value("SELECT contact_span_sec FROM workspaces"))
    assert spans == [86_400, None]


CLAIMERS, CAMPAIGNS = 12, 4
NUMBERS = tuple(f"+1305555{n:04}" for n in range(100, 108))


async def test_claimers_in_a_race_never_exceed_a_clause(make_world):
    """Of several campaigns to the same numbers, whose past nobody has counted at first: not one dial over."""
    world = await afternoon(make_world, *NUMBERS, retry={**OFTEN, "after": {"busy": ["1s"], "no-answer": ["1s"]}})
    campaigns = [world]
    for _ in range(CAMPAIGNS - 1):
        campaigns.append(await another_campaign(world, 0))
        await campaigns[-1].add_leads(leads(*NUMBERS))
    async with world.database.transaction() as db:
        for one in campaigns:  # nobody counts yet: the nodes find that out
            await rule_campaign(db, one.workspace_no, one.campaign.campaign_id, ["us-fl"], "marketing")
    engines = [
        await begun(world, f"n{n}", puppet=False, database=await single_connection(world), claim_batch=5)
        for n in range(CLAIMERS)
    ]

    async def work(engine):
        await engine.dialler.run_once()
        await engine.placer.run_once()
        await engine.settler.run_once()

    for _ in range(20):
        await asyncio.gather(*map(work, engines))
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=2))
    assert most_in(world.dials(), DAY) == 3
    assert len(world.dials()) == 3 * len(NUMBERS)
    await every_call_is_somewhere(world)
