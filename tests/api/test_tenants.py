"""Every operation of the API's document, asked with every kind of key, on the things of one workspace."""

from dataclasses import dataclass

import pytest
from tests.api.everything import NOBODYS, fill, requests_of
from tests.world import NOON

from ringback.store.keys import Bounds, Scope, create_key, make_secret, revoke_key
from ringback.store.workspaces import create_workspace

CR, CW, MR, MW = Scope.CALLS_READ, Scope.CALLS_WRITE, Scope.CAMPAIGNS_READ, Scope.CAMPAIGNS_WRITE
AW, RW, WW, ADMIN = Scope.AGENTS_WRITE, Scope.REPORTS_WRITE, Scope.WEBHOOKS_WRITE, Scope.ADMIN

TABLE = {
    "GET /v1/workspace": (CR, 200),
    "PATCH /v1/workspace": (ADMIN, 200),
    "POST /v1/workspaces": (ADMIN, 201),
    "GET /v1/workspaces": (ADMIN, 200),
    "POST /v1/api-keys": (ADMIN, 201),
    "GET /v1/api-keys": (ADMIN, 200),
    "POST /v1/api-keys/{id}/rotate": (ADMIN, 201),
    "DELETE /v1/api-keys/{id}": (ADMIN, 204),
    "GET /v1/audit": (ADMIN, 200),
    "POST /v1/agents": (AW, 201),
    "GET /v1/agents": (CR, 200),
    "GET /v1/agents/{id}": (CR, 200),
    "PATCH /v1/agents/{id}": (AW, 200),
    "PUT /v1/agents/{id}/audio": (AW, 200),
    "POST /v1/trunks": (CW, 201),
    "GET /v1/trunks": (CR, 200),
    "GET /v1/trunks/{id}": (CR, 200),
    "PATCH /v1/trunks/{id}": (CW, 200),
    "POST /v1/rate-decks": (CW, 201),
    "GET /v1/rate-decks": (CR, 200),
    "GET /v1/rate-decks/{id}": (CR, 200),
    "PATCH /v1/rate-decks/{id}": (CW, 200),
    "DELETE /v1/rate-decks/{id}": (CW, 204),
    "POST /v1/rate-decks/{id}/versions": (CW, 201),
    "GET /v1/rate-decks/{id}/rates": (CR, 200),
    "POST /v1/caller-numbers": (CW, 201),
    "GET /v1/caller-numbers": (CR, 200),
    "GET /v1/caller-numbers/{id}": (CR, 200),
    "PATCH /v1/caller-numbers/{id}": (CW, 200),
    "DELETE /v1/caller-numbers/{id}": (CW, 204),
    "POST /v1/caller-pools": (CW, 201),
    "GET /v1/caller-pools": (CR, 200),
    "GET /v1/caller-pools/{id}": (CR, 200),
    "PATCH /v1/caller-pools/{id}": (CW, 200),
    "DELETE /v1/caller-pools/{id}": (CW, 204),
    "POST /v1/retry-policies": (MW, 201),
    "GET /v1/retry-policies": (MR, 200),
    "GET /v1/retry-policies/{id}": (MR, 200),
    "PATCH /v1/retry-policies/{id}": (MW, 200),
    "DELETE /v1/retry-policies/{id}": (MW, 204),
    "POST /v1/retry-policies/compare": (CR, 200),
    "POST /v1/campaigns": (MW, 201),
    "GET /v1/campaigns": (MR, 200),
    "GET /v1/campaigns/{id}": (MR, 200),
    "PATCH /v1/campaigns/{id}": (MW, 200),
    "PATCH /v1/campaigns/{id}/status": (MW, 200),
    "GET /v1/campaigns/{id}/progress": (MR, 200),
    "GET /v1/campaigns/{id}/policies": (MR, 200),
    "GET /v1/campaigns/{id}/blockers": (MR, 200),
    "POST /v1/campaigns/{id}/leads": (MW, 201),
    "GET /v1/campaigns/{id}/leads": (MR, 200),
    "POST /v1/campaigns/{id}/plan": (MR, 200),
    "POST /v1/calls": (CW, 201),
    "POST /v1/do-not-call": (CW, 201),
    "GET /v1/do-not-call": (CR, 200),
    "GET /v1/do-not-call/{id}": (CR, 200),
    "DELETE /v1/do-not-call/{id}": (CW, 204),
    "GET /v1/contact-rules": (CR, 200),
    "PUT /v1/contact-rules": (ADMIN, 200),
    "GET /v1/pre-dial-check": (CR, 200),
    "PUT /v1/pre-dial-check": (ADMIN, 200),
    "DELETE /v1/pre-dial-check": (ADMIN, 204),
    "GET /v1/call-logs": (CR, 200),
    "GET /v1/call-logs/{id}": (CR, 200),
    "GET /v1/call-logs/{id}/details": (CR, 200),
    "GET /v1/call-logs/{id}/retries": (CR, 200),
    "GET /v1/call-logs/{id}/decisions": (CR, 200),
    "GET /v1/call-logs/{id}/explain": (CR, 200),
    "GET /v1/call-logs/campaign/{id}": (CR, 200),
    "POST /v1/call-logs/{id}/transcript": (RW, 201),
    "POST /v1/call-logs/{id}/analysis": (RW, 201),
    "GET /v1/call-logs/{id}/recordings/{attempt}": (CR, 404),  # the attempt has none
    "GET /v1/analytics/attempts": (CR, 200),
    "GET /v1/rule-packs": (CR, 200),
    "POST /v1/exports": (CR, 201),
    "GET /v1/exports": (CR, 200),
    "GET /v1/exports/{id}": (CR, 200),
    "GET /v1/exports/{id}/file": (CR, 409),  # nobody has made it
    "DELETE /v1/exports/{id}": (CR, 204),
    "POST /v1/personal-data/export": (ADMIN, 200),
    "POST /v1/personal-data/erasures": (ADMIN, 202),
    "GET /v1/personal-data/erasures/{id}": (ADMIN, 200),
    "POST /v1/call-logs/{id}/redact": (ADMIN, 200),
    "GET /v1/ledger": (CR, 200),
    "POST /v1/webhooks": (WW, 201),
    "GET /v1/webhooks": (WW, 200),
    "GET /v1/webhooks/{id}": (WW, 200),
    "PATCH /v1/webhooks/{id}": (WW, 200),
    "DELETE /v1/webhooks/{id}": (WW, 204),
    "POST /v1/webhooks/{id}/ping": (WW, 202),
    "POST /v1/webhooks/{id}/secret": (WW, 201),
    "GET /v1/webhooks/{id}/deliveries": (WW, 200),
    "POST /v1/webhooks/{id}/redelivery": (WW, 200),
    "GET /healthz": (None, 200),
    "GET /readyz": (None, 200),
}
"""By operation: the scope that it needs, None where it needs no key, and what the owner of everything is answered."""

NONSENSE = {"json": {"nonsense": 1}}


@dataclass
class Matrix:
    """A workspace that has one of everything, its keys, and a stranger's.

    Attributes:
        known: the ids of its things, by kind.
        refused: secrets that are no good.
        by_scope: a key of each scope.
        stranger: an admin of another workspace.
    """

    known: dict
    refused: dict
    by_scope: dict
    stranger: str


@pytest.fixture
async def matrix(service, client):
    """All of it, made over the API as far as it can be."""
    world = service.world
    other_no = await world_beside(world)
    good = await service.key(CR)
    refused = {"none": None, "wrong": good[:-1] + ("0" if good[-1] != "0" else "1")}
    for name in ("expired", "revoked"):
        secret = make_secret(world.ids.new(NOON), True, service.settings.chance)
        bounds = Bounds(expires_at=NOON) if name == "expired" else Bounds()
        async with world.database.transaction() as db:
            await create_key(db, world.workspace_no, secret, name, list(Scope), NOON, bounds)
            if name == "revoked":
                await revoke_key(db, world.workspace_no, secret.key_id, NOON)
        refused[name] = secret.text
    by_scope = {scope: await service.key(scope) for scope in Scope if scope is not ADMIN}
    return Matrix(await fill(service, client), refused, by_scope, await service.key(workspace_no=other_no))


async def world_beside(world):
    """Another workspace; returns its number."""
    async with world.database.transaction() as db:
        return await create_workspace(db, world.ids.new(NOON), "stranger", None, NOON)


async def ask(service, secret, request, known, **how):
    """What a request is answered: its status, and its body without what differs from request to request."""
    headers = {**how.pop("headers", {}), **({"authorization": f"Bearer {secret}"} if secret else {})}
    async with service.client() as client:
        answer = await client.request(request.method, request.path(known), headers=headers, **how)
    body = answer.json() if answer.content else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, body


async def test_every_operation_is_in_the_table(client):
    """And nothing else: an operation that nobody thought of is one that anybody may ask."""
    document = (await client.get("/openapi.json")).json()
    assert {request.name for request in requests_of(document)} == TABLE.keys()


async def test_every_operation_answers_every_key_as_the_table_has_it(service, client, matrix):
    """401 without a good key, 403 without the scope, and with it what is there; who deletes comes last."""
    requests = requests_of((await client.get("/openapi.json")).json())
    surprises = []
    for request in requests:
        scope, good = TABLE[request.name]
        answered = {name: await ask(service, secret, request, matrix.known) for name, secret in matrix.refused.items()}
        wanted = dict.fromkeys(matrix.refused, 401 if scope else good)
        for held, secret in matrix.by_scope.items():
            if held is scope:  # of what is not there: the admin below finds everything as it was
                how = NONSENSE if request.changes and "{id}" not in request.name else request.body(NOBODYS)
                wanted[held] = 404 if "{id}" in request.name else (400 if request.changes else good)
                answered[held] = await ask(service, secret, request, NOBODYS, **how)
            else:
                wanted[held] = 403 if scope else good
                answered[held] = await ask(service, secret, request, matrix.known)
        how = request.body(matrix.known)
        wanted[ADMIN] = good
        answered[ADMIN] = await ask(service, client.headers["authorization"][7:], request, matrix.known, **how)
        surprises += [
            (request.name, name, wanted[name], answer) for name, answer in answered.items() if answer[0] != wanted[name]
        ]
    assert surprises == []


async def test_stranger_is_not_told_what_there_is(service, client, matrix):
    """Whatever id of another workspace is named, in path, query or body: the answer is that for an id of nothing."""
    requests = requests_of((await client.get("/openapi.json")).json())
    compared = 0
    for request in requests:
        if "{id}" in request.name:
            theirs = await ask(service, matrix.stranger, request, matrix.known, **request.body(NOBODYS))
            assert theirs == await ask(service, matrix.stranger, request, NOBODYS, **request.body(NOBODYS)), (
                request.name
            )
            assert theirs[0] == 404, request.name
            compared += 1
        for where, name, kind in request.named():
            answers = []
            for known in (matrix.known, NOBODYS):
                how = request.body(NOBODYS) if where == "json" else {"params": {}}
                how["params" if where == "query" else "json"][name] = known[kind]
                answers.append(await ask(service, matrix.stranger, request, NOBODYS, **how))
            assert answers[0] == answers[1], (request.name, name)
            compared += 1
    assert compared > len(requests) / 2


async def test_stranger_changes_nothing(service, client, matrix):
    """After all that a stranger asked of them, the things of a workspace are as they were."""
    requests = requests_of((await client.get("/openapi.json")).json())
    mixed = "GET /v1/workspaces"  # the stranger's own name is in it
    reads = [r for r in requests if not r.changes and TABLE[r.name][0] and r.name != mixed]
    mine = client.headers["authorization"][7:]
    before = [await ask(service, mine, request, matrix.known) for request in reads]
    for request in requests:
        if request.changes:
            await ask(service, matrix.stranger, request, matrix.known, **request.body(matrix.known))
    for request, then in zip(reads, before, strict=True):
        assert await ask(service, mine, request, matrix.known) == then, request.name
