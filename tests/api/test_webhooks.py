"""/v1/webhooks: secrets that are shown once, what was not taken, and sending it again."""

import json

import pytest
from tests.world import NOON
from whenever import TimeDelta

from ringback.api.routes.webhooks import MOST_WEBHOOKS
from ringback.domain.decision import show_instant
from ringback.sealing import MASK

URL = "https://example.com/ringback"


@pytest.fixture
async def hook(client):
    """A webhook as it was made."""
    answer = await client.post("/v1/webhooks", json={"name": "w", "url": URL, "events": ["call.finished"]})
    assert answer.status_code == 201
    return answer.json()


async def kill(service, count):
    """Have so many dead letters of the only webhook."""
    await service.world.value(
        "INSERT INTO outbox (workspace_no, webhook_no, subject_id, event, happened_at, due_at, tries, last_failure,"
        " dead_at) SELECT workspace_no, webhook_no, gen_random_uuid(), 'call.finished', $1::timestamptz + n * interval"
        " '1 s', $1, 10, 'it answered 500', $1 FROM webhooks, generate_series(1, $2) n",
        NOON,
        count,
    )


async def test_secret_is_shown_once_and_kept_sealed(service, client, hook):
    """Another one is made on demand; the one before goes on for a day."""
    assert hook["secret"].startswith("whsec_")
    shown = (await client.get(f"/v1/webhooks/{hook['id']}")).json()
    assert shown == {**hook, "secret": MASK}
    stored = json.loads(await service.world.value("SELECT secret::text FROM webhooks"))
    assert list(stored) == ["sealed"]
    rotated = (await client.post(f"/v1/webhooks/{hook['id']}/secret")).json()
    assert rotated["secret"] not in {hook["secret"], MASK}
    assert rotated["old_secret_until"] == show_instant(NOON + TimeDelta(hours=24))
    assert json.loads(await service.world.value("SELECT secret_before::text FROM webhooks")) == stored


async def test_webhook_that_is_switched_on_again_begins_anew(service, client, hook):
    """What waited is due now, and that it failed is forgotten."""
    await client.post(f"/v1/webhooks/{hook['id']}/ping")
    later = NOON + TimeDelta(hours=7)
    await service.world.value("UPDATE outbox SET due_at = $1", later)
    await service.world.value("UPDATE webhooks SET failing_since = $1, last_failure = 'x'", NOON)
    off = (await client.patch(f"/v1/webhooks/{hook['id']}", json={"enabled": False})).json()
    assert (off["enabled"], off["off_reason"], off["failing_since"] is None) == (False, "owner", False)
    on = (await client.patch(f"/v1/webhooks/{hook['id']}", json={"enabled": True, "name": "x"})).json()
    assert on == {**hook, "name": "x", "secret": MASK}
    [waits] = (await client.get(f"/v1/webhooks/{hook['id']}/deliveries")).json()["data"]
    assert (waits["type"], waits["subject"], waits["next_try_at"]) == ("ping", hook["id"], "2026-03-02T12:00:00.000Z")


@pytest.mark.parametrize("state", ["dead", "waiting"])
async def test_what_was_not_taken_is_read_page_by_page(service, client, hook, state):
    """Each event once, in its order."""
    await kill(service, 5)
    if state == "waiting":
        await service.world.value("UPDATE outbox SET dead_at = NULL")
    seen, cursor = [], {}
    while cursor is not None:
        path = f"/v1/webhooks/{hook['id']}/deliveries"
        listed = (await client.get(path, params={"state": state, "limit": 2, **cursor})).json()
        seen += [one["happened_at"] for one in listed["data"]]
        cursor = listed["meta"]["next_cursor"] and {"cursor": listed["meta"]["next_cursor"]}
    assert len(seen) == 5
    assert sorted(seen) == seen
    wrong = await client.get(f"/v1/webhooks/{hook['id']}/deliveries", params={"state": state, "cursor": "0-x"})
    assert wrong.json()["message"] == ["cursor must be the next_cursor of an earlier answer"]


async def test_dead_letters_are_sent_again_with_their_ids(service, client, hook):
    """Those that are named, or all."""
    await kill(service, 3)
    path = f"/v1/webhooks/{hook['id']}"
    dead = [one["id"] for one in (await client.get(f"{path}/deliveries?state=dead")).json()["data"]]
    assert (await client.post(f"{path}/redelivery", json={"events": dead[:1]})).json() == {"redelivered": 1}
    [waits] = (await client.get(f"{path}/deliveries")).json()["data"]
    assert (waits["id"], waits["tries"], waits["dead_at"]) == (dead[0], 0, None)
    assert (await client.post(f"{path}/redelivery", json={})).json() == {"redelivered": 2}
    assert (await client.post(f"{path}/redelivery", json={"events": ["evt_x"]})).status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("url", "http://example.com/", "url must be an https URL of at most 2000 characters, such as"),
        ("url", "https://169.254.169.254/latest", "url must not have a private address, unless the operator allows"),
        ("url", "https://[::1]/", "url must not have a private address, unless the operator allows"),
        ("events", ["call.ended"], "events must be a list of some of attempt.started, "),
    ],
)
async def test_wrong_field_is_named(client, field, value, line):
    """With what is right."""
    body = {"name": "w", "url": URL, "events": ["call.finished"], field: value}
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"][0].startswith(line)


async def test_workspace_has_so_many_webhooks_and_no_more(client, hook):
    """Each fact is written for each of them; what is deleted makes room, and takes along what waits."""
    body = {"name": "w", "url": URL, "events": ["call.finished"]}
    for _ in range(MOST_WEBHOOKS - 1):
        assert (await client.post("/v1/webhooks", json=body)).status_code == 201
    refused = await client.post("/v1/webhooks", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_webhooks")
    assert (await client.delete(f"/v1/webhooks/{hook['id']}")).status_code == 204
    assert (await client.post("/v1/webhooks", json=body)).status_code == 201
