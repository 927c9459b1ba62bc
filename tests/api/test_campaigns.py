"""Campaigns and their leads over HTTP, with the real engine where something is dialled."""

import asyncio

from tests.api.shared import leads, path, trunk_id
from tests.world import EVERYBODY_ANSWERS, LIVELY, NOON, drive
from whenever import TimeDelta

from ringback.ids import AGENT, show

DAY = TimeDelta(hours=24)


async def test_campaign_is_made_in_draft_and_its_policy_answered_in_the_long_form(service, client):
    """What is left out has the defaults of the contract."""
    body = {"name": "June", "trunk_id": trunk_id(service), "retry": {"max_retries": 3, "wait_minutes": 120}}
    made = await client.post("/v1/campaigns", json=body)
    assert made.status_code == 201
    campaign = made.json()
    assert campaign["id"].startswith("cmp_")
    assert (campaign["status"], campaign["policy_version"]) == ("draft", 1)
    assert campaign["calling_window"] == {"start": "09:00", "end": "20:00"}
    assert campaign["retry"]["max_attempts"] == 4
    assert campaign["retry"]["after"]["no-answer"] == ["2h"]
    assert campaign["max_concurrent_calls"] is None
    assert (campaign["weight"], campaign["retry_share"]) == (1, 0.5)
    assert (await client.get(f"/v1/campaigns/{campaign['id']}")).json() == campaign
    listed = (await client.get("/v1/campaigns", params={"status": "draft"})).json()
    assert campaign in listed["data"]
    assert listed["meta"] == {"page": 1, "limit": 20, "total": 2, "totalPages": 1, "next_cursor": None}


async def test_changed_policy_is_a_new_version(service, client):
    """Another policy counts up, the same one and other fields do not; null takes a cap away."""
    first = (await client.patch(path(service), json={"retry": {"max_attempts": 5}})).json()
    assert first["policy_version"] == 2
    same = (await client.patch(path(service), json={"retry": {"max_attempts": 5}, "max_concurrent_calls": 3})).json()
    assert (same["policy_version"], same["max_concurrent_calls"]) == (2, 3)
    named = (await client.patch(path(service), json={"name": "new", "max_concurrent_calls": None})).json()
    assert named == {**same, "name": "new", "max_concurrent_calls": None}
    assert named["retry"]["max_attempts"] == 5


async def test_shares_of_a_campaign_are_kept_as_they_were_given(service, client):
    """Its weight among the others and the share of its redials, when it is made and when it is changed."""
    body = {"name": "June", "trunk_id": trunk_id(service), "weight": 100, "retry_share": 0.3}
    made = (await client.post("/v1/campaigns", json=body)).json()
    assert (made["weight"], made["retry_share"]) == (100, 0.3)
    one = f"/v1/campaigns/{made['id']}"
    assert (await client.get(one)).json() == made
    assert (await client.patch(one, json={"retry_share": 1})).json() == {**made, "retry_share": 1.0}
    assert (await client.patch(one, json={"weight": 7})).json() == {**made, "retry_share": 1.0, "weight": 7}
    for wrong in (0, 101, 1.5, None, True):
        assert (await client.patch(one, json={"weight": wrong})).status_code == 400, wrong
    for wrong in (-0.1, 1.1, "0.5", None, True):
        assert (await client.patch(one, json={"retry_share": wrong})).status_code == 400, wrong


async def test_references_that_lead_nowhere_are_422(service, client):
    """An agent or a trunk that this workspace does not have, however odd its id."""
    for field, code, unknown in (
        ("trunk_id", "unknown_trunk", "x"),
        ("trunk_id", "unknown_trunk", "trk_01h455vb4pex5vsknk084sn02q"),
        ("agent_id", "unknown_agent", "agt_01h455vb4pex5vsknk084sn02q"),
    ):
        body = {"name": "c", "trunk_id": trunk_id(service), field: unknown}
        for answer in (
            await client.post("/v1/campaigns", json=body),
            await client.patch(path(service), json={field: unknown}),
            await client.post("/v1/calls", json={**body, "to_number": "+14155552671"} | {"name": "n"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_wrong_fields_of_a_campaign_are_all_named(service, client):
    """One line for each, those of the policy and the window too."""
    body = {
        "name": "",
        "trunk_id": 1,
        "retry": {"max_attempts": 0, "after": {"busy": ["soon"]}},
        "calling_window": {"start": "25:00", "end": "26:00"},
        "starts_at": "2026-03-01",
        "from_number": "0100",
    }
    lines = (await client.post("/v1/campaigns", json=body)).json()["message"]
    assert {line.split(" ")[0] for line in lines} >= {
        "name",
        "trunk_id",
        "retry.max_attempts",
        "retry.after.busy[0]",
        "calling_window.start",
        "starts_at",
        "from_number",
    }
    backwards = {"starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00+02:00"}
    assert (await client.patch(path(service), json=backwards)).json()["message"] == [
        "ends_at must be later than starts_at"
    ]


async def test_illegal_transition_names_what_is_allowed(service, client):
    """409 with the actions that the state allows; a cancelled campaign allows none and is not changed."""
    answer = await client.patch(path(service, "/status"), json={"action": "resume"})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert "start, cancel" in answer.json()["message"]
    assert (await client.patch(path(service, "/status"), json={"action": "stop"})).status_code == 400
    assert (await client.patch(path(service, "/status"), json={})).status_code == 400
    assert (await client.patch(path(service, "/status"), json={"action": "cancel"})).status_code == 200
    assert (await client.patch(path(service, "/status"), json={"action": "start"})).status_code == 409
    assert (await client.patch(path(service), json={"name": "x"})).json()["code"] == "campaign_over"
    refused = await client.post(path(service, "/leads"), json={"leads": leads(1)})
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")


async def test_pause_stops_new_dials_and_resume_lets_them_go_on(make_service):
    """After a pause is answered nothing is claimed."""
    service = await make_service(leads=3, simulator=EVERYBODY_ANSWERS, caps=(None, 1, None))
    engine, clock = await service.world.engine(), service.world.clock
    await engine.node.lease.run_once()
    async with service.client(await service.key()) as client:
        await engine.dialler.run_once()
        paused = (await client.patch(path(service, "/status"), json={"action": "pause"})).json()
        assert paused["affected"] == {"queued": 2, "live": 1, "cancelled": 0}
        assert paused["campaign"]["status"] == "paused"
        await drive(engine, clock, clock.now() + DAY)
        assert len(await service.world.attempts()) == 1
        await client.patch(path(service, "/status"), json={"action": "resume"})
        await drive(engine, clock, clock.now() + DAY)
        assert len(await service.world.attempts()) == 3
        assert (await client.get(path(service))).json()["status"] == "completed"


async def test_pause_waits_for_a_claim_that_has_begun(service, client):
    """Whoever claims holds the campaign, so a pause is before the claim or sees all of it."""
    world = service.world
    await client.patch(path(service, "/status"), json={"action": "start"})
    async with world.database.transaction() as claim:
        await claim.execute("SELECT 1 FROM campaigns FOR SHARE")
        pausing = asyncio.create_task(client.patch(path(service, "/status"), json={"action": "pause"}))
        while not await world.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not pausing.done()
        assert await world.status() == "running"
    assert (await pausing).json()["campaign"]["status"] == "paused"


async def test_cancel_ends_what_waits_and_lets_live_calls_end(make_service):
    """The queue is empty at once; a call that is up ends by itself and stays unreached only if nobody answered."""
    service = await make_service(leads=5, caps=(None, 2, None), retry={"max_attempts": 3})
    engine, clock = await service.world.engine(), service.world.clock
    await engine.node.lease.run_once()
    async with service.client(await service.key()) as client:
        clock.advance_to(clock.now() + TimeDelta(seconds=1))
        await engine.dialler.run_once()
        answer = (await client.patch(path(service, "/status"), json={"action": "cancel"})).json()
        assert answer["affected"] == {"queued": 0, "live": 2, "cancelled": 3}
        assert answer["campaign"]["status"] == "cancelled"
        assert answer["campaign"]["finished_at"] is not None
        assert await service.world.queue() == []
        await drive(engine, clock, clock.now() + DAY)
        progress = (await client.get(path(service, "/progress"))).json()
        assert progress["by_final_status"] == {"cancelled": 5}
        assert progress["by_final_reason"] == {"cancelled": 5}
        assert (progress["live"], progress["totals"]["attempts"]) == (0, 2)


async def test_cancel_that_hangs_up_says_so_to_the_nodes(service, client):
    """Only a cancel can, and only where it is asked to; what it answers is what any cancel answers."""
    for action in ("start", "pause", "resume"):
        refused = await client.patch(path(service, "/status"), json={"action": action, "hang_up": True})
        assert (refused.status_code, refused.json()["message"]) == (400, ["hang_up goes with the action 'cancel' only"])
    assert (await client.patch(path(service, "/status"), json={"action": "cancel", "hang_up": 1})).status_code == 400
    assert not await service.world.value("SELECT hang_up FROM campaigns")
    answer = await client.patch(path(service, "/status"), json={"action": "cancel", "hang_up": True})
    assert answer.json()["affected"] == {"queued": 0, "live": 0, "cancelled": 0}
    assert answer.json()["campaign"]["status"] == "cancelled"
    assert await service.world.value("SELECT hang_up FROM campaigns")


async def test_cancel_hangs_nobody_up_unless_it_is_asked_to(service, client):
    """Neither where nothing is said, nor where it is said that it should not."""
    body = {"name": "June", "trunk_id": trunk_id(service)}
    second = (await client.post("/v1/campaigns", json=body)).json()["id"]
    await client.patch(path(service, "/status"), json={"action": "cancel"})
    answer = await client.patch(f"/v1/campaigns/{second}/status", json={"action": "cancel", "hang_up": False})
    assert answer.json()["campaign"]["status"] == "cancelled"
    assert await service.world.value("SELECT count(*) FROM campaigns WHERE hang_up") == 0


async def test_progress_equals_the_sums_over_attempts(make_service):
    """Stages, outcomes, days and money are those of the attempts, exactly; the counts are those of the calls."""
    tariff = {"per_minute_micros": 12345, "currency": "EUR", "first_sec": 30, "next_sec": 6, "connect_micros": 7}
    policy = {"max_attempts": 4, "after": {"no-answer": ["9h"], "busy": ["5m"], "failed": ["1h"]}}
    service = await make_service(leads=60, simulator=LIVELY, retry=policy, billing=tariff)
    engine, clock = await service.world.engine(), service.world.clock
    async with service.client(await service.key()) as client:
        for stop in (TimeDelta(minutes=3), DAY * 3):
            await drive(engine, clock, clock.now() + stop)
            progress = (await client.get(path(service, "/progress"))).json()
            await check_progress(service.world, progress)
    assert progress["finished"] == progress["leads"] == 60
    assert len(progress["attempt_stages"]) == 4
    assert len(progress["by_day"]) > 1
    assert progress["totals"]["currency"] == "EUR"
    assert progress["totals"]["cost_micros"] > 0


async def test_who_opted_out_was_reached(make_service):
    """As many calls as there are attempts in which somebody was spoken to."""
    service = await make_service(leads=5, simulator=EVERYBODY_ANSWERS | {"voicemail_share": 0.0})
    await drive(await service.world.engine(), service.world.clock, NOON + TimeDelta(hours=1))
    await service.world.rows("UPDATE calls SET final_reason = 'opted_out' WHERE to_number LIKE '%3'")
    async with service.client(await service.key()) as client:
        progress = (await client.get(path(service, "/progress"))).json()
    assert progress["by_final_reason"] == {"opted_out": 1, "reached": 4}
    assert progress["reached"] == progress["attempt_stages"][0]["reached"] == 5


async def check_progress(world, progress):
    """Compare an answer with what the tables say."""
    reached = "(end_reason IN ('user_disconnected', 'agent_disconnected'))::int"
    sums = "count(*) AS attempts, coalesce(sum(duration_sec), 0) AS connected_sec, "
    sums += "coalesce(sum(billed_sec), 0) AS billed_sec, coalesce(sum(cost_micros), 0)::bigint AS cost_micros"
    ended = "FROM attempts WHERE ended_at IS NOT NULL"
    [total] = await world.rows(f"SELECT {sums} {ended}")
    assert {name: progress["totals"][name] for name in total.keys()} == dict(total)  # noqa: SIM118 # a Record's
    stages = await world.rows(
        f"""SELECT attempt, count(*) AS attempted, sum({reached}) AS reached, sum(cost_micros)::bigint AS cost_micros,
            min(currency) AS currency,
            ceil(sum(cost_micros) / nullif(sum({reached}), 0))::bigint AS cost_per_reached_micros
        {ended} GROUP BY 1 ORDER BY 1"""
    )
    assert progress["attempt_stages"] == [dict(row) for row in stages]
    outcomes = await world.rows(f"SELECT end_reason, count(*) {ended} GROUP BY 1")
    assert progress["outcomes"] == {row[0]: row[1] for row in outcomes}
    days = await world.rows(f"SELECT called_at::date::text AS day, {sums} {ended} GROUP BY 1 ORDER BY 1")
    assert [{name: day[name] for name in days[0].keys()} for day in progress["by_day"]] == [dict(d) for d in days]  # noqa: SIM118
    calls = await world.calls()
    assert progress["leads"] == len(calls)
    assert progress["finished"] == sum(call["finished_at"] is not None for call in calls)
    assert progress["reached"] == sum(call["final_reason"] == "reached" for call in calls)
    waiting = await world.queue()
    assert progress["queued"] == sum(row["attempt"] == 1 for row in waiting)
    assert progress["scheduled"] == sum(row["attempt"] > 1 for row in waiting)
    assert progress["live"] == sum(row["ended_at"] is None for row in await world.attempts())
    assert progress["finished"] + progress["queued"] + progress["scheduled"] + progress["live"] == progress["leads"]


async def test_campaign_may_have_an_agent(service, client):
    """Its calls show the campaign's agent."""
    agent = {"name": "a", "kind": "message", "settings": {"text": "Hello."}}
    made = (await client.post("/v1/agents", json=agent)).json()["id"]
    assert (await client.patch(path(service), json={"agent_id": made})).json()["agent_id"] == made
    await client.post(path(service, "/leads"), json={"leads": leads(1)})
    found = (await client.get("/v1/call-logs", params={"agent_id": made})).json()["data"]
    assert [call["agent_id"] for call in found] == [made]
    other = show(AGENT, service.world.campaign.campaign_id)
    assert (await client.get("/v1/call-logs", params={"agent_id": other})).json()["data"] == []
