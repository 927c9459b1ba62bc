import pytest
from tests.api.shared import path
from tests.world import NOON

RULE = {"days": 90, "mode": "anonymise"}


async def test_a_workspace_keeps_calls_for_as_long_as_it_says(make_service):
    """For ever, then for days, then for ever again; what is not sent stays."""
    service = await make_service()
    async with service.client(await service.key()) as client:
        assert (await client.get("/v1/workspace")).json()["retention"] is None
        changed = await client.patch("/v1/workspace", json={"retention": RULE})
        assert (changed.status_code, changed.json()["retention"]) == (200, RULE)
        assert (await client.patch("/v1/workspace", json={"name": "other"})).json()["retention"] == RULE
        days_only = await client.patch("/v1/workspace", json={"retention": {"days": 30}})
        assert days_only.json()["retention"] == {"days": 30, "mode": "delete"}
        assert (await client.patch("/v1/workspace", json={"retention": None})).json()["retention"] is None


@pytest.mark.parametrize(
    "wrong", [{}, {"mode": "delete"}, {"days": 0}, {"days": 1.5}, {"days": 1, "mode": "hide"}, {"days": 1, "x": 1}, 90]
)
async def test_a_rule_that_is_none_is_refused(make_service, wrong):
    """With a line that names the field."""
    service = await make_service()
    async with service.client(await service.key()) as client:
        refused = await client.patch("/v1/workspace", json={"retention": wrong})
        assert refused.status_code == 400
        assert all(line.startswith("retention") for line in refused.json()["message"])


async def test_an_anonymised_call_shows_no_number(make_service):
    """In the lists, by itself, in its details and as a lead; the rest is as it was."""
    service = await make_service(leads=1)
    await service.world.value(
        "UPDATE calls SET to_number = 'redacted:' || call_id, name = NULL, variables = NULL, "
        "final_status = 'busy', final_reason = 'attempts_exhausted', finished_at = $1",
        NOON,
    )
    await service.world.value("UPDATE campaigns SET from_number = '+14155550100'")
    async with service.client(await service.key()) as client:
        [listed] = (await client.get("/v1/call-logs")).json()["data"]
        alone = (await client.get(f"/v1/call-logs/{listed['id']}")).json()
        details = (await client.get(f"/v1/call-logs/{listed['id']}/details")).json()
        [lead] = (await client.get(path(service, "/leads"))).json()["data"]
    assert [shown["to_number"] for shown in (listed, alone, details)] == [None] * 3
    assert [shown["from_number"] for shown in (listed, alone, details)] == [None] * 3
    assert lead["phone_number"] is None
    assert (alone["status"], details["variables"]) == ("busy", {})
