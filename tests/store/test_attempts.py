import asyncio
import json
from uuid import UUID

import asyncpg
import pytest
from tests.store.results import ENDED_AT, RETRY_AT, TWICE, ends, is_final, key, settle, take_back, tallies
from tests.world import NOON, claim
from whenever import Instant, TimeDelta

from ringback.store import attempts, finish
from ringback.store.attempts import Progress


async def test_a_result_with_a_retry_makes_the_next_queue_row(make_world):
    """Attempt, queue and sums are written by one statement."""
    world = await make_world(leads=1, retry=TWICE)
    [intent] = await claim(world, 1)
    assert await settle(world, ends(intent)) == {key(intent)}
    [row], [waiting] = await world.attempts(), await world.queue()
    assert (row["status"], row["end_reason"], row["sip_code"]) == ("no-answer", "user_did_not_pick_up", 487)
    assert (row["retry_at"], row["retry_rule"], row["stop_reason"]) == (RETRY_AT, "no-answer: 2h", None)
    assert (waiting["call_id"], waiting["attempt"], waiting["due_at"]) == (intent.call_id, 2, RETRY_AT)
    assert await tallies(world) == [(1, "user_did_not_pick_up", 1, 0, 0, 0)]


async def test_a_result_without_a_retry_ends_the_call(make_world):
    """The call has the attempt's end, and nothing waits."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    await settle(world, is_final(intent))
    [call] = await world.calls()
    assert (call["final_status"], call["final_reason"], call["finished_at"]) == (
        "no-answer",
        "attempts_exhausted",
        ENDED_AT,
    )
    assert await world.queue() == []


async def test_what_comes_twice_changes_nothing(make_world):
    """The second time is passed over, in another batch and in the same."""
    world = await make_world(leads=1, retry=TWICE)
    [intent] = await claim(world, 1)
    await settle(world, ends(intent))
    before = await world.attempts(), await world.queue(), await tallies(world)
    assert await settle(world, ends(intent, sip_code=480)) == set()
    assert await settle(world, is_final(intent)) == set()
    assert (await world.attempts(), await world.queue(), await tallies(world)) == before


async def test_a_result_that_comes_late_does_not_end_the_next_attempt(make_world):
    """Attempt 2 is up when attempt 1 is reported once more."""
    world = await make_world(leads=1, retry=TWICE)
    [first] = await claim(world, 1)
    await settle(world, ends(first))
    [second] = await claim(world, 1, RETRY_AT)
    assert await settle(world, ends(first)) == set()
    assert [row["ended_at"] for row in await world.attempts()] == [ENDED_AT, None]
    assert second.attempt == 2


async def test_a_result_of_an_attempt_that_nobody_knows_changes_nothing(make_world):
    """Nothing is queued, summed or ended for it."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    stranger = intent._replace(call_id=UUID(int=1))
    assert await settle(world, ends(stranger), is_final(stranger._replace(attempt=2))) == set()
    assert (await tallies(world), await world.queue()) == ([], [])
    assert [row["ended_at"] for row in await world.attempts()] == [None]


async def test_a_result_of_an_intent_that_was_taken_back_does_not_end_its_successor(make_world):
    """The same dial has the same ordinal again, and is another attempt."""
    world = await make_world(leads=1, retry=TWICE)
    [first] = await claim(world, 1)
    await take_back(world, first)
    [again] = await claim(world, 1, ENDED_AT)
    assert key(again) == key(first)
    assert await settle(world, ends(first)) == set()
    async with world.database.connection() as db:
        await attempts.progress(db, [Progress(*first[:4], "ringing", NOON, None)])
    [row] = await world.attempts()
    assert (row["attempt_id"], row["status"], row["ended_at"]) == (again.attempt_id, "initiated", None)


async def test_a_batch_ends_what_it_can(make_world):
    """Those that are over already do not keep the others from being ended."""
    world = await make_world(leads=3, retry=TWICE)
    first, second, third = await claim(world, 3)
    await settle(world, ends(second))
    assert await settle(world, ends(first), ends(second), is_final(third)) == {key(first), key(third)}
    assert await tallies(world) == [(1, "user_did_not_pick_up", 3, 0, 0, 0)]


async def test_money_and_time_add_up_exactly(make_world):
    """Sums stay whole numbers, far beyond what a float could hold."""
    world = await make_world(leads=3)
    intents = await claim(world, 3)
    costs = [9_007_199_254_740_993, 1, 333_333]
    talked = {"status": "completed", "end_reason": "user_disconnected", "stop_reason": "reached"}
    for intent, cost in zip(intents, costs, strict=True):
        sums = {"duration_sec": 61, "billed_sec": 66, "cost_micros": cost, "final_status": "completed"}
        await settle(world, is_final(intent, **talked, **sums))
    assert await tallies(world) == [(1, "user_disconnected", 3, 183, 198, sum(costs))]


async def test_sums_are_kept_apart_by_day_currency_and_ordinal(make_world):
    """The day is that of the dial, in UTC."""
    world = await make_world(leads=3)
    one, two, three = await claim(world, 3)
    await settle(
        world, is_final(one), is_final(two, called_at=NOON + TimeDelta(hours=12)), is_final(three, currency="EUR")
    )
    found = await world.rows("SELECT day::text, currency, attempts FROM tallies ORDER BY day, currency")
    assert [tuple(row) for row in found] == [
        ("2026-03-02", "EUR", 1),
        ("2026-03-02", "USD", 1),
        ("2026-03-03", "USD", 1),
    ]


async def test_a_cancelled_campaign_redials_nobody(make_world):
    """The attempt that was up ends as it ended; the redial that was decided is not made."""
    world = await make_world(leads=1, retry=TWICE)
    [intent] = await claim(world, 1)
    await world.act("cancel")
    await settle(world, ends(intent))
    [row], [call] = await world.attempts(), await world.calls()
    assert (row["status"], row["retry_at"], row["retry_rule"], row["stop_reason"]) == (
        "no-answer",
        None,
        None,
        "cancelled",
    )
    assert (call["final_status"], call["final_reason"]) == ("cancelled", "cancelled")
    assert await world.queue() == []


async def test_what_was_decided_before_the_cancellation_is_cancelled_by_it(make_world):
    """The redial waits, and goes with the queue."""
    world = await make_world(leads=1, retry=TWICE)
    [intent] = await claim(world, 1)
    await settle(world, ends(intent))
    await world.act("cancel")
    [row], [call] = await world.attempts(), await world.calls()
    assert row["retry_at"] == RETRY_AT
    assert (call["final_status"], await world.queue()) == ("cancelled", [])


async def test_a_call_that_was_reached_stays_so_in_a_cancelled_campaign(make_world):
    """A cancellation takes away redials, not what came about."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    await world.act("cancel")
    reached = {"status": "completed", "end_reason": "user_disconnected", "stop_reason": "reached"}
    await settle(world, is_final(intent, **reached, final_status="completed"))
    [call] = await world.calls()
    assert (call["final_status"], call["final_reason"]) == ("completed", "reached")


async def test_a_settlement_beside_a_cancellation_that_has_begun_does_not_wait_for_it(make_world):
    """It may miss the cancellation, and then its redial comes back into the queue: there it is looked for and ended."""
    world = await make_world(leads=1, retry=TWICE)
    [intent] = await claim(world, 1)
    async with world.database.transaction() as db:
        await db.execute("UPDATE campaigns SET status = 'cancelled', finished_at = $1", NOON)
        await settle(world, ends(intent))
    assert len(await world.queue()) == 1
    async with world.database.connection() as db:
        assert len(await finish.end_waiting(db, ENDED_AT, Instant.MIN, 10)) == 1
    assert await world.queue() == []
    [call] = await world.calls()
    assert (call["final_status"], call["final_reason"], call["finished_at"]) == ("cancelled", "cancelled", ENDED_AT)


async def test_an_attempt_that_may_still_be_up_says_until_when(make_world):
    """For as long its slot is held; one whose end is known holds none."""
    world = await make_world(leads=2)
    lost, known = await claim(world, 2)
    await settle(world, is_final(lost, end_reason="outcome_unknown", held_until=RETRY_AT), is_final(known))
    held = {row["call_id"]: row["held_until"] for row in await world.attempts()}
    assert held == {lost.call_id: RETRY_AT, known.call_id: None}


async def test_two_nodes_that_settle_the_same_attempts_do_not_lock_each_other_out(make_world):
    """Rows are taken in the order of their keys, in whichever order the results came."""
    world = await make_world(leads=2, retry=TWICE)
    one, two = await claim(world, 2)
    engines = await world.engine_database()
    async with world.database.transaction() as on_one:
        await on_one.execute("SELECT FROM attempts WHERE call_id = $1 FOR UPDATE", one.call_id)
        async with world.database.transaction() as on_two:
            await on_two.execute("SELECT FROM attempts WHERE call_id = $1 FOR UPDATE", two.call_id)
            forth = asyncio.create_task(settle(world, ends(one), ends(two), by=engines))
            await blocked(world, 1)
            back = asyncio.create_task(settle(world, ends(two), ends(one), by=engines))
            await blocked(world, 2)
    ended = await asyncio.gather(forth, back)
    assert sorted(map(len, ended)) == [0, 2]


async def blocked(world, count: int) -> None:
    """Return once so many statements wait for a lock."""
    async with asyncio.timeout(10):
        while count > await world.value(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            pass


async def test_a_value_that_no_column_takes_is_not_taken_for_an_outage(make_world):
    """An outage is waited for; this would be tried again for ever, and keep every other outcome from being written."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    with pytest.raises(asyncpg.DataError):
        await settle(world, is_final(intent, sip_code=1 << 20))


async def test_what_else_was_told_is_kept_with_the_attempt(make_world):
    """As JSON, beside one that has nothing to tell in the same batch."""
    world = await make_world(leads=2)
    told, plain = await claim(world, 2)
    await settle(world, is_final(told, details='{"q850": 34, "digits": "1"}'), is_final(plain))
    found = {row["call_id"]: row["details"] for row in await world.attempts()}
    assert json.loads(found[told.call_id]) == {"q850": 34, "digits": "1"}
    assert found[plain.call_id] is None
