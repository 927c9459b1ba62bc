"""The audit trail: who changed what, and when."""

import random
import re

import pytest
from tests.api.everything import fill, requests_of
from tests.world import NOON
from whenever import TimeDelta

from ringback.ids import AUDIT, KEY, Ids, read, show
from ringback.store.audit import KEPT, OPERATOR, Change
from ringback.store.keys import Scope, read_secret

PATH = "/v1/audit"

UNAUDITED = {
    "POST /v1/campaigns/{id}/plan": "it changes nothing",
    "POST /v1/personal-data/export": "it changes nothing",
    "POST /v1/retry-policies/compare": "it changes nothing",
    "POST /v1/webhooks/{id}/ping": "it has an event sent that tells of nothing",
}
"""Operations whose method could change something and that leave nothing in the trail, with why."""


async def trail(client, **filters):
    """The newest changes."""
    answer = await client.get(PATH, params={"limit": 100, **filters})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_each_operation_that_changes_something_leaves_one_row(service, client):
    """With who asked, by which operation and request, on what and when; and nothing that is secret or of a person."""
    known = await fill(service, client)
    sip = {"host": "sip.example.com", "username": "u", "password": "correct horse"}
    await client.post("/v1/trunks", json={"name": "t", "kind": "sip", "settings": sip})
    bot = {"url": "wss://x.example", "headers": {"A": "s3cret"}}
    await client.post("/v1/agents", json={"name": "w", "kind": "websocket", "settings": bot})
    secrets = []
    key = read_secret(client.headers["authorization"].removeprefix("Bearer "))
    before = await service.world.value("SELECT count(*) FROM audit")
    for request in requests_of((await client.get("/openapi.json")).json()):
        answer = await client.request(request.method, request.path(known), **request.body(known))
        assert answer.is_success or not request.changes, (request.name, answer.text)
        secrets += re.findall(r'"secret":"(\w+_[^"]+)"', answer.text)
        count = await service.world.value("SELECT count(*) FROM audit")
        wanted = request.changes and request.name not in UNAUDITED
        assert count - before == wanted, request.name
        before = count
        if wanted:
            rows = await trail(client, operation=request.name)
            [row] = [row for row in rows if row["request_id"] == answer.headers["x-request-id"]]
            assert row["by"] == {"kind": "api_key", "key_id": show(KEY, key.key_id), "last_four": key.text[-4:]}
            assert row["at"] == "2026-03-02T12:00:00.000Z"
            if "{id}" in request.name:
                assert row["thing_id"] == request.path(known).split("/")[3]
    assert len(secrets) >= 4
    await only_what_may_be_kept(service, secrets)


async def only_what_may_be_kept(service, secrets):
    """In no row is there a number, a name or a word of a person, nor a secret."""
    rows = await service.world.rows("SELECT before::text, after::text FROM audit")
    kept = " ".join(str(side) for row in rows for side in row)
    assert len(rows) > 30
    for told in ("correct horse", "s3cret", "Ada", "A-17", "loan 4711", "Hello?", *secrets):
        assert told not in kept
    assert not [number for number in ("+1415", "+1212", "+1305") if number in kept]


async def test_change_that_is_refused_leaves_nothing(service, client):
    """Nor one of which only the last step fails."""
    agent = {"name": "a", "kind": "message", "settings": {"text": "Hello."}}
    agent_id = (await client.post("/v1/agents", json=agent)).json()["id"]
    await service.world.rows("ALTER TABLE audit ADD CHECK (operation <> 'PATCH /v1/agents/{id}')")
    assert (await client.patch(f"/v1/agents/{agent_id}", json={"name": "b"})).status_code == 500
    assert (await client.get(f"/v1/agents/{agent_id}")).json()["name"] == "a"
    assert (await client.post("/v1/agents", json={**agent, "kind": "x"})).status_code == 422
    assert [row["operation"] for row in await trail(client)] == ["POST /v1/agents"]


async def test_fields_that_changed_are_told_before_and_after(service, client):
    """Those alone; a secret that changed is seen to have."""
    made = {"name": "a", "kind": "websocket", "settings": {"url": "wss://x.example", "headers": {"A": "one"}}}
    agent_id = (await client.post("/v1/agents", json=made)).json()["id"]
    for seconds, changes in ((1, {"name": "b"}), (2, {"settings": {"headers": {"A": "two"}}})):
        service.world.clock.advance_to(NOON + TimeDelta(seconds=seconds))
        await client.patch(f"/v1/agents/{agent_id}", json=changes)
    secret, name, first = await trail(client, thing_id=agent_id)
    assert (name["before"], name["after"]) == ({"name": "a"}, {"name": "b"})
    assert secret["before"].keys() == secret["after"].keys() == {"settings"}
    assert first["before"] is None
    assert first["after"]["settings"]["headers"] == "***"


async def test_cancelled_campaign_is_one_change(make_service):
    """Though it is paused first, in a transaction of its own."""
    service = await make_service(leads=3)
    async with service.client(await service.key()) as client:
        campaign = (await client.get("/v1/campaigns")).json()["data"][0]["id"]
        await client.patch(f"/v1/campaigns/{campaign}/status", json={"action": "cancel"})
        [row] = await trail(client)
    assert (row["before"], row["after"]) == (
        {"status": "running"},
        {"status": "cancelled", "cancelled": 3},
    )


async def test_trail_is_read_by_cursor_and_by_what_is_wanted(service, client):
    """By operation, kind, thing, key and time; only with admin, and only of one's own workspace."""
    for n in range(5):
        service.world.clock.advance_to(NOON + TimeDelta(seconds=n))
        await client.post("/v1/agents", json={"name": str(n), "kind": "message", "settings": {"text": "Hello."}})
    service.world.clock.advance_to(NOON + TimeDelta(seconds=5))
    await client.patch("/v1/workspace", json={"name": "b"})
    everything = await trail(client)
    assert [row["kind"] for row in everything] == ["workspace", *["agent"] * 5]
    first = (await client.get(PATH, params={"limit": 4})).json()
    rest = (await client.get(PATH, params={"limit": 4, "cursor": first["meta"]["next_cursor"]})).json()
    assert first["data"] + rest["data"] == everything
    assert rest["meta"]["next_cursor"] is None
    assert await trail(client, kind="workspace") == everything[:1]
    assert await trail(client, operation="POST /v1/agents", since="2026-03-02T12:00:01Z") == everything[1:5]
    assert await trail(client, until="2026-03-02T12:00:01Z") == everything[5:]
    assert await trail(client, key_id=everything[0]["by"]["key_id"]) == everything
    assert await trail(client, key_id=f"key_{'0' * 26}") == []
    for row in everything:
        assert read(AUDIT, row["id"]) is not None
    refused = await client.get(PATH, params={"kind": "planet"})
    assert refused.status_code == 400
    async with service.client(await service.key(*(scope for scope in Scope if scope is not Scope.ADMIN))) as other:
        assert (await other.get(PATH)).json()["code"] == "missing_scope"


async def test_changes_are_kept_for_two_years(service, client):
    """Then a node lets them go."""
    await client.post("/v1/agents", json={"name": "a", "kind": "message", "settings": {"text": "Hello."}})
    world = service.world
    engine = await world.engine(lease_sec=1e9)
    await engine.node.lease.run_once()
    for later, left in ((TimeDelta(), 1), (TimeDelta(seconds=1), 0)):
        world.clock.advance_to(NOON + KEPT + later)
        await engine.retainer.run_once()
        assert await world.value("SELECT count(*) FROM audit") == left


async def test_change_outside_of_its_transaction_is_refused(service):
    """Else it could be kept of a change that never was, or not of one that was."""
    change = Change(1, Ids(random.Random(1)).new(NOON), NOON, OPERATOR, "a test", "workspace", None)
    async with service.world.database.connection() as db:
        with pytest.raises(RuntimeError, match="a test is noted outside of its transaction"):
            await change.note(db)
