"""Calling windows and time zones over HTTP."""

import pytest
from tests.api.shared import leads, path, trunk_id
from tests.world import NOON, drive
from whenever import TimeDelta

from ringback.domain.window_form import parse_window

DAY = TimeDelta(hours=24)
WEEK = {
    "weekly": {"mon-fri": [["09:00", "12:30"], ["14:00", "20:00"]], "sat": [["10:00", "14:00"]], "sun": []},
    "exceptions": {"2026-12-24": [["09:00", "12:00"]], "2026-12-25": []},
    "holidays": "as usual",
    "by_country": {},
}
NIGHTS = {"weekly": {"mon": [["22:00", "02:00"]]}, "exceptions": {}, "holidays": "closed", "by_country": {}}
ONCE = {"max_attempts": 1}
SATELLITE = "+88213300655"
"""A number of no country, of which nobody knows what time it is there."""


async def an_older_one(world, table):
    """A server of the release before is alive."""
    columns = "(name, version, schema_version, started_at, heartbeat_at, lease_until)"
    row = f"INSERT INTO {table} {columns} VALUES ('old', '0.2.0', 2, $1, $1, $2)"  # noqa: S608 - a table of ours
    await world.value(row, NOON, NOON + TimeDelta(hours=1))


def a_call(service, **more):
    """The body of a call."""
    return {"to_number": "+14155550199", "trunk_id": trunk_id(service), **more}


@pytest.mark.parametrize(
    "window", [WEEK, NIGHTS, {"start": "22:00", "end": "06:00"}, {"start": "00:00", "end": "24:00"}]
)
async def test_a_campaigns_window_is_answered_as_it_was_given(service, client, window):
    """When it is made and when it is changed; null is the default again."""
    body = {"name": "June", "trunk_id": trunk_id(service), "calling_window": window}
    made = await client.post("/v1/campaigns", json=body)
    shown = {**window, "weekly": {"mon": [["22:00", "02:00"]], "tue-sun": []}} if window is NIGHTS else window
    assert (made.status_code, made.json()["calling_window"]) == (201, shown)
    assert (await client.patch(path(service), json={"calling_window": window})).json()["calling_window"] == shown
    assert (await client.get(path(service))).json()["calling_window"] == shown
    other = await client.patch(path(service), json={"name": "July"})
    assert other.json()["calling_window"] == shown
    freed = await client.patch(path(service), json={"calling_window": None})
    assert freed.json()["calling_window"] == {"start": "09:00", "end": "20:00"}


@pytest.mark.parametrize(
    ("window", "line"),
    [
        ({"weekly": {"monday": []}}, "weekly.monday must be a day or several, such as 'sat' or 'mon-fri'"),
        ({"weekly": {"mon": [["9", "10:00"]]}}, "weekly.mon[0] must be a local time HH:MM from 00:00 to 24:00"),
        ({"start": "09:00", "end": "20:00", "exceptions": {"25.12.": []}}, "exceptions.25.12. must be a date, such as"),
        ({"start": "09:00", "end": "20:00", "holidays": "no"}, "holidays must be 'closed' or 'as usual'"),
        ({"start": "09:00", "end": "20:00", "by_country": {"XX": {}}}, "by_country.XX is no country that is known;"),
        ({"weekly": {}}, " would never be open; name a day with hours, such as"),
    ],
)
async def test_a_window_that_cannot_be_is_400(service, client, window, line):
    """With the field and a right example, of a campaign and of a call; nothing is made."""
    for url, body in (
        ("/v1/campaigns", {"name": "June", "trunk_id": trunk_id(service)}),
        ("/v1/calls", a_call(service)),
    ):
        refused = await client.post(url, json={**body, "calling_window": window})
        assert refused.status_code == 400
        field = "calling_window" if line.startswith(" ") else "calling_window."
        assert any(message.startswith(field + line) for message in refused.json()["message"])
    assert await service.world.value("SELECT count(*) FROM calls") == 0


@pytest.mark.parametrize("table", ["nodes", "api_servers"])
async def test_hours_that_an_older_server_does_not_know_are_refused_while_one_lives(service, client, table):
    """Where it could keep to none of them; the longest span of every day is what it goes by."""
    await an_older_one(service.world, table)
    new = {"name": "June", "trunk_id": trunk_id(service)}
    for answer in (
        await client.post("/v1/campaigns", json={**new, "calling_window": NIGHTS}),
        await client.patch(path(service), json={"calling_window": NIGHTS}),
        await client.post("/v1/calls", json=a_call(service, calling_window={"start": "09:00", "end": "20:00"})),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "older_release_lives")
    lunch = {"weekly": {"mon-fri": [["09:00", "12:00"], ["13:00", "20:00"]], "sat-sun": [["14:00", "16:00"]]}}
    assert (await client.patch(path(service), json={"calling_window": lunch})).status_code == 200
    columns = "SELECT window_start_min, window_end_min FROM campaigns"
    assert [tuple(row) for row in await service.world.rows(columns)] == [(14 * 60, 16 * 60)]
    await service.world.value(f"DELETE FROM {table} WHERE name = 'old'")  # noqa: S608 - a table of ours
    assert (await client.patch(path(service), json={"calling_window": NIGHTS})).status_code == 200


async def test_a_single_call_keeps_to_its_own_window_and_zone(service, client):
    """It waits for the opening there; its details say by whose clock."""
    window = {"start": "09:00", "end": "20:00"}
    body = a_call(service, calling_window=window, timezone="Asia/Tokyo", region="JP-13", retry=ONCE)
    made = (await client.post("/v1/calls", json=body)).json()
    world = service.world
    await drive(await world.engine(), world.clock, NOON + DAY)
    (dial,) = world.dials()
    assert dial["at"].startswith("2026-03-03T00:00:")  # nine in Tokyo
    details = (await client.get(f"/v1/call-logs/{made['id']}/details")).json()
    assert (details["timezones"], details["timezone_source"], details["region"]) == (["Asia/Tokyo"], "lead", "JP-13")
    assert details["calling_window"] == window


async def test_a_call_of_no_window_is_dialled_at_any_hour(service, client):
    """Even where nobody knows the time."""
    made = await client.post("/v1/calls", json=a_call(service, to_number=SATELLITE, retry=ONCE))
    await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(minutes=5))
    details = (await client.get(f"/v1/call-logs/{made.json()['id']}/details")).json()
    assert (details["timezones"], details["timezone_source"], details["calling_window"]) == ([], "none", None)
    assert len(service.world.dials()) == 1


async def test_the_workspaces_zone_is_that_of_leads_who_have_none(make_service):
    """Of those who wait, who are due at once to be looked at, and of those who come; others keep theirs."""
    service = await make_service(window=parse_window({"start": "09:00", "end": "20:00"}))
    async with service.client(await service.key()) as client:
        await client.post(path(service, "/leads"), json={"leads": [*leads(1), {"phone_number": SATELLITE}]})
        before = {row["phone_number"]: row for row in (await client.get(path(service, "/leads"))).json()["data"]}
        assert (before[SATELLITE]["timezones"], before[SATELLITE]["timezone_source"]) == ([], "none")
        changed = await client.patch("/v1/workspace", json={"timezone": "America/Denver"})
        assert (changed.status_code, changed.json()["timezone"]) == (200, "America/Denver")
        await client.post("/v1/calls", json=a_call(service, to_number="+88213300656"))
        await client.post(path(service, "/leads"), json={"leads": [{"phone_number": "+88213300657"}]})
        after = {row["phone_number"]: row for row in (await client.get(path(service, "/leads"))).json()["data"]}
    for number in (SATELLITE, "+88213300657"):
        assert (after[number]["timezones"], after[number]["timezone_source"]) == (["America/Denver"], "workspace")
    (number,) = before.keys() - {SATELLITE}
    assert after[number] == before[number]
    assert after[number]["timezone_source"] == "number"
    sources = await service.world.rows("SELECT zone_source FROM calls WHERE campaign_no = 0")
    assert [row["zone_source"] for row in sources] == ["workspace"]


@pytest.mark.parametrize("zone", ["Mars/Base", "", 7, "america/denver"])
async def test_an_unknown_zone_is_400(service, client, zone):
    """Of the workspace and of a call, with an example; null is none."""
    line = "timezone must be an IANA time zone, such as 'America/Denver', or null"
    for answer in (
        await client.patch("/v1/workspace", json={"timezone": zone}),
        await client.post("/v1/calls", json=a_call(service, timezone=zone)),
    ):
        assert (answer.status_code, answer.json()["message"]) == (400, [line])
    await client.patch("/v1/workspace", json={"timezone": "Europe/Berlin"})
    assert (await client.patch("/v1/workspace", json={"timezone": None})).json()["timezone"] is None


async def test_a_region_that_is_none_is_400(service, client):
    """With an example."""
    for region in ("California", "US", "XX-CA"):
        refused = await client.post("/v1/calls", json=a_call(service, region=region))
        line = "region must be an ISO 3166-2 code, such as 'US-CA' or 'DE-BY'"
        assert (refused.status_code, refused.json()["message"]) == (400, [line])
