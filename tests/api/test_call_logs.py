"""Calls and their retry history: the page that this project was made from."""

import itertools
import json

import pytest
from tests.engine.duties import another_workspace
from tests.rows import a_decision
from tests.world import LIVELY, NOON, drive
from whenever import TimeDelta

from ringback.domain.call import CallState
from ringback.domain.outcome import MEANINGS, EndReason
from ringback.ids import CALL, CAMPAIGN, TRUNK, show
from ringback.store.keys import Scope

NUMBER = "+14155552671"
PAGE = ["attempt", "status", "duration_sec", "called_at"]
ENDS = {
    "completed": EndReason.USER_DISCONNECTED,
    "no-answer": EndReason.USER_DID_NOT_PICK_UP,
    "busy": EndReason.USER_BUSY,
    "failed": EndReason.NETWORK_FAILURE,
}

INLINE = {"policy_id": None, "version": None, "campaign_version": 1}
NOTHING_TOLD = {"recording_url": None, "transcript": None, "analysis": None}
"""What an attempt has in the details of its call and not in its retry history."""


async def add_attempts(world, call_id, statuses):
    """Ended attempts of a call, an hour apart."""
    for n, status in enumerate(statuses, 1):
        at = NOON + TimeDelta(hours=n)
        assert MEANINGS[ENDS[status]].status == status
        talked = 84 if status == "completed" else 0
        last = n == len(statuses)
        await world.rows(
            "INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no, "
            "policy_version, status, intent_at, called_at, ended_at, end_reason, duration_sec, billed_sec, "
            "cost_micros, currency, retry_at, retry_rule, stop_reason) "
            "SELECT workspace_no, call_id, $2, gen_random_uuid(), campaign_no, $3, 1, 1, $4, $5, $5, $5, $6, $7, "
            "$7, $7 * 200, 'USD', $8, $9, $10 FROM calls "
            "WHERE call_id = $1",
            call_id,
            n,
            world.trunk_no,
            status,
            at,
            str(ENDS[status]),
            talked,
            None if last else at + TimeDelta(hours=1),
            None if last else f"{status}: 1h",
            "attempts_exhausted" if last else None,
        )


@pytest.fixture
async def called(make_service):
    """A service with one lead, whose call has no attempts yet, and its path."""
    service = await make_service(leads=1, started=False)
    [call] = await service.world.calls()
    return service, call["call_id"], f"/v1/call-logs/{show(CALL, call['call_id'])}"


async def test_history_has_the_fields_of_the_page_first_and_its_four_outcomes(called):
    """The four fields come first and in order, the outcomes are spelt as on the page, the oldest attempt is first."""
    service, call_id, path = called
    await add_attempts(service.world, call_id, ["no-answer", "busy", "failed", "completed"])
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        body = (await client.get(f"{path}/retries")).json()
    assert list(body)[:2] == ["call_id", "data"]
    assert body["call_id"] == show(CALL, call_id)
    assert [list(attempt)[:4] for attempt in body["data"]] == [PAGE] * 4
    assert [[attempt[name] for name in PAGE] for attempt in body["data"]] == [
        [1, "no-answer", 0, "2026-03-02T13:00:00.000Z"],
        [2, "busy", 0, "2026-03-02T14:00:00.000Z"],
        [3, "failed", 0, "2026-03-02T15:00:00.000Z"],
        [4, "completed", 84, "2026-03-02T16:00:00.000Z"],
    ]
    assert body["data"][0]["retry"] == {
        "decision": "retry",
        "at": "2026-03-02T14:00:00.000Z",
        "rule": "no-answer: 1h",
    }
    assert body["data"][3]["retry"] == {"decision": "stop", "reason": "attempts_exhausted"}
    assert body["totals"] == {
        "attempts": 4,
        "connected_sec": 84,
        "billed_sec": 84,
        "cost_micros": 16800,
        "currency": "USD",
    }


async def test_what_the_signalling_told_is_in_the_history_and_in_the_timeline(called):
    """As it was kept; null where nothing was."""
    service, call_id, path = called
    await add_attempts(service.world, call_id, ["busy", "completed"])
    told = {"q850": 17, "hung_up_by": "user", "sip_call_id": "6f1d"}
    await service.world.rows(
        "UPDATE attempts SET sip_code = 486, details = $1::text::jsonb WHERE attempt = 1", json.dumps(told)
    )
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        history = (await client.get(f"{path}/retries")).json()["data"]
        details = (await client.get(f"{path}/details")).json()
    assert [(a["sip_code"], a["details"]) for a in history] == [(486, told), (None, None)]
    assert details["attempts"] == [{**attempt, "policy": INLINE, **NOTHING_TOLD} for attempt in history]
    ends = [moment for moment in details["timeline"] if moment["event"] == "ended"]
    assert [(end["sip_code"], end["details"]) for end in ends] == [(486, told), (None, None)]


async def test_history_of_twenty_attempts_is_whole(called):
    """A call's whole history is one answer."""
    service, call_id, path = called
    await add_attempts(service.world, call_id, ["no-answer"] * 20)
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        body = (await client.get(f"{path}/retries")).json()
    assert [attempt["attempt"] for attempt in body["data"]] == list(range(1, 21))


async def test_history_of_a_call_to_come_is_empty(called):
    """A call that was never dialled has no attempts, and is not final."""
    service, _, path = called
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        body = (await client.get(f"{path}/retries")).json()
    assert (body["data"], body["status"], body["final"]) == ([], "queued", False)
    assert body["next_attempt_at"] == "2026-03-02T12:00:00.000Z"
    assert body["totals"]["attempts"] == 0


async def test_history_needs_the_scope_to_read_calls(called):
    """403 for a key of this workspace that cannot read call data."""
    service, _, path = called
    async with service.client(await service.key(Scope.CALLS_WRITE)) as client:
        answer = await client.get(f"{path}/retries")
    assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")


async def test_live_attempt_is_in_the_history(make_service):
    """A call that is being dialled shows the attempt that is up, without a decision."""
    service = await make_service(leads=1)
    engine = await service.world.engine()
    await engine.node.lease.run_once()
    await engine.dialler.run_once()
    [call] = await service.world.calls()
    async with service.client(await service.key()) as client:
        body = (await client.get(f"/v1/call-logs/{show(CALL, call['call_id'])}/retries")).json()
        assert [a["status"] for a in body["data"]] == ["initiated"]
        assert (body["data"][0]["retry"], body["data"][0]["called_at"]) == (None, None)
        assert (body["status"], body["final"]) == ("dialing", False)
        log = (await client.get(f"/v1/call-logs/{show(CALL, call['call_id'])}")).json()
        assert log["status"] == "dialing"


async def test_histories_agree_with_the_far_end(make_service):
    """What the engine and the simulator did is what every page of the API says, whichever way it is asked."""
    policy = {"max_attempts": 4, "after": {"no-answer": ["9h"], "busy": ["5m"], "failed": ["1h"]}}
    service = await make_service(leads=20, simulator=LIVELY, retry=policy)
    await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=72))
    dials = sorted((d["call_id"], d["attempt"]) for d in service.world.dials())
    campaign = show(CAMPAIGN, service.world.campaign.campaign_id)
    async with service.client(await service.key()) as client:
        calls = (await client.get(f"/v1/call-logs/campaign/{campaign}", params={"limit": 100})).json()["data"]
        shown = []
        for call in calls:
            history = (await client.get(f"/v1/call-logs/{call['id']}/retries")).json()
            details = (await client.get(f"/v1/call-logs/{call['id']}/details")).json()
            light = (await client.get(f"/v1/call-logs/{call['id']}")).json()
            assert light == call == {name: details[name] for name in call}
            assert details["attempts"] == [{**attempt, "policy": INLINE, **NOTHING_TOLD} for attempt in history["data"]]
            assert details["transcript"] is None
            assert [moment["at"] for moment in details["timeline"]] == sorted(m["at"] for m in details["timeline"])
            assert (history["status"], history["totals"]) == (call["status"], call["totals"])
            assert history["final"] is True
            last = history["data"][-1]
            assert (last["status"], last["duration_sec"]) == (call["status"], call["duration_sec"])
            assert last["retry"] == {"decision": "stop", "reason": call["final_reason"]}
            shown += [(call["id"], attempt["attempt"]) for attempt in history["data"]]
    assert sorted(shown) == dials
    assert {call["status"] for call in calls} >= {"completed", "no-answer"}


async def test_single_call_is_queued_and_dialled(service, client):
    """POST /v1/calls answers 201 with a call that waits; then it is dialled by its own policy."""
    body = {
        "to_number": "+1 (415) 555-2671",
        "trunk_id": show(TRUNK, service.world.campaign.trunk_id),
        "from_number": "+14155550100",
        "retry": {"max_attempts": 2, "after": {"no-answer": ["30m"]}},
        "variables": {"order": "A-17", "n": [1, None]},
    }
    made = await client.post("/v1/calls", json=body)
    assert made.status_code == 201, made.text
    call = made.json()
    assert (call["status"], call["to_number"], call["campaign_id"], call["lead_id"]) == ("queued", NUMBER, None, None)
    await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=5))
    history = (await client.get(f"/v1/call-logs/{call['id']}/retries")).json()
    assert [attempt["status"] for attempt in history["data"]] == ["no-answer", "no-answer"]
    assert [attempt["from_number"] for attempt in history["data"]] == ["+14155550100"] * 2
    assert (history["status"], history["final_reason"]) == ("no-answer", "attempts_exhausted")
    details = (await client.get(f"/v1/call-logs/{call['id']}/details")).json()
    assert details["variables"] == body["variables"]
    assert details["retry"]["after"]["no-answer"] == ["30m"]


@pytest.mark.parametrize("number", ["12", "", "+1415555267x", 14155552671, "+999999999999", None])
async def test_number_that_cannot_be_called_is_400(service, client, number):
    """The line names the field."""
    body = {"to_number": number, "trunk_id": show(TRUNK, service.world.campaign.trunk_id)}
    answer = await client.post("/v1/calls", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"][0].startswith("to_number")


async def test_etag_answers_304_until_something_changes(called):
    """The same tag for the same answer, on every GET of call logs; a list of tags and * are understood."""
    service, call_id, path = called
    async with service.client(await service.key()) as client:
        for url in ("/v1/call-logs", path, f"{path}/details", f"{path}/retries"):
            first = await client.get(url)
            tag = first.headers["etag"]
            for known in (tag, f'"x", W/{tag}', "*"):
                again = await client.get(url, headers={"if-none-match": known})
                assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        await add_attempts(service.world, call_id, ["busy"])
        changed = await client.get(f"{path}/retries", headers={"if-none-match": tag})
        assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


async def test_filters_narrow_the_list(make_service):
    """By campaign, state, reason and number; no_answer is taken for no-answer; all states add up."""
    policy = {"max_attempts": 3, "after": {"no-answer": ["9h"], "busy": ["5m"], "failed": ["1h"]}}
    service = await make_service(leads=40, simulator=LIVELY, retry=policy)
    engine = await service.world.engine()
    await drive(engine, service.world.clock, NOON + TimeDelta(hours=10))
    async with service.client(await service.key()) as client:

        async def count(**query):
            answer = await client.get("/v1/call-logs", params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()["meta"]["total"]

        counts = {str(state): await count(status=str(state)) for state in CallState}
        assert sum(counts.values()) == await count() == 40
        assert counts["completed"] > 0
        assert counts["no-answer"] == await count(status="no_answer")
        reached = await count(final_reason="reached")
        rows = await service.world.calls()
        assert reached == sum(row["final_reason"] == "reached" for row in rows)
        assert await count(to_number=rows[3]["to_number"]) == 1
        assert (await client.get(f"/v1/call-logs?to_number={rows[3]['to_number']}")).json()["meta"]["total"] == 1
        campaign = show(CAMPAIGN, service.world.campaign.campaign_id)
        assert await count(campaign_id=campaign, status="completed") == counts["completed"]
        leads = (await client.get(f"/v1/campaigns/{campaign}/leads", params={"status": "completed"})).json()
        assert leads["meta"]["total"] == counts["completed"]
        assert (await client.get("/v1/call-logs?status=lost")).status_code == 400
        await filters_add_up(client, count)


async def filters_add_up(client, count):
    """Each filter counts what the calls themselves show, alone and with others; a cursor keeps to it."""
    calls = (await client.get("/v1/call-logs", params={"limit": 100})).json()["data"]
    ends, made = {call["end_reason"] for call in calls} - {None}, calls[0]["created_at"]
    assert len(ends) > 2
    for end in ends:
        assert await count(end_reason=end) == sum(call["end_reason"] == end for call in calls)
    for most in (0, 1, 2, 3):
        assert await count(max_attempts=most) == sum(call["totals"]["attempts"] <= most for call in calls)
        assert await count(min_attempts=most) == sum(call["totals"]["attempts"] >= most for call in calls)
    talked = sorted(call["duration_sec"] for call in calls if call["duration_sec"])
    middle = talked[len(talked) // 2]
    assert await count(min_duration_sec=middle) == sum(sec >= middle for sec in talked)
    assert await count(min_duration_sec=1, max_duration_sec=middle) == sum(sec <= middle for sec in talked)
    assert await count(from_number="+14155550100") == sum(call["from_number"] == "+14155550100" for call in calls)
    assert await count(**{"from": made}) == 40
    assert await count(to=made) == 0
    part = {"end_reason": sorted(ends)[0], "limit": 1, "cursor": calls[0]["id"]}
    page = (await client.get("/v1/call-logs", params=part)).json()["data"]
    assert [call["id"] for call in page] == [c["id"] for c in calls[1:] if c["end_reason"] == sorted(ends)[0]][:1]
    assert (await client.get("/v1/call-logs", params={"end_reason": "bored"})).status_code == 400


async def test_pages_and_cursors_walk_the_same_list(make_service):
    """Both show every call once, newest first; a cursor goes on from the last one seen."""
    service = await make_service(leads=25, started=False)
    async with service.client(await service.key()) as client:
        for url in ("/v1/call-logs", f"/v1/call-logs/campaign/{show(CAMPAIGN, service.world.campaign.campaign_id)}"):
            pages, cursors, query = [], [], {"limit": 10}
            for page in (1, 2, 3, 4):
                body = (await client.get(url, params={"limit": 10, "page": page})).json()
                assert body["meta"]["total"] == 25
                assert body["meta"]["totalPages"] == 3
                pages += [call["id"] for call in body["data"]]
            while True:
                body = (await client.get(url, params=query)).json()
                cursors += [call["id"] for call in body["data"]]
                query["cursor"] = body["meta"]["next_cursor"]
                if query["cursor"] is None:
                    break
            assert pages == cursors == sorted(pages, reverse=True)
            assert len(set(pages)) == 25
            assert all(a > b for a, b in itertools.pairwise(pages))


async def test_decisions_are_told_by_themselves_and_in_the_timeline(called):
    """Between the attempts, where they belong in time, with the same fields."""
    service, call_id, path = called
    await add_attempts(service.world, call_id, ["no-answer", "busy"])
    await a_decision(service.world, call_id, 2)
    shut, put_off = NOON + TimeDelta(minutes=90), NOON + TimeDelta(minutes=100)
    await service.world.value("UPDATE decisions SET first_at = $1, last_at = $2, times = 3", shut, put_off)
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        [decision] = (await client.get(f"{path}/decisions")).json()["data"]
        timeline = (await client.get(f"{path}/details")).json()["timeline"]
    assert decision["id"].startswith("dec_")
    assert {name: value for name, value in decision.items() if name != "id"} == {
        "attempt": 2,
        "rule": "calling_window",
        "pack": None,
        "pack_version": None,
        "first_at": "2026-03-02T13:30:00.000Z",
        "last_at": "2026-03-02T13:40:00.000Z",
        "times": 3,
        "inputs": {"timezone": "UTC"},
        "next_eligible_at": "2026-03-02T12:00:00.000Z",
    }
    told = [(moment["event"], moment.get("attempt")) for moment in timeline]
    assert told.index(("withheld", 2)) == told.index(("called", 2)) - 1
    assert [moment["at"] for moment in timeline] == sorted(moment["at"] for moment in timeline)


async def test_a_call_without_decisions_has_none_and_another_workspaces_is_unknown(called):
    """An empty list is not a 404, and strangers are told nothing."""
    service, call_id, path = called
    other = await another_workspace(service.world, 0)
    async with service.client(await service.key()) as mine:
        assert (await mine.get(f"{path}/decisions")).json() == {"call_id": show(CALL, call_id), "data": []}
    async with service.client(await service.key(workspace_no=other.workspace_no)) as stranger:
        assert (await stranger.get(f"{path}/decisions")).status_code == 404
