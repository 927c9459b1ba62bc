"""Consent over HTTP: of leads, of calls, and of campaigns that ask for it; and what debts they are about."""

import pytest
from tests.api.shared import leads, path
from tests.api.test_windows import a_call, an_older_one

BEGINS, ENDS = "2026-02-01T00:00:00.000Z", "2027-02-01T10:00:00.000Z"
SHOWN = {"consent_at": BEGINS, "consent_expires_at": ENDS}
SENT = {"consent_at": BEGINS, "consent_expires_at": "2027-02-02"}


async def test_leads_have_their_consent_from_json_and_from_files(service, client):
    """By fields and columns of these names; a bad one costs its row alone."""
    rows = leads(3)
    body = {"leads": [rows[0] | SENT, rows[1], rows[2] | {"consent_at": "yesterday"}]}
    report = (await client.post(path(service, "/leads"), json=body)).json()
    assert (report["created"], report["reasons"][0]["code"], report["reasons"][0]["rows"]) == (
        2,
        "invalid_consent",
        [3],
    )
    table = f"phone,Consent At,Consent-Expires-At\n+14155550010,{BEGINS},2027-02-02\n+14155550011,,2020-01-01\n"
    sent = await client.post(path(service, "/leads"), files={"file": ("leads.csv", table)})
    assert [(one["code"], one["rows"]) for one in sent.json()["reasons"]] == [("consent_expired", [3])]
    listed = (await client.get(path(service, "/leads"))).json()["data"]
    shown = {lead["phone_number"]: {name: lead[name] for name in SHOWN} for lead in listed}
    nothing = dict.fromkeys(SHOWN)
    assert shown == {rows[0]["phone_number"]: SHOWN, rows[1]["phone_number"]: nothing, "+14155550010": SHOWN}
    assert {*listed[0]["variables"]}.isdisjoint(SHOWN)


async def test_leads_and_calls_name_their_debt(service, client):
    """By a column or a field; a text that is none is refused."""
    table = "phone,Debt ID\n+14155550010, loan 4711 \n+14155550011,\n"
    await client.post(path(service, "/leads"), files={"file": ("leads.csv", table)})
    listed = (await client.get(path(service, "/leads"))).json()["data"]
    assert [lead["debt_id"] for lead in listed] == [None, "loan 4711"]
    made = await client.post("/v1/calls", json=a_call(service, debt_id="rent"))
    assert (made.status_code, made.json()["debt_id"]) == (201, "rent")
    refused = await client.post("/v1/calls", json=a_call(service, debt_id=" "))
    assert refused.json()["message"] == ["debt_id must be printable text of 1 to 200 characters, such as 'loan 4711'"]


async def test_a_call_has_its_consent(service, client):
    """It is shown; one that is over is 400."""
    made = await client.post("/v1/calls", json=a_call(service, **SENT))
    assert made.status_code == 201
    details = (await client.get(f"/v1/call-logs/{made.json()['id']}/details")).json()
    assert {name: details[name] for name in SHOWN} == {name: made.json()[name] for name in SHOWN} == SHOWN


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ({"consent_expires_at": "2020-01-01"}, "consent_expires_at must be later than now and than consent_at"),
        ({"consent_at": ENDS, "consent_expires_at": ENDS}, "consent_expires_at must be later than now and than"),
        ({"consent_at": "x"}, "consent_at must be a time or a date, such as '2026-03-01T10:00:00Z' or '2026-03-01'"),
    ],
)
async def test_a_consent_that_cannot_be_is_400(service, client, sent, line):
    """With the remedy."""
    refused = await client.post("/v1/calls", json=a_call(service, **sent))
    assert refused.status_code == 400
    assert refused.json()["message"][0].startswith(line)


async def test_a_campaign_may_require_consent(service, client):
    """It says so, and takes nobody who has not agreed; it may be changed."""
    changed = await client.patch(path(service), json={"requires_consent": True})
    assert changed.json()["requires_consent"] is True
    body = {"leads": [leads(1)[0] | SENT, *leads(1, first=1)]}
    report = (await client.post(path(service, "/leads"), json=body)).json()
    assert [(one["code"], one["rows"]) for one in report["reasons"]] == [("no_consent", [2])]
    named = await client.patch(path(service), json={"name": "July"})
    assert named.json()["requires_consent"] is True
    freed = await client.patch(path(service), json={"requires_consent": False})
    assert freed.json()["requires_consent"] is False


async def test_an_older_server_would_not_keep_to_it(service, client):
    """So nothing that ends, and no requirement, is taken while one lives."""
    await an_older_one(service.world, "nodes")
    body = {"leads": [leads(1)[0] | SENT]}
    refused = [
        await client.patch(path(service), json={"requires_consent": True}),
        await client.post(path(service, "/leads"), json=body),
        await client.post("/v1/calls", json=a_call(service, **SENT)),
    ]
    assert [one.json()["code"] for one in refused] == ["older_release_lives"] * 3
    begun = {"leads": [leads(1)[0] | {"consent_at": BEGINS}]}
    assert (await client.post(path(service, "/leads"), json=begun)).status_code == 201
