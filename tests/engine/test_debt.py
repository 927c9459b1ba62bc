"""Clauses by debt: of a lead that names one, the dials about it count, to whichever number."""

import msgspec
from tests.engine.carriers import Puppet, use
from tests.engine.duties import another_campaign, begun, dial, end, puppet_of
from tests.engine.test_pack_contact import again, withheld
from tests.engine.test_packs import AUSTIN, MIAMI, leads, ruled
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Ended, Over
from ringback.domain.outcome import EndReason
from ringback.engine.contact import look_at
from ringback.errors import NotAsked
from ringback.store.contacts import remember

AFTERNOON = Instant("2026-03-02T18:00:00Z")
DAY, MINUTE = TimeDelta(hours=24), TimeDelta(minutes=1)
OFTEN = {"max_attempts": 20, "after": {"busy": ["1m"]}}
LOAN, RENT = "loan 4711", "rent"


def owing(debt, *numbers):
    """Leads with these numbers that name a debt."""
    return [msgspec.structs.replace(lead, debt_id=debt) for lead in leads(*numbers)]


async def collecting(make_world, people, **plan):
    """A campaign that collects debts by the federal pack, on an afternoon."""
    world = await make_world(leads=people, **{"retry": OFTEN, **plan})
    world.clock.advance_to(AFTERNOON)
    await ruled(world, "us-federal", purpose="collections")
    return world


async def beside(world, people):
    """The same of another campaign."""
    other = await another_campaign(world, 0, retry=world.campaign.plan.retry)
    await other.add_leads(people)
    await ruled(other, "us-federal", purpose="collections")
    return other


async def dials_of(world):
    """How many dials are counted under each key."""
    rows = await world.rows("SELECT to_number, cardinality(dials) AS dials FROM contacts")
    return {row["to_number"]: row["dials"] for row in rows if row["dials"]}


async def test_seven_dials_about_a_debt_are_seven_to_all_its_numbers(make_world):
    """Of two campaigns together; and a debt of somebody else's at the same number has its own seven."""
    world = await collecting(make_world, owing(LOAN, AUSTIN))
    await beside(world, owing(LOAN, MIAMI))
    engine = await begun(world)
    for _ in range(20):
        await again(world, engine)
    assert len(puppet_of(engine).placed) == 7
    assert {one.to_number for one in puppet_of(engine).placed} == {AUSTIN, MIAMI}
    assert await withheld(world) >= {("seven-in-seven", "us-federal", "2026.1")}
    counted = await dials_of(world)
    assert (counted[f"debt:{LOAN}"], counted[AUSTIN] + counted[MIAMI]) == (7, 7)
    await beside(world, owing(RENT, AUSTIN))
    for _ in range(8):
        await again(world, engine)
    assert len(puppet_of(engine).placed) == 14
    assert [one.to_number for one in puppet_of(engine).placed[7:]] == [AUSTIN] * 7
    assert (await dials_of(world))[f"debt:{RENT}"] == 7


async def test_a_lead_that_names_no_debt_is_held_to_all_dials_to_its_number(make_world):
    """Those about debts that others name count as well."""
    world = await collecting(make_world, owing(LOAN, AUSTIN))
    engine = await begun(world)
    for _ in range(7):
        assert await again(world, engine) == 1
    await world.act("pause")
    await beside(world, leads(AUSTIN))
    assert await again(world, engine) == 0
    assert await withheld(world) == {("seven-in-seven", "us-federal", "2026.1")}


async def test_a_conversation_about_a_debt_is_followed_by_quiet_about_it(make_world):
    """At the debtor's other number too; about another debt one may call."""
    world = await collecting(make_world, owing(LOAN, AUSTIN))
    engine = await begun(world)
    assert await dial(engine) == 1
    talked_at = world.clock.now()
    await end(engine, reason=EndReason.USER_DISCONNECTED)
    await beside(world, owing(LOAN, MIAMI))
    assert await again(world, engine) == 0
    assert await withheld(world) == {("after-a-conversation", "us-federal", "2026.1")}
    assert await world.value("SELECT due_at FROM queue") == talked_at + DAY * 7
    await beside(world, owing(RENT, AUSTIN))
    assert await again(world, engine) == 1
    async with world.database.connection() as db:
        key = (world.workspace_no, (await world.queue())[0]["call_id"], 1)
        seen = (await look_at(db, key, MIAMI, LOAN)).known
    assert (seen.talked_at, seen.debt_talked_at) == (None, talked_at)


async def test_two_calls_about_one_debt_do_not_begin_together(make_world):
    """One of a claim goes, and the other is looked at a second later."""
    world = await collecting(make_world, owing(LOAN, AUSTIN, MIAMI))
    engine = await begun(world)
    assert await dial(engine) == 1
    assert await withheld(world) == {("same_moment", None, None)}
    counted = await dials_of(world)
    assert counted == {f"debt:{LOAN}": 1, puppet_of(engine).placed[0].to_number: 1}
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=2))
    assert await dial(engine) == 2


async def test_what_is_taken_back_is_not_counted_for_the_debt(make_world):
    """Neither under the number nor under the debt."""
    world = await collecting(make_world, owing(LOAN, AUSTIN))
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    puppet_of(engine).raises = NotAsked("not now")
    world.clock.advance_to(world.clock.now() + MINUTE)
    assert await dial(engine) == 0
    assert await dials_of(world) == {f"debt:{LOAN}": 1, AUSTIN: 1}


async def test_what_was_dialled_before_counts_for_the_debt(make_world):
    """Where dials are counted from now on, and for longer than before."""
    world = await make_world(leads=[*owing(LOAN, AUSTIN), *leads(MIAMI)], retry=OFTEN)
    world.clock.advance_to(AFTERNOON)
    engine = await begun(world)
    for _ in range(3):
        assert await again(world, engine) == 2
    assert await dials_of(world) == {}
    async with world.database.transaction() as db:
        await remember(db, world.workspace_no, 604_800, world.clock.now())
    assert await dials_of(world) == {f"debt:{LOAN}": 3, AUSTIN: 3, MIAMI: 3}


async def test_a_conversation_that_another_node_left_counts_for_the_debt(make_world):
    """Rescue hears of its end from the trunk, and knows the debt by the call."""
    world = await collecting(make_world, owing(LOAN, AUSTIN))
    dead = await begun(world, lease_sec=10)
    await dial(dead)
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=30))
    living, [attempt] = await begun(world, "b", puppet=False), await world.attempts()
    talked_at = attempt["called_at"] or attempt["intent_at"]
    ended = Ended(attempt["attempt_id"], talked_at, EndReason.USER_DISCONNECTED, duration_sec=9)
    use(living, Puppet(world.clock)).knows = Over(talked_at, ended)
    await living.rescuer.run_once()
    talked = await world.rows("SELECT to_number, talked_at FROM contacts ORDER BY 1")
    assert [tuple(row) for row in talked] == [(AUSTIN, talked_at), (f"debt:{LOAN}", talked_at)]
