"""Budgets and rate decks over the API."""

import io

import pytest
from tests.api.shared import path, trunk_id

DECKS = "/v1/rate-decks"
CSV = b"Destination,Dial Code,Rate,Increments\nLondon,4420,0.0070,60/6\nBritain,+44,0.009,60/60\nBroken,+45,free,1/1\n"


async def made(client, **more):
    """A deck of the file."""
    form = {"name": "carrier A", "currency": "USD", **more}
    answer = await client.post(DECKS, files={"file": ("rates.csv", io.BytesIO(CSV))}, data=form)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_deck_is_made_of_a_file_and_bad_rows_come_back(client):
    """Columns are found by what carriers call them; the rates are listed by their beginnings, a part at a time."""
    told = await made(client, valid_from="2026-03-01T00:00:00Z")
    assert (told["created"], told["rejected"]) == (2, 1)
    assert [(reason["code"], reason["rows"], reason["examples"]) for reason in told["reasons"]] == [
        ("invalid_price", [4], ["free"])
    ]
    deck = told["rate_deck"]
    assert [(version["version"], version["rates"]) for version in deck["versions"]] == [(1, 2)]
    assert deck["versions"][0]["valid_from"] == "2026-03-01T00:00:00.000Z"
    assert (await client.get(f"{DECKS}/{deck['id']}")).json() == deck
    assert (await client.get(DECKS)).json()["data"] == [deck]
    first = (await client.get(f"{DECKS}/{deck['id']}/rates", params={"limit": 1})).json()
    assert [rate["prefix"] for rate in first["data"]] == ["+44"]
    rest = (await client.get(f"{DECKS}/{deck['id']}/rates", params={"cursor": first["meta"]["next_cursor"]})).json()
    assert rest["data"] == [
        {"prefix": "+4420", "per_minute_micros": 7000, "connect_micros": 0, "first_sec": 60, "next_sec": 6}
    ]
    assert rest["meta"]["next_cursor"] is None
    for number, fitting in (("+442079460000", ["+44", "+4420"]), ("0044 121", ["+44"]), ("+1", [])):
        told = (await client.get(f"{DECKS}/{deck['id']}/rates", params={"number": number})).json()
        assert [rate["prefix"] for rate in told["data"]] == fitting


async def test_a_new_version_replaces_the_rates_and_keeps_the_old_ones(client):
    """Rows that are no rates come back from JSON as from a file, the later of two for one beginning among them."""
    deck = (await made(client))["rate_deck"]
    rates = [{"prefix": "+44", "per_minute_micros": 9}, {"prefix": "44", "per_minute": "1"}, 7, {"dial": "1"}]
    rates += [{"prefix": "+44", "per_minute": 0.5}]
    body = {"valid_from": "2026-04-01T00:00:00Z", "rates": rates}
    answer = await client.post(f"{DECKS}/{deck['id']}/versions", json=body)
    assert answer.status_code == 201, answer.text
    assert {reason["code"]: reason["rows"] for reason in answer.json()["reasons"]} == {
        "duplicate_prefix": [2],
        "rate_wrong_type": [3, 5],
        "rate_unknown_field": [4],
    }
    assert [version["version"] for version in answer.json()["rate_deck"]["versions"]] == [1, 2]
    newest = (await client.get(f"{DECKS}/{deck['id']}/rates")).json()
    assert (newest["version"], len(newest["data"])) == (2, 1)
    older = (await client.get(f"{DECKS}/{deck['id']}/rates", params={"version": 1})).json()
    assert len(older["data"]) == 2
    assert (await client.get(f"{DECKS}/{deck['id']}/rates", params={"version": 3})).status_code == 404


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "the file is empty"),
        (b"code,name\n44,Britain\n", "the first row must name columns prefix"),
        (b"code,rate\nUK,1\n", "no row is a rate, such as prefix +4420"),
    ],
)
async def test_a_file_without_a_rate_is_refused_with_its_remedy(client, content, line):
    """A deck that says nothing would charge by the tariff without a word."""
    answer = await client.post(DECKS, files={"file": ("r.csv", io.BytesIO(content))}, data={"name": "d"})
    assert answer.status_code == 400
    assert answer.json()["message"][0].startswith(line)
    assert (await client.get(DECKS)).json()["data"] == []


async def test_a_trunk_is_charged_by_a_deck_of_its_workspace(client, service):
    """One that is not there is refused; null takes it away."""
    deck, trunk = (await made(client))["rate_deck"], f"/v1/trunks/{trunk_id(service)}"
    assert (await client.patch(trunk, json={"rate_deck_id": deck["id"]})).json()["rate_deck_id"] == deck["id"]
    assert (await client.get(f"{DECKS}/{deck['id']}")).json()["trunks"] == [trunk_id(service)]
    refused = await client.patch(trunk, json={"rate_deck_id": "deck_01kjmrvt00e2z9h3kxvfy7s8d4"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_rate_deck")
    assert (await client.patch(trunk, json={"rate_deck_id": None})).json()["rate_deck_id"] is None


async def test_money_has_one_currency_in_a_workspace(client, service):
    """Whoever would bring another in is told which it is and what has it; what is free has none."""
    await made(client)
    assert (await client.get("/v1/workspace")).json()["currency"] == "USD"
    euro = {"per_minute_micros": 1, "currency": "EUR"}
    for method, where, body in (
        ("POST", DECKS, {"name": "d", "currency": "EUR", "rates": [{"prefix": "44", "per_minute": "1"}]}),
        ("PATCH", f"/v1/trunks/{trunk_id(service)}", {"billing": euro}),
        ("POST", "/v1/trunks", {"name": "t", "kind": "simulator", "billing": euro}),
        ("PATCH", "/v1/workspace", {"currency": "EUR"}),
    ):
        refused = await client.request(method, where, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "another_currency"), where
        assert "USD" in refused.json()["message"]
    free = {"billing": {**euro, "per_minute_micros": 0}}
    assert (await client.patch(f"/v1/trunks/{trunk_id(service)}", json=free)).status_code == 200


async def test_a_workspace_that_charges_in_several_currencies_has_no_budget(client, service):
    """It is told what charges in which."""
    for name, currency in (("a", "EUR"), ("b", "USD")):
        trunk = {"name": name, "kind": "simulator", "billing": {"per_minute_micros": 1, "currency": currency}}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
    for where, body in ((path(service), {"budget_micros": 1}), ("/v1/workspace", {"budget_micros": 1})):
        refused = await client.patch(where, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "another_currency")
        assert "(a in EUR, b in USD)" in refused.json()["message"]


async def test_a_campaign_shows_its_budget_and_what_it_has_spent(client, service):
    """Null is none."""
    shown = (await client.get(path(service))).json()
    assert (shown["budget_micros"], shown["spent_micros"], shown["currency"]) == (None, None, None)
    changed = (await client.patch(path(service), json={"budget_micros": 5_000_000})).json()
    assert (changed["budget_micros"], changed["spent_micros"], changed["currency"]) == (5_000_000, 0, "USD")
    assert (await client.patch(path(service), json={"budget_micros": None})).json()["budget_micros"] is None
    refused = await client.patch(path(service), json={"budget_micros": -1})
    assert refused.json()["message"] == ["budget_micros must be a whole number from 0 to 1000000000000000"]


async def test_a_call_is_refused_once_the_workspace_has_spent_its_budget(client, service):
    """It is told what was spent and what to raise; raised, it is taken."""
    call = {"to_number": "+14155552671", "trunk_id": trunk_id(service)}
    shown = (await client.patch("/v1/workspace", json={"budget_micros": 0})).json()
    assert (shown["budget_micros"], shown["spent_micros"], shown["currency"]) == (0, 0, "USD")
    refused = await client.post("/v1/calls", json=call)
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_spent")
    assert "raise budget_micros" in refused.json()["message"]
    await client.patch("/v1/workspace", json={"budget_micros": 1})
    assert (await client.post("/v1/calls", json=call)).status_code == 201


async def test_a_deck_is_renamed_and_goes_once_no_trunk_is_charged_by_it(client, service):
    """A trunk that is charged by it is named; a deck that is gone is none of the workspace's."""
    deck_id, trunk = (await made(client))["rate_deck"]["id"], trunk_id(service)
    renamed = await client.patch(f"{DECKS}/{deck_id}", json={"name": "carrier B"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "carrier B")
    assert (await client.patch(f"{DECKS}/{deck_id}", json={})).json() == renamed.json()
    charged = await client.patch(f"/v1/trunks/{trunk}", json={"rate_deck_id": deck_id})
    assert charged.status_code == 200, charged.text
    refused = await client.delete(f"{DECKS}/{deck_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "rate_deck_in_use")
    assert trunk in str(refused.json()["message"])
    await client.patch(f"/v1/trunks/{trunk}", json={"rate_deck_id": None})
    assert (await client.delete(f"{DECKS}/{deck_id}")).status_code == 204
    for answer in (await client.get(f"{DECKS}/{deck_id}"), await client.delete(f"{DECKS}/{deck_id}")):
        assert (answer.status_code, answer.json()["code"]) == (404, "rate_deck_not_found")
    assert (await client.get(DECKS)).json()["data"] == []
