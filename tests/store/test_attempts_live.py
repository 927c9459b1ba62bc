from uuid import UUID

import asyncpg
import pytest
from tests.store.results import ENDED_AT, is_final, key, settle, take_back, tallies
from tests.world import NOON, a_lead, claim
from whenever import TimeDelta

from ringback.store import attempts, queue
from ringback.store.attempts import Progress


async def test_progress_is_written_down_once(make_world):
    """States move on; the first time of the dial and of the answer stay."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    rung, answered = NOON + TimeDelta(seconds=1), NOON + TimeDelta(seconds=5)
    async with world.database.connection() as db:
        await attempts.progress(db, [Progress(*intent[:4], "ringing", rung, None)])
        await attempts.progress(db, [Progress(*intent[:4], "in-progress", answered, answered)])
    [row] = await world.attempts()
    assert (row["status"], row["called_at"], row["answered_at"]) == ("in-progress", rung, answered)


async def test_progress_of_an_attempt_that_is_over_is_passed_over(make_world):
    """A ringing that is reported late does not bring a dial back to life."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    await settle(world, is_final(intent))
    before = await world.attempts()
    async with world.database.connection() as db:
        await attempts.progress(db, [Progress(*intent[:4], "ringing", ENDED_AT, None)])
    assert await world.attempts() == before


async def test_an_intent_that_is_taken_back_is_the_same_dial_again(make_world):
    """Its row is gone, its ordinal waits again, and the call is none the wiser."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    assert await take_back(world, intent) == {key(intent)}
    [waiting] = await world.queue()
    assert (waiting["attempt"], waiting["due_at"], waiting["trunk_no"]) == (1, ENDED_AT, 0)
    assert (await world.attempts(), await tallies(world)) == ([], [])
    assert [call["final_status"] for call in await world.calls()] == [None]


async def test_an_intent_that_a_trunk_was_asked_for_is_not_taken_back(make_world):
    """Nor is one that is over."""
    world = await make_world(leads=2)
    asked, over = await claim(world, 2)
    async with world.database.connection() as db:
        await attempts.progress(db, [Progress(*asked[:4], "ringing", NOON, None)])
    await settle(world, is_final(over))
    assert await take_back(world, asked, over) == set()
    assert len(await world.attempts()) == 2
    assert await world.queue() == []


async def test_an_intent_is_taken_back_once(make_world):
    """Who asks again, late, does not take back the claim that followed: that one may be dialled by now."""
    world = await make_world(leads=1)
    [first] = await claim(world, 1)
    await take_back(world, first)
    [again] = await claim(world, 1, ENDED_AT)
    assert await take_back(world, first) == set()
    assert [row["attempt_id"] for row in await world.attempts()] == [again.attempt_id]
    assert await world.queue() == []


async def test_an_intent_of_a_cancelled_campaign_ends_its_call(make_world):
    """There is nothing to go back to."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    await world.act("cancel")
    assert await take_back(world, intent) == {key(intent)}
    [call] = await world.calls()
    assert (call["final_status"], call["finished_at"], await world.queue()) == ("cancelled", ENDED_AT, [])


async def test_still_live_names_those_without_an_end(make_world):
    """What is over, and what nobody knows, is not among them."""
    world = await make_world(leads=2)
    up, over = await claim(world, 2)
    await settle(world, is_final(over))
    asked = [key(up), key(over), (world.workspace_no, UUID(int=1), 1)]
    async with world.database.connection() as db:
        assert await attempts.still_live(db, asked) == {key(up)}
        assert await attempts.still_live(db, []) == set()


async def test_orphans_are_those_of_the_nodes_that_were_named(make_world):
    """Without those that are over, the oldest first, at most so many."""
    world = await make_world(leads=4)
    [newer], [mine], [older], [over] = [
        await claim(world, 1, NOON + TimeDelta(seconds=at), node_no) for at, node_no in ((4, 1), (1, 2), (3, 3), (2, 1))
    ]
    await settle(world, is_final(over))
    async with world.database.connection() as db:
        assert [row["call_id"] for row in await attempts.orphans(db, [1, 3], attempts.START, 10)] == [
            older.call_id,
            newer.call_id,
        ]
        assert [row["call_id"] for row in await attempts.orphans(db, [1, 3], attempts.START, 1)] == [older.call_id]
        assert [row["call_id"] for row in await attempts.orphans(db, [2], attempts.START, 10)] == [mine.call_id]
        assert await attempts.orphans(db, [], attempts.START, 10) == []


async def test_a_second_dial_with_the_same_number_cannot_be_recorded(make_world):
    """The key is the guard that no code can forget."""
    world = await make_world(leads=[a_lead(1)])
    [intent] = await claim(world, 1)
    async with world.database.connection() as db:
        with pytest.raises(asyncpg.UniqueViolationError, match="attempts_pkey"):
            await queue.intend(db, [intent._replace(attempt_id=UUID(int=5))], 0, NOON)
