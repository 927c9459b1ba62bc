"""Webhooks: what happened is told once it is committed, signed, until it was taken, and in its order for each call."""

import asyncio
import json

import pytest
from standardwebhooks import Webhook
from tests.engine.duties import begun, dial, end
from tests.https import https_server
from whenever import TimeDelta

from ringback.clock import SystemClock
from ringback.domain.outcome import EndReason
from ringback.domain.webhooks import Event
from ringback.sealing import Sealer
from ringback.store.webhooks import WebhookPlan, create_webhook

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
