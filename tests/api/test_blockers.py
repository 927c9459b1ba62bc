"""What the leads of a campaign wait for: each kind once, and all of them counted."""

import pytest
from tests.api.test_explain import HOUR, with_node
from tests.engine.duties import another_workspace, dial, make_redials
from tests.world import NOON, a_lead, some_leads

from ringback.domain.hours import every_day
from ringback.ids import CAMPAIGN, show
from ringback.store.keys import Scope

SHUT = every_day(16 * 60, 17 * 60)


async def counted(service):
    """What the API answers."""
    path = f"/v1/campaigns/{show(CAMPAIGN, service.world.campaign.campaign_id)}/blockers"
    async with service.client(await service.key(Scope.CAMPAIGNS_READ)) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["waiting"] == body["ready"] + sum(one["leads"] for one in body["blockers"])
    assert body["waiting"] == await service.world.value("SELECT count(*) FROM queue")
    return body


def told(body):
    """The kinds with their rule and their leads."""
    return [(one["kind"], one["rule"], one["leads"]) for one in body["blockers"]]


def span(body):
    """From when to when the first thing that is waited for ends."""
    return body["blockers"][0]["first_until"], body["blockers"][0]["last_until"]


async def test_what_is_due_and_held_up_by_nothing_is_ready(make_service):
    """It waits for its turn alone."""
    service, _ = await with_node(make_service, leads=3)
    body = await counted(service)
    assert (body["status"], body["ready"], body["blockers"]) == ("running", 3, [])


async def test_hours_end_for_the_first_zone_before_the_last(make_service):
    """Whether the leads are due already or wait for their opening."""
    leads = [a_lead(1, zones=("Europe/Berlin",)), a_lead(2, zones=("UTC",)), a_lead(3, zones=("UTC",))]
    service, _ = await with_node(make_service, leads=leads, window=SHUT)
    body = await counted(service)
    assert told(body) == [("window", "calling_window", 3)]
    assert span(body) == ("2026-03-02T15:00:00.000Z", "2026-03-02T16:00:00.000Z")
    await service.world.value("UPDATE queue SET due_at = $1", NOON)
    assert await counted(service) == body


async def test_decisions_and_intervals_are_told_apart(make_service):
    """A dial that a decision has put off waits for that rule, another redial for its interval."""
    service, engine = await with_node(make_service, leads=4, window=SHUT)
    await make_redials(service.world, 3)
    await service.world.value(
        "UPDATE queue SET due_at = $1 WHERE call_id = (SELECT max(call_id::text)::uuid FROM queue)", NOON
    )
    await engine.dialler.run_once()
    await service.world.value("UPDATE decisions SET rule = 'per_number: 3 per 24h', inputs = '{}'")
    body = await counted(service)
    assert ("contact", "per_number: 3 per 24h", 1) in told(body)
    assert sum(leads for kind, _, leads in told(body) if kind == "interval") >= 2


@pytest.mark.parametrize(("action", "kind"), [(None, "not_started"), ("pause", "campaign_paused")])
async def test_all_leads_of_a_campaign_that_rests_wait_for_it(make_service, action, kind):
    """Those that are not due too."""
    service, _ = await with_node(make_service, leads=3, started=action is not None)
    await service.world.value(
        "UPDATE queue SET due_at = $1 WHERE call_id = (SELECT min(call_id::text)::uuid FROM queue)", NOON + HOUR
    )
    if action:
        await service.world.act(action)
    body = await counted(service)
    assert told(body) == [(kind, None, 3)]
    assert span(body) == (None, None)


async def test_a_begin_is_waited_for_by_what_is_due_by_then(make_service):
    """And what is due later waits for its own time."""
    service, _ = await with_node(make_service, leads=2, starts_at=NOON + HOUR)
    await service.world.value(
        "UPDATE queue SET attempt = 2, due_at = $1 WHERE call_id = (SELECT min(call_id::text)::uuid FROM queue)",
        NOON + HOUR * 2,
    )
    await service.world.value("UPDATE queue SET due_at = $1 WHERE attempt = 1", NOON + HOUR)
    body = await counted(service)
    assert sorted(told(body)) == [("interval", None, 1), ("starts_at", None, 1)]
    until = {one["kind"]: one["last_until"] for one in body["blockers"]}
    assert until == {"interval": "2026-03-02T14:00:00.000Z", "starts_at": "2026-03-02T13:00:00.000Z"}


async def test_a_full_limit_is_waited_for_by_what_may_be_dialled(make_service):
    """Slots first; who may not be dialled at this hour waits for that."""
    leads = [*some_leads(3), a_lead(9, zones=("Asia/Tokyo",))]
    service, engine = await with_node(make_service, leads=leads, window=every_day(0, 13 * 60), caps=(None, 1, None))
    await dial(engine)
    await service.world.value("UPDATE queue SET due_at = $1", NOON)
    body = await counted(service)
    assert told(body) == [("slot", "campaign", 2), ("window", "calling_window", 1)]
    assert span(body) == (None, None)


async def test_clauses_and_unknown_zones_are_kinds_of_their_own(make_service):
    """Of those that are due."""
    leads = [a_lead(1, zones=("America/Los_Angeles",)), a_lead(2, zones=())]
    service, _ = await with_node(make_service, leads=leads)
    await service.world.value("UPDATE campaigns SET rule_packs = '{us-federal}', purpose = 'marketing'")
    await service.world.value("UPDATE queue SET due_at = $1", NOON)
    body = await counted(service)
    assert {kind for kind, _, _ in told(body)} == {"rule_pack", "no_zone"}


async def test_without_a_node_or_a_trunk_all_that_is_due_waits(make_service):
    """Nobody can say until when."""
    body = await counted(await make_service(leads=0))
    assert told(body) == []
    service, _ = await with_node(make_service, leads=2)
    await service.world.value("""UPDATE trunks SET settings = '{"speed": -1}'""")
    assert told(await counted(service)) == [("trunk", None, 2)]
    await service.world.value("UPDATE nodes SET ended_at = lease_until")
    await service.world.value("UPDATE trunks SET settings = '{}'")
    assert told(await counted(service)) == [("node", None, 2)]


async def test_another_workspaces_campaign_does_not_exist(make_service):
    """As one that nobody has."""
    service = await make_service(leads=1)
    other = await another_workspace(service.world, 1)
    async with service.client(await service.key()) as client:
        answer = await client.get(f"/v1/campaigns/{show(CAMPAIGN, other.campaign.campaign_id)}/blockers")
    assert (answer.status_code, answer.json()["code"]) == (404, "campaign_not_found")
