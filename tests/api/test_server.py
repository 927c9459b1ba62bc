"""The server itself, on a real port."""

import asyncio
import socket

import httpx
import pytest

from ringback.api.server import serve

HOST = "127.0.0.1"
JSON = {"content-type": "application/json"}


def free_port():
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


class Running:
    """A server in this process, told to stop by `stop`."""

    def __init__(self, app):
        self.port = free_port()
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(serve(app, HOST, self.port, self.stop, self.ready.set))


@pytest.fixture
async def running(service):
    """The service on a port, until the test is over."""
    server = Running(service.app)
    await asyncio.wait_for(server.ready.wait(), 10)
    yield server
    server.stop.set()
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
            running.stop.set()
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
        await asyncio.wait_for(serve(service.app, HOST, running.port, asyncio.Event(), ready.set), 10)
    assert not ready.is_set()
