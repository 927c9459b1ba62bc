"""Named retry policies: their versions, who pins them, and what was in force for each attempt."""

import asyncio

import pytest
from tests.world import NOON
from whenever import TimeDelta

from ringback.engine.virtual import run_virtual
from ringback.ids import CALL, CAMPAIGN, TRUNK, show

PATH = "/v1/retry-policies"
HALF_HOUR = {"max_attempts": 2, "after": {"no-answer": ["30m"]}}
HOUR = {"max_attempts": 2, "after": {"no-answer": ["1h"]}}
NOBODY = "pol_01kjmrvt00e2z9h3kxvfy7s8d4"


async def a_policy(client, retry=HALF_HOUR, name="patient"):
    """A new policy, as it is answered."""
    answer = await client.post(PATH, json={"name": name, "retry": retry})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def a_campaign(client, world, status=201, **policy):
    """A new campaign that goes by a policy."""
    body = {"name": "c", "trunk_id": show(TRUNK, world.campaign.trunk_id), **policy}
    answer = await client.post("/v1/campaigns", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def first_wait(shown):
    """After no answer."""
    return shown["retry"]["after"]["no-answer"][0]


async def test_a_policy_has_versions_and_words(client):
    """A change is a version of its own, unless it changes nothing; another name is none."""
    made = await a_policy(client)
    assert (made["name"], made["version"], made["changed_at"]) == ("patient", 1, made["created_at"])
    assert made["in_words"] == "after no answer wait 30 min; at most 2 attempts"
    one = f"{PATH}/{made['id']}"
    changed = (await client.patch(one, json={"name": "slow", "retry": HOUR})).json()
    assert (changed["name"], changed["version"], first_wait(changed)) == ("slow", 2, "1h")
    assert [(v["version"], first_wait(v), v["in_words"][:30]) for v in changed["versions"]] == [
        (1, "30m", "after no answer wait 30 min; a"),
        (2, "1h", "after no answer wait 1 h; at m"),
    ]
    same = {"max_retries": 1, "wait_minutes": 60}
    again = (await client.patch(one, json={"retry": {**HOUR, "after": {"no_answer": ["60m"]}}})).json()
    assert again == (await client.get(one)).json() == changed
    assert (await client.patch(one, json={"retry": same})).json()["version"] == 3
    other = await a_policy(client, HOUR, "other")
    listed = (await client.get(PATH, params={"limit": 1})).json()
    assert ([p["id"] for p in listed["data"]], listed["meta"]["total"]) == ([other["id"]], 2)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"retry": HALF_HOUR}, "name is missing"),
        ({"name": "x"}, "retry is missing"),
        ({"name": "x", "retry": {"after": {"busy": ["soon"]}}}, "retry.after.busy[0] must be a duration"),
        ({"name": "x", "retry": {"min_gap": "7d", "expires_after": "1d"}}, "retry.min_gap (7d) is not below"),
    ],
)
async def test_a_bad_policy_is_refused(client, body, line):
    """With the field and the remedy."""
    answer = await client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["message"][0][: len(line)]) == (400, line)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_policy_of_nobody_is_not_found(service, client, method):
    """Odd, unknown and another workspace's ids get one answer."""
    for policy_id in ("x", NOBODY):
        answer = await client.request(method, f"{PATH}/{policy_id}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "retry_policy_not_found")


async def test_a_campaign_pins_a_version(service, client):
    """It goes on by that one until it is pinned anew; each pin counts up its own version."""
    policy = await a_policy(client)
    campaign = await a_campaign(client, service.world, retry_policy_id=policy["id"])
    one = f"/v1/campaigns/{campaign['id']}"
    assert campaign["policy"] == {"policy_id": policy["id"], "version": 1, "campaign_version": 1}
    await client.patch(f"{PATH}/{policy['id']}", json={"retry": HOUR})
    campaign = (await client.patch(one, json={"name": "still"})).json()
    assert (first_wait(campaign), campaign["policy"]["version"], campaign["policy_version"]) == ("30m", 1, 1)
    pinned = (await client.patch(one, json={"retry_policy_id": policy["id"]})).json()
    assert (first_wait(pinned), pinned["policy"]) == (
        "1h",
        {"policy_id": policy["id"], "version": 2, "campaign_version": 2},
    )
    back = (await client.patch(one, json={"retry_policy_id": policy["id"], "retry_policy_version": 1})).json()
    assert (first_wait(back), back["policy"]["version"], back["policy_version"]) == ("30m", 1, 3)
    inline = (await client.patch(one, json={"retry": HALF_HOUR})).json()
    assert inline["policy"] == {"policy_id": None, "version": None, "campaign_version": 4}
    default = (await client.patch(one, json={"retry": None})).json()
    assert (first_wait(default), default["policy_version"]) == ("30m", 5)
    assert default["retry"]["max_attempts"] == 3
    kept = (await client.get(f"{one}/policies")).json()
    assert [(p["campaign_version"], p["version"], first_wait(p)) for p in kept["data"]] == [
        (1, 1, "30m"),
        (2, 2, "1h"),
        (3, 1, "30m"),
        (4, None, "30m"),
        (5, None, "30m"),
    ]
    assert kept["data"][1]["in_words"] == "after no answer wait 1 h; at most 2 attempts"


async def test_a_pin_can_be_let_go_without_another_policy(service, client):
    """What was in force stays so, as the campaign's own."""
    policy = await a_policy(client, HOUR)
    campaign = await a_campaign(client, service.world, retry_policy_id=policy["id"])
    free = (await client.patch(f"/v1/campaigns/{campaign['id']}", json={"retry_policy_id": None})).json()
    assert (first_wait(free), free["policy"]) == ("1h", {"policy_id": None, "version": None, "campaign_version": 2})


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"retry_policy_id": NOBODY}, 422, "unknown_retry_policy"),
        ({"retry_policy_id": "x"}, 422, "unknown_retry_policy"),
        ({"retry_policy_id": NOBODY, "retry": HOUR}, 400, "validation_failed"),
        ({"retry_policy_version": 1}, 400, "validation_failed"),
    ],
)
async def test_a_campaign_and_a_call_need_one_policy_that_is_there(service, client, body, status, said):
    """Not two, nor a version of none, nor one of another workspace."""
    trunk = {"trunk_id": show(TRUNK, service.world.campaign.trunk_id)}
    for path, more in (("/v1/campaigns", {"name": "c"}), ("/v1/calls", {"to_number": "+14155552671"})):
        answer = await client.post(path, json={**trunk, **more, **body})
        assert (answer.status_code, answer.json()["code"]) == (status, said)


async def test_a_version_that_is_not_there_is_unknown(service, client):
    """The policy is there, and has one version."""
    policy = await a_policy(client)
    refused = await a_campaign(client, service.world, 422, retry_policy_id=policy["id"], retry_policy_version=2)
    assert refused["code"] == "unknown_retry_policy"


async def test_a_policy_of_another_workspace_is_unknown(service, client):
    """Neither to be seen nor to be pinned."""
    policy = await a_policy(client)
    await service.world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) VALUES (gen_random_uuid(), 'b', $1)", NOON
    )
    no = await service.world.value("SELECT max(workspace_no) FROM workspaces")
    async with service.client(await service.key(workspace_no=no)) as stranger:
        assert (await stranger.get(f"{PATH}/{policy['id']}")).status_code == 404
        assert (await stranger.delete(f"{PATH}/{policy['id']}")).status_code == 404
        assert (await stranger.get(PATH)).json()["data"] == []


async def test_a_policy_that_is_in_use_stays(service, client):
    """Until the campaigns that go by it are over, or go by another; what was in force stays known."""
    policy = await a_policy(client)
    one = f"{PATH}/{policy['id']}"
    first = await a_campaign(client, service.world, retry_policy_id=policy["id"])
    second = await a_campaign(client, service.world, retry_policy_id=policy["id"])
    refused = await client.delete(one)
    assert (refused.status_code, refused.json()["code"]) == (409, "retry_policy_in_use")
    assert first["id"] in refused.json()["message"]
    await client.patch(f"/v1/campaigns/{first['id']}", json={"retry": HOUR})
    assert (await client.delete(one)).status_code == 409
    await client.patch(f"/v1/campaigns/{second['id']}/status", json={"action": "cancel"})
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).status_code == 404
    kept = (await client.get(f"/v1/campaigns/{second['id']}/policies")).json()["data"]
    assert (kept[0]["policy_id"], first_wait(kept[0])) == (policy["id"], "30m")


async def test_a_policy_is_not_deleted_while_it_is_being_pinned(service, client):
    """Whoever is first decides: no campaign that is not over names a policy that is gone."""
    for _ in range(5):
        policy = await a_policy(client)
        body = {"name": "c", "trunk_id": show(TRUNK, service.world.campaign.trunk_id), "retry_policy_id": policy["id"]}
        pinned, deleted = await asyncio.gather(
            client.post("/v1/campaigns", json=body), client.delete(f"{PATH}/{policy['id']}")
        )
        assert (pinned.status_code, deleted.status_code) in {(201, 409), (422, 204)}


async def test_each_attempt_says_which_policy_was_in_force(make_service):
    """By the campaign's counter and the version that it pinned, also after the campaign was given another one."""
    service = await make_service(leads=1)
    world = service.world
    async with service.client(await service.key()) as client:
        policy = await a_policy(client)
        one = f"/v1/campaigns/{show(CAMPAIGN, world.campaign.campaign_id)}"
        await client.patch(one, json={"retry_policy_id": policy["id"]})
        engine = await world.engine()
        await run_virtual(engine, world.clock, NOON + TimeDelta(minutes=10), lambda _: None)
        await client.patch(one, json={"retry": HOUR})
        await run_virtual(engine, world.clock, NOON + TimeDelta(hours=3), lambda _: None)
        [call] = await world.calls()
        details = (await client.get(f"/v1/call-logs/{show(CALL, call['call_id'])}/details")).json()
        assert [attempt["policy"] for attempt in details["attempts"]] == [
            {"policy_id": policy["id"], "version": 1, "campaign_version": 2},
            {"policy_id": None, "version": None, "campaign_version": 3},
        ]
        versions = {
            p["campaign_version"]: first_wait(p) for p in (await client.get(f"{one}/policies")).json()["data"][1:]
        }
        assert versions == {2: "30m", 3: "1h"}


async def test_a_single_call_goes_by_a_named_policy(make_service):
    """It is redialled by the version that it was made with."""
    service = await make_service()
    async with service.client(await service.key()) as client:
        policy = await a_policy(client, HOUR)
        trunk_id = show(TRUNK, service.world.campaign.trunk_id)
        body = {"to_number": "+14155552671", "trunk_id": trunk_id, "retry_policy_id": policy["id"]}
        call = (await client.post("/v1/calls", json=body)).json()
        await client.patch(f"{PATH}/{policy['id']}", json={"retry": HALF_HOUR})
        await run_virtual(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=3), lambda _: None)
        details = (await client.get(f"/v1/call-logs/{call['id']}/details")).json()
    pinned = {"policy_id": policy["id"], "version": 1, "campaign_version": None}
    assert [attempt["policy"] for attempt in details["attempts"]] == [pinned, pinned]
    assert details["attempts"][0]["retry"]["rule"] == "no-answer: 1h"


async def test_what_an_api_of_the_release_before_changed_is_noted_by_the_next_change(service, client):
    """It changes the policy and its counter, and knows nothing of pins and of what is to be kept."""
    policy = await a_policy(client)
    campaign = await a_campaign(client, service.world, retry_policy_id=policy["id"])
    one, old = f"/v1/campaigns/{campaign['id']}", '{"max_attempts": 5, "after": {"busy": ["5m"]}}'
    await service.world.value(
        "UPDATE campaigns SET retry = $1::text::jsonb, policy_version = 2 WHERE name = 'c' AND status = 'draft'", old
    )
    assert (await client.get(one)).json()["policy"] == {"policy_id": None, "version": None, "campaign_version": 2}
    await client.patch(one, json={"retry": HOUR})
    kept = (await client.get(f"{one}/policies")).json()["data"]
    assert [(p["campaign_version"], p["policy_id"], p["retry"]["max_attempts"]) for p in kept] == [
        (1, policy["id"], 2),
        (2, None, 5),
        (3, None, 2),
    ]
