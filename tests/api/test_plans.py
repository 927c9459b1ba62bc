"""Plans over the API: made by a process of their own, while the campaign and the server are as before."""

import asyncio
import sys
from uuid import UUID

import pytest
from tests.world import a_lead, some_leads

from ringback.api.plan_process import PlanProcess
from ringback.domain.hours import every_day
from ringback.domain.plan import Order
from ringback.errors import Busy, Impossible, OurError
from ringback.ids import CAMPAIGN, show
from ringback.store.keys import Scope

RETRY = {"max_attempts": 2, "after": {"no-answer": ["30m"], "failed": ["5m"]}}
EVERYBODY = {"answer_rates": 1, "never_share": 0, "busy_share": 0, "invalid_share": 0, "failure_share": 0}
ORDER = Order(1, UUID(int=1), "2026-03-02T12:00:00Z", 1, 1)


async def plan(service, status=200, **body):
    """What the API answers."""
    path = f"/v1/campaigns/{show(CAMPAIGN, service.world.campaign.campaign_id)}/plan"
    async with service.client(await service.key(Scope.CAMPAIGNS_READ)) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def rows(world):
    """All that a plan might have changed."""
    tables = ("campaigns", "queue", "calls", "attempts", "decisions", "limits", "contacts", "nodes")
    return [[tuple(row.values()) for row in await world.rows(f"TABLE {name}")] for name in tables]


async def test_a_draft_is_planned_and_not_touched(make_service):
    """By the hours of its leads; who is in no zone can never be called."""
    leads = [*some_leads(60), a_lead(99, zones=())]
    service = await make_service(leads=leads, started=False, retry=RETRY, window=every_day(540, 1020), simulator={})
    before = await rows(service.world)
    told = await plan(service, days=2)
    assert await rows(service.world) == before
    assert told["leads"] == {"total": 61, "open": 61, "reached": 0, "played": 61, "runs": 20}
    assert {hour["at"][11:13] for hour in told["hours"] if hour["dials"]} <= {f"{hour:02}" for hour in range(9, 17)}
    assert 0 < told["reach"]["low"] < told["reach"]["leads"] < told["reach"]["high"] < 61
    [never] = told["never"]
    assert (never["kind"], never["leads"], len(never["examples"])) == ("no_zone", 1, 1)
    assert (told["left"], told["ends_at"]) == (1, None)
    assert any("draft" in line for line in told["not_known"])


async def test_who_answers_may_be_given(make_service):
    """Rates and a talk time of the request go before those of the trunk; without a past nothing is learned."""
    service = await make_service(leads=30, retry=RETRY, billing={"per_minute_micros": 6_000})
    given = await plan(service, answers={**EVERYBODY, "mean_talk_sec": 30})
    assert (given["reach"]["leads"], given["attempts"], given["over"]) == (30, 30, {"reached": 30})
    assert given["connected_minutes"] == pytest.approx(15, rel=0.2)
    assert given["cost"][0]["cost_micros"] == pytest.approx(15 * 6_000, rel=0.2)
    assert given["ends_at"]["earliest"] <= given["ends_at"]["expected"] <= given["ends_at"]["latest"]
    assert (await plan(service, 422, answers="history"))["code"] == "no_history"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"days": 31}, "days must be a whole number from 1 to 30"),
        ({"answers": "guess"}, "answers must be 'history' or an object, such as"),
        ({"answers": {"answer_rates": 2}}, "answers.answer_rates must be a number from 0 to 1"),
        ({"answers": {"seed": 3}}, "answers.seed is of a trunk"),
    ],
)
async def test_an_order_that_is_wrong_is_refused_by_its_field(service, body, named):
    """With what is allowed."""
    assert (await plan(service, 400, **body))["message"][0].startswith(named)


async def test_nothing_is_planned_of_what_is_over(make_service):
    """It is said what to do."""
    service = await make_service(leads=1)
    await service.world.act("cancel")
    refused = await plan(service, 409)
    assert (refused["code"], refused["message"][-16:]) == ("nothing_to_plan", "make another one")


async def test_who_comes_beyond_is_told_when_to_ask_again(service):
    """By 503 and Retry-After; nothing was begun."""
    service.settings.plans._under_way = 2
    path = f"/v1/campaigns/{show(CAMPAIGN, service.world.campaign.campaign_id)}/plan"
    async with service.client(await service.key()) as client:
        answer = await client.post(path, json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    assert answer.json()["code"] == "too_many_plans"


async def never():
    """Somebody waits for the answer."""
    await asyncio.Event().wait()


async def at_once():
    """The client has gone."""


PAUSES = "import signal; signal.pause()"
"""A program that makes no plan and does not end."""


def process(code, **options):
    """Plans that are made by this program."""
    return PlanProcess([sys.executable, "-c", code], {}, **options)


async def test_no_more_plans_are_made_than_there_is_room_for():
    """The next one is told to ask again; a process ends with the last who waits for it."""
    plans = process(PAUSES, at_once=1)
    first, second = [asyncio.create_task(plans.make(ORDER, never)) for _ in range(2)]
    with pytest.raises(Busy, match="ask again"):
        await second
    first.cancel()
    await asyncio.wait([first])
    with pytest.raises(Impossible, match="nobody waits"):
        await plans.make(ORDER, at_once)


async def test_a_plan_that_takes_too_long_is_given_up():
    """Its process is ended."""
    with pytest.raises(Impossible, match="longer than 0 s"):
        await process(PAUSES, longest_sec=0.01).make(ORDER, never)


async def test_a_process_that_comes_to_grief_is_our_fault():
    """By its exit code."""
    with pytest.raises(OurError, match="ended with 3"):
        await process("raise SystemExit(3)").make(ORDER, never)
