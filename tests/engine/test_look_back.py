"""Policies that go by the lead's wall clock or by earlier dials, through the real engine on a virtual clock."""

from tests.engine.invariants import check_all
from tests.engine.test_rescue import restart, started
from tests.world import NOON, a_lead
from whenever import Instant, TimeDelta

from ringback.domain.hours import every_day
from ringback.engine.virtual import run_virtual
from ringback.store import attempts

DAY = TimeDelta(hours=24)
NINE_TO_EIGHT = every_day(540, 1200)
SPREAD = {"max_attempts": 4, "after": {"no-answer": ["30m"]}, "spread": True}
ONCE_A_DAY = {"max_attempts": 3, "after": {"no-answer": ["30m"], "failed": ["30m"]}, "max_per_day": 1}


async def clocks(world, zone):
    """When the leads were dialled, by the clocks of a zone; the seconds of a batch are left out."""
    rows = await world.rows("SELECT called_at FROM attempts ORDER BY called_at")
    return [row["called_at"].to_tz(zone).format_iso()[:16].replace("T", " ") for row in rows]


async def run(world, days=7):
    """Some days of the campaign."""
    await run_virtual(await world.engine(), world.clock, NOON + DAY * days, lambda _: None)
    await check_all(world)


async def test_a_call_is_redialled_the_next_day_at_ten_of_the_leads_own_time(make_world):
    """Each in its own zone, over the change to summer time."""
    retry = {"max_attempts": 3, "after": {"no-answer": ["next-day 10:00"]}}
    leads = [a_lead(1, zones=("America/Denver",)), a_lead(2, zones=("Asia/Kathmandu",))]
    world = await make_world(leads=leads, retry=retry, started=False)
    world.clock.advance_to(Instant("2026-03-06T20:00:00Z"))
    await world.act("start")
    await run(world, 10)
    dialled = {}
    for dial in world.dials():
        dialled.setdefault(dial["to_number"], []).append(Instant.parse_iso(dial["at"]).format_iso(unit="minute"))
    assert dialled == {
        "+14155550001": ["2026-03-06T20:00Z", "2026-03-07T17:00Z", "2026-03-08T16:00Z"],
        "+14155550002": ["2026-03-06T20:00Z", "2026-03-08T04:15Z", "2026-03-09T04:15Z"],
    }


async def test_a_call_is_spread_over_the_day(make_world):
    """Morning, afternoon, evening; when all were tried, the plain wait."""
    world = await make_world(leads=[a_lead(1, zones=("America/Denver",))], retry=SPREAD, window=NINE_TO_EIGHT)
    await run(world)
    assert await clocks(world, "America/Denver") == [
        "2026-03-02 09:00",
        "2026-03-02 12:00",
        "2026-03-02 17:00",
        "2026-03-02 17:30",
    ]
    assert [row["retry_rule"] for row in await world.attempts()] == [
        "no-answer: 30m; spread: afternoon",
        "no-answer: 30m; spread: evening",
        "no-answer: 30m",
        None,
    ]


async def test_dials_of_a_call_are_apart_and_not_too_many_a_day(make_world):
    """Two a day, three hours from one to the next."""
    retry = {"max_attempts": 5, "after": {"no-answer": ["5m"]}, "min_gap": "3h", "max_per_day": 2}
    world = await make_world(leads=[a_lead(1, zones=("Europe/Berlin",))], retry=retry, window=NINE_TO_EIGHT)
    await run(world)
    assert await clocks(world, "Europe/Berlin") == [
        "2026-03-02 13:00",
        "2026-03-02 16:00",
        "2026-03-03 09:00",
        "2026-03-03 12:00",
        "2026-03-04 09:00",
    ]


async def test_what_a_dead_node_left_is_decided_by_all_dials_of_the_call(make_world):
    """Another one reads them back: the day of each has had its dial."""
    world = await make_world(leads=1, retry=ONCE_A_DAY)
    await run_virtual(await world.engine(), world.clock, NOON + TimeDelta(minutes=10), lambda _: None)
    world.clock.advance_to(NOON + DAY)
    engine = await started(world)
    await world.value("UPDATE queue SET due_at = $1", world.clock.now())
    await engine.dialler.run_once()
    await engine.placer.run_once()
    world.clock.advance_to(world.clock.now() + TimeDelta(minutes=10))
    engine = await restart(world, engine)
    assert await engine.rescuer.run_once() == 1
    assert [row["retry_rule"] for row in await world.attempts()] == ["no-answer: 30m; max_per_day: 1"] * 2
    [waiting] = await world.queue()
    assert (waiting["attempt"], waiting["due_at"]) == (3, Instant("2026-03-04T00:00:00Z"))


async def test_earlier_dials_are_read_for_policies_that_look_back_only(make_world):
    """And are all of the call, in their order, by when the trunk was asked."""
    for retry, known in ((ONCE_A_DAY, 1), ({**ONCE_A_DAY, "max_per_day": None, "min_gap": "1h"}, 0)):
        world = await make_world(leads=1, retry=retry)
        await run_virtual(await world.engine(), world.clock, NOON + TimeDelta(minutes=10), lambda _: None)
        world.clock.advance_to(NOON + DAY)
        engine = await started(world)
        await world.value("UPDATE queue SET due_at = $1", world.clock.now())
        await engine.dialler.run_once()
        [live] = engine.node.hand.live.values()
        first, second = await world.attempts()
        assert live.earlier == (first["called_at"],)[:known]
        assert live.dials == (*live.earlier, live.place_at)
        keys = [(row["workspace_no"], row["call_id"], row["attempt"]) for row in (first, second)]
        async with world.database.connection() as db:
            assert await attempts.earlier_dials(db, keys) == {keys[0]: (), keys[1]: (first["called_at"],)}
