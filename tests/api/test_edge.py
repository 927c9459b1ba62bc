"""What every answer has: headers for browsers, CORS where it is set, compression, ETags."""

import asyncio
import gzip

import pytest

from ringback.api.app import OPERATIONS
from ringback.api.compression import takes_gzip
from ringback.api.edge import Edge

PAGE = {"origin": "https://pages.example"}


async def test_every_answer_keeps_browsers_from_guessing_and_caches_from_keeping(service, client):
    """Answers, refusals and what the framework answers by itself."""
    async with service.client() as nobody:
        for answer in (
            await client.get("/v1/workspace"),
            await client.post("/v1/agents", json={}),
            await client.get("/v2/nothing"),
            await nobody.get("/v1/workspace"),
            await nobody.get("/healthz"),
        ):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert answer.headers["cache-control"] in ("no-store", "private, no-cache")
            assert answer.headers["x-request-id"]
            assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_other_origins_may_ask_only_where_it_is_set(service):
    """Those that are named, and no others; a preflight tells what they may send."""
    secret = await service.key()
    preflight = {**PAGE, "access-control-request-method": "POST"}
    async with service.client(secret) as client:
        assert "access-control-allow-methods" not in (await client.options("/v1/agents", headers=preflight)).headers
    service.app = Edge(service.app, frozenset({"https://pages.example"}))
    async with service.client(secret) as client:
        asked = await client.options("/v1/agents", headers=preflight)
        answer = await client.get("/v1/agents", headers=PAGE)
        refused = await client.get("/v1/agents/x", headers=PAGE)
        other = await client.get("/v1/agents", headers={"origin": "https://other.example"})
    assert asked.status_code == 204
    assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
    for told in (asked, answer, refused):
        assert told.headers["access-control-allow-origin"] == PAGE["origin"]
        assert "Origin" in told.headers["vary"]
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in other.headers


async def test_long_answers_are_compressed_for_who_takes_it(service, client):
    """With a tag of their own, by which nothing changed is told all the same."""
    plain = {"accept-encoding": "identity"}
    whole = await client.get("/openapi.json", headers=plain)
    small = await client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in whole.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == whole.content
    assert int(small.headers["content-length"]) < len(whole.content) / 4
    for n in range(8):
        await client.post("/v1/agents", json={"name": f"a{n}", "kind": "message", "settings": {"text": "hello"}})
    listed = await client.get("/v1/agents", headers={"accept-encoding": "br, gzip;q=0.5"})
    assert listed.headers["etag"].endswith('-gzip"')
    assert "Accept-Encoding" in listed.headers["vary"]
    again = await client.get("/v1/agents", headers={"if-none-match": listed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_is_made_is_never_compressed(client):
    """Its answer may show a secret beside what the caller sent: its length would tell of it."""
    body = {"name": "a", "kind": "message", "settings": {"text": "x" * 2000}}
    made = await client.post("/v1/agents", json=body, headers={"accept-encoding": "gzip"})
    assert made.status_code == 201
    assert len(made.content) > 2000
    assert "content-encoding" not in made.headers


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(header, takes):
    """A weight of 0 is a no."""
    assert takes_gzip(header) is takes


async def test_bytes_are_those_of_gzip(service):
    """As they come over the wire."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/openapi.json",
        "raw_path": b"/openapi.json",
        "query_string": b"",
    }
    scope |= {"headers": [(b"accept-encoding", b"gzip")], "root_path": "", "scheme": "http", "state": {}}
    await service.app(scope, receive, send)
    assert gzip.decompress(sent[1]["body"]).startswith(b'{"openapi"')


READ = [operation.path for operation in OPERATIONS if operation.tagged and "{" not in operation.path]


@pytest.mark.parametrize("path", READ)
async def test_whatever_a_key_reads_has_a_tag(client, path):
    """By construction: asked for again with it, the answer is 304 without a body."""
    params = {"from": "2026-03-01", "to": "2026-03-02"} if "analytics" in path else {}
    first = await client.get(path, params=params)
    if first.status_code != 200:
        pytest.skip(f"{path} wants more of its query than this test knows")
    again = await client.get(path, params=params, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


async def test_a_change_of_what_was_changed_meanwhile_is_412(client):
    """Who read it before the other's change does not undo that one."""
    body = {"name": "a", "kind": "message", "settings": {"text": "hello"}}
    path = f"/v1/agents/{(await client.post('/v1/agents', json=body)).json()['id']}"
    seen = {"if-match": (await client.get(path)).headers["etag"]}
    first = await client.patch(path, json={"name": "b"}, headers=seen)
    second = await client.patch(path, json={"name": "c"}, headers=seen)
    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    now = await client.get(path)
    assert now.json()["name"] == "b"
    seen = {"if-match": now.headers["etag"]}
    assert (await client.patch(path, json={"name": "c"}, headers=seen)).status_code == 200
    assert (await client.patch(path, json={"name": "d"}, headers={"if-match": "*"})).status_code == 200


async def test_of_two_changes_at_once_one_is_412(client):
    """They are held one after the other, at every path that can be read and changed."""
    seen = {"if-match": (await client.get("/v1/workspace")).headers["etag"]}
    names = (client.patch("/v1/workspace", json={"name": f"n{n}"}, headers=seen) for n in range(3))
    statuses = [answer.status_code for answer in await asyncio.gather(*names)]
    assert sorted(statuses) == [200, 412, 412]
