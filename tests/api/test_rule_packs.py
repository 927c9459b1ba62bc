import dataclasses

import pytest
from tests.world import NOON, some_leads
from whenever import TimeDelta

from ringback.api.app import create_app
from ringback.ids import CAMPAIGN, TRUNK, show
from ringback.rules.shelf import Shelf


async def test_packs_are_listed_with_their_citations(client):
    """Each clause with its text, its citation and what it asks for."""
    answer = (await client.get("/v1/rule-packs")).json()
    packs = {pack["name"]: pack for pack in answer["data"]}
    assert answer["faulty"] == []
    hours, calls = packs["us-fl"]["clauses"]
    assert hours["citation"] == "Fla. Stat. 501.616(6)(a)"
    assert hours["hours"]["sun"] == ["08:00-20:00"]
    assert hours["applies_to"] == {"countries": ["US"], "regions": ["US-FL"], "purposes": ["marketing"]}
    assert calls["frequency"] == {"most": 3, "within_sec": 86_400, "per": "number"}
    assert packs["us-federal"]["clauses"][3]["quiet"] == {"for_sec": 604_800, "per": "debt"}
    assert packs["au"]["clauses"][0]["hours"]["holidays"] == "shut"


async def test_a_broken_file_is_listed_apart(service, tmp_path):
    """With what is wrong; the packs of this release are there."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "house@2026.1.toml").write_text("title = 7")
    (folder / "notes.toml").write_text("")
    settings = dataclasses.replace(service.settings, shelf=Shelf(folder))
    service.app = create_app(service.world.database, service.world.clock, service.world.ids, settings)
    async with service.client(await service.key()) as client:
        answer = (await client.get("/v1/rule-packs")).json()
    house, notes = answer["faulty"]
    assert (house["name"], house["version"]) == ("house", "2026.1")
    assert "house@2026.1.toml: title must be a text" in house["faults"]
    assert (notes["name"], notes["version"]) == ("notes", None)
    assert "us-fl" in {pack["name"] for pack in answer["data"]}


async def test_a_workspace_names_packs_and_a_purpose(client):
    """They are kept as they were written, and taken back by null."""
    assert (await client.get("/v1/workspace")).json()["rule_packs"] == []
    named = {"rule_packs": ["us-federal", "us-fl@2026.1"], "purpose": "marketing"}
    for answer in (await client.patch("/v1/workspace", json=named), await client.get("/v1/workspace")):
        assert {name: answer.json()[name] for name in named} == named
    freed = (await client.patch("/v1/workspace", json={"rule_packs": None, "purpose": None})).json()
    assert (freed["rule_packs"], freed["purpose"]) == ([], None)


async def test_a_campaign_names_packs_and_a_purpose(service, client):
    """When it is made, and later; what is not sent stays."""
    trunk = show(TRUNK, service.world.campaign.trunk_id)
    made = await client.post(
        "/v1/campaigns", json={"name": "n", "trunk_id": trunk, "rule_packs": ["uk"], "purpose": "survey"}
    )
    assert made.status_code == 201
    path = f"/v1/campaigns/{made.json()['id']}"
    assert (made.json()["rule_packs"], made.json()["purpose"]) == (["uk"], "survey")
    changed = (await client.patch(path, json={"purpose": None})).json()
    assert (changed["rule_packs"], changed["purpose"], changed["rule_packs_fault"]) == (["uk"], None, None)
    plain = await client.post("/v1/campaigns", json={"name": "n", "trunk_id": trunk})
    assert (plain.json()["rule_packs"], plain.json()["purpose"]) == ([], None)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"rule_packs": ["us-xx"]}, "rule_packs: no rule pack us-xx is in force on 2026-03-02"),
        ({"rule_packs": ["us-fl@2020.1"]}, "rule_packs: there is no rule pack us-fl@2020.1; there are us-fl@2026.1"),
        (
            {"rule_packs": ["US"]},
            "rule_packs has 'US', which is no name of a rule pack, such as ['us-federal', 'us-fl@2026.1']",
        ),
        ({"purpose": "fun"}, "purpose must be one of marketing, collections, survey, service"),
    ],
)
async def test_packs_that_are_not_there_are_refused(service, client, body, line):
    """With those that there are; nothing is changed."""
    campaign = show(CAMPAIGN, service.world.campaign.campaign_id)
    for path in ("/v1/workspace", f"/v1/campaigns/{campaign}"):
        answer = await client.patch(path, json=body)
        assert answer.status_code == 400
        assert answer.json()["message"] == [line]
    assert (await client.get("/v1/workspace")).json()["rule_packs"] == []


async def test_packs_are_refused_while_a_node_lives_that_knows_none(service, client):
    """It would dial without them; once it has ended they are taken."""
    world = service.world
    await world.value(
        """INSERT INTO nodes (name, version, schema_version, started_at, heartbeat_at, lease_until)
        VALUES ('old', '0.2.0', 2, $1, $1, $2)""",
        NOON,
        NOON + TimeDelta(hours=1),
    )
    refused = await client.patch("/v1/workspace", json={"rule_packs": ["us-fl"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "older_release_lives")
    assert (await client.patch("/v1/workspace", json={"rule_packs": []})).status_code == 200
    await world.value("UPDATE nodes SET ended_at = $1", NOON)
    assert (await client.patch("/v1/workspace", json={"rule_packs": ["us-fl"]})).status_code == 200


async def test_a_campaign_says_why_its_packs_stop_it(service, client):
    """Its own or its workspace's; a list says it too."""
    world = service.world
    await world.value("UPDATE campaigns SET rule_packs = '{us-xx}'")
    await world.value("UPDATE workspaces SET rule_packs = '{us-yy,us-fl}'")
    faults = "no rule pack us-yy is in force on 2026-03-02; no rule pack us-xx is in force on 2026-03-02"
    one = await client.get(f"/v1/campaigns/{show(CAMPAIGN, world.campaign.campaign_id)}")
    assert one.json()["rule_packs_fault"] == faults
    assert (await client.get("/v1/campaigns")).json()["data"][0]["rule_packs_fault"] == faults


async def test_choosing_a_pack_counts_what_was_dialled_before(service, client):
    """Wherever it is chosen, and for as long as its clauses look back; without packs nothing is counted."""
    world = service.world
    await world.add_leads(some_leads(1))
    call_id = await world.value("SELECT call_id FROM calls LIMIT 1")
    await world.value(
        """INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no,
            policy_version, intent_at, called_at, ended_at, status, end_reason, stop_reason)
        SELECT workspace_no, call_id, 1, gen_random_uuid(), campaign_no, trunk_no, 1, 1, $2, $2, $2, 'busy',
            'user_busy', 'attempts_exhausted'
        FROM calls WHERE call_id = $1""",
        call_id,
        NOON - TimeDelta(hours=20),
    )
    trunk = show(TRUNK, world.campaign.trunk_id)
    campaign = f"/v1/campaigns/{show(CAMPAIGN, world.campaign.campaign_id)}"
    spans = "SELECT contact_span_sec FROM workspaces WHERE workspace_no = $1"
    for method, path, body, over in (
        ("PATCH", "/v1/workspace", {"rule_packs": ["us-fl"]}, True),
        ("PATCH", campaign, {"rule_packs": ["us-federal"]}, True),
        ("POST", "/v1/campaigns", {"name": "n", "trunk_id": trunk, "rule_packs": ["us-ok"]}, False),
    ):
        await world.value("DELETE FROM contacts")
        assert (await client.request(method, path, json=body)).is_success
        assert await world.value(spans, world.workspace_no) == (
            604_800 if "us-federal" in body["rule_packs"] else 86_400
        )
        assert await world.value("SELECT cardinality(dials) FROM contacts") == 1
        if over:
            assert (await client.request(method, path, json={"name": "other"})).is_success
            assert await world.value(spans, world.workspace_no) is not None
            assert (await client.request(method, path, json={"rule_packs": []})).is_success
            assert await world.value(spans, world.workspace_no) is None
