"""Workspaces, keys, agents and trunks over HTTP."""

import json

import pytest

from ringback.ids import TRUNK, show
from ringback.sealing import MASK
from ringback.store.keys import Scope

SIM = {"name": "sim", "kind": "simulator", "settings": {"seed": 7, "speed": 0}}


async def test_workspace_is_shown_and_changed(client):
    """PATCH changes what is sent and leaves the rest."""
    before = (await client.get("/v1/workspace")).json()
    changed = (await client.patch("/v1/workspace", json={"max_concurrent_calls": 7})).json()
    assert changed == {**before, "max_concurrent_calls": 7}
    assert (await client.patch("/v1/workspace", json={"name": "new"})).json() == {**changed, "name": "new"}
    assert (await client.get("/v1/workspace")).json()["id"].startswith("ws_")


async def test_key_is_shown_once_and_then_works_until_it_is_revoked(service, client):
    """The secret is in the answer to POST and nowhere else; a revoked key is unknown at once."""
    made = await client.post("/v1/api-keys", json={"name": "r", "scopes": ["calls:read"]})
    assert made.status_code == 201
    secret = made.json()["secret"]
    listed = (await client.get("/v1/api-keys")).json()
    assert listed["meta"]["total"] == 2
    assert secret not in str(listed)
    assert secret[-4:] in [key["last_four"] for key in listed["data"]]
    async with service.client(secret) as reader:
        assert (await reader.get("/v1/workspace")).status_code == 200
        assert (await reader.get("/v1/api-keys")).status_code == 403
        gone = await client.delete(f"/v1/api-keys/{made.json()['id']}")
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await reader.get("/v1/workspace")).status_code == 401


async def test_secret_has_the_form_of_the_contract(client):
    """rb_live_ or rb_test_, the key's id in base32, and 32 random characters."""
    for live, prefix in ((True, "rb_live_"), (False, "rb_test_")):
        made = (await client.post("/v1/api-keys", json={"name": "r", "scopes": ["admin"], "live": live})).json()
        assert made["secret"].startswith(prefix + made["id"].removeprefix("key_"))
        assert len(made["secret"]) == len(prefix) + 26 + 32


async def test_agent_is_made_and_found(client):
    """An agent of this release plays a message."""
    agent = {"name": "reminder", "kind": "message", "settings": {"text": "Hello."}}
    made = await client.post("/v1/agents", json=agent)
    assert made.status_code == 201
    assert made.json() == {**agent, "id": made.json()["id"], "created_at": "2026-03-02T12:00:00.000Z"}
    assert (await client.get(f"/v1/agents/{made.json()['id']}")).json() == made.json()
    assert (await client.get("/v1/agents")).json()["data"] == [made.json()]


async def test_agent_of_a_kind_to_come_is_refused(client):
    """422 with the kinds that there are."""
    answer = await client.post("/v1/agents", json={"name": "a", "kind": "stream", "settings": {}})
    assert (answer.status_code, answer.json()["code"]) == (422, "agent_kind_unknown")
    assert "message" in answer.json()["message"]


async def test_trunk_has_caps_and_a_tariff(client):
    """A trunk without caps gets 30 calls at a time and 10 dials a second; null is no cap."""
    made = await client.post("/v1/trunks", json=SIM)
    assert made.status_code == 201
    trunk = made.json()
    assert (trunk["max_concurrent_calls"], trunk["dials_per_sec"]) == (30, 10.0)
    assert trunk["settings"] == SIM["settings"]
    assert trunk["billing"]["per_minute_micros"] == 0
    changes = {"max_concurrent_calls": None, "billing": {"per_minute_micros": 12000}}
    changed = (await client.patch(f"/v1/trunks/{trunk['id']}", json=changes)).json()
    assert (changed["max_concurrent_calls"], changed["dials_per_sec"]) == (None, 10.0)
    assert changed["billing"]["per_minute_micros"] == 12000
    assert (await client.get(f"/v1/trunks/{trunk['id']}")).json() == changed
    assert (await client.get("/v1/trunks")).json()["meta"]["total"] == 2


async def test_trunk_holds_lost_calls_for_as_long_as_it_is_told(client):
    """By default until they can no longer be up; null says so again."""
    trunk = (await client.post("/v1/trunks", json=SIM)).json()
    assert trunk["lost_call_hold_sec"] is None
    one = f"/v1/trunks/{trunk['id']}"
    assert (await client.patch(one, json={"lost_call_hold_sec": 0})).json() == {**trunk, "lost_call_hold_sec": 0}
    assert (await client.patch(one, json={"name": "x"})).json() == {**trunk, "name": "x", "lost_call_hold_sec": 0}
    assert (await client.patch(one, json={"lost_call_hold_sec": None})).json() == {**trunk, "name": "x"}
    made = (await client.post("/v1/trunks", json={**SIM, "lost_call_hold_sec": 90})).json()
    assert made["lost_call_hold_sec"] == 90
    for wrong in (-1, 86_401, 1.5):
        assert (await client.patch(one, json={"lost_call_hold_sec": wrong})).status_code == 400, wrong


async def test_trunk_of_a_kind_to_come_is_refused(client):
    """422 with the kinds that there are."""
    answer = await client.post("/v1/trunks", json={**SIM, "kind": "pigeon"})
    assert (answer.status_code, answer.json()["code"]) == (422, "trunk_kind_unknown")
    assert answer.json()["message"].endswith("simulator, sip")


async def test_a_password_is_kept_sealed_and_never_shown(service, client):
    """Neither by the API nor in the database; what is not a password is shown as it was sent."""
    settings = {"host": "sip.example.com", "username": "alice", "password": "s3cret"}
    made = await client.post("/v1/trunks", json={"name": "main", "kind": "sip", "settings": settings})
    assert made.status_code == 201
    assert made.json()["settings"] == {**settings, "password": MASK}
    trunk = f"/v1/trunks/{made.json()['id']}"
    assert (await client.get(trunk)).json() == made.json()
    assert (await client.get("/v1/trunks")).json()["data"][0] == made.json()
    assert (await client.patch(trunk, json={"name": "x"})).json()["settings"]["password"] == MASK
    stored = await service.world.value("SELECT settings::text FROM trunks WHERE kind = 'sip'")
    assert "s3cret" not in stored
    assert service.settings.sealer.unseal(json.loads(stored)) == settings


async def test_a_trunk_without_a_password_shows_none(client):
    """Left out or null, as it was sent."""
    for settings in ({"host": "sip.example.com"}, {"host": "sip.example.com", "password": None}):
        made = await client.post("/v1/trunks", json={"name": "main", "kind": "sip", "settings": settings})
        assert made.json()["settings"] == settings


async def test_a_sealed_password_is_none_that_can_be_sent(client):
    """Who has seen one in the database cannot use it in a trunk of their own."""
    settings = {"host": "sip.example.com", "username": "alice", "password": {"sealed": "gAAAA"}}
    answer = await client.post("/v1/trunks", json={"name": "main", "kind": "sip", "settings": settings})
    assert (answer.status_code, len(answer.json()["message"])) == (400, 1)


async def test_settings_are_checked_by_the_kind_of_trunk(client):
    """400 with a line for each wrong setting."""
    answer = await client.post("/v1/trunks", json={**SIM, "settings": {"speed": -1, "colour": 1}})
    assert answer.status_code == 400
    assert len(answer.json()["message"]) == 2


async def test_every_wrong_field_is_named(client):
    """A body with several faults comes back with a line for each."""
    body = {"kind": 7, "settings": [], "dials_per_sec": 0, "billing": {"currency": "x"}, "colour": "red"}
    answer = await client.post("/v1/trunks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    lines = answer.json()["message"]
    for name in ("name", "kind", "settings", "dials_per_sec", "billing.currency", "colour"):
        assert any(line.startswith(name) for line in lines), name


async def test_test_key_keeps_to_simulators(service):
    """A test key makes no live key and uses no trunk that places real calls."""
    world = service.world
    await world.rows("UPDATE trunks SET kind = 'sip'")
    trunk = await world.value("SELECT trunk_id FROM trunks")
    sip = {"name": "main", "kind": "sip", "settings": {"host": "sip.example.com"}}
    async with service.client(await service.key(Scope.ADMIN, live=False)) as tester:
        for method, path, body in (
            ("POST", "/v1/api-keys", {"name": "k", "scopes": ["admin"]}),
            ("POST", "/v1/trunks", sip),
            ("POST", "/v1/campaigns", {"name": "c", "trunk_id": show(TRUNK, trunk)}),
            ("POST", "/v1/calls", {"to_number": "+14155552671", "trunk_id": show(TRUNK, trunk)}),
            ("PATCH", f"/v1/trunks/{show(TRUNK, trunk)}", {"dials_per_sec": 1}),
        ):
            answer = await tester.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "test_key"), path


SIMULATOR_WITH_RECORD = {"name": "sim", "kind": "simulator", "settings": {"record": "dials.jsonl"}}
SIP_WITH_CA = {"name": "a", "kind": "sip", "settings": {"host": "a", "transport": "tls", "ca_file": "/etc/ca.pem"}}


@pytest.mark.parametrize(
    ("body", "without"),
    [
        (SIMULATOR_WITH_RECORD, {}),
        (SIP_WITH_CA, {"host": "a", "transport": "tls"}),
    ],
)
async def test_only_an_admin_makes_a_trunk_that_names_a_file(service, body, without):
    """A trunk that names a file on the server is not made by a key that may only call."""
    async with service.client(await service.key(Scope.CALLS_WRITE)) as client:
        refused = await client.post("/v1/trunks", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
        assert (await client.post("/v1/trunks", json={**body, "settings": without})).status_code == 201
    async with service.client(await service.key(Scope.ADMIN)) as client:
        assert (await client.post("/v1/trunks", json=body)).status_code == 201
