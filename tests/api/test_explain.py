"""What happens next with a call, and why: each constraint once."""

import json

import pytest
from tests.engine.duties import another_workspace, begun, dial
from tests.world import NOBODY_ANSWERS, NOON, a_lead, drive
from whenever import TimeDelta

from ringback.domain.hours import every_day
from ringback.ids import CALL, DO_NOT_CALL, show
from ringback.store.keys import Scope

HOUR = TimeDelta(hours=1)
TWICE = {"max_attempts": 2, "after": {"no-answer": ["1h"]}}
BERLIN = [a_lead(1, zones=("Europe/Berlin",))]


async def explained(service, call_id=None):
    """What the API answers for a call, by default the first one."""
    if call_id is None:
        call_id = (await service.world.calls())[0]["call_id"]
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        answer = await client.get(f"/v1/call-logs/{show(CALL, call_id)}/explain")
    assert answer.status_code == 200, answer.text
    return answer.json()


def binding(body):
    """The constraints that bind, by their kind."""
    return {one["kind"]: one for one in body["constraints"] if one["binding"]}


async def with_node(make_service, **plan):
    """A service beside which a node lives."""
    service = await make_service(**{"leads": BERLIN, **plan})
    return service, await begun(service.world)


async def test_nothing_holds_up_a_dial_that_is_due(make_service):
    """It is dialled as soon as its turn comes."""
    service, _ = await with_node(make_service)
    body = await explained(service)
    assert (body["status"], body["next"]["action"], body["next"]["attempt"]) == ("queued", "dial", 1)
    assert body["next"]["rule"] is None
    assert body["constraints"] == []
    assert body["in_words"] == "attempt 1 is dialled as soon as its turn comes: nothing holds it up"


async def test_without_a_node_nothing_is_dialled(make_service):
    """Nobody can say until when."""
    body = await explained(await make_service(leads=BERLIN))
    assert list(binding(body)) == ["node"]
    assert (body["next"]["action"], body["next"]["at"]) == ("wait", None)


async def test_a_shut_window_says_when_it_opens_there(make_service):
    """In UTC, and on the lead's own clock with the zone named."""
    service, _ = await with_node(make_service, window=every_day(16 * 60, 17 * 60))
    body = await explained(service)
    assert body["timezone"] == "Europe/Berlin"
    assert body["next"] == {
        "action": "wait",
        "attempt": 1,
        "at": "2026-03-02T15:00:00.000Z",
        "local_at": "2026-03-02T16:00:00",
        "rule": "calling_window",
    }
    window = binding(body)["window"]
    assert window["until"] == "2026-03-02T15:00:00.000Z"
    assert window["detail"]["local_time"] == "2026-03-02T13:00:00"
    assert "2026-03-02 15:00:00 UTC (2026-03-02 16:00:00 in Europe/Berlin)" in body["in_words"]


async def test_what_was_put_off_names_what_it_was_put_off_by(make_service):
    """After a claim has looked at it, as before."""
    service, engine = await with_node(make_service, window=every_day(16 * 60, 17 * 60))
    await service.world.value("UPDATE queue SET due_at = $1", NOON)
    before = await explained(service)
    await engine.dialler.run_once()
    await service.world.value("UPDATE campaigns SET window_start_min = 0")
    after = await explained(service)
    assert after["next"] == before["next"]
    assert list(binding(after)) == list(binding(before)) == ["window"]


async def test_an_interval_names_its_rule_and_attempt(make_service):
    """That of the policy, after the last attempt."""
    service = await make_service(leads=BERLIN, retry=TWICE, simulator=NOBODY_ANSWERS)
    world = service.world
    await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=10))
    body = await explained(service)
    [call] = await world.calls()
    [attempt] = await world.attempts()
    interval = binding(body)["interval"]
    assert body["status"] == "scheduled"
    assert (body["next"]["attempt"], body["next"]["rule"]) == (2, "no-answer: 1h")
    assert interval["detail"]["after_attempt"] == 1
    assert interval["until"] == body["next"]["at"] == attempt["retry_at"].format_iso(unit="millisecond")
    assert call["final_status"] is None


async def test_a_begin_is_waited_for(make_service):
    """Nothing of a campaign is dialled before."""
    service, _ = await with_node(make_service, starts_at=NOON + HOUR)
    body = await explained(service)
    assert binding(body)["starts_at"]["until"] == body["next"]["at"] == "2026-03-02T13:00:00.000Z"


@pytest.mark.parametrize(("started", "kind"), [(False, "not_started"), (True, "campaign_paused")])
async def test_no_time_is_promised_while_a_campaign_rests(make_service, started, kind):
    """What else the dial has to keep to is there, and does not bind now."""
    service, _ = await with_node(make_service, started=started, window=every_day(16 * 60, 17 * 60))
    if started:
        await service.world.act("pause")
    body = await explained(service)
    assert list(binding(body)) == [kind]
    assert [one["kind"] for one in body["constraints"]] == [kind, "window"]
    assert (body["next"]["at"], body["next"]["rule"]) == (None, kind)


async def test_a_number_on_the_list_is_never_dialled(make_service):
    """Where the entry came while others held the row; with the entry that forbids it."""
    service, _ = await with_node(make_service)
    await service.world.value(
        "WITH noted AS (UPDATE workspaces SET list_version = 1) "
        "INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at) "
        "SELECT workspace_no, call_id, to_number, 'api', created_at FROM calls"
    )
    body = await explained(service)
    listed = binding(body)["do_not_call"]
    assert (body["next"]["action"], body["next"]["attempt"], body["next"]["rule"]) == ("none", None, "do_not_call")
    assert listed["detail"]["do_not_call_id"].startswith(DO_NOT_CALL)
    assert "+1415" not in json.dumps(body)


async def test_a_contact_rule_says_when_it_allows_the_dial(make_service):
    """Whichever campaign has dialled the number before."""
    service, _ = await with_node(make_service)
    rules = {"per_number": ["1 per 3h"], "per_lead": [], "min_gap": None, "quiet_after_conversation": None}
    await service.world.value("UPDATE workspaces SET contact_rules = $1::text::jsonb", json.dumps(rules))
    await service.world.value(
        "INSERT INTO contacts SELECT workspace_no, to_number, ARRAY[$1::timestamptz] FROM calls", NOON - HOUR
    )
    body = await explained(service)
    contact = binding(body)["contact"]
    assert contact["detail"]["rule"] == body["next"]["rule"] == "per_number: 1 per 3h"
    assert body["next"]["at"] == "2026-03-02T14:00:06.000Z"
    assert [row["dials"] for row in await service.world.rows("SELECT dials FROM contacts")] == [[NOON - HOUR]]


async def test_a_clause_of_a_pack_is_named(make_service):
    """With the pack, its version and the time at which it allows the dial."""
    service, _ = await with_node(make_service, leads=[a_lead(1, zones=("America/Los_Angeles",))])
    await service.world.value("UPDATE campaigns SET rule_packs = '{us-federal}', purpose = 'marketing'")
    body = await explained(service)
    clause = binding(body)["rule_pack"]
    assert clause["detail"]["pack"] == "us-federal"
    assert body["next"]["at"] == "2026-03-02T16:00:00.000Z"
    assert body["next"]["local_at"] == "2026-03-02T08:00:00"


async def test_a_pack_that_cannot_be_had_stops_the_dial(make_service):
    """With what is wrong with it."""
    service, _ = await with_node(make_service)
    await service.world.value("UPDATE campaigns SET rule_packs = '{no-such-pack}'")
    body = await explained(service)
    assert "no-such-pack" in binding(body)["rule_pack"]["detail"]["why"]
    assert (body["next"]["action"], body["next"]["at"]) == ("wait", None)


async def test_a_lead_in_no_known_zone_is_not_dialled(make_service):
    """Nobody can say when that changes."""
    service, _ = await with_node(make_service, window=every_day(540, 1200))
    await service.world.value(
        "WITH nowhere AS (INSERT INTO zone_sets (zones) VALUES ('{}') RETURNING *) "
        "UPDATE calls SET zone_set_no = n.zone_set_no FROM nowhere n"
    )
    body = await explained(service)
    assert body["timezone"] is None
    assert "no_zone" in binding(body)


async def test_an_end_that_comes_first_is_the_end(make_service):
    """The call expires when the claim looks at it; one that has time left says when that is over."""
    window = every_day(16 * 60, 17 * 60)
    service, _ = await with_node(make_service, window=window, ends_at=NOON + HOUR)
    body = await explained(service)
    assert (body["next"]["action"], body["next"]["rule"]) == ("none", "campaign_end")
    later, _ = await with_node(make_service, window=window, ends_at=NOON + HOUR * 4)
    body = await explained(later)
    [end] = [one for one in body["constraints"] if one["kind"] == "ends_at"]
    assert (end["binding"], end["until"]) == (False, "2026-03-02T16:00:00.000Z")
    assert "window" in binding(body)


@pytest.mark.parametrize(("caps", "limit"), [((1, 9, 9), "workspace"), ((9, 1, 9), "campaign"), ((9, 9, 1), "trunk")])
async def test_a_full_limit_is_told_with_its_cap(make_service, caps, limit):
    """And no time is promised for it."""
    service, engine = await with_node(make_service, leads=2, caps=caps)
    await dial(engine)
    waiting = (await service.world.queue())[0]["call_id"]
    body = await explained(service, waiting)
    assert binding(body)["slot"]["detail"] == {"limit": limit, "up": 1, "cap": 1}
    assert (body["next"]["action"], body["next"]["at"], body["next"]["rule"]) == ("wait", None, "slot")


async def test_a_pace_that_is_used_up_is_told(make_service):
    """For as long as the dials of the last second are as many as it allows."""
    service, engine = await with_node(make_service, leads=2, dials_per_sec=1.0)
    await dial(engine)
    waiting = (await service.world.queue())[0]["call_id"]
    assert binding(await explained(service, waiting))["rate"]["detail"] == {
        "limit": "trunk",
        "last_second": 1,
        "cap": 1,
    }
    service.world.clock.advance_to(service.world.clock.now() + TimeDelta(seconds=2))
    assert (await explained(service, waiting))["next"]["action"] == "dial"


async def test_a_trunk_that_cannot_be_set_up_is_named(make_service):
    """With what is wrong with its settings."""
    service, _ = await with_node(make_service)
    await service.world.value("""UPDATE trunks SET settings = '{"speed": -1}'""")
    trunk = binding(await explained(service))["trunk"]
    assert trunk["detail"]["trunk_id"].startswith("trk_")
    assert "speed" in trunk["detail"]["why"]


async def test_a_call_that_is_up_says_since_when_and_until_when(make_service):
    """Its latest end is the trunk's."""
    service, engine = await with_node(make_service)
    await dial(engine)
    [attempt] = await service.world.attempts()
    body = await explained(service)
    live = binding(body)["live"]
    assert (body["status"], body["next"]["action"], body["next"]["rule"]) == ("dialing", "wait", "live")
    assert live["detail"]["since"] == attempt["intent_at"].format_iso(unit="millisecond")
    assert live["until"] == (attempt["intent_at"] + TimeDelta(seconds=1826)).format_iso(unit="millisecond")


async def test_a_final_call_says_by_what(make_service):
    """By its last attempt, or by the decision that ended it."""
    service = await make_service(leads=BERLIN, retry=TWICE, simulator=NOBODY_ANSWERS)
    world = service.world
    await drive(await world.engine(), world.clock, NOON + HOUR * 5)
    body = await explained(service)
    detail = binding(body)["final"]["detail"]
    assert (body["next"]["action"], body["next"]["rule"]) == ("none", "attempts_exhausted")
    assert (detail["attempt"], detail["rule"]) == (2, None)
    assert "after attempt 2" in body["in_words"]

    service, engine = await with_node(make_service, window=every_day(16 * 60, 17 * 60), ends_at=NOON + HOUR)
    await service.world.value("UPDATE queue SET due_at = $1", NOON)
    await engine.dialler.run_once()
    body = await explained(service)
    assert (body["status"], binding(body)["final"]["detail"]["rule"]) == ("expired", "campaign_end")
    assert "by the decision campaign_end" in body["in_words"]


async def test_another_workspaces_call_does_not_exist(make_service):
    """As one that nobody has: existence is not told to strangers."""
    service = await make_service(leads=BERLIN)
    other = await another_workspace(service.world, 1)
    theirs = next(c for c in await service.world.calls() if c["workspace_no"] == other.workspace_no)
    async with service.client(await service.key()) as client:
        answer = await client.get(f"/v1/call-logs/{show(CALL, theirs['call_id'])}/explain")
    assert (answer.status_code, answer.json()["code"]) == (404, "call_not_found")
