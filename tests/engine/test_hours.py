"""Calling windows by weekday, date, holiday and country, through the real engine on a virtual clock."""

import asyncio
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from tests.engine.invariants import every_call_is_somewhere, no_dial_twice, ordinals_are_whole, sums_are_right
from tests.world import NOON
from whenever import Instant, TimeDelta

from ringback.domain.hours import every_day
from ringback.domain.window_form import parse_window
from ringback.engine.virtual import run_virtual
from ringback.intake.leads import Chunk, Lead
from ringback.store.leads import import_leads
from ringback.store.workspaces import change_workspace, settle_in_zone
from ringback.store.zones import zone_set_numbers

DAY = TimeDelta(hours=24)
NIGHTLY = {
    "weekly": {"mon-fri": [["09:00", "20:00"]], "sat": [["22:00", "04:00"]]},
    "exceptions": {"2026-03-31": [["12:00", "13:00"]]},
    "holidays": "closed",
    "by_country": {"GB": {"start": "10:00", "end": "12:00"}},
}
BEFORE_SUMMER = Instant("2026-03-27T13:00:00Z")
HOLIDAYS = {date(2026, 4, 3), date(2026, 4, 6)}
"""Good Friday and Easter Monday."""


async def run(world, until):
    """The campaign up to an instant, whatever its window."""
    await run_virtual(await world.engine(), world.clock, until, lambda _: None)
    for holds in (no_dial_twice, every_call_is_somewhere, sums_are_right, ordinals_are_whole):
        await holds(world)


def dials(world, number, zone):
    """When a number was dialled, by the clocks of a zone as zoneinfo has them."""
    ats = [Instant.parse_iso(dial["at"]) for dial in world.dials() if dial["to_number"] == number]
    return [at.to_stdlib().astimezone(ZoneInfo(zone)) for at in ats]


def is_night_hour(local):
    """Whether it is Saturday from 22:00 or Sunday up to 04:00."""
    return (local.weekday(), local.hour) >= (5, 22) if local.weekday() == 5 else local.weekday() == 6 and local.hour < 4


def may_be_dialled(local):
    """The window once more, for Berlin."""
    if local.date() == date(2026, 3, 31):
        return local.hour == 12
    if local.date() in HOLIDAYS:
        return False
    return (local.weekday() < 5 and 9 <= local.hour < 20) or is_night_hour(local)


async def test_nobody_is_dialled_outside_over_weekends_holidays_and_the_change_to_summer_time(make_world):
    """And each opening is used: the night that is an hour short, the one hour of an exception, the day after Easter."""
    leads = [
        Lead(2, "+493012345678", ("Europe/Berlin",), None, None, "{}", "DE"),
        Lead(3, "+442071234567", ("Europe/London",), None, None, "{}", "GB"),
    ]
    retry = {"max_attempts": 20, "after": {"no-answer": ["4h"], "failed": ["4h"]}}
    world = await make_world(leads=leads, retry=retry, window=parse_window(NIGHTLY), started=False)
    world.clock.advance_to(BEFORE_SUMMER)
    await world.act("start")
    await run(world, Instant("2026-04-09T00:00:00Z"))
    berlin = dials(world, "+493012345678", "Europe/Berlin")
    assert [local.isoformat() for local in berlin if not may_be_dialled(local)] == []
    assert all((later - local).total_seconds() >= 4 * 3600 for local, later in pairwise(berlin))
    days = [local.date() for local in berlin]
    for day in (date(2026, 3, 27), date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 31), date(2026, 4, 7)):
        assert day in days, day
    assert {local.utcoffset().total_seconds() for local in berlin if local.date() == date(2026, 3, 29)} == {7200}
    london = dials(world, "+442071234567", "Europe/London")
    assert len(london) == len({local.date() for local in london}) >= 12
    assert {local.hour for local in london} <= {10, 11}
    assert set(HOLIDAYS) < {local.date() for local in london}


async def test_hours_that_close_on_unknown_holidays_stay_shut(make_world):
    """A number of no country may be anywhere, and any day a holiday there: the lead is told of, and never dialled."""
    world = await make_world(window=parse_window({"start": "09:00", "end": "20:00", "holidays": "closed"}))
    report = await world.add_leads([Lead(2, "+88213300655", ("UTC",), "UTC", None, "{}")])
    assert (report.created, report.reasons["never_callable"].rows) == (0, [2])
    assert world.dials() == []


async def a_lead_of_no_zone(make_world):
    """A world with one, by whom nobody knows what time it is."""
    lead = Lead(2, "+88213300655", (), None, None, "{}")
    return await make_world(leads=[lead], window=every_day(9 * 60, 20 * 60))


async def test_a_lead_of_no_zone_waits_and_is_dialled_once_the_workspace_has_one(make_world):
    """It is looked at each hour, says why, and does not run out; the window is then that of the workspace's clock."""
    world = await a_lead_of_no_zone(make_world)
    await run(world, NOON + DAY * 2)
    assert world.dials() == []
    (decision,) = await world.rows(
        "SELECT rule, times, inputs ->> 'why' AS why, inputs ->> 'timezone_from' AS whose FROM decisions"
    )
    assert (decision["rule"], decision["why"], decision["whose"]) == ("calling_window", "unknown_zone", "none")
    assert 47 <= decision["times"] <= 50
    async with world.database.connection() as db:
        number = (await zone_set_numbers(db, [("America/Denver",)]))["America/Denver",]
        await settle_in_zone(db, world.workspace_no, number, world.clock.now())
    (call,) = await world.calls()
    assert (call["zone_source"], call["zone_set_no"]) == ("workspace", number)
    await run(world, NOON + DAY * 3)
    (local,) = dials(world, "+88213300655", "America/Denver")
    assert local.strftime("%H:%M") == "09:00"


async def test_a_lead_of_no_zone_goes_with_its_campaigns_end(make_world):
    """It does not wait for ever."""
    lead = Lead(2, "+88213300655", (), None, None, "{}")
    world = await make_world(leads=[lead], window=every_day(9 * 60, 20 * 60), ends_at=NOON + DAY)
    await run(world, NOON + DAY * 2)
    (call,) = await world.calls()
    assert (call["final_status"], world.dials()) == ("expired", [])


@pytest.mark.parametrize("hours", [{"start": "22:00", "end": "02:00"}, {"weekly": {"tue": [["11:00", "11:30"]]}}])
async def test_a_redial_waits_for_the_window_too(make_world, hours):
    """What an attempt's end plans lies within it."""
    retry = {"max_attempts": 3, "after": {"no-answer": ["5m"], "failed": ["5m"]}}
    lead = Lead(2, "+493012345678", ("Europe/Berlin",), None, None, "{}", "DE")
    world = await make_world(leads=[lead], retry=retry, window=parse_window(hours))
    await run(world, NOON + DAY * 15)
    local = dials(world, "+493012345678", "Europe/Berlin")
    assert len(local) == 3
    assert all(at.hour in (22, 23, 0, 1) if "start" in hours else (at.weekday(), at.hour) == (1, 11) for at in local)


async def test_a_zone_that_is_given_during_an_import_is_that_of_its_leads(make_world):
    """Who gives it finds none of them yet: the import sees to them."""
    world = await make_world(window=every_day(9 * 60, 20 * 60))
    loop = asyncio.get_running_loop()

    async def give():
        async with world.database.transaction() as db:
            await change_workspace(db, world.workspace_no, {"timezone": "America/Denver"})

    def chunks():  # read on a thread of their own, once the import has read what its leads are planned by
        asyncio.run_coroutine_threadsafe(give(), loop).result(20)
        yield Chunk([Lead(2, "+88213300655", (), None, None, "{}")], [], 0)

    of_campaign = (world.workspace_no, world.campaign.campaign_no)
    await import_leads(world.database, *of_campaign, chunks(), world.ids, world.clock.now())
    sources = "SELECT zone_source, zones FROM calls JOIN zone_sets USING (zone_set_no)"
    assert [tuple(row) for row in await world.rows(sources)] == [("workspace", ["America/Denver"])]
