"""The do-not-call list over the API."""

import io

import pytest
from tests.api.shared import leads, path, trunk_id
from tests.engine.duties import another_workspace
from whenever import TimeDelta

from ringback.ids import DO_NOT_CALL, show
from ringback.store.keys import Scope

LIST = "/v1/do-not-call"
NUMBER = "+14155550001"


async def put(client, *numbers, **more):
    """Put numbers on the list."""
    answer = await client.post(LIST, json={"numbers": list(numbers), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_numbers_are_put_on_the_list_and_bad_ones_come_back(client):
    """One that is none refuses no other; twice is once."""
    told = await put(client, NUMBER, "12", "+1900*", NUMBER, 7, note="asked", expires_at="2026-04-01T00:00:00Z")
    assert {name: told[name] for name in ("added", "present", "cancelled", "rejected")} == {
        "added": 2,
        "present": 0,
        "cancelled": 0,
        "rejected": 2,
    }
    assert {reason["code"]: reason["rows"] for reason in told["reasons"]} == {
        "invalid_phone_number": [2],
        "wrong_type": [5],
    }
    assert (await put(client, NUMBER))["present"] == 1
    listed = (await client.get(LIST)).json()
    assert [(entry["number"], entry["source"], entry["note"]) for entry in listed["data"]] == [
        ("+1900*", "api", "asked"),
        (NUMBER, "api", "asked"),
    ]
    assert [entry["expires_at"] for entry in listed["data"]] == ["2026-04-01T00:00:00.000Z", None]
    assert listed["meta"]["total"] == 2
    assert listed["data"][0]["created_by"].startswith("key_")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({}, "numbers is missing"),
        ({"numbers": NUMBER}, "numbers must be a list of numbers or beginnings of numbers"),
        ({"numbers": [], "expires_at": "soon"}, "expires_at must be a time with its offset"),
        ({"numbers": [], "source": "opt_out"}, "source must be one of api, agent"),
    ],
)
async def test_what_is_no_list_is_refused_with_its_remedy(client, body, line):
    """The field is named, and what it should be."""
    answer = await client.post(LIST, json=body)
    assert answer.status_code == 400
    assert any(told.startswith(line) for told in answer.json()["message"])


@pytest.mark.parametrize(("number", "found"), [(NUMBER, 2), ("+14155550002", 1), ("+1415*", 1), ("+442079460000", 0)])
async def test_entries_that_forbid_a_number_are_found_by_it(client, number, found):
    """Its own, and those of its beginnings."""
    await put(client, NUMBER, "+1415*", "+1900*")
    assert (await client.get(LIST, params={"number": number})).json()["meta"]["total"] == found


async def test_a_search_for_what_is_no_number_is_refused(client):
    """With an example."""
    answer = await client.get(LIST, params={"number": "12"})
    assert answer.status_code == 400
    assert "'+1900*'" in answer.json()["message"][0]


async def test_a_deleted_entry_is_off_the_list_and_kept(client):
    """With who did it and when; it cannot be deleted twice, and the number can be listed again."""
    await put(client, NUMBER)
    [entry] = (await client.get(LIST)).json()["data"]
    one = f"{LIST}/{entry['id']}"
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(LIST)).json()["data"] == []
    kept = (await client.get(one)).json()
    assert kept["deleted_at"] == "2026-03-02T12:00:00.000Z"
    assert kept["deleted_by"] == entry["created_by"]
    refused = await client.delete(one)
    assert (refused.status_code, refused.json()["code"]) == (404, "entry_not_found")
    assert (await put(client, NUMBER))["added"] == 1


async def test_a_file_is_imported_and_every_bad_row_reported(client):
    """With columns as in a file of leads, and a note and an end of its own in each row."""
    rows = [
        "Phone,note,expires_at",
        "(415) 555-0001,moved,2026-12-31T00:00:00Z",
        "12,,",
        "+1900*,,",
        "4155550003,,tomorrow",
        f"4155550004,{'x' * 201},",
    ]
    file = ("opted-out.csv", io.BytesIO("\n".join(rows).encode()))
    answer = await client.post(LIST, files={"file": file}, data={"default_region": "US"})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["added"], told["rejected"]) == (2, 3)
    assert {reason["code"]: reason["rows"] for reason in told["reasons"]} == {
        "invalid_phone_number": [3],
        "invalid_time": [5],
        "value_too_long": [6],
    }
    [entry] = (await client.get(LIST, params={"number": NUMBER})).json()["data"]
    assert (entry["source"], entry["note"], entry["expires_at"]) == ("import", "moved", "2026-12-31T00:00:00.000Z")


async def test_leads_on_the_list_are_rejected_with_the_reason(service, client):
    """The others become leads."""
    await put(client, NUMBER, "+141555500003*")
    answer = (await client.post(path(service, "/leads"), json={"leads": leads(6)})).json()
    assert (answer["created"], answer["rejected"]) == (5, 1)
    assert [(reason["code"], reason["rows"]) for reason in answer["reasons"]] == [("do_not_call", [2])]


async def test_a_single_call_to_a_number_on_the_list_is_refused(service, client):
    """422 `do_not_call`, and no call is made."""
    await put(client, "+1415555*")
    body = {"to_number": "+14155552671", "trunk_id": trunk_id(service)}
    answer = await client.post("/v1/calls", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "do_not_call")
    assert await service.world.calls() == []


async def test_the_list_is_its_workspaces_own(service, client):
    """Another workspace sees none of it, cannot delete of it, and dials by its own."""
    other = await another_workspace(service.world, 0)
    await put(client, NUMBER)
    [entry] = (await client.get(LIST)).json()["data"]
    async with service.client(await service.key(workspace_no=other.workspace_no)) as stranger:
        assert (await stranger.get(LIST)).json()["data"] == []
        assert (await stranger.get(f"{LIST}/{entry['id']}")).status_code == 404
        assert (await stranger.delete(f"{LIST}/{entry['id']}")).status_code == 404
    report = await other.add_leads([], now=service.world.clock.now() + TimeDelta(seconds=1))
    assert report.rejected == 0
    assert entry["id"] == show(
        DO_NOT_CALL, await service.world.value("SELECT entry_id FROM do_not_call WHERE deleted_at IS NULL")
    )


async def test_reading_is_not_writing(service):
    """A key with `calls:read` lists and does not add."""
    async with service.client(await service.key(Scope.CALLS_READ)) as reader:
        assert (await reader.get(LIST)).status_code == 200
        assert (await reader.post(LIST, json={"numbers": [NUMBER]})).status_code == 403


RULES = "/v1/contact-rules"
NO_RULES = {"per_number": [], "per_lead": [], "min_gap": None, "quiet_after_conversation": None}


async def test_contact_rules_are_replaced_as_a_whole(service, client):
    """What is left out is no rule; another workspace has its own."""
    assert (await client.get(RULES)).json() == NO_RULES
    wanted = {"per_number": ["3 per 24h"], "min_gap": "2h"}
    assert (await client.put(RULES, json=wanted)).json() == {**NO_RULES, **wanted}
    assert (await client.get(RULES)).json() == {**NO_RULES, **wanted}
    other = await another_workspace(service.world, 0)
    async with service.client(await service.key(workspace_no=other.workspace_no)) as stranger:
        assert (await stranger.get(RULES)).json() == NO_RULES
    assert (await client.put(RULES, json={})).json() == NO_RULES


async def test_a_contact_rule_without_its_unit_is_refused_with_an_example(client):
    """The field and the place are named, all faults at once, and nothing is changed."""
    answer = await client.put(RULES, json={"per_number": ["3 per 24h", "3 per 24"], "min_gap": "2"})
    assert answer.status_code == 400
    first, second = answer.json()["message"]
    assert first.startswith("per_number[1] must be so many per so long with its unit, such as '3 per 24h'")
    assert second.startswith("min_gap must be a duration with its unit")
    assert (await client.get(RULES)).json() == NO_RULES
