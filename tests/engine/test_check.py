"""The pre-dial check: a workspace's own server is asked before each dial, and nothing but its yes lets a dial go."""

import asyncio
import json
import socket
from contextlib import suppress

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.engine.duties import another_workspace, begun, puppet_of
from tests.engine.faults import Died, mortal
from tests.engine.invariants import every_call_is_somewhere, ordinals_are_whole
from tests.https import https_server
from tests.in_part import each
from tests.ledger.books import book, lines_of
from tests.world import a_lead
from whenever import TimeDelta

from ringback.clock import SystemClock
from ringback.domain.contact import parse_contact_rules
from ringback.domain.do_not_call import Entry, Source
from ringback.engine.checks import MOST_AT_ONCE
from ringback.events import CheckAnswered, CheckUnanswered, DialsWithheld, Placed
from ringback.sealing import Sealer
from ringback.store.contacts import set_rules
from ringback.store.do_not_call import add_entries
from ringback.store.pre_dial_checks import set_check

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1aTgGKjcRTM="  # noqa: S105  # a test's
SEC = TimeDelta(seconds=1)


@pytest.fixture
async def server(tmp_path, monkeypatch):
    """A server that allows all, on an address that the operator allows and with a certificate that is trusted."""
    async with https_server(tmp_path) as made:
        monkeypatch.setenv("RINGBACK_CHECK_NETWORKS", "127.0.0.0/8,::1/128")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        yield made


async def have_checked(world, url, timeout_sec=10):
    """Every dial of the world's workspace is checked from now on."""
    check = {"url": url, "timeout_sec": timeout_sec, "secret": Sealer(world.folder, None).seal(SECRET)}
    async with world.database.transaction() as db:
        await set_check(db, world.workspace_no, check)


async def asked(engine):
    """One claim, its questions asked and not answered yet; returns how many there are."""
    await engine.dialler.run_once()
    await engine.checker.run_once()
    return len(engine.checker._asked)


async def answered(engine):
    """All questions answered, and what follows done; returns how many dials this node has up after it."""
    if engine.checker._asked:
        await asyncio.wait(engine.checker._asked)
    await engine.checker.run_once()
    await engine.placer.run_once()
    return len(engine.node.hand.live)


async def checked_dial(engine):
    """One claim, checked and placed."""
    await asked(engine)
    return await answered(engine)


async def decided(world):
    """The rules, inputs and next times of all decisions."""
    rows = await world.rows("SELECT * FROM decisions ORDER BY call_id, decision_id")
    return [(row["rule"], json.loads(row["inputs"]), row["next_at"]) for row in rows]


def gate():
    """An event, and what waits for it before it allows a dial."""
    opened = asyncio.Event()

    async def answer(headers, body):
        await opened.wait()
        return 200, b'{"allow": true}'

    return opened, answer


async def test_what_is_allowed_is_dialled(make_world, server):
    """And asked about once, before the trunk hears of it, with what the workspace has to know."""
    lead = msgspec.structs.replace(a_lead(0), name="Ada", variables='{"order":"A-17"}')
    world = await make_world(leads=[lead])
    await have_checked(world, server.url)
    engine = await begun(world)
    assert await asked(engine) == 1
    assert puppet_of(engine).placed == []
    [row] = await world.attempts()
    assert row["unchecked"]
    assert await answered(engine) == 1
    assert [one.to_number for one in puppet_of(engine).placed] == [a_lead(0).e164]
    [(headers, body)] = server.heard
    assert headers[":first-line"] == "POST /check?for=us HTTP/1.1"
    told = json.loads(body)
    assert told["type"] == "pre_dial_check"
    expected = {"to_number": a_lead(0).e164, "attempt": 1, "name": "Ada", "variables": {"order": "A-17"}}
    assert {name: told["data"][name] for name in expected} == expected
    assert told["data"]["attempt_id"] == headers["webhook-id"]
    assert await decided(world) == []
    assert not (await world.attempts())[0]["unchecked"]


async def test_questions_are_signed(make_world, server):
    """By the Standard Webhooks: who has the secret can tell that they are ours, and nobody else can make them."""
    world = await make_world(leads=1)
    await have_checked(world, server.url)
    await checked_dial(await begun(world, clock=SystemClock()))
    [(headers, body)] = server.heard
    assert Webhook(SECRET).verify(body, headers)["data"]["attempt"] == 1
    for other, said in ((Webhook("whsec_AAAA"), body), (Webhook(SECRET), body.replace(b"call_", b"cell_"))):
        with pytest.raises(WebhookVerificationError):
            other.verify(said, headers)


async def test_a_veto_withholds_the_dial(make_world, server):
    """With its reason, without whatever may be a number, until the time that it names or for a while; no attempt."""
    world = await make_world(leads=1)
    await have_checked(world, server.url)
    engine = await begun(world)
    later = world.clock.now() + SEC * 7200
    server.says(allow=False, reason="+1 415 555 0000 paid", retry_at=later.format_iso())
    assert await checked_dial(engine) == 0
    veto = {"why": "veto", "reason": "[number] paid", "status": 200}
    assert await decided(world) == [("pre_dial_check", veto, later)]
    assert [row["due_at"] for row in await world.queue()] == [later]
    assert await world.attempts() == []
    assert DialsWithheld({"pre_dial_check": 1}) in world.events
    await book(engine)
    [line] = await lines_of(world)
    assert json.loads(json.loads(line)["body"]["inputs"]) == {"why": "veto", "status": 200}
    world.clock.advance_to(later)
    server.says(allow=False)
    assert await checked_dial(engine) == 0
    [(_, inputs, next_at)] = await decided(world)
    assert (inputs["reason"], next_at) == (None, world.clock.now() + TimeDelta(minutes=15))
    world.clock.advance_to(next_at)
    server.says(allow=True)
    assert await checked_dial(engine) == 1
    assert [row["attempt"] for row in await world.attempts()] == [1]
    assert puppet_of(engine).placed[0].attempt == 1
    await every_call_is_somewhere(world)


async def closed_port():
    """The URL of a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"https://127.0.0.1:{free.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("fault", "why", "status"),
    [
        ("slow", "timed_out", None),
        ("refused", "unreachable", None),
        ("plain", "unreachable", None),
        ("distrusted", "certificate", None),
        ("private", "forbidden_address", None),
        ("moved", "status", 302),
        ("broken", "status", 500),
        ("empty", "bad_answer", 200),
        ("truthy", "bad_answer", 200),
        ("long", "bad_answer", 200),
    ],
)
async def test_whatever_is_no_yes_withholds_the_dial(make_world, server, monkeypatch, tmp_path, fault, why, status):
    """And the server is left alone for a moment; the next question goes well and the dial is placed, as attempt 1."""
    world, timeout_sec, url = await make_world(leads=2), 10, server.url
    opened, slow = gate()
    match fault:
        case "slow":
            server.answer, timeout_sec = slow, 0.2
        case "refused":
            url = await closed_port()
        case "plain":
            listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
            url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/"
        case "distrusted":
            monkeypatch.delenv("SSL_CERT_FILE")
        case "private":
            monkeypatch.setenv("RINGBACK_CHECK_NETWORKS", "10.0.0.0/8")
        case "moved":
            server.says(302, allow=True)
        case "broken":
            server.says(500, allow=True)
        case "empty":
            server.says()
        case "truthy":
            server.says(allow="true")
        case "long":
            server.says(allow=True, padding="x" * 20_000)
    await have_checked(world, url, timeout_sec)
    engine = await begun(world)
    assert await checked_dial(engine) == 0
    if fault == "plain":
        listening.close()
    until = world.clock.now() + SEC
    assert [(rule, inputs["why"], inputs["status"], at) for rule, inputs, at in await decided(world)] == [
        ("pre_dial_check", why, status, until)
    ] * 2
    assert await world.attempts() == []
    assert [type(event) for event in world.events].count(CheckUnanswered) == 1
    assert await asked(engine) == 0
    opened.set()
    server.says(allow=True)
    monkeypatch.setenv("RINGBACK_CHECK_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    await have_checked(world, server.url)
    world.clock.advance_to(until)
    if fault in ("distrusted", "private"):  # what a node trusts and allows is read when it starts
        engine = await begun(world, "b")
    assert await checked_dial(engine) >= 1
    assert {row["attempt"] for row in await world.attempts()} == {1}
    await every_call_is_somewhere(world)


async def test_a_server_that_fails_is_tried_with_one_question(make_world, server):
    """After a pause that is twice as long each time, and with all that wait once it answers."""
    world = await make_world(leads=5)
    await have_checked(world, server.url)
    server.says(503)
    engine = await begun(world)
    assert await asked(engine) == 5
    await answered(engine)
    for pause_sec in (1, 2, 4):
        world.clock.advance_to(world.clock.now() + SEC * pause_sec - TimeDelta(milliseconds=1))
        assert await asked(engine) == 0
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=1))
        if pause_sec == 4:
            server.says(allow=True)
        assert await asked(engine) == 1
        up = await answered(engine)
    assert up == 1
    assert await checked_dial(engine) == 5
    told = [type(event) for event in world.events if isinstance(event, CheckUnanswered | CheckAnswered)]
    assert told == [CheckUnanswered, CheckAnswered]


async def test_a_slow_server_stalls_nobody_else(make_world, server):
    """It is asked so many questions at a time, and holds no more permits; other workspaces dial meanwhile."""
    world = await make_world(leads=MOST_AT_ONCE + 10)
    other = await another_workspace(world, 3)
    await have_checked(world, server.url)
    opened, server.answer = gate()
    engine = await begun(world)
    assert await asked(engine) == MOST_AT_ONCE
    await engine.placer.run_once()
    await engine.node.permits.run_once()
    live = "SELECT workspace_no, unchecked, count(*)::int AS up FROM attempts GROUP BY 1, 2 ORDER BY 1"
    assert [tuple(row) for row in await world.rows(live)] == [
        (world.workspace_no, True, MOST_AT_ONCE),
        (other.workspace_no, False, 3),
    ]
    assert await asked(engine) == MOST_AT_ONCE
    opened.set()
    assert await answered(engine) == MOST_AT_ONCE + 3
    assert await checked_dial(engine) == MOST_AT_ONCE + 13
    assert server.most <= MOST_AT_ONCE


async def while_asked(make_world, server, **plan):
    """A world with a node that waits for the answer to its question; and what lets it come."""
    world = await make_world(leads=1, retry={"max_attempts": 3, "after": {"busy": ["1m"]}}, **plan)
    await have_checked(world, server.url)
    opened, server.answer = gate()
    engine = await begun(world, lease_sec=10)
    assert await asked(engine) == 1
    return world, engine, opened


async def test_a_node_that_dies_while_it_asks_leaves_a_dial_that_never_was(make_world, server):
    """Another one takes the intent back without asking the trunk, and it is attempt 1 again."""
    world, dead, opened = await while_asked(make_world, server)
    world.clock.advance_to(world.clock.now() + SEC * 30)
    living = await begun(world, "b")
    await living.rescuer.run_once()
    assert await world.attempts() == []
    assert puppet_of(dead).asked == []
    opened.set()
    assert await answered(dead) == 0
    assert puppet_of(dead).placed == []
    assert await checked_dial(living) == 1
    assert [(row["attempt"], row["node_no"]) for row in await world.attempts()] == [(1, living.node.lease.node_no)]
    await every_call_is_somewhere(world)
    await ordinals_are_whole(world)


async def test_a_node_that_has_lost_its_lease_does_not_dial_what_is_allowed(make_world, server):
    """Though it has won another one since, and nobody has taken the intent back."""
    world, engine, opened = await while_asked(make_world, server)
    world.clock.advance_to(world.clock.now() + SEC * 30)
    other = await begun(world, "b")
    await world.value("UPDATE nodes SET ended_at = $1 WHERE node_no = $2", world.clock.now(), engine.node.lease.node_no)
    await engine.node.lease.run_once()
    opened.set()
    assert await answered(engine) == 0
    assert await world.attempts() == []
    assert await checked_dial(other) == 1
    assert puppet_of(engine).placed == []


async def test_a_node_that_dies_at_any_step_leaves_no_dial_twice_and_no_attempt_that_nobody_made(make_world, server):
    """Another one asks anew and dials what was not placed; by the far end's record each number is dialled once."""
    for last in range(1, 18, each(4)):
        server.heard.clear()
        world = await make_world(leads=2)
        async with world.database.transaction() as db:
            rules = parse_contact_rules({"per_number": ["1 per 1h"]})
            await set_rules(db, world.workspace_no, rules, world.clock.now())
        await have_checked(world, server.url)
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=1))
        dead, steps = await mortal(world, last, lease_sec=10)
        with suppress(Died):
            await dead.node.lease.run_once()
            await checked_dial(dead)
        assert steps.count == last
        await dead.checker.stop()
        world.clock.advance_to(world.clock.now() + SEC * 60)
        living = await begun(world, "b", puppet=False)
        while await living.rescuer.run_once():
            pass
        await checked_dial(living)
        dials = world.dials()
        assert sorted(dial["to_number"] for dial in dials) == [a_lead(0).e164, a_lead(1).e164]
        assert {dial["attempt"] for dial in dials} == {1}
        assert len(server.heard) <= 4
        assert await world.value("SELECT count(*) FROM attempts WHERE unchecked") == 0
        await every_call_is_somewhere(world)
        (world.folder / "dials.jsonl").unlink()


@pytest.mark.parametrize("action", ["pause", "cancel"])
async def test_a_campaign_that_stops_meanwhile_stops_the_dial(make_world, server, action):
    """It waits for the campaign to go on, or is cancelled with it."""
    world, engine, opened = await while_asked(make_world, server)
    await world.act(action)
    opened.set()
    assert await answered(engine) == 0
    assert puppet_of(engine).placed == []
    assert await world.attempts() == []
    [call] = await world.calls()
    assert call["final_status"] == ("cancelled" if action == "cancel" else None)
    await every_call_is_somewhere(world)


async def test_a_number_that_is_listed_meanwhile_is_not_dialled(make_world, server):
    """The call ends as for any other claimed dial."""
    world, engine, opened = await while_asked(make_world, server)
    async with world.database.transaction() as db:
        await add_entries(db, world.workspace_no, [Entry(a_lead(0).e164)], Source.API, world.ids, world.clock.now())
    opened.set()
    world.clock.advance_to(world.clock.now() + SEC)
    assert await answered(engine) == 0
    await engine.dialler.run_once()
    assert puppet_of(engine).placed == []
    assert [call["final_reason"] for call in await world.calls()] == ["opted_out"]


async def test_a_window_that_shuts_meanwhile_keeps_the_dial_back(make_world, server):
    """It is the moment of the dial that counts, and not that of the question."""
    world, engine, opened = await while_asked(make_world, server)
    ends_at = world.clock.now() + SEC * 3
    await world.value("UPDATE campaigns SET ends_at = $1", ends_at)
    world.clock.advance_to(ends_at)
    opened.set()
    assert await answered(engine) == 0
    assert puppet_of(engine).placed == []
    await engine.dialler.run_once()
    await engine.finisher.run_once()
    assert [call["final_status"] for call in await world.calls()] == ["expired"]


async def test_a_dial_counts_from_when_it_was_allowed(make_world, server):
    """By contact rules, so that no span of the far end's own record has more dials than a rule allows."""
    world, engine, opened = await while_asked(make_world, server)
    async with world.database.transaction() as db:
        await set_rules(db, world.workspace_no, parse_contact_rules({"per_number": ["1 per 1h"]}), world.clock.now())
    world.clock.advance_to(world.clock.now() + SEC * 8)
    allowed_at = world.clock.now()
    opened.set()
    assert await answered(engine) == 1
    [row] = await world.rows("SELECT dials FROM contacts")
    assert row["dials"] == [allowed_at]
    [attempt] = await world.attempts()
    assert (attempt["intent_at"], attempt["unchecked"]) == (allowed_at, False)
    assert len(puppet_of(engine).placed) == 1


async def test_what_is_withheld_is_not_counted(make_world, server):
    """A veto leaves the number as free as it was."""
    world = await make_world(leads=1)
    async with world.database.transaction() as db:
        await set_rules(db, world.workspace_no, parse_contact_rules({"per_number": ["1 per 1h"]}), world.clock.now())
    await have_checked(world, server.url)
    server.says(allow=False)
    await checked_dial(await begun(world))
    assert await world.value("SELECT dials FROM contacts") == []


async def test_a_secret_that_cannot_be_opened_withholds(make_world, server):
    """Nobody is asked without a signature."""
    world = await make_world(leads=1)
    await have_checked(world, server.url)
    (world.folder / "secret.key").unlink()
    assert await checked_dial(await begun(world)) == 0
    [(_, inputs, _)] = await decided(world)
    assert inputs["why"] == "secret"
    assert server.heard == []


async def test_a_node_that_stops_takes_back_what_it_asked_about(make_world, server):
    """It does not wait for the answer; a running node asks and dials by its own loops."""
    world = await make_world(leads=1)
    await have_checked(world, server.url)
    opened, server.answer = gate()
    engine = await begun(world, clock=SystemClock(), lease_sec=30, check_clock=True)
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop, 20))
    async with asyncio.timeout(20):
        await server.asked.wait()
    stop.set()
    await running
    assert await world.attempts() == []
    assert len(await world.queue()) == 1
    opened.set()
    engine = await begun(world, "b", clock=SystemClock(), lease_sec=30, check_clock=True)
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop, 0.1))
    await world.until(lambda: any(isinstance(event, Placed) for event in world.events))
    stop.set()
    await running
