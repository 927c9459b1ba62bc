"""What holds at every moment, whatever was killed, and when: the database against the far end's own record."""

from collections import Counter

from tests.world import World, shown
from whenever import Instant

from ringback import ids
from ringback.domain.window import is_open


async def check_all(world: World) -> None:
    """Nothing was dialled twice, nothing is lost, and no cap was exceeded."""
    await no_dial_twice(world)
    await every_call_is_somewhere(world)
    await sums_are_right(world)
    await ordinals_are_whole(world)
    await within_window(world)


async def no_dial_twice(world: World) -> None:
    """Each recorded dial has its one attempt row, and each attempt that was called has its one recorded dial."""
    dials, attempts = world.dials(), await world.attempts()
    assert max(Counter((d["call_id"], d["attempt"]) for d in dials).values(), default=1) == 1
    by_id = {shown(a): a for a in attempts}
    assert len(by_id) == len(attempts)
    for dial in dials:
        row = by_id.pop(dial["attempt_id"], None)
        assert row is not None, f"dialled, and not recorded: {dial}"
        assert (ids.show(ids.CALL, row["call_id"]), row["attempt"]) == (dial["call_id"], dial["attempt"])
    # an attempt that the far end never heard of is an intent, or was lost by a trunk
    assert all(a["called_at"] is None or a["end_reason"] == "network_failure" for a in by_id.values())


async def every_call_is_somewhere(world: World) -> None:
    """A call waits, or is up, or is final: one of them, and only one."""
    odd = await world.rows("""
        SELECT c.call_id, c.final_status, q.attempt, a.live FROM calls c
        LEFT JOIN queue q USING (workspace_no, call_id)
        CROSS JOIN LATERAL (
            SELECT count(*) AS live FROM attempts a
            WHERE a.workspace_no = c.workspace_no AND a.call_id = c.call_id AND a.ended_at IS NULL
        ) a
        WHERE (c.final_status IS NOT NULL)::int + (q.call_id IS NOT NULL)::int + a.live <> 1""")
    assert odd == []
    stray = "SELECT call_id FROM queue EXCEPT SELECT call_id FROM calls"
    assert await world.rows(stray) == []


async def sums_are_right(world: World) -> None:
    """The tallies are what a count over the attempts gives, to the last millionth."""
    summed = """SELECT workspace_no, campaign_no, (coalesce(called_at, intent_at) AT TIME ZONE 'UTC')::date AS day,
        attempt, end_reason, currency, status, count(*)::bigint AS attempts, sum(duration_sec)::bigint AS connected_sec,
        sum(billed_sec)::bigint AS billed_sec, sum(cost_micros)::bigint AS cost_micros
        FROM attempts WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7"""
    assert await world.rows(f"(TABLE tallies EXCEPT {summed}) UNION ALL ({summed} EXCEPT TABLE tallies)") == []


async def ordinals_are_whole(world: World) -> None:
    """A call's attempts are numbered from 1 without a gap, within its policy."""
    gaps = "SELECT call_id FROM attempts GROUP BY call_id HAVING max(attempt) <> count(*) OR max(attempt) > $1"
    assert await world.rows(gaps, world.campaign.plan.retry.max_attempts) == []
    next_ones = """SELECT q.call_id FROM queue q WHERE q.attempt <> 1 + (
        SELECT count(*) FROM attempts a WHERE a.call_id = q.call_id)"""
    assert await world.rows(next_ones) == []


async def within_window(world: World) -> None:
    """Every dial was placed at an hour at which it may be."""
    zones = {
        ids.show(ids.CALL, row["call_id"]): tuple(row["zones"])
        for row in await world.rows("SELECT call_id, zones FROM calls JOIN zone_sets USING (zone_set_no)")
    }
    for dial in world.dials():
        assert is_open(world.campaign.plan.window.rules_in(), zones[dial["call_id"]], Instant.parse_iso(dial["at"]))


async def most_at_once(world: World, since: str = "intent_at") -> int:
    """How many attempts were up at a time, at most, from their intent, or from their `called_at`, to their end."""
    marks: list[tuple[Instant, int]] = []
    for row in await world.attempts():
        marks.append((row[since], 1))
        if row["ended_at"] is not None:
            marks.append((max(row["ended_at"], row[since]), -1))
    up = most = 0
    for _, change in sorted(marks):  # a slot that is freed and taken at one instant was never held twice
        up += change
        most = max(most, up)
    return most


def most_in_a_second(dials: list[dict[str, str]]) -> int:
    """The most dials in any second, whichever instant it begins at."""
    times = sorted(Instant.parse_iso(dial["at"]) for dial in dials)
    most = first = 0
    for last, at in enumerate(times):
        while (at - times[first]).total("seconds") >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most
