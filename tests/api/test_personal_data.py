"""What a workspace has of a person: told whole, and erased from everything."""

from uuid import UUID

import pytest
from tests.api.test_recordings import KEPT, put
from tests.rows import a_decision, an_attempt, single_call
from tests.world import NOON, some_leads

from ringback.ids import ATTEMPT, CALL, show

CALL_ID = UUID(int=1)
NUMBER = "+14155550999"
PATH = f"/v1/call-logs/{show(CALL, CALL_ID)}"
OVER = "UPDATE calls SET final_status = 'completed', final_reason = 'reached', finished_at = $1 WHERE call_id = $2"


@pytest.fixture
async def person(service, client):
    """A call that is over, with all that can be known of one; returns its recording."""
    world = service.world
    await single_call(world)
    attempt_id = await an_attempt(world, CALL_ID, details=KEPT)
    await a_decision(world, CALL_ID)
    await world.value("DELETE FROM queue")
    await world.value("UPDATE calls SET name = 'Ada Lovelace', variables = '{\"order\": \"A-17\"}'")
    await world.value(OVER, NOON, CALL_ID)
    await world.value("INSERT INTO contacts VALUES ($1, $2, $3, $4)", world.workspace_no, NUMBER, [NOON], NOON)
    told = {"attempt": 1, "transcript": "This is Ada Lovelace."}
    assert (await client.post(f"{PATH}/transcript", json=told)).status_code == 201
    return put(service, attempt_id)


async def everywhere(world, text):
    """The tables in which a text is."""
    tables = await world.rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for [name] in tables:
        if await world.value(f'SELECT count(*) FROM "{name}" t WHERE t::text LIKE $1', f"%{text}%"):  # noqa: S608 # of the catalogue
            found.append(name)
    return found


async def erase(client, **more):
    """Ask for it; returns what is answered."""
    answer = await client.post("/v1/personal-data/erasures", json={"number": NUMBER, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_everything_of_a_number_is_told(client, person):
    """Its calls with all their details, its entries on the list, and its dials lately."""
    await client.post("/v1/do-not-call", json={"numbers": [NUMBER], "note": "asked"})
    told = (await client.post("/v1/personal-data/export", json={"number": NUMBER})).json()
    [call] = told["found"]["calls"]
    assert (call["name"], call["variables"], call["transcript"]) == (
        "Ada Lovelace",
        {"order": "A-17"},
        "This is Ada Lovelace.",
    )
    assert call["attempts"][0]["recording_url"] == f"{PATH}/recordings/1"
    assert [entry["note"] for entry in told["found"]["do_not_call"]] == ["asked"]
    assert told["found"]["contact"]["talked_at"] == "2026-03-02T12:00:00.000Z"


@pytest.mark.parametrize("stays", [True, False])
async def test_number_is_erased_from_everything(service, client, person, stays):
    """But for the entry that keeps it from being dialled, where that is to stay; the recording goes a moment later."""
    world = service.world
    await client.post("/v1/exports", json={"kind": "calls", "format": "csv", "to_number": NUMBER})
    assert "exports" in await everywhere(world, NUMBER)
    erased = await erase(client, do_not_call=stays)
    assert (erased["status"], erased["calls"]) == ("done", 1)
    assert await everywhere(world, NUMBER[1:]) == (["do_not_call"] if stays else [])
    assert await everywhere(world, "Lovelace") == []
    assert await everywhere(world, "A-17") == []
    assert (await client.get(PATH)).json()["to_number"] is None
    engine = await world.engine()
    await engine.eraser.run_once()
    assert not person.exists()
    assert (await client.get(f"/v1/personal-data/erasures/{erased['id']}")).json() == erased


async def test_opt_out_of_before_stays(service, client, person):
    """Who had asked not to be called is not called because of an erasure; a note with it goes."""
    await client.post("/v1/do-not-call", json={"numbers": [NUMBER], "note": "Ada Lovelace"})
    await erase(client, do_not_call=False)
    assert await everywhere(service.world, NUMBER) == ["do_not_call"]
    assert await everywhere(service.world, "Lovelace") == []


async def test_call_that_is_up_is_erased_when_it_is_over(service, client):
    """What waits is cancelled at once; what is up is not redialled, and its number goes when it ends."""
    world = service.world
    await single_call(world)
    attempt_id = await an_attempt(world, CALL_ID, ended_at=None)
    erased = await erase(client, do_not_call=False)
    assert (erased["status"], erased["calls"]) == ("waiting", 0)
    assert await world.queue() == []
    engine = await world.engine()
    await engine.eraser.run_once()
    assert NUMBER in (await world.calls())[-1]["to_number"]
    await world.value(
        "UPDATE attempts SET ended_at = $1, end_reason = 'user_busy', status = 'busy', stop_reason = 'cancelled'", NOON
    )
    await engine.eraser.run_once()
    done = (await client.get(f"/v1/personal-data/erasures/{erased['id']}")).json()
    assert (done["status"], done["calls"]) == ("done", 1)
    assert await everywhere(world, NUMBER) == []
    assert show(ATTEMPT, attempt_id).startswith("att_")


async def test_lead_that_waits_is_cancelled_and_dialled_by_nobody(make_service):
    """A claim after the erasure finds nothing of the number, and the other lead is dialled."""
    service = await make_service(leads=some_leads(2))
    world = service.world
    [first, second] = [row["to_number"] for row in await world.calls()]
    async with service.client(await service.key()) as client:
        await client.post("/v1/personal-data/erasures", json={"number": first})
    engine = await world.engine()
    await engine.node.lease.run_once()
    await engine.node.permits.run_once()
    await engine.dialler.run_once()
    await engine.placer.run_once()
    assert {dial["to_number"] for dial in world.dials()} <= {second}
    assert await everywhere(world, first) == ["do_not_call"]


async def test_call_is_redacted_when_it_is_over(service, client, person):
    """Before that it is refused; doing so again changes nothing. Other calls to the number stay."""
    await service.world.value("UPDATE calls SET final_status = NULL, final_reason = NULL, finished_at = NULL")
    early = await client.post(f"{PATH}/redact")
    assert (early.status_code, early.json()["code"]) == (409, "call_not_over")
    await service.world.value(OVER, NOON, CALL_ID)
    for _ in range(2):
        redacted = await client.post(f"{PATH}/redact")
        assert (redacted.status_code, redacted.json()["to_number"], redacted.json()["name"]) == (200, None, None)
    assert await everywhere(service.world, "Lovelace") == []
    assert await everywhere(service.world, NUMBER) == ["contacts"]
    engine = await service.world.engine()
    await engine.eraser.run_once()
    assert not person.exists()
