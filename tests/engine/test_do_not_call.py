import asyncio
import json

import pytest
from tests.engine.carriers import Puppet, use
from tests.engine.duties import another_campaign, another_workspace, begun, dial, puppet_of
from tests.engine.invariants import every_call_is_somewhere, ordinals_are_whole
from tests.rows import single_call
from tests.world import NOON, a_lead, drive
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Ended
from ringback.clock import SystemClock
from ringback.domain.do_not_call import Entry, Source
from ringback.domain.outcome import EndReason
from ringback.events import DialsWithheld, IntentsStopped, Withdrawn
from ringback.store.do_not_call import add_entries, delete_entry

DAY = TimeDelta(hours=24)
REDIALS = {"max_attempts": 3, "after": {"no-answer": ["1m"], "busy": ["1m"]}}


async def put(world, *numbers, source=Source.API, expires_at=None):
    """Put numbers on the list of the world's workspace."""
    async with world.database.transaction() as db:
        entries = [Entry(number, None, expires_at) for number in numbers]
        return await add_entries(db, world.workspace_no, entries, source, world.ids, world.clock.now())


async def ends(world):
    """How the calls stand, by their numbers."""
    return {call["to_number"]: (call["final_status"], call["final_reason"]) for call in await world.calls()}


OPTED_OUT = ("cancelled", "opted_out")
WAITS = (None, None)


async def test_an_entry_cancels_what_waits_everywhere_in_its_workspace(make_world):
    """In every campaign and beside them, with a decision for each; in no other workspace."""
    world = await make_world(leads=3)
    other = await another_campaign(world, 3, first=0)
    await another_workspace(world, 1)
    await single_call(world)
    number = a_lead(1).e164
    assert await put(world, number, "+14155550999") == (2, 0, 3)
    over = [call for call in await world.calls() if call["final_status"]]
    assert [(call["final_status"], call["final_reason"]) for call in over] == [OPTED_OUT] * 3
    assert {call["campaign_no"] for call in over} == {0, world.campaign.campaign_no, other.campaign.campaign_no}
    decided = await world.rows("SELECT * FROM decisions")
    assert {row["call_id"] for row in decided} == {call["call_id"] for call in over}
    assert {(row["rule"], row["next_at"], json.loads(row["inputs"])["source"]) for row in decided} == {
        ("do_not_call", None, "api")
    }
    await drive(await world.engine(), world.clock, NOON + DAY)
    assert number not in {dial["to_number"] for dial in world.dials()}
    await every_call_is_somewhere(world)


async def test_a_beginning_cancels_all_that_have_it(make_world):
    """And no others."""
    world = await make_world(leads=[a_lead(n) for n in (10, 11, 12, 20)])
    assert await put(world, "+1415555001*") == (1, 0, 3)
    assert [number for number, how in (await ends(world)).items() if how == WAITS] == [a_lead(20).e164]


@pytest.mark.parametrize("entry", [a_lead(0).e164, "+14155*"])
async def test_no_claim_takes_what_came_into_the_queue_after_the_entry(make_world, entry):
    """A redial of a call that was up, or a lead of an import that was under way: the call ends when it is due."""
    world = await make_world(leads=1, retry=REDIALS)
    engine = await begun(world)
    assert await dial(engine) == 1
    await put(world, entry)
    [attempt] = engine.node.hand.live
    engine.node.hand.hear(Ended(attempt, world.clock.now(), EndReason.USER_BUSY))
    await engine.settler.run_once()
    assert await ends(world) == {a_lead(0).e164: WAITS}
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=2))
    assert await dial(engine) == 0
    assert await ends(world) == {a_lead(0).e164: OPTED_OUT}
    assert DialsWithheld({"do_not_call": 1}) in world.events
    assert len(puppet_of(engine).placed) == 1
    await every_call_is_somewhere(world)


async def test_what_is_claimed_and_not_placed_is_taken_back(make_world):
    """By each node, in the moment of placing; the others of the batch are dialled."""
    world = await make_world(leads=4)
    engines = [await begun(world, name, claim_batch=2) for name in "ab"]
    for engine in engines:
        await engine.dialler.run_once()
    assert len(await world.attempts()) == 4
    await put(world, *(a_lead(n).e164 for n in (0, 3)))
    for engine in engines:
        await dial(engine)
        await engine.dialler.run_once()
    placed = {dial.to_number for engine in engines for dial in puppet_of(engine).placed}
    assert placed == {a_lead(n).e164 for n in (1, 2)}
    found = await ends(world)
    assert [found[a_lead(n).e164] for n in range(4)] == [OPTED_OUT, WAITS, WAITS, OPTED_OUT]
    assert sum(event.intents for event in world.events if isinstance(event, IntentsStopped)) == 2
    await every_call_is_somewhere(world)


async def test_what_waits_for_its_pace_is_stopped_by_the_duty(make_world):
    """Before its instant comes, though it was looked up just now in the moment of placing others."""
    world = await make_world(leads=2, dials_per_sec=20)
    engine = await begun(world)
    await engine.dialler.run_once()
    await engine.placer.run_once()
    assert len(puppet_of(engine).placed) == 1
    await put(world, a_lead(1).e164)
    await engine.placer.stopper.run_once()
    world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=60))
    await engine.placer.run_once()
    assert len(puppet_of(engine).placed) == 1


async def test_what_rings_goes_on(make_world):
    """It is not hung up, and its outcome is its own."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await dial(engine)
    await put(world, a_lead(0).e164)
    await engine.placer.stopper.run_once()
    assert len(engine.node.hand.live) == 1
    assert await ends(world) == {a_lead(0).e164: WAITS}


async def test_the_opt_out_key_puts_the_number_on_the_list(make_world):
    """With the commit of the attempt's own end; what waits for the number elsewhere is over with it."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await dial(engine)
    other = await another_campaign(world, 1, first=0)
    [attempt] = engine.node.hand.live
    told = {"opted_out": True, "digits": "9"}
    engine.node.hand.hear(Ended(attempt, world.clock.now(), EndReason.AGENT_DISCONNECTED, duration_sec=4, details=told))
    await engine.settler.run_once()
    [entry] = await world.rows("SELECT * FROM do_not_call")
    assert (entry["number"], entry["source"], entry["created_by"]) == (a_lead(0).e164, "opt_out", None)
    assert entry["note"].startswith("att_")
    how = {call["campaign_no"]: (call["final_status"], call["final_reason"]) for call in await world.calls()}
    assert how == {world.campaign.campaign_no: ("completed", "opted_out"), other.campaign.campaign_no: OPTED_OUT}


async def test_an_entry_lasts_as_long_as_either_says(make_world):
    """A later one may lengthen it, and never shorten; one that is over makes room, and is kept."""
    world = await make_world(leads=1, started=False)
    number = a_lead(0).e164
    hour, two = NOON + TimeDelta(hours=1), NOON + TimeDelta(hours=2)
    until = "SELECT expires_at FROM do_not_call WHERE deleted_at IS NULL"
    assert await put(world, number, expires_at=two) == (1, 0, 1)
    assert await put(world, number, expires_at=hour) == (0, 1, 0)
    assert await world.value(until) == two
    world.clock.advance_to(two)
    assert await put(world, number, expires_at=two + TimeDelta(hours=1)) == (1, 0, 0)
    assert await put(world, number) == (0, 1, 0)
    assert await world.value(until) is None
    assert await world.value("SELECT count(*) FROM do_not_call WHERE deleted_at IS NOT NULL") == 1


async def test_an_entry_that_is_over_or_deleted_forbids_nothing(make_world):
    """Calls that are made after that are dialled."""
    world = await make_world(leads=0)
    await put(world, a_lead(0).e164, expires_at=NOON + TimeDelta(hours=1))
    await put(world, a_lead(1).e164)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    entry = await world.value("SELECT entry_id FROM do_not_call WHERE number = $1", a_lead(1).e164)
    async with world.database.transaction() as db:
        assert await delete_entry(db, world.workspace_no, entry, entry, world.clock.now())
    report = await world.add_leads([a_lead(0), a_lead(1)])
    assert report.created == 2
    engine = await begun(world)
    world.clock.advance_to(world.clock.now() + TimeDelta(seconds=1))
    assert await dial(engine) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_entries_race_claims_and_nobody_is_dialled_after_the_commit(make_world, seed):
    """Eight nodes claim and place while numbers come onto the list; the far end's record is held to the commits."""
    world = await make_world(leads=200, retry=REDIALS)
    engines = [await begun(world, f"n{n}", claim_batch=10) for n in range(8)]
    listed_at: dict[str, int] = {}
    placed: list[tuple[str, int]] = []
    steps = 0

    async def node(engine):
        nonlocal steps
        for _ in range(4):
            await engine.dialler.run_once()
            before = len(puppet_of(engine).placed) if engine.node.trunks._known else 0
            began = steps
            await engine.placer.run_once()
            placed.extend((one.to_number, began) for one in puppet_of(engine).placed[before:])
            world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=250))

    async def owner():
        nonlocal steps
        for n in range(seed, 200, 9):
            await put(world, a_lead(n).e164)
            steps += 1
            listed_at[a_lead(n).e164] = steps

    await asyncio.gather(owner(), *map(node, engines))
    late = [(number, began) for number, began in placed if number in listed_at and began >= listed_at[number]]
    assert late == []
    dialled = {number for number, _ in placed}
    for number, how in (await ends(world)).items():
        if number in listed_at and number not in dialled:
            assert how in (OPTED_OUT, WAITS)
    assert len(placed) == len(dialled)
    await every_call_is_somewhere(world)
    await ordinals_are_whole(world)


class Slow(Puppet):
    """A carrier that takes half a second to place a dial, and knows when it was asked."""

    def __init__(self, clock):
        super().__init__(clock)
        self.asked_at: list[Instant] = []
        self.asked = asyncio.Event()

    async def place(self, dial, by):
        """As the puppet, and later."""
        self.asked_at.append(self.clock.now())
        self.asked.set()
        await asyncio.sleep(0.5)
        return await super().place(dial, by)


async def test_a_running_node_stops_a_claimed_batch_within_a_second(make_world):
    """By the clock on the wall, with the loops of a real node: most of 300 claimed dials are not placed."""
    world, clock = await make_world(leads=300), SystemClock()
    await world.value("UPDATE queue SET due_at = $1", NOON)
    engine = await world.engine(clock=clock, claim_batch=300, lease_sec=30, check_clock=True)
    slow, stop = Slow(clock), asyncio.Event()
    use(engine, slow)
    running = asyncio.create_task(engine.run(stop, 0.1))
    await world.until(lambda: len(engine.node.hand.live) == 300)
    await slow.asked.wait()
    async with world.database.transaction() as db:
        entries = [Entry("+1415*")]
        await add_entries(db, world.workspace_no, entries, Source.API, world.ids, clock.now())
    committed = clock.now()
    await world.until(lambda: any(isinstance(event, Withdrawn) for event in world.events))
    stop.set()
    await running
    assert max(slow.asked_at) - committed < TimeDelta(seconds=1)
    assert len(slow.asked_at) < 200
    left = await world.rows("SELECT final_reason, count(*)::int AS calls FROM calls GROUP BY 1")
    assert sum(row["calls"] for row in left) == 300
