"""The server itself, on a real port."""

import asyncio
import socket

import httpx
import pytest

from ringback.api.server import Ending, serve

HOST = "127.0.0.1"
JSON = {"content-type": "application/json"}


def free_port():
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


class Running:
    """A server in this process, told to end by `ending`."""

    def __init__(self, service, **how):
        self.port = free_port()
        self.ending = Ending(leaving=service.settings.leaving, **how)
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(serve(service.app, HOST, self.port, self.ending, self.ready.set))

    def client(self, headers):
        """A client of it."""
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}", headers=headers)


@pytest.fixture
async def running(service):
    """The service on a port, until the test is over."""
    server = Running(service)
    await asyncio.wait_for(server.ready.wait(), 10)
    yield server
    server.ending.stop.set()
    await asyncio.wait_for(server.task, 10)


async def test_requests_are_answered_once_it_says_so(service, running):
    """A hundred at a time over one client, each with its own request id."""
    headers = {"authorization": f"Bearer {await service.key()}"}
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{running.port}", headers=headers) as client:
        answers = await asyncio.gather(*(client.get("/v1/call-logs") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 100
        known = await client.get("/v1/call-logs", headers={"if-none-match": answers[0].headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        gone = await client.delete("/v1/api-keys/key_x")
        assert (gone.status_code, gone.json()["code"]) == (404, "api_key_not_found")
        large = await client.post("/v1/trunks", content=b" " * (40 << 20), headers=JSON)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
        nobody = await client.post("/v1/trunks", content=b" " * (40 << 20), headers={"authorization": ""})
        assert nobody.status_code == 401


async def test_request_under_way_is_answered_when_it_is_told_to_stop(service, running):
    """Stopping waits for the answer, and then nobody listens any more."""
    headers = {"authorization": f"Bearer {await service.key()}"}
    database = service.world.database
    async with (
        database.connection() as holder,
        httpx.AsyncClient(base_url=f"http://{HOST}:{running.port}", headers=headers) as client,
    ):
        assert (await client.get("/v1/agents")).status_code == 200
        async with holder.transaction():
            await holder.execute("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(client.get("/v1/agents"))
            while not await service.world.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass
            running.ending.stop.set()
            done, _ = await asyncio.wait((running.task, asking), timeout=0.2)
            assert not done
        assert (await asking).status_code == 200
    await asyncio.wait_for(running.task, 10)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, running.port)


async def test_port_that_is_taken_is_an_error(service, running):
    """The second server on a port says so and does not pretend to serve."""
    ready = asyncio.Event()
    with pytest.raises(OSError, match=str(running.port)):
        await asyncio.wait_for(serve(service.app, HOST, running.port, Ending(), ready.set), 10)
    assert not ready.is_set()


async def test_a_lame_server_answers_and_asks_not_to_be_asked_again(service, running):
    """Told to leave, it is not ready at once, answers all else, and ends each connection with its answer."""
    async with running.client({"authorization": f"Bearer {await service.key()}"}) as client:
        before = await client.get("/readyz")
        assert (before.status_code, before.headers.get("connection")) == (200, None)
        running.ending.leaving.set()
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["code"], ready.headers["retry-after"]) == (503, "not_ready", "2")
        for path in ("/v1/agents", "/healthz", "/nowhere"):
            answer = await client.get(path)
            assert answer.status_code in (200, 404)
            assert answer.headers["connection"] == "close"
        made = await client.post("/v1/agents", json={"name": "a", "kind": "message", "settings": {"text": "hi"}})
        assert made.status_code == 201
    assert not running.task.done()


async def test_a_server_is_lame_before_it_ends(service):
    """Told to stop, it still takes requests for as long as it was told to be lame."""
    server = Running(service, lame_sec=1.0)
    await asyncio.wait_for(server.ready.wait(), 10)
    server.ending.stop.set()
    began = asyncio.get_running_loop().time()
    async with server.client({}) as client:
        assert (await client.get("/readyz")).status_code == 503
    await asyncio.wait_for(server.task, 10)
    assert asyncio.get_running_loop().time() - began >= 1.0
