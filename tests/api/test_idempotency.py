"""Idempotency-Key: a request that is sent twice does its work once."""

import asyncio
import json

import asyncpg
import pytest
from tests.api.shared import path
from whenever import TimeDelta

from ringback.api.app import OPERATIONS
from ringback.api.forgetting import Forgetting
from ringback.api.spool import Fingerprint

AGENT = {"name": "a", "kind": "message", "settings": {"text": "hello"}}
CSV = "phone_number,name\n" + "".join(f"+1415555{n:04},n{n}\n" for n in range(3))


def named(name="one"):
    """The header."""
    return {"idempotency-key": name}


async def agents(client):
    """How many agents there are."""
    return (await client.get("/v1/agents")).json()["meta"]["total"]


async def test_second_request_is_answered_by_the_first_ones_answer(client):
    """The same bytes, marked as replayed, and nothing is made again."""
    first = await client.post("/v1/agents", json=AGENT, headers=named())
    second = await client.post("/v1/agents", json=AGENT, headers=named())
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert await agents(client) == 1
    await client.post("/v1/agents", json=AGENT, headers=named("two"))
    await client.post("/v1/agents", json=AGENT)
    assert await agents(client) == 3


async def test_the_name_of_another_request_is_a_conflict(service, client):
    """Another body, path, query or key is another request."""
    await client.post("/v1/agents", json=AGENT, headers=named())
    query = await client.post("/v1/agents?x=1", json=AGENT, headers=named())
    body = await client.post("/v1/agents", json={**AGENT, "name": "b"}, headers=named())
    other = await client.post("/v1/retry-policies", json=AGENT, headers=named())
    async with service.client(await service.key(live=False)) as another:
        key = await another.post("/v1/agents", json=AGENT, headers=named())
    for answer in (query, body, other, key):
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert await agents(client) == 1


@pytest.mark.parametrize("name", ["", "x" * 256, "a\tb"])
async def test_a_name_that_is_none_is_refused(client, name):
    """Empty, too long, or with characters that do not print."""
    answer = await client.post("/v1/agents", json=AGENT, headers=named(name))
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert "Idempotency-Key" in answer.json()["message"][0]


async def test_while_the_first_is_under_way_the_second_is_a_conflict_and_its_crash_frees_the_name(service, client):
    """The first is cut off in the middle of its work: none of that is there, and the next one does it."""
    database = await asyncpg.connect(service.world.dsn)
    held = database.transaction()
    await held.start()
    await database.execute("LOCK TABLE agents IN EXCLUSIVE MODE")
    first = asyncio.create_task(client.post("/v1/agents", json=AGENT, headers=named()))
    pids = []
    while not pids:
        pids = await database.fetch("SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'agents'::regclass")
    second = await client.post("/v1/agents", json=AGENT, headers=named())
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    await database.execute("SELECT pg_terminate_backend($1, 5000)", pids[0]["pid"])
    assert (await first).status_code == 503
    await held.rollback()
    await database.close()
    third = await client.post("/v1/agents", json=AGENT, headers=named())
    assert third.status_code == 201
    assert "idempotent-replayed" not in third.headers
    assert await agents(client) == 1


async def test_a_refused_request_leaves_its_name_free(client):
    """What was refused did nothing, so the mended request may have its name."""
    bad = await client.post("/v1/agents", json={**AGENT, "kind": "x"}, headers=named())
    assert bad.status_code == 422
    assert (await client.post("/v1/agents", json=AGENT, headers=named())).status_code == 201


async def test_an_answer_is_kept_for_a_day(service, client):
    """After it the name is a new request, and what was kept goes."""
    clock, day = service.world.clock, TimeDelta(hours=24)
    await client.post("/v1/agents", json=AGENT, headers=named())
    await client.post("/v1/agents", json=AGENT, headers=named("two"))
    clock.advance_to(clock.now() + day - TimeDelta(milliseconds=1))
    replayed = await client.post("/v1/agents", json=AGENT, headers=named())
    clock.advance_to(clock.now() + TimeDelta(milliseconds=1))
    new = await client.post("/v1/agents", json=AGENT, headers=named())
    assert "idempotent-replayed" in replayed.headers
    assert "idempotent-replayed" not in new.headers
    assert await agents(client) == 3
    forgetting = Forgetting(service.world.database, clock)
    assert [await forgetting.run_once(), await forgetting.run_once()] == [1, 0]
    assert await service.world.value("SELECT count(*) FROM idempotency") == 1


async def test_kept_answers_do_not_show_what_is_in_them(service, client):
    """A new key's secret is in the answer and, replayed, again; nobody finds it in the database."""
    body = {"name": "k", "scopes": ["calls:read"]}
    answers = [await client.post("/v1/api-keys", json=body, headers=named()) for _ in range(2)]
    secret = answers[0].json()["secret"]
    assert answers[1].json()["secret"] == secret
    [row] = await service.world.rows("SELECT body FROM idempotency")
    assert secret.encode() not in row["body"]


async def test_pairs_of_requests_make_one_thing_each(client):
    """Both of a pair at the same moment, many pairs together."""
    names = [f"pair {n // 2}" for n in range(40)]
    sent = await asyncio.gather(*(client.post("/v1/agents", json=AGENT, headers=named(n)) for n in names))
    told = {answer.json().get("code", "made") for answer in sent}
    assert told <= {"made", "idempotency_in_progress"}
    assert await agents(client) == 20


async def test_a_form_is_the_same_whatever_its_boundary(service, client):
    """Clients make another boundary each time; a file is imported once, and its report is told again."""
    body = {"file": ("leads.csv", CSV, "text/csv")}
    first = await client.post(path(service, "/leads"), files=body, headers=named())
    second = await client.post(path(service, "/leads"), files=body, headers=named())
    assert first.json()["created"] == 3
    assert second.json() == first.json()
    other = {"file": ("leads.csv", CSV + "+14155550199,x\n", "text/csv")}
    assert (await client.post(path(service, "/leads"), files=other, headers=named())).status_code == 409
    assert len(await service.world.calls()) == 3


def test_a_fingerprint_does_not_depend_on_how_a_body_comes_in_blocks():
    """Nor on the boundary, wherever a block ends."""
    found = set()
    for boundary in (b"abcabd", b"--x--"):
        text = b"one" + boundary + b"two" + boundary + boundary + b"ab"
        for size in range(1, len(text) + 1):
            fingerprint = Fingerprint(b"k", boundary)
            for at in range(0, len(text), size):
                fingerprint.body(text[at : at + size])
            found.add(fingerprint.digest())
    assert len(found) == 1


async def test_entries_of_the_list_are_put_there_in_transactions_of_their_own(service, client):
    """A long file must not hold up the claims until its end; done twice it is done once all the same."""
    body = {"numbers": ["+14155550100"]}
    first = await client.post("/v1/do-not-call", json=body, headers=named())
    second = await client.post("/v1/do-not-call", json=body, headers=named())
    assert json.loads(first.content) == json.loads(second.content)
    assert second.headers["idempotent-replayed"] == "true"


async def test_every_post_that_creates_takes_the_header(client):
    """By construction, and as its document says."""
    document = (await client.get("/openapi.json")).json()
    taking = [operation for operation in OPERATIONS if operation.method == "POST" and operation.status == 201]
    assert len(taking) > 10
    for operation in taking:
        described = document["paths"][operation.path]["post"]
        assert "Idempotency-Key" in [parameter["name"] for parameter in described["parameters"]]
        assert "409" in described["responses"]
        answer = await client.post(operation.path.replace("{id}", "x"), headers=named(""))
        assert "Idempotency-Key" in answer.json()["message"][0], operation.path
