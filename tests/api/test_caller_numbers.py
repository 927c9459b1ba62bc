"""Caller numbers over HTTP, with the real engine where something is dialled."""

from tests.api.shared import leads, path, trunk_id
from tests.world import EVERYBODY_ANSWERS, drive
from whenever import TimeDelta

NUMBER = "+14155550100"
UNKNOWN = "num_01h455vb4pex5vsknk084sn02q"
PATH = "/v1/caller-numbers"


async def test_caller_number_is_registered_shown_and_changed(client):
    """Without caps it has none; PATCH changes what is sent and leaves the rest."""
    made = await client.post(PATH, json={"number": NUMBER, "dials_per_sec": 2})
    assert made.status_code == 201
    caller = made.json()
    assert caller["id"].startswith("num_")
    assert (caller["number"], caller["max_concurrent_calls"], caller["dials_per_sec"]) == (NUMBER, None, 2.0)
    one = f"{PATH}/{caller['id']}"
    changed = (await client.patch(one, json={"max_concurrent_calls": 3})).json()
    assert changed == {**caller, "max_concurrent_calls": 3}
    assert (await client.patch(one, json={"dials_per_sec": None})).json() == {**changed, "dials_per_sec": None}
    assert (await client.get(one)).json() == {**changed, "dials_per_sec": None}
    other = (await client.post(PATH, json={"number": "+14155550101"})).json()
    listed = (await client.get(PATH, params={"limit": 1})).json()
    assert (listed["data"], listed["meta"]["total"]) == ([other], 2)
    rest = (await client.get(PATH, params={"cursor": listed["meta"]["next_cursor"]})).json()
    assert [row["id"] for row in rest["data"]] == [caller["id"]]


async def test_caller_number_is_registered_once(service, client):
    """Again is a 409, in another workspace it is another caller number, and neither sees the other's."""
    caller = (await client.post(PATH, json={"number": NUMBER})).json()
    again = await client.post(PATH, json={"number": NUMBER, "max_concurrent_calls": 1})
    assert (again.status_code, again.json()["code"]) == (409, "caller_number_exists")
    assert (await client.get(f"{PATH}/{caller['id']}")).json() == caller
    stranger = await service.world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) "
        "SELECT gen_random_uuid(), 'other', created_at FROM workspaces RETURNING workspace_no"
    )
    async with service.client(await service.key(workspace_no=stranger)) as other:
        theirs = await other.post(PATH, json={"number": NUMBER})
        assert theirs.status_code == 201
        assert (await other.get(PATH)).json()["data"] == [theirs.json()]
        for method, body in (("GET", None), ("PATCH", {"max_concurrent_calls": 9}), ("DELETE", None)):
            answer = await other.request(method, f"{PATH}/{caller['id']}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "caller_number_not_found"), method
    assert (await client.get(PATH)).json()["data"] == [caller]


async def test_deleted_caller_number_is_gone_and_may_come_back(client):
    """It is a 404 from then on; registered anew it has another id and the caps that it is given."""
    caller = (await client.post(PATH, json={"number": NUMBER, "max_concurrent_calls": 3})).json()
    one = f"{PATH}/{caller['id']}"
    gone = await client.delete(one)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get(PATH)).json()["meta"]["total"] == 0
    for method, body in (("GET", None), ("PATCH", {"max_concurrent_calls": 9}), ("DELETE", None)):
        answer = await client.request(method, one, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "caller_number_not_found"), method
    back = (await client.post(PATH, json={"number": NUMBER, "dials_per_sec": 1})).json()
    assert back["id"] != caller["id"]
    assert (back["max_concurrent_calls"], back["dials_per_sec"]) == (None, 1.0)
    assert (await client.get(PATH)).json()["data"] == [back]


async def test_wrong_fields_of_a_caller_number_are_all_named(client):
    """A number that is not E.164, caps out of range; the number itself is never changed."""
    wrong = await client.post(PATH, json={"number": "0100", "max_concurrent_calls": -1, "dials_per_sec": 0})
    assert wrong.status_code == 400
    assert [line.split(" ")[0] for line in wrong.json()["message"]] == [
        "number",
        "max_concurrent_calls",
        "dials_per_sec",
    ]
    for body in ({}, {"number": None}):
        assert (await client.post(PATH, json=body)).status_code == 400
    assert (await client.patch(f"{PATH}/{UNKNOWN}", json={"number": NUMBER})).status_code == 400


async def test_cap_of_a_number_binds_campaigns_and_single_calls_together(make_service):
    """Whoever shows the number shares its cap, a call that waited before it was registered too; others do not."""
    service = await make_service(simulator=EVERYBODY_ANSWERS)
    engine, clock = await service.world.engine(), service.world.clock
    async with service.client(await service.key()) as client:
        await client.patch(path(service), json={"from_number": NUMBER})
        single = {"to_number": "+14155552671", "trunk_id": trunk_id(service)}
        await client.post("/v1/calls", json={**single, "from_number": NUMBER})
        caller = (await client.post(PATH, json={"number": NUMBER, "max_concurrent_calls": 1})).json()
        await client.post("/v1/calls", json={**single, "from_number": NUMBER, "to_number": "+14155552672"})
        await client.post("/v1/calls", json={**single, "to_number": "+14155552673"})
        await client.post(path(service, "/leads"), json={"leads": leads(2)})
        assert await in_flight(service, engine) == {NUMBER: 1, None: 1}
        await client.patch(f"{PATH}/{caller['id']}", json={"max_concurrent_calls": 3})
        assert await in_flight(service, engine) == {NUMBER: 3, None: 1}
        await client.delete(f"{PATH}/{caller['id']}")
        assert await in_flight(service, engine) == {NUMBER: 4, None: 1}
        await drive(engine, clock, clock.now() + TimeDelta(hours=24))
    assert await service.world.queue() == []
    assert len(await service.world.attempts()) == 5


async def in_flight(service, engine):
    """The calls that are up, by the number that they show, after the node has claimed all that it may."""
    world = service.world
    await engine.node.lease.run_once()
    for _ in range(3):  # it asks for permits at most four times a second
        world.clock.advance_to(world.clock.now() + TimeDelta(milliseconds=300))
        while await engine.dialler.run_once():
            pass
    rows = await world.rows("SELECT from_number, count(*) FROM attempts WHERE ended_at IS NULL GROUP BY 1")
    return {row["from_number"]: row["count"] for row in rows}
