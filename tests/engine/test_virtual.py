import pytest
from tests.engine.invariants import check_all
from tests.world import LIVELY, NOON, a_lead, some_leads
from whenever import Instant, TimeDelta

from ringback.domain.hours import every_day
from ringback.engine.virtual import run_virtual

DAY = TimeDelta(hours=24)
POLICY = {
    "max_attempts": 4,
    "after": {"no-answer": ["1h", "5h"], "busy": ["10m"], "voicemail": ["1d"], "failed": ["5m"]},
    "jitter": "10m",
}
TARIFF = {"per_minute_micros": 12_345, "first_sec": 30, "next_sec": 6, "connect_micros": 1}


def nothing(_):
    """Nobody looks at the time."""


async def a_run(make_world, folder, seed=2, people=3):
    """A campaign of days, and all that it wrote."""
    zones = ("Europe/Berlin", "America/New_York")
    leads = [a_lead(n, zones=(zones[n % 2],)) for n in range(24)]
    plan = {"leads": leads, "retry": POLICY, "window": every_day(540, 1200), "billing": TARIFF}
    world = await make_world(**plan, caps=(None, 5, None), simulator={**LIVELY, "seed": people})
    world.folder = folder
    folder.mkdir()
    await run_virtual(await world.engine(seed=seed), world.clock, NOON + DAY * 6, nothing)
    await check_all(world)
    assert await world.status() == "completed"
    attempts = [{**row, "ledger_salt": None} for row in await world.attempts()]  # which nobody is to foretell
    tables = [attempts, await world.calls(), await world.rows("TABLE tallies ORDER BY 1, 2, 3, 4, 5, 6")]
    return [[tuple(row.values()) for row in table] for table in tables], folder.joinpath("dials.jsonl").read_text()


async def test_the_same_seed_gives_the_same_campaign(make_world, tmp_path):
    """To the last id and microsecond, in another database."""
    first, again = await a_run(make_world, tmp_path / "1"), await a_run(make_world, tmp_path / "2")
    assert first == again
    assert len(first[0][0]) > 50


async def test_another_seed_gives_another_campaign(make_world, tmp_path):
    """Of the engine: other ids and other jitter. Of the people: other outcomes."""
    first = await a_run(make_world, tmp_path / "1")
    assert await a_run(make_world, tmp_path / "2", seed=5) != first
    (other, _, _), _ = await a_run(make_world, tmp_path / "3", people=4)
    assert [row[9] for row in other] != [row[9] for row in first[0][0]]


async def test_sums_are_exact_to_the_millionth(make_world, tmp_path):
    """What is billed is what the tariff says of each attempt, and the sums are the sums of that."""
    (attempts, _, _), _ = await a_run(make_world, tmp_path / "1")
    world = await make_world()
    columns = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'attempts'::regclass AND attnum > 0"
    fields = [row["attname"] for row in await world.rows(f"{columns} ORDER BY attnum")]
    for values in attempts:
        row = dict(zip(fields, values, strict=True))
        billed = 0 if row["answered_at"] is None else max(30, 30 + -(-(row["duration_sec"] - 30) // 6) * 6)
        assert row["billed_sec"] == billed
        assert row["cost_micros"] == (-(-12_345 * billed // 60) + 1 if billed else 0)


async def test_what_is_put_off_is_waited_for(make_world):
    """All that was due is put off to the morning, and there is nothing else to wake for."""
    world = await make_world(leads=3, window=every_day(540, 720), started=False)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await world.value("UPDATE queue SET due_at = $1", NOON)
    await world.act("start")
    await run_virtual(await world.engine(), world.clock, NOON + DAY * 2, nothing)
    assert {Instant.parse_iso(dial["at"]) for dial in world.dials()} == {NOON + TimeDelta(hours=21)}


async def test_a_run_ends_in_time(make_world):
    """What is due after `until` waits for another run."""
    world = await make_world(leads=some_leads(3), retry={"max_attempts": 2, "after": {"no-answer": ["5h"]}})
    engine = await world.engine()
    seen = []
    await run_virtual(engine, world.clock, NOON + TimeDelta(hours=4), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] <= NOON + TimeDelta(hours=4)
    assert (len(world.dials()), len(await world.queue())) == (3, 3)
    await run_virtual(engine, world.clock, NOON + DAY, nothing)
    assert len(world.dials()) == 6


@pytest.mark.parametrize("speed", [0, 60])
async def test_people_may_be_faster_than_life(make_world, speed):
    """Without any delay too, every call comes to its end."""
    world = await make_world(leads=30, retry=POLICY, simulator={**LIVELY, "speed": speed}, caps=(4, None, None))
    await run_virtual(await world.engine(), world.clock, NOON + DAY * 6, nothing)
    assert await world.status() == "completed"
    await check_all(world)
