import asyncio
import threading

import pytest
from tests.world import NOON, WHOLE_DAY, a_lead, some_leads
from whenever import TimeDelta

from ringback.domain.hours import every_day
from ringback.errors import Conflict, Invalid
from ringback.intake.leads import Chunk, Lead, leads_from_json
from ringback.intake.report import reject
from ringback.store.leads import import_leads
from ringback.store.zones import zone_set_numbers

FAR_APART = ("Africa/Lagos", "Pacific/Auckland")
"""Zones whose mornings never meet."""


async def bring(world, chunks, **options):
    """Import chunks into the campaign."""
    at = world.clock.now()
    return await import_leads(
        world.database, world.workspace_no, world.campaign.campaign_no, chunks, world.ids, at, **options
    )


async def counts(world):
    """How many calls there are, and how many queue rows."""
    return len(await world.calls()), len(await world.queue())


async def test_a_lead_is_a_call_that_waits(make_world):
    """With its name, its variables and its zones."""
    world = await make_world()
    lead = Lead(2, "+14155550100", ("America/Los_Angeles",), None, "Ada", '{"due": 12}')
    report = await world.add_leads([lead])
    [call], [waiting] = await world.calls(), await world.queue()
    assert (report.created, report.rejected) == (1, 0)
    assert (call["to_number"], call["name"], call["variables"], call["created_at"]) == (
        "+14155550100",
        "Ada",
        '{"due": 12}',
        NOON,
    )
    assert await world.value("SELECT zones FROM zone_sets") == ["America/Los_Angeles"]
    assert (waiting["call_id"], waiting["attempt"], waiting["due_at"]) == (call["call_id"], 1, NOON)


async def test_ids_and_dials_are_in_the_order_of_the_rows(make_world):
    """Over chunks too, each dial a microsecond after the one before."""
    world = await make_world()
    leads = some_leads(30)
    await bring(world, [Chunk(leads[:20], [], 21), Chunk(leads[20:], [], 31)])
    assert [call["to_number"] for call in await world.calls()] == [lead.e164 for lead in leads]
    queue = await world.queue()
    assert [row["call_id"] for row in queue] == sorted(row["call_id"] for row in queue)
    assert [row["due_at"] for row in queue] == [NOON + TimeDelta(microseconds=n) for n in range(30)]


async def test_a_number_is_a_lead_once(make_world):
    """Twice in a chunk, in two chunks, and there from before: each is reported by its own row."""
    world = await make_world(leads=1)
    chunks = [Chunk([a_lead(1), a_lead(0), Lead(9, a_lead(1).e164, ("UTC",), None, None, "{}")], [], 9)]
    chunks.append(Chunk([Lead(10, a_lead(1).e164, ("UTC",), None, None, "{}"), a_lead(9)], [], 11))
    report = await bring(world, chunks)
    assert report.created == 2
    assert (report.reasons["duplicate"].rows, report.reasons["duplicate"].count) == ([2, 9, 10], 3)
    assert await counts(world) == (3, 3)


async def test_another_campaign_may_have_the_same_number(make_world):
    """A duplicate is one within its campaign."""
    world = await make_world(leads=1)
    await world.value("UPDATE calls SET campaign_no = 99")
    assert (await world.add_leads([a_lead(0)])).created == 1


async def test_a_dry_run_says_the_same_and_keeps_nothing(make_world):
    """Not even a campaign that runs again."""
    world = await make_world(leads=2)
    await world.value("UPDATE campaigns SET status = 'completed', finished_at = $1", NOON)
    chunk = Chunk(some_leads(5), [reject("invalid_phone_number", 99, "12")], 99)
    before = await counts(world)
    dry = await bring(world, [chunk], dry_run=True)
    assert (await counts(world), await world.status()) == (before, "completed")
    assert dry.to_dict() == (await bring(world, [chunk])).to_dict()
    assert (dry.created, dry.rejected, await world.status()) == (3, 3, "running")


async def test_a_cancelled_campaign_takes_no_leads(make_world):
    """Nothing of the file stays."""
    world = await make_world(leads=1)
    await world.act("cancel")
    with pytest.raises(Conflict, match="cancelled"):
        await world.add_leads(some_leads(3, first=5))
    assert await counts(world) == (1, 0)


async def test_a_campaign_that_is_cancelled_during_an_import_takes_none_of_it(make_world):
    """The import looks again at its end."""
    world = await make_world(leads=1)
    read, cancelled = threading.Event(), threading.Event()

    def chunks():
        yield Chunk([a_lead(1)], [], 1)
        read.set()
        assert cancelled.wait(10)
        yield Chunk([a_lead(2)], [], 2)

    importing = asyncio.create_task(bring(world, chunks()))
    assert await asyncio.to_thread(read.wait, 10)
    await world.act("cancel")
    cancelled.set()
    with pytest.raises(Conflict):
        await importing
    assert await counts(world) == (1, 0)


async def test_a_number_that_can_never_be_called_is_reported(make_world):
    """Its zones have no hour in common within the window; the report says what to do."""
    world = await make_world(window=every_day(540, 1200))
    report = await world.add_leads([a_lead(0), a_lead(1, zones=FAR_APART)])
    assert (report.created, report.reasons["never_callable"].rows) == (1, [3])
    [reason] = report.to_dict()["reasons"]
    assert (reason["code"], reason["examples"]) == ("never_callable", [a_lead(1).e164])
    assert "widen the window" in reason["message"]
    assert await counts(world) == (1, 1)


async def test_first_dials_are_planned_for_the_hours_of_the_window(make_world):
    """It is noon in London: Tokyo is through for today, New York not yet awake."""
    world = await make_world(window=every_day(540, 1200))
    zones = ("Europe/London", "Asia/Tokyo", "America/New_York")
    await world.add_leads([a_lead(n, zones=(zone,)) for n, zone in enumerate(zones)])
    due = {
        row["to_number"]: row["due_at"].round("second")
        for row in await world.rows("SELECT to_number, due_at FROM queue JOIN calls USING (call_id)")
    }
    hours = [(due[a_lead(n).e164] - NOON).total("hours") for n in range(3)]
    assert hours == [0, 12, 2]


async def test_first_dials_wait_for_the_campaigns_beginning(make_world):
    """And no longer."""
    begins = NOON + TimeDelta(hours=2)
    world = await make_world(leads=2, starts_at=begins)
    assert [row["due_at"] for row in await world.queue()] == [begins, begins + TimeDelta(microseconds=1)]


async def test_a_file_that_breaks_in_the_middle_leaves_nothing(make_world):
    """The first chunk was stored already."""
    world = await make_world(leads=1)

    def chunks():
        yield Chunk(some_leads(3, first=5), [], 3)
        raise Invalid(["the file is damaged"])

    with pytest.raises(Invalid, match="damaged"):
        await bring(world, chunks())
    assert await counts(world) == (1, 1)


async def test_an_import_that_is_given_up_leaves_nothing(make_world):
    """Its caller hangs up while the file is being read."""
    world = await make_world(leads=1)
    read, go_on = threading.Event(), threading.Event()

    def chunks():
        yield Chunk(some_leads(3, first=5), [], 3)
        read.set()
        go_on.wait(10)

    importing = asyncio.create_task(bring(world, chunks()))
    assert await asyncio.to_thread(read.wait, 10)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    go_on.set()
    assert await counts(world) == (1, 1)
    assert (await world.add_leads(some_leads(3, first=5))).created == 3


async def test_nobody_sees_a_part_of_an_import(make_world):
    """All of it becomes visible at once."""
    world = await make_world()
    read, go_on = threading.Event(), threading.Event()

    def chunks():
        yield Chunk(some_leads(3), [], 3)
        yield Chunk(some_leads(3, first=3), [], 6)
        read.set()
        assert go_on.wait(10)

    importing = asyncio.create_task(bring(world, chunks()))
    assert await asyncio.to_thread(read.wait, 10)
    assert await counts(world) == (0, 0)
    go_on.set()
    await importing
    assert await counts(world) == (6, 6)


async def test_imports_of_the_same_numbers_do_not_lock_each_other_out(make_world):
    """Two files at a time, one in the other's order: every number becomes a lead once, and is reported once."""
    world = await make_world()
    forth = [Chunk([lead], [], 0) for lead in some_leads(40)]
    reports = await asyncio.gather(bring(world, forth), bring(world, forth[::-1]))
    assert sum(report.created for report in reports) == sum(report.rejected for report in reports) == 40
    assert await counts(world) == (40, 40)


async def test_the_apis_leads_are_imported_as_a_files(make_world):
    """Good ones are stored, bad ones come back by their place in the list."""
    world = await make_world(window=WHOLE_DAY)
    items = [{"phone_number": "+14155550100"}, {"phone_number": "12"}, {"phone_number": "+14155550100"}]
    report = await bring(world, leads_from_json(items))
    assert report.created == 1
    assert {code: reason.rows for code, reason in report.reasons.items()} == {
        "invalid_phone_number": [2],
        "duplicate": [3],
    }


async def test_a_set_of_zones_is_kept_once(make_world):
    """By whoever needs it first, of many at a time."""
    world = await make_world()
    sets = [("UTC",), ("Europe/Berlin", "Europe/Paris"), ("Asia/Tokyo",)]

    async def number(order):
        async with world.database.connection() as db:
            return await zone_set_numbers(db, order)

    found = await asyncio.gather(*(number(sets[n % 3 :] + sets[: n % 3]) for n in range(12)))
    assert all(one == found[0] for one in found)
    assert sorted(found[0].values()) == [1, 2, 3]
