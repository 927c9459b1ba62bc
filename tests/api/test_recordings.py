"""Recordings over the API: whole, in parts, and only those of the caller's workspace that are here."""

import os
from pathlib import Path
from uuid import UUID

import pytest
from tests.api.test_server import Running
from tests.engine.duties import another_workspace
from tests.rows import an_attempt, single_call
from tests.world import NOON

from ringback.carriers.sip.recording_files import RecordAs, place_of
from ringback.ids import CALL, show
from ringback.store.keys import Scope

CALL_ID = UUID(int=1)
PATH = f"/v1/call-logs/{show(CALL, CALL_ID)}"
KEPT = '{"recording": {"format": "wav", "sec": 1.5}}'
CONTENT = bytes(range(256)) * 40


def put(service, attempt_id, *, workspace_no=None, kind=RecordAs.WAV, content=CONTENT, attempt=1):
    """A recording on the disk of this server."""
    no = workspace_no or service.world.workspace_no
    path = service.settings.folder / place_of(no, CALL_ID, attempt, attempt_id, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def open_files():
    """What this process has open."""
    return {str(file.resolve()) for file in Path("/proc/self/fd").iterdir()}


@pytest.fixture
async def recorded(service):
    """A service with a call whose attempt was recorded here; and its id."""
    await single_call(service.world)
    attempt_id = await an_attempt(service.world, CALL_ID, details=KEPT)
    put(service, attempt_id)
    return service, attempt_id


@pytest.fixture
async def reader(recorded):
    """A client that may read calls."""
    service, _ = recorded
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        yield client


async def test_call_says_where_its_recording_is(recorded, reader):
    """In the lists, by itself, in its details and there with its attempt; that path has it."""
    [listed] = (await reader.get("/v1/call-logs")).json()["data"]
    alone = (await reader.get(PATH)).json()
    details = (await reader.get(f"{PATH}/details")).json()
    shown = [listed, alone, details, *details["attempts"]]
    assert [one["recording_url"] for one in shown] == [f"{PATH}/recordings/1"] * 4
    whole = await reader.get(alone["recording_url"])
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-disposition"] == f'inline; filename="{show(CALL, CALL_ID)}-1.wav"'
    assert whole.headers["x-request-id"].startswith("req_")


async def test_last_recording_of_a_call_is_the_calls(recorded, reader):
    """An attempt after it that has none hides it not."""
    service, _ = recorded
    second = await an_attempt(service.world, CALL_ID, 2, details=KEPT.replace("wav", "opus"))
    put(service, second, kind=RecordAs.OPUS, attempt=2)
    await an_attempt(service.world, CALL_ID, 3, details='{"q850": 17}')
    details = (await reader.get(f"{PATH}/details")).json()
    urls = [f"{PATH}/recordings/1", f"{PATH}/recordings/2", None]
    assert [attempt["recording_url"] for attempt in details["attempts"]] == urls
    assert details["recording_url"] == urls[1]
    assert (await reader.get(urls[1])).headers["content-type"] == "audio/ogg; codecs=opus"


async def test_part_of_a_recording_is_had_by_its_place(recorded, reader):
    """So that a player can jump, and what broke off goes on; of another version the whole is sent."""
    url = f"{PATH}/recordings/1"
    part = await reader.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, CONTENT[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(CONTENT)}"
    etag = part.headers["etag"]
    rest = await reader.get(url, headers={"range": "bytes=200-", "if-range": etag})
    assert (rest.status_code, rest.content) == (206, CONTENT[200:])
    other = await reader.get(url, headers={"range": "bytes=200-", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, CONTENT)
    known = await reader.get(url, headers={"if-none-match": etag, "range": "bytes=0-1"})
    assert (known.status_code, known.content) == (304, b"")
    beyond = await reader.get(url, headers={"range": f"bytes={len(CONTENT)}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(CONTENT)}"


async def test_recording_of_another_workspace_is_not_there(recorded):
    """Though it is on this disk; nor is it without a key, or with one that may not read."""
    service, attempt_id = recorded
    other = await another_workspace(service.world, 1)
    put(service, attempt_id, workspace_no=other.workspace_no)
    key = await service.key(Scope.CALLS_READ, workspace_no=other.workspace_no)
    for secret, status in ((key, 404), (None, 401), (await service.key(Scope.CALLS_WRITE), 403)):
        async with service.client(secret) as client:
            assert (await client.get(f"{PATH}/recordings/1")).status_code == status


async def test_attempt_without_a_recording_has_none(recorded, reader):
    """Whatever stands in its place."""
    for attempt in ("2", "0", "21", "-1", "x", "01x", "1.wav", "%2e%2e"):
        answer = await reader.get(f"{PATH}/recordings/{attempt}")
        assert (answer.status_code, answer.json()["code"]) == (404, "recording_not_found"), attempt


async def test_recording_of_another_server_is_asked_for_there(recorded, reader):
    """The answer names it. A file that is gone from the server that had it is gone."""
    service, attempt_id = recorded
    world = service.world
    put(service, attempt_id).unlink()
    for name, code in (("b", "recording_elsewhere"), ("a", "recording_not_found")):
        node_no = await world.value(
            "INSERT INTO nodes (name, version, started_at, heartbeat_at, lease_until) VALUES ($1, '0', $2, $2, $2) "
            "RETURNING node_no",
            name,
            NOON,
        )
        await world.value("UPDATE attempts SET node_no = $1", node_no)
        answer = await reader.get(f"{PATH}/recordings/1")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        assert ("server b" in answer.json()["message"]) == (name == "b")
    await world.value("UPDATE attempts SET details = NULL")
    assert (await reader.get(f"{PATH}/recordings/1")).json()["code"] == "recording_not_found"


async def test_recording_of_a_call_whose_end_nobody_told_is_there_all_the_same(recorded, reader):
    """A server that was killed has told nothing of it, and has the file."""
    service, _ = recorded
    await service.world.value("UPDATE attempts SET details = NULL, end_reason = 'outcome_unknown', status = 'failed'")
    assert (await reader.get(PATH)).json()["recording_url"] is None
    assert (await reader.get(f"{PATH}/recordings/1")).content == CONTENT


async def test_recording_of_an_anonymised_call_is_not_sent(recorded, reader):
    """Not for the time either that its file takes to go."""
    service, _ = recorded
    await service.world.value("UPDATE calls SET to_number = 'redacted:' || call_id")
    answer = await reader.get(f"{PATH}/recordings/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "recording_not_found")


async def test_long_recording_is_sent_by_the_server_itself(recorded):
    """On a real port: whole, in parts, and to somebody who goes away in the middle; no file stays open."""
    service, attempt_id = recorded
    path = put(service, attempt_id, content=os.urandom(1 << 20) * 24)
    server = Running(service)
    await server.ready.wait()
    key = {"authorization": f"Bearer {await service.key(Scope.CALLS_READ)}"}
    async with server.client(key) as client:
        whole = await client.get(f"{PATH}/recordings/1")
        assert (len(whole.content), whole.content) == (24 << 20, path.read_bytes())
        part = await client.get(f"{PATH}/recordings/1", headers={"range": "bytes=1000000-3000000"})
        assert part.content == whole.content[1_000_000:3_000_001]
        async with client.stream("GET", f"{PATH}/recordings/1") as streamed:
            async for _ in streamed.aiter_bytes(1000):
                break
        assert (await client.get("/healthz")).status_code == 200
    server.ending.stop.set()
    await server.task
    assert str(path.resolve()) not in open_files()
    assert not [event for event in service.world.events if type(event).__name__ == "DutyFailed"]
