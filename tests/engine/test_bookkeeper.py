import asyncio
import json
from uuid import UUID

import pytest
from tests.engine.duties import another_workspace, begun, dial, end
from tests.ledger.books import book, lines_of
from tests.rows import an_attempt, single_call
from tests.world import EVERYBODY_ANSWERS, NOON, drive
from whenever import TimeDelta

from ringback.domain.hours import every_day
from ringback.domain.ledger import commitment, entry_hash, genesis
from ringback.domain.merkle import root_of
from ringback.engine.bookkeeper import BATCH
from ringback.events import DutyFailed, LedgerSigned, LedgerWritten
from ringback.ledger.checkpoint import text_of
from ringback.ledger.key import is_signed
from ringback.store.ledger import Checkpoint

REDIALS = {"max_attempts": 3, "after": {"no-answer": ["1h"], "busy": ["1h"]}}
DAY = TimeDelta(hours=24)


def canonical(value):
    """RFC 8785 for what we have."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bodies_in(lines):
    """What is entered, as it stands there."""
    return [line[len(b'{"body":') : line.rindex(b',"no":')] for line in lines]


async def test_each_ended_attempt_is_entered_once(make_world):
    """With its fields, in canonical form; and what is not over is not in it."""
    world = await make_world(leads=5, retry=REDIALS)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await book(engine)
    await book(engine)
    attempts = await world.attempts()
    entries = [json.loads(line) for line in await lines_of(world)]
    assert len(entries) == len(attempts) == 15
    assert {(e["body"]["call_id"], e["body"]["attempt"]) for e in entries} == {
        (str(row["call_id"]), row["attempt"]) for row in attempts
    }
    assert await world.value("SELECT count(*) FROM ledger_due") == 0
    assert await world.value("SELECT count(*) FROM ledger_ready") == 0
    assert [event.entries for event in world.events if isinstance(event, LedgerWritten)] == [15]


async def test_an_entry_has_what_is_known_of_the_attempt(make_world):
    """Times to the millisecond, numbers as commitments, and whatever stands in the history."""
    world = await make_world(leads=1, simulator=EVERYBODY_ANSWERS, billing={"per_minute_micros": 12000})
    await world.value("UPDATE campaigns SET from_number = '+14155550100'")
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await book(engine)
    [line], [row], [call] = await lines_of(world), await world.attempts(), await world.calls()
    body, salt = json.loads(line)["body"], row["ledger_salt"].bytes
    assert canonical(json.loads(line)) == line
    assert body["to"] == commitment(salt, call["to_number"])
    assert body["from"] == commitment(salt, "+14155550100")
    for name in ("called_at", "answered_at", "ended_at", "intent_at"):
        assert body[name] == row[name].format_iso(unit="millisecond")
    plain = ("attempt", "answered_by", "billed_sec", "cost_micros", "currency", "duration_sec", "end_reason")
    plain += ("policy_version", "ring_sec", "retry_rule", "sip_code", "status", "stop_reason")
    assert {name: body[name] for name in plain} == {name: row[name] for name in plain}
    assert (body["kind"], body["retry_at"]) == ("attempt", None)
    assert body["campaign_id"] == str(world.campaign.campaign_id)


@pytest.mark.parametrize("simulator", [EVERYBODY_ANSWERS, None], ids=["answered", "mixed"])
async def test_what_a_node_makes_of_an_attempt_is_what_its_row_makes(make_world, simulator):
    """Byte for byte: most bodies are made when the attempts end, the others of the rows when they are entered."""
    plan = {"retry": REDIALS, "billing": {"per_minute_micros": 12000}}
    world = await make_world(leads=9, **plan, **({"simulator": simulator} if simulator else {}))
    await world.value("UPDATE campaigns SET from_number = '+14155550100'")
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await book(engine)
    made = bodies_in(await lines_of(world))
    await world.value("INSERT INTO ledger_due SELECT workspace_no, call_id, attempt FROM attempts")
    await book(engine)
    again = bodies_in((await lines_of(world))[len(made) :])
    assert sorted(again) == sorted(made)
    assert len(made) == await world.value("SELECT count(*) FROM attempts WHERE end_reason IS NOT NULL") > 0


async def test_who_is_cancelled_at_the_moment_of_the_end_is_entered_so(make_world):
    """The statement that ends attempts may know better than the node what follows."""
    world = await make_world(leads=2, retry=REDIALS)
    engine = await begun(world)
    await dial(engine)
    await world.value("UPDATE campaigns SET status = 'cancelled', finished_at = $1", NOON)
    await end(engine)
    await book(engine)
    bodies = [json.loads(line)["body"] for line in await lines_of(world)]
    assert [(body["retry_at"], body["stop_reason"]) for body in bodies] == [(None, "cancelled")] * 2


async def test_what_others_ended_is_not_entered_again(make_world):
    """Of a batch in which some were over before, the others are entered, once each."""
    world = await make_world(leads=3)
    engine = await begun(world)
    await dial(engine)
    await world.value(
        "UPDATE attempts SET ended_at = $1, status = 'busy', end_reason = 'user_busy', stop_reason = 'cancelled', "
        "ledger_salt = gen_random_uuid() WHERE call_id = (SELECT min(call_id::text)::uuid FROM attempts)",
        NOON,
    )
    await end(engine)
    assert await world.value("SELECT count(*) FROM ledger_ready") == 0
    await book(engine)
    assert len({json.loads(line)["body"]["call_id"] for line in await lines_of(world)}) == 2
    assert len(await lines_of(world)) == 2


async def test_a_single_call_without_a_caller_number_is_entered(make_world):
    """What is not known is null."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await single_call(world)
    await dial(engine)
    await end(engine)
    await book(engine)
    lines = await lines_of(world)
    assert [canonical(json.loads(line)) for line in lines] == lines
    [body] = [body for line in lines if (body := json.loads(line)["body"])["call_id"] == str(UUID(int=1))]
    assert (body["campaign_id"], body["from"], body["status"]) == (None, None, "busy")


async def test_entries_are_chained_and_signed(make_world):
    """Over any number of batches; the root that is signed is that of all entries."""
    world = await make_world(leads=9)
    engine = await begun(world)
    await dial(engine)
    for _ in range(3):
        await end(engine, 3)
        await book(engine)
        await engine.notary.run_once()
    lines = await lines_of(world)
    workspace_id = await world.value("SELECT workspace_id FROM workspaces")
    before = genesis(workspace_id)
    for line in lines:
        assert json.loads(line)["prev"] == before.hex()
        before = entry_hash(line)
    kept = [Checkpoint(*row) for row in await world.rows("SELECT * FROM ledger_checkpoints ORDER BY entries")]
    assert [checkpoint.entries for checkpoint in kept] == [3, 6, 9]
    for checkpoint in kept:
        assert checkpoint.root == root_of([entry_hash(line) for line in lines[: checkpoint.entries]])
        assert is_signed(checkpoint.public_key, text_of(workspace_id, checkpoint), checkpoint.signature)
    assert sum(isinstance(event, LedgerSigned) for event in world.events) == 3


async def test_nothing_is_signed_twice(make_world):
    """Only what is new."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    await book(engine)
    for _ in range(2):
        await engine.notary.run_once()
    assert await world.value("SELECT count(*) FROM ledger_checkpoints") == 1


async def test_without_a_key_entries_are_written_and_signed_later(make_world):
    """It is told, and nothing else stops."""
    world = await make_world(leads=1)
    engine = await begun(world)
    (world.folder / "ledger.key").write_text("hunter2")
    await dial(engine)
    await end(engine)
    await book(engine)
    await engine.notary.run_once()
    assert len(await lines_of(world)) == 1
    [failed] = [event for event in world.events if isinstance(event, DutyFailed)]
    assert "ledger.key holds no key" in failed.why
    (world.folder / "ledger.key").unlink()
    await engine.notary.run_once()
    assert await world.value("SELECT entries FROM ledger_checkpoints") == 1


async def test_an_attempt_that_is_committed_late_gets_in(make_world):
    """Whatever its time: the order is that of the commits."""
    world = await make_world(leads=2)
    engine = await begun(world)
    await dial(engine)
    async with world.database.transaction() as late:
        await late.execute(
            """WITH one AS (
                UPDATE attempts SET ended_at = $1, status = 'busy', end_reason = 'user_busy', stop_reason = 'cancelled',
                    ledger_salt = gen_random_uuid()
                WHERE call_id = (SELECT min(call_id::text)::uuid FROM attempts) RETURNING *)
            INSERT INTO ledger_due SELECT workspace_no, call_id, attempt FROM one""",
            NOON - DAY,
        )
        await book(engine)
        assert await lines_of(world) == []
    await book(engine)
    assert len(await lines_of(world)) == 1


async def test_of_many_nodes_one_writes_at_a_time(make_world):
    """All together they enter each attempt once."""
    world = await make_world(leads=40)
    nodes = [await begun(world, name) for name in "abcd"]
    await dial(nodes[0])
    for _ in range(8):
        await end(nodes[0], 5)
    assert await world.value("SELECT sum(entries) FROM ledger_ready") == 40
    while await world.value("SELECT count(*) FROM ledger_ready"):
        for node in nodes:
            node.bookkeeper._batch = 3
        await asyncio.gather(*(node.bookkeeper.run_once() for node in nodes))
    bodies = [json.loads(line)["body"] for line in await lines_of(world)]
    assert len({body["attempt_id"] for body in bodies}) == len(bodies) == 40


async def test_another_writer_is_not_waited_for(make_world):
    """There is nothing to do then, and nothing is signed."""
    world = await make_world(leads=1)
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    async with world.database.transaction() as other:
        await other.execute("SELECT pg_advisory_xact_lock(8244241983189640044)")
        assert await engine.bookkeeper.run_once() == 0
        await engine.notary.run_once()
    assert await lines_of(world) == []
    assert await engine.bookkeeper.run_once() == 1


async def test_each_workspace_has_a_ledger_of_its_own(make_world):
    """Numbered from 1, and begun from its own id."""
    world = await make_world(leads=2)
    other = await another_workspace(world, 3)
    engine = await begun(world)
    await dial(engine)
    await dial(engine)
    await end(engine)
    await book(engine)
    for each, count in ((world, 2), (other, 3)):
        entries = [json.loads(line) for line in await lines_of(each)]
        assert [entry["no"] for entry in entries] == list(range(1, count + 1))
    assert (await lines_of(world))[0] != (await lines_of(other))[0]


async def test_what_an_older_release_ended_is_entered_once_it_is_gone(make_world):
    """Each attempt once, over any number of batches, and nothing of what was anonymised."""
    world = await make_world(leads=0)
    engine = await begun(world)
    engine.bookkeeper._batch = 2
    for n in range(1, 6):
        await single_call(world, n=n)
        for attempt in (1, 2):
            await an_attempt(world, UUID(int=n), attempt)
    await world.value("UPDATE calls SET to_number = 'redacted:' || call_id WHERE call_id = $1", UUID(int=3))
    old = await world.value(
        "INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until) "
        "VALUES ('old', '0.2.0', $1, $1, $1) RETURNING node_no",
        NOON,
    )
    await book(engine)
    assert await lines_of(world) == []
    await world.value("UPDATE nodes SET ended_at = $1, explained_at = $1 WHERE node_no = $2", NOON, old)
    await book(engine)
    bodies = [json.loads(line)["body"] for line in await lines_of(world)]
    assert sorted((UUID(b["call_id"]).int, b["attempt"]) for b in bodies) == [
        (n, attempt) for n in (1, 2, 4, 5) for attempt in (1, 2)
    ]
    assert await world.value("SELECT done_at IS NOT NULL FROM ledger_history")
    await book(await begun(world, "b"))
    assert len(await lines_of(world)) == 8


async def test_a_node_without_a_lease_writes_nothing(make_world):
    """Its clock may be anything."""
    world = await make_world(leads=1)
    engine = await world.engine()
    assert await engine.bookkeeper.run_once() == await engine.notary.run_once() == 0


async def test_a_transaction_that_fails_takes_nothing(make_world, monkeypatch):
    """What was to be entered is still to be."""
    world = await make_world(leads=3)
    engine = await begun(world)
    await dial(engine)
    await end(engine)

    async def broken(*_):
        raise RuntimeError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("ringback.store.ledger.append", broken)
        with pytest.raises(RuntimeError):
            await engine.bookkeeper.run_once()
    await book(engine)
    assert len(await lines_of(world)) == 3
    assert BATCH > 3


async def test_a_dial_that_was_withheld_is_entered_when_its_reason_begins(make_world):
    """Once, for as long as the same reason goes on."""
    world = await make_world(leads=2, window=every_day(9 * 60, 12 * 60), started=False)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await world.value("UPDATE queue SET due_at = $1", NOON)
    await world.act("start")
    engine = await begun(world)
    for _ in range(2):
        await engine.dialler.run_once()
        await book(engine)
        await world.value("UPDATE queue SET due_at = $1", NOON)
    lines = await lines_of(world)
    assert [canonical(json.loads(line)) for line in lines] == lines
    kept = {str(row["decision_id"]): row for row in await world.rows("SELECT * FROM decisions")}
    bodies = [json.loads(line)["body"] for line in lines]
    assert {body["decision_id"] for body in bodies} == set(kept)
    assert len(bodies) == 2
    for body in bodies:
        row = kept[body["decision_id"]]
        assert (body["kind"], body["rule"], body["call_id"]) == ("decision", row["rule"], str(row["call_id"]))
        assert body["next_at"] == row["next_at"].format_iso(unit="millisecond")
        assert isinstance(json.loads(body["inputs"]), dict)
