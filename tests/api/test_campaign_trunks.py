"""The trunks of a campaign over HTTP: one by its id, or several by priority and weight."""

import msgspec
import pytest
from tests.api.shared import leads, path, trunk_id
from tests.world import EVERYBODY_ANSWERS, LIVELY, NOON, drive
from whenever import TimeDelta

REFUSES_ALL = {**EVERYBODY_ANSWERS, "failure_share": 1.0}


async def a_trunk(client, name, kind="simulator", settings=None):
    """Another trunk's id."""
    made = await client.post("/v1/trunks", json={"name": name, "kind": kind, "settings": settings or {}})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def trunks(*named):
    """A list of trunks by (id, priority, weight)."""
    return [{"trunk_id": one, "priority": priority, "weight": weight} for one, priority, weight in named]


async def test_a_campaign_has_its_trunks_by_preference(service, client):
    """Answers show both forms; equals stay as they were named, and one trunk is a list of one."""
    one, two, three = trunk_id(service), await a_trunk(client, "two"), await a_trunk(client, "three")
    body = {"name": "June", "trunks": [{"trunk_id": one, "priority": 5}, {"trunk_id": three, "weight": 9}]}
    body["trunks"].append({"trunk_id": two, "priority": 1})
    made = await client.post("/v1/campaigns", json=body)
    assert made.status_code == 201
    campaign = made.json()
    assert campaign["trunks"] == trunks((three, 1, 9), (two, 1, 1), (one, 5, 1))
    assert campaign["trunk_id"] == three
    assert (await client.get(f"/v1/campaigns/{campaign['id']}")).json() == campaign
    assert campaign in (await client.get("/v1/campaigns")).json()["data"]
    first = (await client.get(path(service))).json()
    assert (first["trunk_id"], first["trunks"]) == (one, trunks((one, 1, 1)))


async def test_the_trunks_of_a_campaign_are_changed_as_one(service, client):
    """By a list or by one id; other fields leave them, and the same again changes nothing."""
    one, two = trunk_id(service), await a_trunk(client, "two")
    wanted = trunks((two, 0, 100), (one, 100, 1))
    changed = (await client.patch(path(service), json={"trunks": wanted})).json()
    assert (changed["trunk_id"], changed["trunks"]) == (two, wanted)
    assert (await client.patch(path(service), json={"name": "new"})).json() == {**changed, "name": "new"}
    single = (await client.patch(path(service), json={"trunks": trunks((one, 7, 3))})).json()
    assert (single["trunk_id"], single["trunks"]) == (one, trunks((one, 7, 3)))
    back = (await client.patch(path(service), json={"trunk_id": two})).json()
    assert (back["trunk_id"], back["trunks"]) == (two, trunks((two, 1, 1)))
    assert back["policy_version"] == changed["policy_version"] == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "trunk_id is missing: name one trunk, or several as trunks"),
        ({"trunks": []}, "trunks must be a list of 1 to 8 trunks, such as"),
        ({"trunks": None}, "trunks must be a list of 1 to 8 trunks, such as"),
        ({"trunks": ["ONE"]}, "trunks must be a list of 1 to 8 trunks, such as"),
        ({"trunks": [{"trunk_id": f"trk_{n}"} for n in range(9)]}, "trunks must be a list of 1 to 8 trunks, such as"),
        ({"trunks": [{"priority": 1}]}, "trunks[0].trunk_id is missing"),
        ({"trunks": [{"trunk_id": "ONE", "priority": 101}]}, "trunks[0].priority must be a whole number from 0 to 100"),
        ({"trunks": [{"trunk_id": "ONE", "weight": 0}]}, "trunks[0].weight must be a whole number from 1 to 100"),
        ({"trunks": [{"trunk_id": "ONE", "share": 1}]}, "trunks[0].share is not known"),
        ({"trunks": [{"trunk_id": "ONE"}, {"trunk_id": "ONE", "priority": 2}]}, "trunks must name each trunk once"),
        ({"trunk_id": "ONE", "trunks": [{"trunk_id": "ONE"}]}, "leave trunk_id out"),
    ],
)
async def test_what_names_no_trunks_is_refused_with_the_remedy(service, client, body, says):
    """Each fault in its place."""
    sent = msgspec.json.decode(msgspec.json.encode(body).replace(b"ONE", trunk_id(service).encode()))
    answer = await client.post("/v1/campaigns", json={"name": "June", **sent})
    assert answer.status_code == 400
    assert any(says in line for line in answer.json()["message"]), answer.json()
    changed = await client.patch(path(service), json=sent)
    assert changed.status_code == (400 if body else 200)


async def test_a_trunk_of_nobody_is_422_in_its_place(service, client):
    """However odd its id is."""
    body = {"trunks": [{"trunk_id": trunk_id(service)}, {"trunk_id": "trk_x", "priority": 2}]}
    answer = await client.patch(path(service), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_trunk")
    assert answer.json()["message"] == "trunks[1].trunk_id names no trunk of this workspace"


async def test_a_test_key_works_where_all_trunks_are_simulators(service, client):
    """One real trunk among them, and neither leads nor a start nor a change is for it."""
    one, two = trunk_id(service), await a_trunk(client, "two")
    settings = {"host": "127.0.0.1", "port": 5060, "net_interface": "127.0.0.1", "from_number": "+14155550100"}
    real = await a_trunk(client, "real", "sip", settings)
    async with service.client(await service.key(live=False)) as testing:
        refused = await testing.patch(path(service), json={"trunks": trunks((one, 1, 1), (real, 2, 1))})
        assert (refused.status_code, refused.json()["code"]) == (403, "test_key")
        assert (await testing.patch(path(service), json={"trunks": trunks((one, 1, 1), (two, 2, 1))})).is_success
        assert (await client.patch(path(service), json={"trunks": trunks((one, 1, 1), (real, 2, 1))})).is_success
        for answer in (
            await testing.patch(path(service), json={"name": "new"}),
            await testing.patch(path(service, "/status"), json={"action": "start"}),
            await testing.post(path(service, "/leads"), json={"leads": leads(1)}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "test_key")


async def test_a_history_shows_over_which_trunk_a_refused_dial_went_on(make_service):
    """Each attempt with its trunk, and the rule with the next one's id; one that was refused for good is over."""
    service = await make_service(simulator=REFUSES_ALL, retry={"max_attempts": 3, "after": {"no-answer": ["30m"]}})
    async with service.client(await service.key()) as client:
        second = await a_trunk(client, "spare", settings={**LIVELY, **EVERYBODY_ANSWERS})
        wanted = trunks((trunk_id(service), 1, 1), (second, 2, 1))
        assert (await client.patch(path(service), json={"trunks": wanted})).is_success
        assert (await client.post(path(service, "/leads"), json={"leads": leads(5)})).is_success
        await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=24))
        calls = (await client.get("/v1/call-logs")).json()["data"]
        assert len(calls) == 5
        for call in calls:
            history = (await client.get(f"/v1/call-logs/{call['id']}/retries")).json()
            refused, answered = history["data"]
            assert (refused["trunk"], refused["sip_code"], refused["end_reason"]) == ("sim", 503, "network_failure")
            assert refused["retry"] == {
                "decision": "retry",
                "at": refused["ended_at"],
                "rule": f"fail-over: {second}",
            }
            assert (answered["trunk"], answered["status"]) == ("spare", "completed")
            assert history["final_reason"] == "reached"
