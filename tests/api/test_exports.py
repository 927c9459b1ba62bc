"""Exports over the API: asked for, made by a real process, fetched in parts, and gone when they are to go."""

import asyncio
import os
import sys
from uuid import UUID

import pytest
from tests.engine.duties import another_workspace
from tests.rows import an_attempt, single_call
from whenever import TimeDelta

from ringback.api.export_process import ExportProcess
from ringback.config import DATABASE_URL, EXPORTS
from ringback.ids import CALL, show
from ringback.store.keys import Scope
from ringback.wiring import export_command

PATH = "/v1/exports"
ATTEMPTS = {"kind": "attempts", "format": "csv", "columns": ["call_id", "to_number", "status"]}


def maker(service, *command):
    """What has exports made on this server."""
    world = service.world
    environment = {**os.environ, DATABASE_URL: world.dsn}
    line = command or export_command(world.folder)
    return ExportProcess(world.database, world.clock, world.folder, "a", line, environment, asyncio.Event())


def files(service):
    """The files of exports on this server."""
    return sorted(path.name for path in (service.world.folder / EXPORTS).glob("*/*"))


@pytest.fixture
async def reader(service):
    """A client that may read calls, of a workspace with one that was dialled."""
    await single_call(service.world)
    await an_attempt(service.world, UUID(int=1))
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        yield client


async def asked(client, **body):
    """An export that was asked for; its path."""
    answer = await client.post(PATH, json={**ATTEMPTS, **body})
    assert answer.status_code == 201, answer.text
    return f"{PATH}/{answer.json()['id']}"


async def test_export_is_made_and_fetched_in_parts(service, reader):
    """Until then its file is refused; a download that broke off goes on where it ended."""
    path = await asked(reader)
    early = await reader.get(f"{path}/file")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert await maker(service).run_once()
    done = (await reader.get(path)).json()
    assert (done["status"], done["rows"], done["server"], done["error"]) == ("done", 1, "a", None)
    whole = await reader.get(done["file_url"])
    row = f"{show(CALL, UUID(int=1))},+14155550999,completed"
    assert whole.text == f"call_id,to_number,status\r\n{row}\r\n"
    assert whole.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(whole.content) == done["bytes"]
    rest = {"range": "bytes=10-", "if-range": whole.headers["etag"]}
    part = await reader.get(done["file_url"], headers=rest)
    assert (part.status_code, part.content) == (206, whole.content[10:])
    assert not await maker(service).run_once()


async def test_exports_are_listed_and_deleted(service, reader):
    """Newest first; with one that is deleted its file goes, and with one whose time is over."""
    first, second = await asked(reader), await asked(reader, format="parquet", keep_days=1)
    listed = (await reader.get(PATH)).json()
    assert [f"{PATH}/{one['id']}" for one in listed["data"]] == [second, first]
    while await maker(service).run_once():
        pass
    assert len(files(service)) == 2
    assert (await reader.delete(first)).status_code == 204
    assert (await reader.get(first)).json()["code"] == "export_not_found"
    assert await maker(service).sweep() == 1
    assert [name[-8:] for name in files(service)] == [".parquet"]
    service.world.clock.advance_to(service.world.clock.now() + TimeDelta(hours=25))
    assert (await reader.get(second)).status_code == 404
    assert not await maker(service).run_once()
    assert await maker(service).sweep() == 1
    assert files(service) == []


async def test_export_whose_process_dies_is_begun_anew(service, reader):
    """What it had written goes, and the next one makes it whole."""
    path = await asked(reader)
    assert await maker(service, sys.executable, "-c", "import os; os.kill(os.getpid(), 9)").run_once()
    assert (await reader.get(path)).json()["status"] == "running"
    left = service.world.folder / EXPORTS / str(service.world.workspace_no) / f"{UUID(int=3).hex}.1.part"
    left.parent.mkdir(parents=True)
    left.touch()
    service.world.clock.advance_to(service.world.clock.now() + TimeDelta(seconds=1))
    again = maker(service)
    assert await again.run_once()
    assert await again.sweep() == 1
    assert (await reader.get(path)).json()["status"] == "done"


async def test_exports_of_others_are_none(service, reader):
    """Another workspace finds neither the export nor its file, and a key that may not read asks for none."""
    path = await asked(reader)
    other = (await another_workspace(service.world, 0)).workspace_no
    async with service.client(await service.key(Scope.CALLS_READ, workspace_no=other)) as stranger:
        for answer in (await stranger.get(path), await stranger.get(f"{path}/file"), await stranger.delete(path)):
            assert (answer.status_code, answer.json()["code"]) == (404, "export_not_found")
        assert (await stranger.get(PATH)).json()["data"] == []
    async with service.client(await service.key(Scope.CALLS_WRITE)) as writer:
        assert (await writer.post(PATH, json=ATTEMPTS)).json()["code"] == "missing_scope"


async def test_file_of_another_server_is_named(service, reader):
    """Whoever is asked says which server has it."""
    path = await asked(reader)
    await service.world.value("UPDATE exports SET status = 'done', server = 'b'")
    answer = await reader.get(f"{path}/file")
    assert (answer.status_code, answer.json()["code"]) == (404, "export_elsewhere")
    assert "the server b" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"kind": "leads"}, "kind must be one of calls, attempts, decisions"),
        ({"format": "xlsx"}, "format must be one of csv, jsonl, parquet"),
        ({"columns": []}, "columns must be a list of column names"),
        ({"columns": ["price"]}, "columns has price, which attempts do not have"),
        ({"rule": "consent"}, "rule does not narrow an export of attempts"),
        ({"from": "monday"}, "from must be a time with its offset"),
        ({"keep_days": 90}, "keep_days must be a whole number from 1 to 30"),
    ],
)
async def test_what_cannot_be_exported_is_refused(client, body, line):
    """The field is named, and what it may be."""
    answer = await client.post(PATH, json={**ATTEMPTS, **body})
    assert answer.status_code == 400
    assert answer.json()["message"][0].startswith(line)


async def test_server_that_can_start_no_process_says_so_and_goes_on(service, reader, caplog, tmp_path):
    """It is tried again: by then there may be one."""
    await asked(reader)
    making = asyncio.create_task(maker(service, str(tmp_path / "nothing")).keep())
    async with asyncio.timeout(30):
        while "no export can be made" not in caplog.text:
            assert not making.done()
            await service.world.value("SELECT 1")
    making.cancel()
    await asyncio.wait((making,))
    assert making.cancelled()
