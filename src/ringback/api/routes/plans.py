"""/v1/campaigns/{id}/plan: what a campaign will come to, played ahead of time."""

from collections.abc import Mapping
from typing import Any

from ringback.api import examples_why
from ringback.api.fields import Field, Fields, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.finding import campaign_in_path
from ringback.carriers.simulator.settings import parse_settings
from ringback.domain.campaign import CampaignState
from ringback.domain.plan import MOST_DAYS, MOST_LEADS, Order
from ringback.errors import Conflict, Invalid
from ringback.store.keys import Scope

OVER = (CampaignState.COMPLETED, CampaignState.CANCELLED)
HISTORY = "history"
DEFAULT_DAYS, DEFAULT_HISTORY_DAYS, MOST_HISTORY_DAYS = 7, 30, 366
FEWEST_LEADS, MOST_SEED = 100, 2**53
_NOT_HERE = ("seed", "speed", "record")
_EXAMPLE = "such as {'answer_rates': 0.12, 'mean_talk_sec': 60}"


def _answers() -> Field:
    """`history`, or what is known of the people; null is who the simulator knows."""

    def read(raw: Any, name: str) -> Any:
        if raw == HISTORY:
            return HISTORY
        if not isinstance(raw, Mapping):
            raise Invalid([f"{name} must be '{HISTORY}' or an object, {_EXAMPLE}"])
        wrong = [one for one in _NOT_HERE if one in raw]
        if wrong:
            raise Invalid([f"{name}.{one} is of a trunk; leave it out, {_EXAMPLE}" for one in wrong])
        parse_settings(raw, name)
        return dict(raw)

    described = "`history`, or settings of the simulator: `answer_rates`, `mean_talk_sec` and the shares."
    return Field(read, {"type": ["string", "object", "null"], "description": described}, null=None)


_BODY = Fields(
    days=whole(1, MOST_DAYS, default=DEFAULT_DAYS),
    seed=whole(0, MOST_SEED, default=1),
    answers=_answers(),
    history_days=whole(1, MOST_HISTORY_DAYS, default=DEFAULT_HISTORY_DAYS),
    leads=whole(FEWEST_LEADS, MOST_LEADS, default=MOST_LEADS),
)


async def post_plan(api: Api, ask: Ask) -> Answer:
    """Play the campaign ahead of time. Nothing of it is touched."""
    campaign = await campaign_in_path(api, ask)
    if campaign.status in OVER:
        remedy = "add leads to it first" if campaign.status == CampaignState.COMPLETED else "make another one"
        raise Conflict("nothing_to_plan", f"the campaign is {campaign.status}, nothing of it is dialled: {remedy}")
    answers, learns = ask.body["answers"], ask.body["answers"] == HISTORY
    order = Order(
        ask.workspace_no,
        campaign.campaign_id,
        ask.now.format_iso(),
        ask.body["days"],
        ask.body["seed"],
        ask.body["leads"],
        None if learns else answers,
        ask.body["history_days"] if learns else None,
    )
    return Answer(await api.settings.plans.make(order, lambda: _gone(ask)))


async def _gone(ask: Ask) -> None:
    """Wait until the client hangs up; its body was read before."""
    while (await ask.request.receive())["type"] != "http.disconnect":
        pass


OPERATIONS = (
    Operation(
        "POST",
        "/v1/campaigns/{id}/plan",
        Scope.CAMPAIGNS_READ,
        "What a campaign will come to: dials by hour, its end, expected reach, minutes, cost, slots. Nobody is called.",
        post_plan,
        body=_BODY,
        example=examples_why.PLAN,
        codes=(
            *("analysis_too_large", "campaign_not_found", "no_history", "nothing_to_plan", "plan_too_large"),
            "too_many_plans",
        ),
    ),
)
