"""A short form of the bench's part: what is foreseen is what the engine comes to."""

from bench.plan import compared
from tests.postgres import drop_database
from tests.world import migrated
from whenever import TimeDelta

SEEDS, LEADS = 20, 20


async def test_reach_is_within_the_interval_of_what_the_engine_then_comes_to(postgres, tmp_path):
    """In at least 18 of 20 campaigns, each with people of its own; and as many dials were foreseen as were made."""
    dsn = await migrated(postgres)
    found = await compared(dsn, range(SEEDS), LEADS, 20, tmp_path, tick=TimeDelta(minutes=30), runs=2)
    await drop_database(dsn)
    assert sum(one.is_covered for one in found) >= 18, [(one.plan.reach, one.reached) for one in found]
    foreseen, made = sum(one.plan.foreseen.whole.dials for one in found), sum(one.attempts for one in found)
    assert abs(foreseen / made - 1) < 0.05
