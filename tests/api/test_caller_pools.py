"""Caller pools over HTTP, with the real engine where something is dialled."""

from tests.api.shared import leads, path, trunk_id
from tests.world import NOBODY_ANSWERS, NOON, drive
from whenever import TimeDelta

PATH = "/v1/caller-pools"
NEAR, FAR = "+14155550100", "+442071838750"
UNKNOWN = "pool_01h455vb4pex5vsknk084sn02q"
POOL = {"name": "all", "numbers": [NEAR, FAR], "dials_per_number": "3 per 1d"}


async def made(client, **changes):
    """A pool that was made, as it was answered."""
    answer = await client.post(PATH, json={**POOL, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_pool_is_made_shown_and_changed(client):
    """Its numbers become caller numbers without caps; those that are registered keep theirs. PATCH replaces them."""
    known = (await client.post("/v1/caller-numbers", json={"number": FAR, "max_concurrent_calls": 2})).json()
    pool = await made(client, rest="2d")
    assert (pool["local_presence"], pool["dials_per_number"], pool["rest"], pool["size"]) == (True, "3 per 1d", "2d", 2)
    rest = {"dials": 0, "since": None, "rests_until": None}
    caps = {number["number"]: (number["max_concurrent_calls"], number["dials_per_sec"]) for number in pool["numbers"]}
    assert caps == {NEAR: (None, None), FAR: (2, None)}
    assert [number["id"] for number in pool["numbers"] if number["number"] == FAR] == [known["id"]]
    assert all(rest.items() <= number.items() for number in pool["numbers"])
    one = f"{PATH}/{pool['id']}"
    assert (await client.get(one)).json() == pool
    [listed] = (await client.get(PATH)).json()["data"]
    assert listed == {name: value for name, value in pool.items() if name != "numbers"}
    changed = (await client.patch(one, json={"numbers": [NEAR, "+12125550100"], "local_presence": False})).json()
    assert [number["number"] for number in changed["numbers"]] == [NEAR, "+12125550100"]
    assert (changed["name"], changed["dials_per_number"], changed["rest"]) == ("all", "3 per 1d", "2d")
    free = (await client.patch(one, json={"dials_per_number": None, "rest": None})).json()
    assert (free["dials_per_number"], free["rest"], free["numbers"][0]["dials"]) == (None, None, None)


async def test_a_number_is_in_one_pool_at_most(client):
    """Another pool cannot have it, and it cannot be deleted, before it is taken out."""
    pool = await made(client)
    again = await client.post(PATH, json={**POOL, "name": "other"})
    assert (again.status_code, again.json()["code"]) == (409, "caller_number_in_pool")
    assert NEAR in again.json()["message"]
    number = f"/v1/caller-numbers/{pool['numbers'][0]['id']}"
    assert (await client.delete(number)).json()["code"] == "caller_number_in_pool"
    await client.patch(f"{PATH}/{pool['id']}", json={"numbers": [FAR]})
    assert (await client.delete(number)).status_code == 204
    assert [row["name"] for row in (await client.get(PATH)).json()["data"]] == ["all"]


async def test_what_is_wrong_with_a_pool_is_said_line_by_line(client):
    """With the field, the place and a right example; nothing of it is kept."""
    answer = await client.post(
        PATH, json={"name": "", "numbers": [NEAR, "12", 5], "dials_per_number": "100", "rest": 1}
    )
    assert answer.json()["message"] == [
        "name must be text of 1 to 200 characters",
        "numbers[1] must be an E.164 number, such as '+14155550100'",
        "numbers[2] must be an E.164 number, such as '+14155550100'",
        "dials_per_number must be so many dials per so long, such as '100 per 1d', at most 100000 in at most 366d, "
        "or null",
        "rest must be a duration with its unit, such as '12h' or '2d', or null",
    ]
    none = await client.post(PATH, json={"name": "a", "numbers": []})
    assert none.json()["message"] == ["numbers must be a list of 1 to 500 E.164 numbers, such as ['+14155550100']"]
    alone = await client.post(PATH, json={"name": "a", "numbers": [NEAR], "rest": "1d"})
    assert alone.json()["message"] == ["rest goes with dials_per_number, such as '100 per 1d'"]
    assert (await client.get("/v1/caller-numbers")).json()["meta"]["total"] == 0


async def test_a_pool_takes_the_place_of_a_number(service, client):
    """A campaign and a call have one or the other; both at once are a 400, and a pool that is not there is a 422."""
    pool, campaign = await made(client), path(service)
    call = {"to_number": "+14155552671", "trunk_id": trunk_id(service)}
    both = {"from_number": NEAR, "caller_pool_id": pool["id"]}
    for answer in (await client.patch(campaign, json=both), await client.post("/v1/calls", json={**call, **both})):
        assert answer.json()["message"] == [
            "from_number and caller_pool_id are both given: leave one out, for a pool has its own numbers"
        ]
    assert (await client.patch(campaign, json={"caller_pool_id": UNKNOWN})).json()["code"] == "unknown_caller_pool"
    for body, expected in (
        ({"from_number": FAR}, (FAR, None)),
        ({"caller_pool_id": pool["id"]}, (None, pool["id"])),
        ({"weight": 2}, (None, pool["id"])),
        ({"from_number": None}, (None, pool["id"])),
        ({"from_number": FAR}, (FAR, None)),
        ({"caller_pool_id": None}, (FAR, None)),
        ({"caller_pool_id": pool["id"]}, (None, pool["id"])),
        ({"caller_pool_id": None}, (None, None)),
    ):
        shown = (await client.patch(campaign, json=body)).json()
        assert (shown["from_number"], shown["caller_pool_id"]) == expected, body
    single = await client.post("/v1/calls", json={**call, "caller_pool_id": pool["id"]})
    assert (single.status_code, single.json()["from_number"], single.json()["caller_pool_id"]) == (
        201,
        None,
        pool["id"],
    )


async def test_a_pool_in_use_is_not_deleted(service, client):
    """Not while a campaign that is not cancelled goes by it; its numbers stay registered."""
    pool = await made(client)
    one = f"{PATH}/{pool['id']}"
    await client.patch(path(service), json={"caller_pool_id": pool["id"]})
    refused = await client.delete(one)
    assert (refused.status_code, refused.json()["code"]) == (409, "caller_pool_in_use")
    await client.patch(path(service), json={"from_number": NEAR})
    call = {"to_number": "+14155552671", "trunk_id": trunk_id(service), "caller_pool_id": pool["id"]}
    await client.post("/v1/calls", json=call)
    assert "1 single calls go by this pool" in (await client.delete(one)).json()["message"]
    await service.world.value("DELETE FROM queue")
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).json()["code"] == "caller_pool_not_found"
    assert (await client.get("/v1/caller-numbers")).json()["meta"]["total"] == 2


async def test_dials_from_a_pool_are_seen_and_explained(make_service):
    """The history names the number of each dial, the pool shows which rest, and what waits for that says so."""
    service = await make_service(started=False, simulator=NOBODY_ANSWERS)
    async with service.client(await service.key()) as client:
        pool = await made(client)
        await client.patch(path(service), json={"caller_pool_id": pool["id"]})
        await client.post(path(service, "/leads"), json={"leads": leads(8)})
        await client.patch(path(service, "/status"), json={"action": "start"})
        await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(minutes=5))
        calls = (await client.get(f"/v1/call-logs/campaign/{path(service).rpartition('/')[2]}")).json()["data"]
        logs = [(await client.get(f"/v1/call-logs/{call['id']}/retries")).json()["data"] for call in calls]
        assert sorted(attempt["from_number"] for log in logs for attempt in log) == [NEAR] * 3 + [FAR] * 3
        numbers = (await client.get(f"{PATH}/{pool['id']}")).json()["numbers"]
        assert {(one["dials"], one["rests_until"] is not None) for one in numbers} == {(3, True)}
        until = min(one["rests_until"] for one in numbers)
        waiting = next(call for call, log in zip(calls, logs, strict=True) if not log)
        told = (await client.get(f"/v1/call-logs/{waiting['id']}/explain")).json()
        assert (told["next"]["at"], told["next"]["rule"]) == (until, "caller_rest")
        assert [one["kind"] for one in told["constraints"] if one["binding"]] == ["caller_number"]
        blocked = (await client.get(path(service, "/blockers"))).json()
        [blocker] = blocked["blockers"]
        assert (blocker["kind"], blocker["leads"], blocker["first_until"]) == ("caller_number", 2, until)
        rates = (
            await client.get(
                "/v1/analytics/attempts", params={"group_by": "caller_number", "from": "2026-03-02", "to": "2026-03-02"}
            )
        ).json()
        assert {row["group"]["caller_number"]: row["attempts"] for row in rates["data"]} == {NEAR: 3, FAR: 3}
        assert all(row["answer_rate"]["low"] == 0 < row["answer_rate"]["high"] < 1 for row in rates["data"])


async def test_a_single_call_is_dialled_from_its_pool(make_service):
    """From the number with its area code, and again from that one; what it is made of names the pool."""
    service = await make_service(started=False, simulator=NOBODY_ANSWERS)
    async with service.client(await service.key()) as client:
        pool = await made(client, numbers=[FAR, NEAR, "+14155550101"])
        retry = {"max_attempts": 3, "after": {"no-answer": ["10m"], "busy": ["10m"]}}
        call = {
            "to_number": "+14155552671",
            "trunk_id": trunk_id(service),
            "caller_pool_id": pool["id"],
            "retry": retry,
        }
        call_id = (await client.post("/v1/calls", json=call)).json()["id"]
        await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=1))
        log = (await client.get(f"/v1/call-logs/{call_id}/retries")).json()["data"]
        assert [attempt["from_number"] for attempt in log] == [NEAR] * 3
        assert (await client.get(f"/v1/call-logs/{call_id}")).json()["caller_pool_id"] == pool["id"]
        assert (await client.delete(f"{PATH}/{pool['id']}")).status_code == 204
