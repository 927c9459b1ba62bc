import asyncio

from tests.rows import second_campaign
from tests.world import NOON, SINGLE, a_lead, claim, some_leads
from whenever import Instant, TimeDelta

from ringback.store import finish
from ringback.store.attempts import Withdrawal, withdraw
from ringback.store.queries import load

END = NOON + TimeDelta(hours=1)


async def complete(world, now=END):
    """Complete what is empty; returns how many campaigns."""
    async with world.database.connection() as db:
        return await finish.complete_empty(db, now)


async def expire(world, now=END, limit=100):
    """End what waits in campaigns that are over; returns how many calls."""
    async with world.database.connection() as db:
        return len(await finish.end_waiting(db, now, Instant.MIN, limit))


async def test_a_campaign_with_nothing_left_is_complete(make_world):
    """All its calls are final."""
    world = await make_world(leads=2)
    await world.value("DELETE FROM queue")
    assert await complete(world) == 1
    [row] = await world.rows("SELECT status, finished_at FROM campaigns")
    assert tuple(row) == ("completed", END)
    assert await complete(world) == 0


async def test_a_campaign_with_a_waiting_or_live_call_is_not_complete(make_world):
    """First one waits, then it is being dialled."""
    world = await make_world(leads=1)
    assert await complete(world) == 0
    await claim(world, 1)
    assert await complete(world) == 0
    assert await world.status() == "running"


async def test_a_campaign_without_leads_waits_for_them(make_world):
    """Until its end has passed."""
    world = await make_world(ends_at=END)
    assert await complete(world, NOON) == 0
    assert await complete(world, END) == 1


async def test_only_running_campaigns_are_completed(make_world):
    """A draft, a paused and a cancelled one stay what they are."""
    world = await make_world(leads=1, started=False)
    await world.value("DELETE FROM queue")
    assert await complete(world) == 0
    await world.act("start")
    await world.act("pause")
    assert await complete(world) == 0
    await world.act("cancel")
    assert await complete(world) == 0


async def test_calls_of_a_campaign_that_is_over_expire(make_world):
    """At its end, not before; those that are up are left to end by themselves."""
    world = await make_world(leads=3, ends_at=END)
    [up] = await claim(world, 1)
    assert await expire(world, END - TimeDelta(microseconds=1)) == 0
    assert await expire(world) == 2
    found = {
        (c["final_status"], c["final_reason"], c["finished_at"])
        for c in await world.calls()
        if c["call_id"] != up.call_id
    }
    assert found == {("expired", "expired", END)}
    assert await world.queue() == []


async def test_many_calls_expire_in_parts(make_world):
    """So that no statement holds up the dialling of others."""
    world = await make_world(leads=5, ends_at=END)
    assert [await expire(world, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_calls_of_a_paused_campaign_expire_too(make_world):
    """Its end is its end."""
    world = await make_world(leads=1, ends_at=END)
    await world.act("pause")
    assert await expire(world) == 1


async def test_calls_of_a_cancelled_campaign_are_cancelled(make_world):
    """Its end has passed too: it is not by that that they are over. One cancelled before that instant is left alone."""
    world = await make_world(leads=2, ends_at=NOON)
    await world.value("UPDATE campaigns SET status = 'cancelled', finished_at = $1", NOON)
    async with world.database.connection() as db:
        assert await finish.end_waiting(db, END, NOON, 100) == []
        assert len(await finish.end_waiting(db, END, NOON - TimeDelta(microseconds=1), 100)) == 2
    assert {(c["final_status"], c["final_reason"]) for c in await world.calls()} == {("cancelled", "cancelled")}
    assert await world.queue() == []


async def test_leads_set_a_completed_campaign_running_again(make_world):
    """They are dialled as any others; a report that made none leaves it complete."""
    world = await make_world(leads=1)
    await world.value("DELETE FROM queue")
    await complete(world)
    await world.add_leads([a_lead(0)])
    assert await world.status() == "completed"
    await world.add_leads([a_lead(1)])
    [row] = await world.rows("SELECT status, finished_at FROM campaigns")
    assert tuple(row) == ("running", None)


async def test_leads_that_come_at_the_last_moment_are_not_lost(make_world):
    """The campaign is looked at while its import is being committed: it must not be completed over the new leads."""
    world = await make_world(leads=1)
    await world.value("DELETE FROM queue")
    statements = load("leads")
    async with world.database.transaction() as importing:
        await importing.execute(
            "INSERT INTO queue SELECT workspace_no, call_id, campaign_no, 0, 1, created_at FROM calls"
        )
        await importing.fetchval(
            statements["take_leads"], world.workspace_no, world.campaign.campaign_no, True, world.clock.now()
        )
        looking = asyncio.create_task(complete(world))
        await looked_or_blocked(world, looking)
    await looking
    assert (await world.status(), len(await world.queue())) == ("running", 1)


async def test_a_dial_that_is_taken_back_at_the_last_moment_is_not_lost(make_world):
    """It waits again, and its campaign is looked at before that is committed."""
    world = await make_world(leads=1)
    [intent] = await claim(world, 1)
    async with world.database.transaction() as db:
        await withdraw(db, [Withdrawal(*intent[:4], NOON)], NOON)
        looking = asyncio.create_task(complete(world))
        await looked_or_blocked(world, looking)
    await looking
    assert (await world.status(), len(await world.queue())) == ("running", 1)


async def looked_or_blocked(world, task) -> None:
    """Return once the task is done or waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while not (task.done() or await world.value(waiting)):
            pass


async def test_campaigns_are_completed_one_by_one(make_world):
    """Another workspace's business is none of it."""
    world = await make_world(leads=some_leads(1), retry=SINGLE)
    number = await second_campaign(world)
    await world.value(
        "INSERT INTO calls SELECT workspace_no, gen_random_uuid(), $1, 0, null, '+14155550111', null, null, "
        "zone_set_no, variables, null, created_at FROM calls",
        number,
    )
    assert await complete(world) == 1
    assert await world.status() == "running"
