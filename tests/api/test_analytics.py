import pytest
from tests.api.shared import trunk_id
from tests.store.past import add_call, at
from tests.world import NOON
from whenever import TimeDelta

from ringback.domain.outcome import EndReason
from ringback.ids import CAMPAIGN, show
from ringback.store import analytics
from ringback.store.workspaces import create_workspace

PATH = "/v1/analytics/attempts"
RANG_OUT, BUSY, TALKED = EndReason.USER_DID_NOT_PICK_UP, EndReason.USER_BUSY, EndReason.USER_DISCONNECTED
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
async def past(service):
    """Three calls, of which one was reached by its second attempt."""
    for minute in range(2):
        await add_call(service.world, [(at(9 + minute / 60), RANG_OUT, 0)])
    await add_call(service.world, [(at(9), BUSY, 0), (at(10), TALKED, 90)])
    return service


async def test_attempts_are_shown_with_their_intervals(past, client):
    """Each ordinal with its counts, what it cost, and how sure its reach is."""
    answer = (await client.get(PATH, params=MARCH)).json()
    first, second = answer["data"]
    assert [answer[name] for name in ("from", "to", "group_by")] == ["2026-03-01", "2026-03-31", ["attempt"]]
    assert first["group"] == {"attempt": 1}
    assert [first[name] for name in ("attempts", "calls", "answered", "reached")] == [3, 3, 0, 0]
    assert first["reach"] == {"share": 0.0, "low": 0.0, "high": 0.561497}
    assert first["cost_per_reached_micros"] is None
    assert second["reach"] == {"share": 1.0, "low": 0.206549, "high": 1.0}
    assert (second["minutes"], second["cost_micros"], second["currency"]) == (1.5, 1000, "USD")
    assert answer["total"]["reach"]["share"] == pytest.approx(1 / 3, abs=1e-6)
    assert answer["total"]["cost_per_reached_micros"] == 4000


async def test_no_data_is_null(past, client):
    """An hour at which nobody was dialled has no reach: null, and not 0."""
    hours = (await client.get(PATH, params={**MARCH, "group_by": "hour"})).json()["data"]
    assert [row["group"]["hour"] for row in hours] == list(range(24))
    assert hours[9]["reach"]["share"] == 0
    assert hours[8]["attempts"] == 0
    assert {hours[8][name] for name in ("reach", "answer_rate", "minutes", "connected_sec", "cost_micros")} == {None}


async def test_a_workspace_sees_its_own(past):
    """A key of another workspace finds no attempt, nor anything under the ids of this one."""
    async with past.world.database.transaction() as db:
        other = await create_workspace(db, past.world.ids.new(NOON), "other", None, NOON)
    ids = {"campaign_id": show(CAMPAIGN, past.world.campaign.campaign_id), "trunk_id": trunk_id(past)}
    async with past.client(await past.key(workspace_no=other)) as stranger:
        for filters in ({}, *({name: value} for name, value in ids.items())):
            answer = (await stranger.get(PATH, params={**MARCH, **filters})).json()
            assert (answer["data"], answer["total"]["attempts"], answer["total"]["reach"]) == ([], 0, None)
    async with past.client(await past.key()) as own:
        for name, value in ids.items():
            assert (await own.get(PATH, params={**MARCH, name: value})).json()["total"]["attempts"] == 4


async def test_the_last_days_are_looked_at_unless_others_are_named(past, client):
    """Thirty of them, today's included; a span may be a day."""
    answer = (await client.get(PATH)).json()
    assert (answer["from"], answer["to"], answer["total"]["attempts"]) == ("2026-02-01", "2026-03-02", 4)
    past.world.clock.advance_to(NOON + TimeDelta(hours=24 * 30))
    assert (await client.get(PATH)).json()["total"]["attempts"] == 0
    day = (await client.get(PATH, params={"from": "2026-03-02", "to": "2026-03-02", "group_by": "day"})).json()
    assert [row["group"]["day"] for row in day["data"]] == ["2026-03-02"]
    assert day["total"]["attempts"] == 4


async def test_trunks_and_campaigns_are_named(past, client):
    """By their ids and names; a single call has no campaign."""
    await add_call(past.world, [(at(9), RANG_OUT, 0)], single=True)
    params = {**MARCH, "group_by": "trunk,campaign"}
    groups = [row["group"] for row in (await client.get(PATH, params=params)).json()["data"]]
    trunk = {"id": trunk_id(past), "name": "sim"}
    campaign = {"id": show(CAMPAIGN, past.world.campaign.campaign_id), "name": "c"}
    assert groups == [{"trunk": trunk, "campaign": campaign}, {"trunk": trunk, "campaign": None}]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"group_by": "ordinal"}, "group_by must be one or two of attempt, hour, weekday"),
        ({"group_by": "hour,hour"}, "group_by must be"),
        ({"group_by": "hour,day,trunk"}, "group_by must be"),
        ({"group_by": ""}, "group_by must be"),
        ({"from": "yesterday"}, "from must be a day, such as '2026-03-01'"),
        ({"to": "2026-02-30"}, "to must be a day"),
        ({"to": "9999-12-31"}, "to must be a day"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "to must be the day of from"),
        ({"from": "2025-01-01", "to": "2026-03-01"}, "up to 365 days later"),
        ({"hour": "9"}, "hour is not known"),
    ],
)
async def test_wrong_wishes_are_named(client, params, told):
    """With the words that are known, or a right example."""
    answer = await client.get(PATH, params=params)
    assert answer.status_code == 400
    assert told in answer.json()["message"][0]


async def test_an_analysis_that_takes_too_long_says_what_to_do(past, client, monkeypatch):
    """It ends, and the API does not hang."""
    monkeypatch.setattr(analytics, "LONGEST_SEC", 0.2)
    async with past.world.database.transaction() as blocking:
        await blocking.execute("LOCK TABLE zone_sets IN ACCESS EXCLUSIVE MODE")
        answer = await client.get(PATH, params={**MARCH, "group_by": "weekday,hour"})
    assert (answer.status_code, answer.json()["code"]) == (422, "analysis_too_large")
    assert "campaign_id" in answer.json()["message"]


async def test_reading_needs_its_scope(service):
    """A key that may only report sees no figures."""
    async with service.client(await service.key("reports:write")) as client:
        assert (await client.get(PATH)).status_code == 403
