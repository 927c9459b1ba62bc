import pytest
from tests.store.past import add_call, at
from tests.world import NOON
from whenever import TimeDelta

from ringback.domain.outcome import EndReason
from ringback.ids import CAMPAIGN, show
from ringback.store import analytics
from ringback.store.pasts import read_pasts
from ringback.store.workspaces import create_workspace

PATH = "/v1/retry-policies/compare"
RANG_OUT, BUSY, TALKED = EndReason.USER_DID_NOT_PICK_UP, EndReason.USER_BUSY, EndReason.USER_DISCONNECTED
HALF_HOUR = {"max_attempts": 2, "after": {"no-answer": ["30m"], "busy": ["5m"]}}
TWO_HOURS = {"max_attempts": 2, "after": {"no-answer": ["2h"], "busy": ["5m"]}}
NEVER = {"max_attempts": 2, "after": {"no-answer": ["5h"], "busy": ["5m"]}}
SPAN = {"from": "2026-03-01", "to": "2026-03-31"}


def later(begins, wait_sec):
    """When a dial that rang out is redialled after this wait."""
    return begins + TimeDelta(seconds=20 + wait_sec)


@pytest.fixture
async def past(service):
    """Forty calls: 20 were redialled after half an hour, 10 of them reached; 20 after two hours, 15 of them reached."""
    for n in range(40):
        begins, wait = at(9 + n / 60), 1800 if n % 2 else 7200
        reached = n % 4 == 3 if n % 2 else n % 8 != 6
        await add_call(
            service.world, [(begins, RANG_OUT, 0), (later(begins, wait), TALKED if reached else RANG_OUT, 60 * reached)]
        )
    return service


async def test_two_policies_are_compared_by_the_same_calls(past, client):
    """Each call counts for the policy whose wait it had, and the others are stood for."""
    answer = (await client.post(PATH, json={"a": HALF_HOUR, "b": TWO_HOURS, **SPAN})).json()
    assert (answer["calls_made"], answer["calls_compared"]) == (40, 40)
    assert [answer[which]["supported"] for which in "ab"] == [True, True]
    assert [answer[which]["expected"]["reach"]["value"] for which in "ab"] == [0.5, 0.75]
    assert [answer[which]["expected"]["attempts"]["value"] for which in "ab"] == [2.0, 2.0]
    assert [answer[which]["expected"]["minutes"]["value"] for which in "ab"] == [0.5, 0.75]
    assert answer["difference"]["reach"]["value"] == 0.25
    assert answer["difference"]["reach"]["low"] < 0.25 < answer["difference"]["reach"]["high"]
    assert answer["a"]["retry"]["after"]["no-answer"] == ["30m"]


async def test_what_was_never_tried_is_said_plainly(past, client):
    """No expectation, no difference, and the redial that is missing by its name."""
    answer = (await client.post(PATH, json={"a": HALF_HOUR, "b": NEVER, **SPAN})).json()
    assert answer["a"]["supported"]
    assert (answer["b"]["supported"], answer["b"]["expected"], answer["difference"]) == (False, None, None)
    [missing] = answer["b"]["missing"]
    assert [missing[name] for name in ("attempt", "after", "rule", "share")] == [1, "no-answer", "no-answer: 5h", 1.0]
    assert "no-answer: 5h" in missing["message"]


async def test_a_workspace_compares_its_own_calls(past):
    """Of another workspace there is no call, by the campaign's id neither; without calls nothing is supported."""
    async with past.world.database.transaction() as db:
        other = await create_workspace(db, past.world.ids.new(NOON), "other", None, NOON)
    campaign = {"campaign_id": show(CAMPAIGN, past.world.campaign.campaign_id)}
    body = {"a": HALF_HOUR, "b": TWO_HOURS, **SPAN}
    async with past.client(await past.key(workspace_no=other)) as stranger:
        for more in ({}, campaign):
            answer = (await stranger.post(PATH, json={**body, **more})).json()
            assert (answer["calls_made"], answer["a"]["supported"], answer["difference"]) == (0, False, None)
    async with past.client(await past.key("calls:read")) as own:
        assert (await own.post(PATH, json={**body, **campaign})).json()["calls_made"] == 40


async def test_calls_are_those_that_were_made_in_the_span(past, client):
    """A day on which none was made has none; half a span is a fault."""
    body = {"a": HALF_HOUR, "b": TWO_HOURS, "from": "2026-03-03", "to": "2026-03-03"}
    assert (await client.post(PATH, json=body)).json()["calls_made"] == 0
    wrong = await client.post(PATH, json={**body, "to": "2026-03-02"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"b": HALF_HOUR}, "a is missing"),
        ({"a": {"max_attempts": 99}, "b": HALF_HOUR}, "a.max_attempts"),
        ({"a": HALF_HOUR, "b": {"after": {"busy": ["2 h"]}}}, "b.after.busy[0]"),
        ({"a": HALF_HOUR, "b": "default"}, "b must be an object"),
    ],
)
async def test_wrong_policies_are_named(client, body, told):
    """By the field and the place in it."""
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 400
    assert told in " ".join(answer.json()["message"])


async def test_of_many_calls_an_even_part_is_read(past):
    """By the random end of their ids: the same ones again, and about as many as are wanted."""
    world = past.world
    scope = analytics.Scope(world.workspace_no, at(0, 1), at(0, 31))
    whole, part = [await read_pasts(world.database, scope, most) for most in (40, 20)]
    assert (len(whole.calls), whole.made, part.made) == (40, 40, 40)
    assert 8 <= len(part.calls) <= 32
    assert set(part.calls) < set(whole.calls)
    assert await read_pasts(world.database, scope, 20) == part


async def test_calls_are_read_with_what_their_redials_followed_from(past):
    """Hours and end are the campaign's, a single call has none; a call that is up counts as far as it is over."""
    world = past.world
    await add_call(world, [(at(9, 20), BUSY, 0)], single=True)
    await world.value(
        "UPDATE attempts SET ended_at = NULL, end_reason = NULL, stop_reason = NULL, status = 'ringing' "
        "WHERE attempt = 2"
    )
    await world.value("UPDATE campaigns SET ends_at = $1", at(0, 30))
    scope = analytics.Scope(world.workspace_no, at(0, 1), at(0, 31))
    calls = (await read_pasts(world.database, scope)).calls
    assert {len(call.tried) for call in calls} == {1}
    assert calls[0].bounds.ends_at == at(0, 30)
    assert (calls[-1].bounds.hours, calls[-1].bounds.ends_at, calls[-1].tried[0].ended) == ((), None, BUSY)
    assert (calls[0].tried[0].rule, calls[0].tried[0].retry_at) == ("no-answer: 2h", later(at(9), 7200))


async def test_a_comparison_that_takes_too_long_says_what_to_do(past, client, monkeypatch):
    """It ends, and the API does not hang."""
    monkeypatch.setattr(analytics, "LONGEST_SEC", 0.2)
    async with past.world.database.transaction() as blocking:
        await blocking.execute("LOCK TABLE zone_sets IN ACCESS EXCLUSIVE MODE")
        answer = await client.post(PATH, json={"a": HALF_HOUR, "b": TWO_HOURS, **SPAN})
    assert (answer.status_code, answer.json()["code"]) == (422, "analysis_too_large")
