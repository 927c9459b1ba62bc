"""Workspaces: made and listed by the operator, and by nobody else."""

import asyncio

from ringback.installation import _initialise
from ringback.store.founding import is_operators
from ringback.store.keys import Scope

PATH = "/v1/workspaces"


async def names(client):
    """Of the workspaces; those of one millisecond are in no order."""
    return sorted(one["name"] for one in (await client.get(PATH)).json()["data"])


async def test_operator_makes_a_workspace_with_its_first_keys(service, client):
    """They are admins there, one live and one for tests, and see nothing of other workspaces."""
    await client.post("/v1/agents", json={"name": "a", "kind": "message", "settings": {"text": "Hello."}})
    answer = await client.post(PATH, json={"name": "tenant", "max_concurrent_calls": 7})
    assert answer.status_code == 201
    made = answer.json()
    for secret in (made["live_key"], made["test_key"]):
        async with service.client(secret) as tenant:
            own = (await tenant.get("/v1/workspace")).json()
            assert own | made["workspace"] == own
            assert {key["live"] for key in (await tenant.get("/v1/api-keys")).json()["data"]} == {True, False}
            assert (await tenant.get("/v1/agents")).json()["data"] == []
    async with service.client(made["live_key"]) as tenant:
        assert (await tenant.patch("/v1/workspace", json={"name": "renamed"})).status_code == 200
    assert await names(client) == ["acme", "renamed"]


async def test_only_the_operator_makes_and_lists_workspaces(service, client):
    """Not an admin of another workspace, nor a key of the operator's without admin; a test key lists alone."""
    tenant = (await client.post(PATH, json={"name": "tenant"})).json()["live_key"]
    others = [scope for scope in Scope if scope is not Scope.ADMIN]
    for secret, code in ((tenant, "not_operator"), (await service.key(*others), "missing_scope")):
        async with service.client(secret) as other:
            assert (await other.get(PATH)).json()["code"] == code
            assert (await other.post(PATH, json={"name": "more"})).json()["code"] == code
    async with service.client(await service.key(live=False)) as tester:
        assert (await tester.post(PATH, json={"name": "more"})).json()["code"] == "test_key"
        assert await names(tester) == ["acme", "tenant"]


async def test_names_are_of_one_workspace_each(service, client):
    """Also where two ask for the same one at a time."""
    answers = await asyncio.gather(*(client.post(PATH, json={"name": "tenant"}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert (await client.post(PATH, json={"name": "acme"})).json()["code"] == "workspace_exists"
    assert (await client.get(PATH)).json()["meta"]["total"] == 2


async def test_init_leaves_its_own_row_in_the_audit_trail(service):
    """Of the workspace that it makes, which is not the operator's where there is one already."""
    made = await _initialise(service.world.dsn, "second")
    async with service.client(made.live_key) as client:
        [row] = (await client.get("/v1/audit")).json()["data"]
    assert row["by"] == {"kind": "operator", "key_id": None, "last_four": None}
    assert (row["operation"], row["thing_id"], row["after"]["name"]) == ("ringback init", made.workspace_id, "second")
    async with service.world.database.connection() as db:
        assert await is_operators(db, service.world.workspace_no)
        assert not await is_operators(db, service.world.workspace_no + 1)
