"""The document of the API, and that what it shows is what is answered."""

import re
from uuid import UUID

import pytest
from tests.api.test_audit import UNAUDITED
from tests.api.test_tenants import TABLE
from tests.rows import a_decision, an_attempt, single_call
from tests.world import LIVELY, NOON, drive
from whenever import TimeDelta

from ringback.api import examples_sent
from ringback.api.app import OPERATIONS
from ringback.api.problems import CODES
from ringback.ids import AGENT, CALL, CAMPAIGN, TRUNK, show
from ringback.wiring import TRUNK_KINDS


@pytest.fixture
async def document(client):
    """The document as it is served."""
    return (await client.get("/openapi.json")).json()


async def test_document_needs_no_key_and_has_every_operation(service, document):
    """Each operation with its scope, its good status, and every code with which it can fail."""
    async with service.client() as anybody:
        assert (await anybody.get("/openapi.json")).json() == document
    assert document["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        assert str(operation.status) in described["responses"]
        tokens = [{"attemptToken": []}] if operation.takes_token else []
        assert described["security"] == ([] if operation.scope is None else [{"apiKey": [operation.scope]}, *tokens])
        if operation.scope is not None:
            assert {"401", "403", "500", "503"} <= described["responses"].keys()
        if "{id}" in operation.path:
            assert "404" in described["responses"]
            assert described["parameters"][0]["in"] == "path"
    assert sum(map(len, document["paths"].values())) == len(OPERATIONS)


def test_every_operation_is_in_the_table_of_tenants():
    """Who adds one says there which scope it needs, and what its owner is answered."""
    assert {f"{operation.method} {operation.path}" for operation in OPERATIONS} == TABLE.keys()


def test_operations_without_a_row_in_the_audit_trail_are_there():
    """Every other one that changes something leaves one, which its walk over the document holds it to."""
    assert UNAUDITED.keys() < {f"{operation.method} {operation.path}" for operation in OPERATIONS}


async def test_every_code_has_an_operation(document):
    """Codes that no operation has are only those of requests that find none."""
    shown = set(re.findall(r"'code': '([a-z_]+)'", str(document["paths"])))
    assert CODES.keys() - shown == {"route_not_found", "method_not_allowed"}


async def test_references_of_the_document_lead_somewhere(document):
    """Each $ref names a part of the document."""
    for ref in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
        part = document
        for name in ref.split("/"):
            part = part[name]
        assert part


async def test_each_kind_of_trunk_is_shown(document):
    """With a body that is taken, by the next test."""
    content = document["paths"]["/v1/trunks"]["post"]["requestBody"]["content"]["application/json"]
    assert {kind: example["value"]["kind"] for kind, example in content["examples"].items()} == {
        kind: kind for kind in TRUNK_KINDS
    }


async def test_bodies_of_the_examples_are_taken(service, client):
    """What the document shows as a body is answered as it shows."""
    world = service.world
    agent = (await client.post("/v1/agents", json=examples_sent.BODIES["post_agent"])).json()["id"]
    caller = (await client.post("/v1/caller-numbers", json={"number": "+14155550199"})).json()["id"]
    policy = (await client.post("/v1/retry-policies", json=examples_sent.BODIES["post_policy"])).json()["id"]
    deck = (await client.post("/v1/rate-decks", json=examples_sent.BODIES["post_deck"])).json()["rate_deck"]["id"]
    pool = (await client.post("/v1/caller-pools", json={"name": "a", "numbers": ["+13055550100"]})).json()["id"]
    key = (await client.post("/v1/api-keys", json=examples_sent.BODIES["post_key"])).json()["id"]
    references = {"agent_id": agent, "trunk_id": show(TRUNK, world.campaign.trunk_id)}
    await single_call(world)
    await an_attempt(world, UUID(int=1))
    ids = {
        "call-logs": show(CALL, UUID(int=1)),
        "campaigns": show(CAMPAIGN, world.campaign.campaign_id),
        "agents": agent,
        "api-keys": key,
        "caller-numbers": caller,
        "caller-pools": pool,
        "retry-policies": policy,
        "rate-decks": deck,
        "trunks": references["trunk_id"],
        "webhooks": (await client.post("/v1/webhooks", json=examples_sent.BODIES["post_webhook"])).json()["id"],
    }
    for operation in OPERATIONS:
        body = examples_sent.BODIES.get(operation.run.__name__)
        if operation.path.endswith("/leads") and operation.method == "POST":
            body = examples_sent.LEADS_BODY
        if body is None:
            assert operation.body is None, operation
            continue
        path = operation.path.replace("{id}", ids.get(operation.path.split("/")[2], ""))
        for one in (body, *examples_sent.OTHER_BODIES.get(operation.run.__name__, {}).values()):
            named = {name: references.get(name, value) for name, value in one.items()}
            answer = await client.request(operation.method, path, json=named)
            assert answer.status_code == operation.status, (operation.path, answer.text)
            assert shape(answer.json()) == shape(operation.example), operation.path
    assert agent.startswith(AGENT)


async def test_answers_have_the_shape_of_the_examples(make_service):
    """Every GET answers the fields that its example has, in their order."""
    service = await make_service(leads=30, simulator=LIVELY, retry={"max_retries": 2, "wait_minutes": 30})
    engine = await service.world.engine()
    await drive(engine, service.world.clock, NOON + TimeDelta(hours=40))
    await engine.bookkeeper.run_once()
    await engine.notary.run_once()
    call = next(call for call in await service.world.calls() if call["final_reason"] == "reached")
    await a_decision(service.world, call["call_id"])
    ids = {
        "/v1/call-logs/{id}": show(CALL, call["call_id"]),
        "/v1/call-logs/campaign": show(CAMPAIGN, service.world.campaign.campaign_id),
        "/v1/campaigns": show(CAMPAIGN, service.world.campaign.campaign_id),
        "/v1/trunks": show(TRUNK, service.world.campaign.trunk_id),
    }
    async with service.client(await service.key()) as client:
        agent = await client.post("/v1/agents", json=examples_sent.BODIES["post_agent"])
        ids["/v1/agents"] = agent.json()["id"]
        caller = await client.post("/v1/caller-numbers", json=examples_sent.BODIES["post_caller_number"])
        ids["/v1/caller-numbers"] = caller.json()["id"]
        policy = await client.post("/v1/retry-policies", json=examples_sent.BODIES["post_policy"])
        ids["/v1/retry-policies"] = policy.json()["id"]
        deck = await client.post("/v1/rate-decks", json=examples_sent.BODIES["post_deck"])
        ids["/v1/rate-decks"] = deck.json()["rate_deck"]["id"]
        pool = await client.post("/v1/caller-pools", json=examples_sent.BODIES["post_caller_pool"])
        ids["/v1/caller-pools"] = pool.json()["id"]
        hook = (await client.post("/v1/webhooks", json=examples_sent.BODIES["post_webhook"])).json()["id"]
        await client.post(f"/v1/webhooks/{hook}/ping")
        ids["/v1/webhooks"] = hook
        export = await client.post("/v1/exports", json=examples_sent.BODIES["post_export"])
        ids["/v1/exports"] = export.json()["id"]
        erasure = await client.post("/v1/personal-data/erasures", json=examples_sent.BODIES["post_erasure"])
        ids["/v1/personal-data/erasures"] = erasure.json()["id"]
        await client.post("/v1/do-not-call", json=examples_sent.BODIES["post_do_not_call"])
        ids["/v1/do-not-call"] = (await client.get("/v1/do-not-call")).json()["data"][0]["id"]
        for operation in OPERATIONS:
            known = next((found for start, found in ids.items() if operation.path.startswith(start)), None)
            if operation.method != "GET" or operation.sends or ("{id}" in operation.path and known is None):
                continue
            answer = await client.get(operation.path.replace("{id}", known or ""))
            assert answer.status_code == 200
            assert shape(answer.json()) == shape(operation.example), operation.path


def shape(value):
    """The names of an object's fields in order, without those that are the caller's own or differ by case."""
    if isinstance(value, dict):
        free = {"settings", "variables", "by_final_status", "by_final_reason", "outcomes", "reasons"}
        free |= {"transcript", "analysis", "inputs", "expected", "missing", "constraints", "blockers"}
        free |= {"cost", "never", "over", "filters", "before", "after", "found"}
        free |= {"retry"} if "attempt" in value else set()
        return [(name, None if name in free else shape(part)) for name, part in value.items() if name != "timeline"]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shape(value[0])]
    return None
