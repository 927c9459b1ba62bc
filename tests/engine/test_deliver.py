"""Webhooks: what happened is told once it is committed, signed, until it was taken, and in its order for each call."""

import asyncio
import json
import re
from collections import defaultdict

import pytest
from standardwebhooks import Webhook
from tests.engine.duties import begun, dial, end, puppet_of, work
from tests.https import https_server
from tests.world import some_leads
from whenever import TimeDelta

from ringback.clock import SystemClock
from ringback.domain.outcome import EndReason
from ringback.domain.webhooks import Event
from ringback.engine import deliver as deliver_module
from ringback.engine.courier import MOST_AT_ONCE
from ringback.events import DutyFailed, WebhookOff
from ringback.ids import CALL, WEBHOOK, show
from ringback.sealing import Sealer
from ringback.store.outbox import hasten
from ringback.store.queries import load, topics
from ringback.store.webhooks import (
    WebhookPlan,
    change_webhook,
    create_webhook,
    find_webhook,
    ping,
    revive,
    rotate_secret,
)

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD1aTgGKjcRTM="  # noqa: S105  # a test's
SEC = TimeDelta(seconds=1)


@pytest.fixture
async def server(tmp_path, monkeypatch):
    """A server that takes all, on an address that the operator allows and with a certificate that is trusted."""
    async with https_server(tmp_path) as made:
        monkeypatch.setenv("RINGBACK_WEBHOOK_NETWORKS", "127.0.0.0/8,::1/128")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        yield made


async def hook(world, url, *events):
    """Have the world's workspace told of these events, or of all."""
    webhook_id = world.ids.new(world.clock.now())
    plan = WebhookPlan(url, "w", [str(event) for event in events or Event])
    async with world.database.transaction() as db:
        sealed = Sealer(world.folder, None).seal(SECRET)
        await create_webhook(db, world.workspace_no, webhook_id, plan, sealed, 20, world.clock.now())
    return webhook_id


async def deliver(engine):
    """Send what is due, and write down what was answered, until nothing is left to begin with."""
    deliverer = engine.deliverer
    deliverer._look_at = type(deliverer._look_at).MIN
    while await deliverer.run_once():
        await asyncio.wait(deliverer._tasks)
    await deliverer.run_once()


def told(server):
    """What the receiver was told, in its order."""
    return [json.loads(body) for _, body in server.heard]


async def waiting(world):
    """What waits, in its order."""
    return await world.rows("SELECT * FROM outbox ORDER BY event_no")


async def test_what_happens_to_a_call_is_told_in_its_order(make_world, server):
    """Each event once, with ids and outcomes; nothing of it waits any more."""
    world = await make_world(leads=1, retry={"max_attempts": 2, "after": {"busy": ["5m"]}})
    await hook(world, server.url)
    engine = await begun(world)
    await dial(engine)
    await end(engine)
    await deliver(engine)
    world.clock.advance_to(world.clock.now() + SEC * 300)
    await dial(engine)
    await end(engine, reason=EndReason.USER_DISCONNECTED)
    await deliver(engine)
    assert [one["type"] for one in told(server)] == [
        "attempt.started",
        "attempt.ended",
        "call.retry_scheduled",
        "attempt.started",
        "attempt.ended",
        "call.finished",
    ]
    assert await waiting(world) == []
    last = told(server)[-1]["data"]
    assert (last["status"], last["final_reason"], last["attempts"]) == ("completed", "reached", 2)


async def test_events_are_signed(make_world, server):
    """By the Standard Webhooks: its library takes them, and each has an id of its own."""
    world = await make_world(leads=1)
    engine = await begun(world, clock=SystemClock())
    await hook(world, server.url)
    await dial(engine)
    await end(engine)
    await deliver(engine)
    assert len(server.heard) == 3
    for headers, body in server.heard:
        assert Webhook(SECRET).verify(body, headers)["type"] in set(Event)
    assert len({headers["webhook-id"] for headers, _ in server.heard}) == 3


async def ended_calls(world, engine, count):
    """So many calls that are over, each with an event that waits."""
    before = len(engine.node.hand.live)
    await dial(engine)
    assert len(engine.node.hand.live) - before == count
    await end(engine)


def answers(server, by_call):
    """Answer by which call an event is of; 200 for those that are not named. What it returns may be changed."""

    async def answer(_, body):
        return by_call.get(json.loads(body)["data"].get("call_id"), 200), b""

    server.answer = answer
    return by_call


async def call_ids(world):
    """The public ids of the calls."""
    return [show(CALL, row["call_id"]) for row in await world.calls()]


async def pass_time(world, engine, hours, step=TimeDelta(minutes=5)):
    """Let hours go by, and what is due be sent."""
    until = world.clock.now() + TimeDelta(hours=hours)
    while world.clock.now() < until:
        world.clock.advance_to(world.clock.now() + step)
        await deliver(engine)


async def test_failing_event_holds_up_those_of_its_call_alone(make_world, server):
    """The others are told at once; those behind it wait, and come in their order once it is taken."""
    world = await make_world(leads=3)
    await hook(world, server.url, Event.ATTEMPT_ENDED, Event.CALL_FINISHED)
    engine = await begun(world)
    first, *others = await call_ids(world)
    refused = answers(server, {first: 500})
    await ended_calls(world, engine, 3)
    await deliver(engine)
    taken = [one for one in told(server) if one["data"]["call_id"] != first]
    assert {one["data"]["call_id"] for one in taken} == set(others)
    assert [one["type"] for one in told(server) if one["data"]["call_id"] == first] == ["attempt.ended"]
    assert [row["event"] for row in await waiting(world)] == ["attempt.ended", "call.finished"]
    refused.clear()
    server.heard.clear()
    await deliver(engine)
    assert server.heard == []  # it is not due yet
    world.clock.advance_to(world.clock.now() + SEC * 6)
    await deliver(engine)
    assert [one["type"] for one in told(server)] == ["attempt.ended", "call.finished"]
    assert await waiting(world) == []


async def test_event_that_is_never_taken_becomes_a_dead_letter(make_world, server):
    """After ten tries in a day, all with one id; what is behind it goes on, and it is sent again when asked for."""
    world = await make_world(leads=2)
    webhook_id = await hook(world, server.url, Event.ATTEMPT_ENDED, Event.CALL_FINISHED)
    engine = await begun(world)
    first, _ = await call_ids(world)

    async def answer(_, body):
        one = json.loads(body)
        return 500 if (one["type"], one["data"].get("call_id")) == ("attempt.ended", first) else 200, b""

    server.answer = answer
    await ended_calls(world, engine, 2)
    for _ in range(36):
        async with world.database.transaction() as db:  # others are taken meanwhile
            await ping(db, world.workspace_no, webhook_id, world.clock.now())
        await pass_time(world, engine, 1, TimeDelta(hours=1))
    tries = [
        headers["webhook-id"] for headers, body in server.heard if b"attempt.ended" in body and first.encode() in body
    ]
    assert len(tries) == 10
    assert len(set(tries)) == 1
    [dead] = await waiting(world)
    assert (dead["event"], dead["tries"], dead["last_failure"]) == ("attempt.ended", 10, "it answered 500")
    assert dead["dead_at"] is not None
    assert any(one["type"] == "call.finished" and one["data"]["call_id"] == first for one in told(server))
    server.says()
    server.heard.clear()
    async with world.database.transaction() as db:
        assert await revive(db, world.workspace_no, dead["webhook_no"], None, world.clock.now(), 10) == 1
    await deliver(engine)
    assert [headers["webhook-id"] for headers, _ in server.heard] == tries[:1]
    assert await waiting(world) == []


async def test_receiver_that_takes_nothing_for_a_day_is_told_no_more(make_world, server):
    """Few tries, none lost and none a dead letter; switched on again it is told all at once, each call in its order."""
    world = await make_world(leads=20)
    webhook_id = await hook(world, server.url, Event.ATTEMPT_ENDED, Event.CALL_FINISHED)
    engine = await begun(world)
    server.says(status=500)
    await ended_calls(world, engine, 20)
    await pass_time(world, engine, 25, TimeDelta(minutes=30))
    assert 40 < len(server.heard) < 80  # about one for each step, and sixteen at first
    async with world.database.connection() as db:
        row = await find_webhook(db, world.workspace_no, webhook_id)
    assert (row["off_reason"], row["last_failure"]) == ("failing", "it answered 500")
    assert WebhookOff(show(WEBHOOK, webhook_id), "failing", "it answered 500") in world.events
    assert [row["dead_at"] for row in await waiting(world)] == [None] * 40
    server.says()
    server.heard.clear()
    async with world.database.transaction() as db:
        plan = WebhookPlan(row["url"], row["name"], row["events"])
        await change_webhook(db, world.workspace_no, row["webhook_no"], plan, world.clock.now(), enabled=True)
        await hasten(db, [(world.workspace_no, row["webhook_no"])], world.clock.now())
    await deliver(engine)
    assert await waiting(world) == []
    order = defaultdict(list)
    for one in told(server):
        order[one["data"]["call_id"]].append(one["type"])
    assert order == {call_id: ["attempt.ended", "call.finished"] for call_id in await call_ids(world)}


async def test_receiver_that_comes_back_is_told_all_at_once(make_world, server):
    """Also what was put off for hours; meanwhile it is tried with one event at a time."""
    world = await make_world(leads=20)
    await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world)
    server.says(status=503)
    await ended_calls(world, engine, 20)
    await pass_time(world, engine, 4, TimeDelta(minutes=30))
    server.most = 0
    await pass_time(world, engine, 1, TimeDelta(minutes=10))
    assert server.most == 1
    since = await world.value("SELECT failing_since FROM webhooks")
    assert since is not None
    server.says()
    server.heard.clear()
    await pass_time(world, engine, 1, TimeDelta(minutes=10))
    assert len(server.heard) == 20
    assert await waiting(world) == []
    assert await world.value("SELECT failing_since FROM webhooks") is None


async def test_receiver_that_is_gone_is_told_no_more(make_world, server):
    """410 switches it off at once, and nothing is written for it any more."""
    world = await make_world(leads=2)
    await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world)
    server.says(status=410)
    await ended_calls(world, engine, 2)
    await deliver(engine)
    assert await world.value("SELECT off_reason FROM webhooks") == "gone"
    assert len(await waiting(world)) == 2
    await world.add_leads(some_leads(1, first=50))
    world.clock.advance_to(world.clock.now() + SEC)
    await ended_calls(world, engine, 1)
    await deliver(engine)
    assert len(await waiting(world)) == 2


async def test_dead_receiver_delays_nobody_else(make_world, server, monkeypatch):
    """One that never answers has its own events in hand, and those of another webhook are told meanwhile."""
    monkeypatch.setattr(deliver_module, "TIMEOUT_SEC", 600.0)  # however slow the machine is
    world = await make_world(leads=30)
    opened = asyncio.Event()

    async def answer(headers, _):
        if "slow" in headers[":first-line"]:
            await opened.wait()
        return 200, b""

    server.answer = answer
    await hook(world, server.url + "&slow", Event.CALL_FINISHED)
    quick = await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world)
    await ended_calls(world, engine, 30)
    quick_no = await world.value("SELECT webhook_no FROM webhooks WHERE webhook_id = $1", quick)
    async with asyncio.timeout(120):
        while await world.value("SELECT count(*) FROM outbox WHERE webhook_no = $1", quick_no):
            await engine.deliverer.run_once()
            await asyncio.sleep(0)
    assert server.open == MOST_AT_ONCE
    opened.set()
    await deliver(engine)
    assert await waiting(world) == []


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [(302, b"", "it answered 302; redirects are not followed"), (200, b"x" * 1_000_000, None)],
    ids=["redirect", "long answer"],
)
async def test_answer_is_read_for_its_status_alone(make_world, server, status, body, why):
    """A redirect is not followed, whatever it leads to; of a long body no more is read than need be."""
    world = await make_world(leads=1)
    await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world)

    async def answer(*_):
        return status, body

    server.answer = answer
    await ended_calls(world, engine, 1)
    await deliver(engine)
    assert [row["last_failure"] for row in await waiting(world)] == ([why] if why else [])
    assert len(server.heard) == 1


async def test_receiver_at_a_private_address_is_not_told(make_world, server, monkeypatch):
    """Wherever its name leads at that moment, unless the operator allows it."""
    monkeypatch.setenv("RINGBACK_WEBHOOK_NETWORKS", "10.0.0.0/8")
    world = await make_world(leads=1)
    await hook(world, server.url, Event.CALL_FINISHED)
    await hook(world, "https://a..b/", Event.CALL_FINISHED)  # no name at all
    engine = await begun(world)
    await ended_calls(world, engine, 1)
    await deliver(engine)
    assert server.heard == []
    whys = sorted(row["last_failure"] for row in await waiting(world))
    assert whys[1] == "its name has no public address"
    assert whys[0].startswith("ConnectError")


async def test_event_whose_secret_cannot_be_opened_is_kept(make_world, server):
    """Nothing is sent unsigned, and no try is counted; once the key is back it is sent."""
    world = await make_world(leads=1)
    await hook(world, server.url, Event.CALL_FINISHED)
    key = world.folder / "secret.key"
    kept = key.read_bytes()
    key.unlink()
    engine = await begun(world)
    await ended_calls(world, engine, 1)
    await deliver(engine)
    await deliver(engine)
    assert [event.duty for event in world.events if isinstance(event, DutyFailed)] == ["deliver"]
    assert [row["tries"] for row in await waiting(world)] == [0]
    key.write_bytes(kept)
    await deliver(engine)
    assert len(server.heard) == 1


async def test_both_secrets_sign_while_one_takes_the_others_place(make_world, server):
    """And only the new one after a day."""
    world = await make_world(leads=1)
    webhook_id = await hook(world, server.url, Event.CALL_FINISHED)
    other = "whsec_" + "B" * 43 + "="
    async with world.database.transaction() as db:
        row = await find_webhook(db, world.workspace_no, webhook_id)
        sealed, until = Sealer(world.folder, None).seal(other), world.clock.now() + SEC * 60
        await rotate_secret(db, world.workspace_no, row["webhook_no"], sealed, until)
    engine = await begun(world)
    for signatures in (2, 1):
        async with world.database.transaction() as db:
            await ping(db, world.workspace_no, webhook_id, world.clock.now())
        await deliver(engine)
        headers, body = server.heard[-1]
        made = Webhook(other).sign(headers["webhook-id"], world.clock.now().to_stdlib(), body.decode())
        assert headers["webhook-signature"].split()[0] == made
        assert len(headers["webhook-signature"].split()) == signatures
        world.clock.advance_to(until)


async def test_another_node_sends_on_when_one_has_ended(make_world, server):
    """Of two nodes one sends for a webhook; what it left is sent by the other."""
    world = await make_world(leads=1)
    await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world, lease_sec=10)
    other = await begun(world, "b")
    await deliver(engine)
    await ended_calls(world, engine, 1)
    await deliver(other)
    assert server.heard == []
    world.clock.advance_to(world.clock.now() + SEC * 11)
    await deliver(engine)  # its lease is over
    assert server.heard == []
    await deliver(other)
    assert len(server.heard) == 1
    assert await waiting(world) == []


async def test_who_dies_before_it_is_written_down_has_it_told_twice(make_world, server):
    """With the same id, so that the receiver can tell."""
    world = await make_world(leads=1)
    await hook(world, server.url, Event.CALL_FINISHED)
    engine = await begun(world, lease_sec=10)
    await ended_calls(world, engine, 1)
    await engine.deliverer.run_once()
    await asyncio.wait(engine.deliverer._tasks)
    engine.deliverer._done.clear()  # it died here
    world.clock.advance_to(world.clock.now() + SEC * 11)
    await deliver(await begun(world, "b"))
    first, second = (headers["webhook-id"] for headers, _ in server.heard)
    assert first == second
    assert await waiting(world) == []


async def test_trunk_that_goes_down_is_told_of_once(make_world, server):
    """However many nodes find it out; that it is up again is told once as well, also where who said so has ended."""
    world = await make_world(leads=3, caps=(None, None, 1))
    await hook(world, server.url, Event.TRUNK_DOWN, Event.TRUNK_UP)
    engines = [await begun(world, name, lease_sec=10) for name in ("a", "b")]
    await work(world, *engines, rounds=8)

    def ail(engine, why):
        puppet_of(engine).ailing = why
        engine.node.trunks.accepts((world.workspace_no, world.trunk_no))

    for engine in engines:
        ail(engine, "no answer to OPTIONS")
        await deliver(engine)
        await deliver(engines[0])
    assert [one["type"] for one in told(server)] == ["trunk.down"]
    assert told(server)[0]["data"]["name"] == "sim"
    world.clock.advance_to(world.clock.now() + SEC * 9)
    await engines[1].node.lease.run_once()
    world.clock.advance_to(world.clock.now() + SEC * 3)
    await deliver(engines[1])  # the first node has ended: it is still down on this one
    assert len(told(server)) == 1
    ail(engines[1], None)
    await deliver(engines[1])
    await deliver(engines[1])
    assert [one["type"] for one in told(server)] == ["trunk.down", "trunk.up"]


ENDS_CALLS = [
    (topic, name) for topic in topics() for name, text in load(topic).items() if re.search(r"SET final_status", text)
]
MOVES_CAMPAIGNS = [
    (topic, name)
    for topic in topics()
    for name, text in load(topic).items()
    if re.search(r"UPDATE campaigns c?\s*SET\s+(.*,\s*)?status = ", text)
]
NOT_TOLD = {("finish", "reopen"), ("backup", "pause_running")}
"""Of the first nobody was told that it was complete, and a restored campaign was never paused by anybody."""


def test_whatever_ends_a_call_or_moves_a_campaign_tells():
    """In the same statement: a new one that does not is found here."""
    assert len(ENDS_CALLS) >= 7
    assert len(MOVES_CAMPAIGNS) >= 5
    for topic, name in {*ENDS_CALLS, *MOVES_CAMPAIGNS} - NOT_TOLD:
        assert "INSERT INTO outbox" in load(topic)[name], f"{topic}.{name}"
