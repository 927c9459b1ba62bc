import asyncio
from uuid import UUID

import pytest
from tests.store.past import add_call, at
from tests.world import NOON
from whenever import TimeDelta

from ringback.domain.analytics import FIRST, OTHER, Side, Sums
from ringback.domain.outcome import EndReason
from ringback.errors import Impossible
from ringback.store import analytics
from ringback.store.analytics import Scope, read_attempts
from ringback.store.workspaces import create_workspace

RANG_OUT, BUSY, TALKED = EndReason.USER_DID_NOT_PICK_UP, EndReason.USER_BUSY, EndReason.USER_DISCONNECTED
MACHINE, WRONG = EndReason.VOICEMAIL_DETECTED, EndReason.INVALID_PHONE_NUMBER


@pytest.fixture
async def world(make_world):
    """Four calls of a Monday and a Tuesday, seven attempts."""
    world = await make_world(started=False)
    berlin = {"zone": "Europe/Berlin", "to_number": "+4930123456"}
    await add_call(world, [(at(9), RANG_OUT, 0), (at(10), BUSY, 0), (at(11), TALKED, 60)])
    await add_call(world, [(at(9.2), MACHINE, 30), (at(9.2, 3), TALKED, 90)], policy_version=2)
    await add_call(world, [(at(23.5), WRONG, 0)], **berlin)
    await add_call(world, [(at(9), RANG_OUT, 0)], single=True, to_number="+442079460001", from_number=None)
    return world


async def read(world, *sides, **more):
    """The groups of March 2026."""
    scope = Scope(world.workspace_no, at(0, 1), at(0, 31), **more)
    return await read_attempts(world.database, scope, tuple(map(Side, sides)))


async def counts(world, *sides, **more):
    """Attempts and reached attempts by group; of one side, by its value."""
    groups = (await read(world, *sides, **more)).groups
    return {group if len(group) > 1 else group[0]: (sums.attempts, sums.reached) for group, sums in groups.items()}


async def test_the_whole_is_counted_by_hand(world):
    """Seven attempts of four calls: three were picked up, two by a person."""
    assert (await read(world, "attempt")).whole == Sums(7, 4, 3, 2, 180, 180, 7000, "USD")


@pytest.mark.parametrize(
    ("side", "wanted"),
    [
        ("attempt", {1: (4, 0), 2: (2, 1), 3: (1, 1)}),
        ("hour", {9: (4, 1), 10: (1, 0), 11: (1, 1), 0: (1, 0)}),
        ("weekday", {"mon": (5, 1), "tue": (2, 1)}),
        ("outcome_before", {FIRST: (4, 0), "no-answer": (1, 0), "busy": (1, 1), "voicemail": (1, 1)}),
        ("wait_before", {FIRST: (4, 0), "30m-1h": (2, 1), "8h-1d": (1, 1)}),
        ("region", {"US": (5, 2), "DE": (1, 0), "GB": (1, 0)}),
        ("caller_number", {"+14155550100": (6, 2), None: (1, 0)}),
        ("policy_version", {1: (5, 1), 2: (2, 1)}),
        ("day", {"2026-03-02": (6, 1), "2026-03-03": (1, 1)}),
    ],
)
async def test_each_side_is_counted_by_hand(world, side, wanted):
    """Local hour and weekday are those of the lead: at 23:30 UTC it is half past midnight of a Tuesday in Berlin."""
    assert await counts(world, side) == wanted


async def test_trunks_and_campaigns_have_their_names(world):
    """A call of no campaign stands under none."""
    by_trunk, by_campaign = await read(world, "trunk"), await read(world, "campaign")
    assert by_trunk.names[Side.TRUNK][world.trunk_no] == (world.campaign.trunk_id, "sim")
    no = world.campaign.campaign_no
    assert {group: sums.attempts for group, sums in by_campaign.groups.items()} == {(no,): 6, (None,): 1}
    assert by_campaign.names[Side.CAMPAIGN] == {no: (world.campaign.campaign_id, "c")}


async def test_two_sides_are_counted_together(world):
    """And the region, whose groups are put together of many, with another side as well."""
    assert (await counts(world, "weekday", "hour"))["mon", 9] == (3, 0)
    by_region = await counts(world, "region", "attempt")
    assert by_region == {("US", 1): (2, 0), ("US", 2): (2, 1), ("US", 3): (1, 1), ("DE", 1): (1, 0), ("GB", 1): (1, 0)}


async def test_a_call_counts_once_in_a_group(world):
    """Its three attempts are of one call, though the first side has all of them."""
    sums = (await read(world, "policy_version")).groups[(1,)]
    assert (sums.attempts, sums.calls) == (5, 3)


async def test_only_the_scope_counts(world):
    """Its days, its campaign, its trunk, its workspace; and nothing that is still up."""
    await world.value(
        "UPDATE attempts SET ended_at = NULL, end_reason = NULL, stop_reason = NULL, status = 'ringing' "
        "WHERE attempt = 3"
    )
    assert await counts(world, "attempt") == {1: (4, 0), 2: (2, 1)}
    assert await counts(world, "attempt", campaign_no=0) == {1: (1, 0)}
    assert await counts(world, "attempt", trunk_no=world.trunk_no + 1) == {}
    tuesday = Scope(world.workspace_no, at(0, 3), at(0, 4))
    assert list((await read_attempts(world.database, tuesday, (Side.ATTEMPT,))).groups) == [(2,)]
    async with world.database.transaction() as db:
        other = await create_workspace(db, UUID(int=9), "other", None, NOON)
    found = await read_attempts(world.database, Scope(other, at(0, 1), at(0, 31)), (Side.ATTEMPT,))
    assert (found.groups, found.whole) == ({}, Sums())


async def test_a_dial_counts_where_it_was_placed(world):
    """An intent of before midnight whose trunk was asked after it belongs to the new day."""
    await world.value("UPDATE attempts SET intent_at = intent_at - interval '30 min', called_at = called_at")
    midnight = await add_call(world, [(at(0, 9), RANG_OUT, 0)])
    await world.value("UPDATE attempts SET intent_at = $2 WHERE call_id = $1", midnight, at(23.9, 8))
    assert (await counts(world, "day"))["2026-03-09"] == (1, 0)
    scope = Scope(world.workspace_no, at(0, 9), at(0, 10))
    assert (await read_attempts(world.database, scope, (Side.DAY,))).whole.attempts == 1


async def test_money_of_several_currencies_has_no_sum(world):
    """A group of one currency keeps its own."""
    await add_call(world, [(at(9), RANG_OUT, 0)], currency="EUR", policy_version=3)
    found = await read(world, "policy_version")
    assert (found.whole.cost_micros, found.whole.currency) == (None, None)
    assert (found.groups[(3,)].cost_micros, found.groups[(3,)].currency) == (1000, "EUR")


async def test_anonymised_calls_count_without_their_region(world):
    """Of an anonymised call is known how it went, and not where."""
    await world.value("UPDATE calls SET to_number = 'redacted:' || call_id WHERE to_number LIKE '+44%'")
    assert (await counts(world, "region"))[None] == (1, 0)


async def test_other_outcomes_before_are_told_together(world):
    """After a dial that was cancelled, which is never redialled, somebody may have the call dialled again."""
    await add_call(world, [(at(9), EndReason.CANCELLED_BY_OPERATOR, 0), (at(9.01), RANG_OUT, 0)])
    assert (await counts(world, "outcome_before"))[OTHER] == (1, 0)
    assert (await counts(world, "wait_before"))["<2m"] == (1, 0)


async def test_what_takes_too_long_is_given_up(world, monkeypatch):
    """The caller is told what to name; the connection is as good as before."""
    monkeypatch.setattr(analytics, "LONGEST_SEC", 0.2)
    async with world.database.transaction() as blocking:
        await blocking.execute("LOCK TABLE zone_sets IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Impossible, match="fewer days"):
            await read(world, "hour")
    async with asyncio.timeout(5):
        assert (await read(world, "hour")).whole.attempts == 7


async def test_too_many_groups_are_not_answered(world, monkeypatch):
    """The answer would be of no use, and large."""
    monkeypatch.setattr(analytics, "MOST_GROUPS", 2)
    with pytest.raises(Impossible, match="more than 2 groups"):
        await read(world, "attempt")


async def test_the_settings_of_an_analysis_end_with_it(world):
    """The next request on the connection has the API's own."""
    await read(world, "attempt")
    rows = [await world.value("SELECT current_setting('statement_timeout')") for _ in range(8)]
    assert set(rows) == {"0"}


@pytest.mark.parametrize("side", list(Side))
async def test_what_a_side_does_not_need_is_not_joined(world, side):
    """By attempt, trunk or day the calls are not looked up, and only what was before asks for attempts twice."""
    scope = (world.workspace_no, at(0, 1), at(0, 31), None, None, str(side), None)
    async with world.database.transaction() as db:
        await analytics.bound(db)
        rows = await db.fetch(f"EXPLAIN {analytics._SQL['attempts']}".rstrip(";"), *scope, [], [], [60], [], 10)
    plan = "\n".join(row[0] for row in rows)
    assert (" on calls" in plan) == (side in {Side.HOUR, Side.WEEKDAY, Side.REGION})
    assert ("attempts b" in plan) == (side in {Side.OUTCOME_BEFORE, Side.WAIT_BEFORE})


async def test_a_few_days_are_found_by_the_index(world):
    """Of a table that holds months, a day's attempts are read by where they lie."""
    await world.value(
        """INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no,
            policy_version, status, intent_at, ended_at, end_reason, stop_reason)
        SELECT $1, gen_random_uuid(), 1, gen_random_uuid(), 0, 1, 1, 1, 'busy', at, at, 'user_busy', 'not_retryable'
        FROM generate_series($2::timestamptz, $2 + interval '90 days', interval '90 s') AS at""",
        world.workspace_no,
        NOON + TimeDelta(hours=24 * 40),
    )
    async with world.database.connection() as db:
        await db.execute("VACUUM ANALYZE attempts")
    day = (NOON + TimeDelta(hours=24 * 60), NOON + TimeDelta(hours=24 * 61))
    async with world.database.transaction() as db:
        await analytics.bound(db)
        rows = await db.fetch(
            f"EXPLAIN (ANALYZE) {analytics._SQL['attempts']}".rstrip(";"),
            *(world.workspace_no, *day, None, None, "attempt", None, [], [], [60], [], 10),
        )
    plan = "\n".join(row[0] for row in rows)
    assert "Bitmap Index Scan on attempts_made" in plan
