"""Several trunks in a campaign: who gets a dial, and where one goes on that was refused."""

import pytest
from tests.engine.duties import begun, dial, end, work
from tests.engine.ways import Puppets, another_trunk, by_trunk, go_by, refuse, two_trunks
from tests.world import NOON, some_leads
from whenever import TimeDelta

from ringback import ids
from ringback.carriers.carrier import Ringing
from ringback.domain.hours import every_day
from ringback.domain.outcome import EndReason
from ringback.errors import CarrierUnavailable

THRICE = {"max_attempts": 3, "after": {"busy": ["1h"]}}
FAILED_TOO = {"max_attempts": 5, "after": {"failed": ["10m"]}}


async def prepared(world, **options):
    """An engine with a puppet for each trunk."""
    engine = await begun(world, puppet=False, **options)
    return engine, Puppets(engine)


async def last(world):
    """What was decided after the last attempt."""
    row = (await world.attempts())[-1]
    return row["retry_rule"] or row["stop_reason"]


async def shown(world, trunk_no):
    """The public id of a trunk."""
    found = await world.value("SELECT trunk_id FROM trunks WHERE trunk_no = $1", trunk_no)
    return ids.show(ids.TRUNK, found)


async def test_the_preferred_trunk_gets_all_that_it_has_room_for(make_world):
    """And the next one what is left, up to its own cap; the rest waits."""
    world = await make_world(leads=20, caps=(None, None, 3))
    first, second = await two_trunks(world, cap=5)
    engine, _ = await prepared(world)
    assert await dial(engine) == 8
    assert await by_trunk(world) == {first: 3, second: 5}
    await end(engine, 1)
    await work(world, engine)
    assert sum((await by_trunk(world)).values()) == 9


async def test_a_first_look_passes_no_preferred_trunk_over(make_world):
    """A node that has asked for the room of one trunk only asks for the other's before it dials."""
    world = await make_world(leads=4, caps=(None, None, 10))
    engine, _ = await prepared(world)
    await dial(engine)
    preferred = await another_trunk(world, "preferred", 10)
    await go_by(world, (world.trunk_no, 2, 1), (preferred, 1, 1))
    await world.add_leads(some_leads(4, first=50))
    await work(world, engine)
    assert await by_trunk(world) == {world.trunk_no: 4, preferred: 4}


async def test_equals_share_by_weight_over_small_claims(make_world):
    """Three to one, two dials at a time."""
    world = await make_world(leads=40)
    first, second = world.trunk_no, await another_trunk(world, "second")
    await go_by(world, (first, 1, 3), (second, 1, 1))
    engine, _ = await prepared(world, claim_batch=2)
    for _ in range(20):
        await dial(engine)
    assert await by_trunk(world) == {first: 30, second: 10}


@pytest.mark.parametrize("how", ["down", "full here", "shut", "cannot be set up"])
async def test_a_trunk_that_takes_none_leaves_its_share_to_the_others(make_world, how):
    """Whatever keeps it; nothing waits and nothing fails."""
    world = await make_world(leads=6)
    first, second = await two_trunks(world)
    engine, puppets = await prepared(world)
    if how == "down":
        puppets.of("dials").ailing = "it does not answer"
    elif how == "full here":
        puppets.of("dials").slots = 2
    elif how == "shut":
        await world.value(
            "UPDATE limits SET max_concurrent_calls = 0 WHERE kind = 'trunk' AND ref_no = $1", world.trunk_no
        )
    else:
        await world.value("UPDATE trunks SET billing = '7' WHERE trunk_no = $1", first)
    assert await dial(engine) == 6
    expected = {first: 2, second: 4} if how == "full here" else {second: 6}
    assert await by_trunk(world) == expected


async def test_leads_wait_where_all_trunks_are_down(make_world):
    """And are dialled once one is back."""
    world = await make_world(leads=3)
    _, second = await two_trunks(world)
    engine, puppets = await prepared(world)
    for name in ("dials", "second"):
        puppets.of(name).ailing = "it does not answer"
    assert await dial(engine) == 0
    puppets.of("second").ailing = None
    await work(world, engine)
    assert await by_trunk(world) == {second: 3}


@pytest.mark.parametrize(("reason", "code"), [(EndReason.NETWORK_FAILURE, 500), (EndReason.SYSTEM_AT_CAPACITY, 503)])
async def test_a_refused_dial_goes_on_at_once_over_the_other_trunk(make_world, reason, code):
    """Although its policy redials no failure; it is an attempt, and the history says over which trunk it went on."""
    world = await make_world(leads=1, retry=THRICE)
    first, second = await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine, code, reason)
    [waiting] = await world.queue()
    assert (waiting["trunk_no"], waiting["attempt"], waiting["due_at"]) == (second, 2, world.clock.now())
    assert await last(world) == f"fail-over: {await shown(world, second)}"
    assert await dial(engine) == 1
    assert [row["trunk_no"] for row in await world.attempts()] == [first, second]


async def test_once_every_trunk_has_refused_the_policy_waits(make_world):
    """Each is asked once in a row; the row begins anew after the policy's own wait."""
    world = await make_world(leads=1, retry=FAILED_TOO)
    first, second = await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine)
    await dial(engine)
    await refuse(engine)
    assert await last(world) == "failed: 10m"
    assert await dial(engine) == 0
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=10))
    await dial(engine)
    await refuse(engine)
    assert await last(world) == f"fail-over: {await shown(world, second)}"
    await dial(engine)
    assert [row["trunk_no"] for row in await world.attempts()] == [first, second] * 2


async def test_once_every_trunk_has_refused_a_call_may_be_over(make_world):
    """Where the policy has no wait for that."""
    world = await make_world(leads=1, retry=THRICE)
    await two_trunks(world)
    engine, _ = await prepared(world)
    for _ in range(2):
        await dial(engine)
        await refuse(engine)
    assert [(call["final_status"], call["final_reason"]) for call in await world.calls()] == [
        ("failed", "not_retryable")
    ]
    assert await world.queue() == []


async def test_no_fail_over_is_above_the_policys_attempts(make_world):
    """One dial is one dial."""
    world = await make_world(leads=1)
    await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine)
    assert await world.queue() == []
    assert len(await world.attempts()) == 1


@pytest.mark.parametrize(
    ("code", "more"), [(None, {}), (504, {}), (503, {"rang": True}), (503, {"ring_sec": 2})], ids=str
)
async def test_what_may_have_rung_never_goes_on(make_world, code, more):
    """Silence, a gateway that waited in vain, and a phone that was heard of: the policy's wait applies."""
    world = await make_world(leads=1, retry=FAILED_TOO)
    await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine, code, **more)
    assert await last(world) == "failed: 10m"


async def test_a_dial_that_was_told_to_ring_never_goes_on(make_world):
    """Nor one of which nobody knows how it ended."""
    world = await make_world(leads=2, retry=FAILED_TOO)
    await two_trunks(world)
    engine, _ = await prepared(world, claim_batch=1)
    await dial(engine)
    [attempt_id] = engine.node.hand.live
    engine.node.hand.hear(Ringing(attempt_id, world.clock.now()))
    await refuse(engine)
    assert [row["retry_rule"] for row in await world.attempts()] == ["failed: 10m"]
    await dial(engine)
    await refuse(engine, None, EndReason.OUTCOME_UNKNOWN)
    assert [row["retry_rule"] for row in await world.attempts()] == ["failed: 10m"] * 2


async def test_a_trunk_that_certainly_never_placed_it_is_left_for_another(make_world):
    """No response is needed to know that nothing rang."""
    world = await make_world(leads=1, retry=THRICE)
    first, second = await two_trunks(world)
    engine, puppets = await prepared(world)
    puppets.of("dials").raises = CarrierUnavailable("it is shut")
    await dial(engine)
    await engine.settler.run_once()
    await dial(engine)
    assert puppets.placed() == {"second": 1}
    assert [row["trunk_no"] for row in await world.attempts()] == [first, second]


async def test_what_must_go_over_one_trunk_waits_while_that_is_full(make_world):
    """It is not dialled over the one that has just refused it, though that has room."""
    world = await make_world(leads=1, retry=THRICE)
    first, second = await two_trunks(world, cap=0)
    engine, puppets = await prepared(world)
    await dial(engine)
    await refuse(engine)
    await work(world, engine, rounds=3)
    assert await by_trunk(world) == {first: 1}
    await world.value("UPDATE limits SET max_concurrent_calls = 1 WHERE kind = 'trunk' AND ref_no = $1", second)
    await work(world, engine, rounds=2)
    assert puppets.placed() == {"dials": 1, "second": 1}


@pytest.mark.parametrize("how", ["down", "gone"])
async def test_what_must_go_over_a_trunk_that_takes_none_goes_over_any(make_world, how):
    """The trunk is down, or is the campaign's no more: nobody waits for it."""
    world = await make_world(leads=1, retry=THRICE)
    first, _ = await two_trunks(world)
    engine, puppets = await prepared(world)
    await dial(engine)
    await refuse(engine)
    if how == "down":
        puppets.of("second").ailing = "it does not answer"
    else:
        await go_by(world, (first, 1, 1))
    await work(world, engine, rounds=2)
    assert await by_trunk(world) == {first: 2}
    assert [row["trunk_no"] for row in await world.queue()] == []


async def test_a_trunk_that_is_down_is_none_to_go_on_over(make_world):
    """Nor does the dial go round: the policy waits."""
    world = await make_world(leads=1, retry=FAILED_TOO)
    await two_trunks(world)
    engine, puppets = await prepared(world)
    puppets.of("second").ailing = "it does not answer"
    await dial(engine)
    await refuse(engine)
    assert await last(world) == "failed: 10m"


async def test_a_dial_that_is_refused_as_the_window_shuts_goes_on_when_it_opens(make_world):
    """Over the other trunk still."""
    world = await make_world(leads=1, retry=THRICE, window=every_day(9 * 60, 13 * 60))
    _, second = await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await refuse(engine)
    [waiting] = await world.queue()
    assert (waiting["trunk_no"], waiting["due_at"]) == (second, NOON + TimeDelta(hours=21))


async def test_an_intent_that_is_taken_back_waits_for_the_same_trunk_again(make_world):
    """It is as due as it was."""
    world = await make_world(leads=1, retry=THRICE)
    _, second = await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine)
    await engine.dialler.run_once()
    engine.node.hand.give_up_placing()
    await engine.placer.withdraw("a test says so")
    [waiting] = await world.queue()
    assert (waiting["trunk_no"], waiting["attempt"]) == (second, 2)


async def test_what_is_on_its_way_keeps_its_trunk(make_world):
    """Another trunk is for the dials after it; a refusal goes on by the trunks that the dial began with."""
    world = await make_world(leads=1, retry=THRICE)
    first, second = await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    third = await another_trunk(world, "third")
    await go_by(world, (third, 1, 1))
    await refuse(engine)
    [attempt] = await world.attempts()
    assert (attempt["trunk_no"], attempt["retry_trunk_no"]) == (first, second)
    await work(world, engine, rounds=2)
    assert (await world.attempts())[-1]["trunk_no"] == third


async def test_a_campaign_is_not_complete_while_a_dial_must_go_over_one_trunk(make_world):
    """Nor is it for long where a node that knows no such dials has said so; a cancel ends that dial."""
    world = await make_world(leads=1, retry=THRICE)
    await two_trunks(world)
    engine, _ = await prepared(world)
    await dial(engine)
    await refuse(engine)
    await engine.finisher.run_once()
    assert await world.status() == "running"
    await world.value("UPDATE campaigns SET status = 'completed', finished_at = $1", world.clock.now())
    await engine.finisher.run_once()
    assert await world.status() == "running"
    await world.act("cancel")
    assert (await world.status(), await world.queue()) == ("cancelled", [])
