"""The facts are those of the database: each fault is made there, and found."""

import asyncio
import json

import asyncpg
import pytest
from cryptography.fernet import Fernet
from tests.rows import single_call
from tests.world import NOON, claim, drive
from whenever import Instant, TimeDelta

from ringback.clock import SystemClock
from ringback.config import Settings
from ringback.doctor import gather
from ringback.doctor.command import findings_of
from ringback.doctor.finding import Level
from ringback.sealing import KEY_FILE, Sealer
from ringback.store import checks

# The servers of these tests may lose what they have: their database is found at fault, rightly.
OF_THE_TESTS = {"database", "disk"}


async def facts_of(world):
    """What is read of a world."""
    return await gather.gather_facts(world.dsn, Settings(world.folder, world.dsn), SystemClock())


async def bad(world) -> set[str]:
    """What is found to be wrong."""
    found = findings_of(await facts_of(world))
    return {finding.check for finding in found if finding.level is not Level.OK} - OF_THE_TESTS


async def test_a_world_that_works_is_well(make_world):
    """Calls that wait, calls that are over, and a single call beside them."""
    world = await make_world(leads=3)
    await single_call(world)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + TimeDelta(hours=1))
    await engine.node.lease.leave()
    await engine.rescuer.run_once()
    assert await bad(world) == set()
    facts = await facts_of(world)
    assert abs(facts.skew) < TimeDelta(seconds=5)
    assert int(facts.server.settings["server_version_num"]) >= 150_000
    assert [trunk.name for trunk in facts.ours.trunks] == ["sim"]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("DELETE FROM limits WHERE kind = 'trunk'", "limits"),
        ("UPDATE limits SET max_concurrent_calls = 0 WHERE kind = 'workspace'", "campaigns"),
        ("DELETE FROM queue", "rows"),
        ("UPDATE workspaces SET rule_packs = '{us-xx}'", "rules"),
        ("UPDATE campaigns SET rule_packs = '{us-fl@2020.1}'", "rules"),
        (
            "UPDATE calls SET final_status = 'busy', final_reason = 'attempts_exhausted', finished_at = created_at",
            "rows",
        ),
        ("UPDATE trunks SET kind = 'pigeon'", "trunks"),
        ('UPDATE trunks SET settings = \'{"record": "no/such/folder/dials"}\'', "trunks"),
        ("UPDATE trunks SET settings = '{\"speed\": -1}'", "trunks"),
        ('UPDATE trunks SET kind = \'sip\', settings = \'{"host": "a", "net_interface": "eth99"}\'', "trunks"),
        ("DROP TABLE nodes CASCADE; DELETE FROM schema_migrations", "schema"),
    ],
)
async def test_a_fault_is_found(make_world, fault, check):
    """And nothing else is found with it."""
    world = await make_world(leads=2)
    await world.value("UPDATE queue SET due_at = $1", Instant.now())
    async with world.database.connection() as db:
        await db.execute(fault)
    assert await bad(world) == {check}


async def test_a_password_that_cannot_be_opened_is_found(make_world):
    """With what to do; with the right key, it is told whose key that is."""
    world = await make_world()
    stored = json.dumps({"host": "a", "username": "b", "password": Sealer(world.folder, None).seal("x")})
    await world.value("UPDATE trunks SET kind = 'sip', settings = $1", stored)
    [trunk] = (await facts_of(world)).ours.trunks
    assert (trunk.fault, trunk.is_local) == (None, True)
    (world.folder / KEY_FILE).write_bytes(Fernet.generate_key())
    [trunk] = (await facts_of(world)).ours.trunks
    assert "another key" in trunk.fault
    assert await bad(world) == {"trunks"}


async def test_an_attempt_that_no_node_answers_for_is_found(make_world):
    """Its node is explained, or was never there."""
    world = await make_world(leads=2)
    await world.value("UPDATE queue SET due_at = $1", Instant.now())
    await claim(world, 1, Instant.now(), node_no=77)
    facts = await facts_of(world)
    assert facts.ours.rows.abandoned == 1
    assert await bad(world) == {"rows"}


async def test_an_attempt_that_never_ends_is_found(make_world):
    """Longer than any call, on a node that lives."""
    world = await make_world(leads=2)
    node = await world.value(
        "INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until) VALUES ('a', '1', $1, $1, $2) "
        "RETURNING node_no",
        Instant.now(),
        Instant.now() + TimeDelta(hours=1),
    )
    await claim(world, 1, NOON, node_no=node)
    facts = await facts_of(world)
    assert (facts.ours.rows.endless, facts.ours.rows.abandoned) == (1, 0)


async def test_a_campaign_that_does_not_move_is_found(make_world):
    """Its window is open, dials are due for long, and nothing of it was dialled for an hour; until something is."""
    world = await make_world(leads=3)
    await world.value("UPDATE queue SET due_at = $1", Instant.now() - TimeDelta(hours=2))
    assert await bad(world) == {"campaigns"}
    [taken] = await claim(world, 1, Instant.now(), node_no=0)
    await world.value(
        "UPDATE attempts SET status = 'busy', end_reason = 'user_busy', ended_at = $2, stop_reason = 'x' "
        "WHERE call_id = $1",
        taken.call_id,
        Instant.now(),
    )
    facts = await facts_of(world)
    assert facts.ours.overdue == []
    await world.act("pause")
    await world.value("DELETE FROM attempts")
    assert (await facts_of(world)).ours.overdue == []


async def test_an_old_transaction_is_found(make_world, monkeypatch):
    """With who has it; our own look at it is none."""
    world = await make_world()
    monkeypatch.setattr(gather, "OLD", TimeDelta())
    other = await asyncpg.connect(world.dsn, server_settings={"application_name": "forgotten"})
    try:
        await other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await other.fetch("SELECT FROM calls")
        [holder] = (await facts_of(world)).server.holders
    finally:
        await other.close()
    assert holder.what.startswith("forgotten (pid ")
    assert holder.state == "idle in transaction"


async def test_a_look_that_the_server_gives_up_is_told_and_the_others_go_on(make_world):
    """Somebody holds the one table that no other look wants, for longer than the server lets a statement last."""
    world = await make_world(leads=2)
    await world.value("UPDATE queue SET due_at = $1", Instant.now())
    async with world.database.transaction() as holding:
        await holding.execute("LOCK TABLE zone_sets IN ACCESS EXCLUSIVE MODE")
        looking = asyncio.create_task(facts_of(world))
        await cancel_who_waits(world, looking)
        facts = await looking
    assert facts.slow == ["campaigns"]
    assert [trunk.name for trunk in facts.ours.trunks] == ["sim"]


async def cancel_who_waits(world, looking) -> None:
    """Do as the server does after `statement_timeout`."""
    waits = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(20):
        while not (looking.done() or await world.value(waits)):
            pass


async def test_looks_of_which_all_take_too_long_are_told(make_world, monkeypatch):
    """Each is broken off, and the next one is tried."""
    world = await make_world(leads=2)
    monkeypatch.setattr(checks, "LONGEST_SEC", 0.0)
    assert await bad(world) == {"snapshots", "nodes", "rows", "campaigns", "limits", "tables", "trunks", "rules"}


@pytest.fixture
async def outsider(make_world):
    """A world, and a role that may read its tables and nothing else."""
    world = await make_world()
    await world.value("CREATE ROLE outsider LOGIN")
    try:
        await world.value("GRANT SELECT ON ALL TABLES IN SCHEMA public TO outsider")
        yield world
    finally:
        await world.value("DROP OWNED BY outsider")
        await world.value("DROP ROLE outsider")


async def test_sessions_that_may_not_be_seen_are_told(outsider):
    """They are counted among the connections, and a transaction of theirs may be old; until a right to see is given."""
    dsn = outsider.dsn.replace("//ringback@", "//outsider@")
    there = await outsider.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    for grant, hidden in (("SELECT 1", True), ("GRANT pg_read_all_stats TO outsider", False)):
        await outsider.value(grant)
        facts = await gather.gather_facts(dsn, Settings(outsider.folder, dsn), SystemClock())
        assert bool(facts.server.hidden) is hidden
        assert facts.server.connections > there
        found = {finding.level for finding in findings_of(facts) if finding.check == "snapshots"}
        assert found == {Level.WARN if hidden else Level.OK}
