"""How requests are refused: one body for all, and what each status is for."""

import ast
import random
import re
from importlib.resources import files
from pathlib import Path

import pytest
from whenever import TimeDelta

from ringback.api.app import OPERATIONS
from ringback.api.problems import CODES
from ringback.ids import CALL, CAMPAIGN, show
from ringback.store.keys import Scope, make_secret

STRANGE_IDS = (
    "x",
    "call_",
    "call_%00",
    "call_01h455vb4pex5vsknk084sn02q",
    "%F0%9F%93%9E",
    "cmp_" + "9" * 26,
    "a" * 5000,
)
DOCS = Path(__file__).parents[2] / "docs" / "errors.md"


def refusal(answer):
    """The body without what differs from request to request."""
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    assert list(body) == ["statusCode", "error", "code", "message", "request_id"]
    assert body["statusCode"] == answer.status_code
    return body["statusCode"], body["error"], body["code"], body["message"]


async def test_no_key_and_unknown_keys_are_401(service, client):
    """Without a key, with half of one, an unknown one or a wrong secret, nobody learns anything."""
    good = await service.key()
    unknown = make_secret(service.world.ids.new(service.world.clock.now()), True, random.Random(1)).text
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    for header in ("", "Basic abc", "Bearer", f"Bearer {good[:40]}", f"Bearer {unknown}", f"Bearer {wrong}"):
        answer = await client.get("/v1/workspace", headers={"authorization": header})
        assert refusal(answer)[:3] == (401, "Unauthorized", "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    async with service.client() as nobody:
        assert (await nobody.get("/v1/workspace")).status_code == 401


async def test_unknown_key_and_wrong_secret_get_the_same_answer(service, client):
    """Whether an id exists cannot be told."""
    good = await service.key()
    unknown = make_secret(service.world.ids.new(service.world.clock.now()), True, random.Random(1)).text
    answers = [
        refusal(await client.get("/v1/workspace", headers={"authorization": f"Bearer {text}"}))
        for text in (unknown, good[:-1] + ("0" if good[-1] != "0" else "1"))
    ]
    assert answers[0] == answers[1]


async def test_key_is_looked_up_again_after_two_seconds(service):
    """A key that was revoked elsewhere stops working when what is remembered of it is old."""
    async with service.client(await service.key()) as client:
        assert (await client.get("/v1/workspace")).status_code == 200
        await service.world.rows("UPDATE api_keys SET revoked_at = created_at")
        service.world.clock.advance_to(service.world.clock.now() + TimeDelta(milliseconds=1999))
        assert (await client.get("/v1/workspace")).status_code == 200
        service.world.clock.advance_to(service.world.clock.now() + TimeDelta(milliseconds=1))
        assert (await client.get("/v1/workspace")).status_code == 401


async def test_each_operation_needs_its_scope(service):
    """A key with only the other scopes is refused everywhere, before anything is looked at."""
    least = set(Scope) - {Scope.ADMIN}
    secrets = {scope: await service.key(*sorted(least - {scope})) for scope in Scope}
    for operation in OPERATIONS:
        if operation.scope is None:
            continue
        async with service.client(secrets[operation.scope]) as client:
            answer = await client.request(operation.method, operation.path.replace("{id}", "x"))
            assert refusal(answer)[:3] == (403, "Forbidden", "missing_scope"), operation
            assert operation.scope in answer.json()["message"]


@pytest.mark.parametrize("path", [o.path for o in OPERATIONS if o.method == "GET" and "{id}" in o.path])
async def test_odd_unknown_and_strangers_ids_are_404_alike(service, client, path):
    """Nobody learns from the answer whether an id exists."""
    stranger = await service.world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) "
        "SELECT gen_random_uuid(), 'other', created_at FROM workspaces RETURNING workspace_no"
    )
    answers = {refusal(await client.get(path.replace("{id}", odd))) for odd in STRANGE_IDS}
    async with service.client(await service.key(workspace_no=stranger)) as other:
        campaign = show(CAMPAIGN, service.world.campaign.campaign_id)
        answers.add(refusal(await other.get(path.replace("{id}", campaign))))
    assert len(answers) == 1
    assert answers.pop()[0] == 404


async def test_strangers_call_is_404_with_the_same_body(make_service):
    """The history of another workspace's call is not there."""
    service = await make_service(leads=1, started=False)
    stranger = await service.world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) "
        "SELECT gen_random_uuid(), 'other', created_at FROM workspaces RETURNING workspace_no"
    )
    [call] = await service.world.calls()
    async with service.client(await service.key(workspace_no=stranger)) as other:
        mine = refusal(await other.get(f"/v1/call-logs/{show(CALL, call['call_id'])}/retries"))
        none = refusal(await other.get("/v1/call-logs/call_01h455vb4pex5vsknk084sn02q/retries"))
        assert mine == none == (404, "Not Found", "call_not_found", "this workspace has no such call")
        assert (await other.get("/v1/call-logs")).json()["data"] == []
        assert (await other.get("/v1/trunks")).json()["data"] == []
        campaign = show(CAMPAIGN, service.world.campaign.campaign_id)
        assert (await other.get("/v1/call-logs", params={"campaign_id": campaign})).json()["data"] == []
        assert (await other.patch(f"/v1/campaigns/{campaign}/status", json={"action": "start"})).status_code == 404
        assert (await other.post(f"/v1/campaigns/{campaign}/leads", json={"leads": []})).status_code == 404


async def test_unknown_path_and_wrong_method_have_the_same_body(client):
    """404 and 405 of the framework look like all others."""
    assert refusal(await client.get("/v2/nothing"))[:3] == (404, "Not Found", "route_not_found")
    answer = await client.put("/v1/workspace")
    assert refusal(answer)[:3] == (405, "Method Not Allowed", "method_not_allowed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "\xff"}',
        b'{"name": NaN}',
        b"[" * 100_000,
        b'{"name": "\\ud800"}',
        b'{"a":' * 5000,
        b"1" * 9000,
    ],
)
async def test_body_that_is_not_json_is_400(client, body):
    """Whatever is wrong with it, the answer says so and nothing breaks."""
    answer = await client.post("/v1/trunks", content=body, headers={"content-type": "application/json"})
    assert refusal(answer)[:2] == (400, "Bad Request")
    assert isinstance(answer.json()["message"], list)


@pytest.mark.parametrize("body", [[], "x", 1, True])
async def test_body_that_is_no_object_is_400(client, body):
    """A body is an object."""
    assert refusal(await client.post("/v1/agents", json=body)) == (
        400,
        "Bad Request",
        "validation_failed",
        ["the body must be a JSON object"],
    )


async def test_values_that_the_store_cannot_hold_are_400(client):
    """NUL characters and whole numbers beyond 64 bits are refused by name."""
    for value in ("\0", 10**30, ["\0"], {"\0": 1}, {"deep": [{"er": "\0"}]}):
        body = {"name": "a", "kind": "message", "settings": {"text": value}}
        assert refusal(await client.post("/v1/agents", json=body))[0] == 400, value
    assert refusal(await client.post("/v1/agents", json={"name": "\0", "kind": "message", "settings": {}}))[0] == 400


async def test_body_over_its_limit_is_413(client):
    """Announced or not, more than 1 MiB is refused."""

    async def blocks():
        for _ in range(1100):
            yield b" " * 1024

    for content in (b" " * (1024 * 1024 + 1), blocks()):
        answer = await client.post("/v1/trunks", content=content, headers={"content-type": "application/json"})
        assert refusal(answer)[:3] == (413, "Content Too Large", "body_too_large")


async def test_body_of_another_type_is_415(client):
    """A form is not JSON."""
    answer = await client.post("/v1/trunks", data={"name": "x"})
    assert refusal(answer)[:3] == (415, "Unsupported Media Type", "unsupported_media_type")


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "limit=101",
        "limit=0",
        "limit=1.5",
        "page=1&page=2",
        "cursor=x",
        "colour=red",
        "page=1&cursor=x",
    ],
)
async def test_bad_paging_is_400(client, query):
    """So is a filter that there is not: it would let everything through."""
    for path in ("/v1/trunks", "/v1/call-logs", "/v1/campaigns"):
        assert refusal(await client.get(f"{path}?{query}"))[0] == 400


async def test_database_gone_is_503_and_comes_back(make_service):
    """The answer says when to ask again, and the next one works once the database does."""
    service = await make_service(started=False)
    async with service.client(await service.key()) as client:
        assert (await client.get("/v1/trunks")).status_code == 200
        async with service.database_away():
            answer = await client.get("/v1/trunks")
            assert refusal(answer)[:3] == (503, "Service Unavailable", "database_unavailable")
            assert answer.headers["retry-after"] == "2"
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/v1/trunks")).status_code == 200
        assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_older_schema_is_not_ready(service, client):
    """/readyz says which schema is there."""
    await service.world.rows("DELETE FROM schema_migrations")
    assert refusal(await client.get("/readyz"))[:3] == (503, "Service Unavailable", "not_ready")


async def test_fault_of_ours_is_500_and_tells_nothing(service, client):
    """No internals in the answer; the event has the request's id."""
    await service.world.rows("DROP TABLE agents CASCADE")
    answer = await client.get("/v1/agents")
    assert refusal(answer)[:3] == (500, "Internal Server Error", "internal_error")
    assert "relation" not in answer.text
    assert answer.headers["x-request-id"] in service.world.events[-1].why


def test_codes_of_the_documents_are_those_of_the_api():
    """docs/errors.md has each code with its status and meaning."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    assert {code: (int(status), meaning) for code, status, meaning in rows} == dict(CODES)


def test_every_code_in_the_source_is_in_the_table():
    """A refusal without a documented code cannot be written."""
    used = set()
    for folder in ("api", "store", "intake", "domain"):
        for path in Path(str(files("ringback") / folder)).rglob("*.py"):
            used |= set(_codes_in(path.read_text()))
    assert used <= set(CODES)
    assert {"illegal_transition", "unknown_trunk", "password_protected", "missing_scope"} <= used


def _codes_in(source):
    kinds = {"NotFound", "Conflict", "Impossible", "Unauthenticated", "Forbidden", "TooLarge", "UnknownFileType"}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        named = [k.value for k in node.keywords if k.arg == "code"] if node.func.id == "Invalid" else []
        first = node.args[:1] if node.func.id in kinds or node.func.id == "problem" else []
        yield from (arg.value for arg in [*named, *first] if isinstance(arg, ast.Constant))
