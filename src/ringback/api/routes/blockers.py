"""/v1/campaigns/{id}/blockers: what the leads of a campaign wait for."""

from ringback.api import examples_why
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.finding import campaign_in_path
from ringback.api.show_explain import show_blocked
from ringback.store.explain import reading_much
from ringback.store.keys import Scope


async def get_blockers(api: Api, ask: Ask) -> Answer:
    """How many leads wait for what, and when that ends for the first and the last of them."""
    campaign = await campaign_in_path(api, ask)
    async with api.analyses, reading_much(api.database) as db:
        found = await api.settings.explain.campaign(db, ask.workspace_no, campaign, ask.now)
    return Answer(show_blocked(campaign, found))


OPERATIONS = (
    Operation(
        "GET",
        "/v1/campaigns/{id}/blockers",
        Scope.CAMPAIGNS_READ,
        "How many leads of a campaign wait for what, and until when.",
        get_blockers,
        example=examples_why.BLOCKERS,
        codes=("analysis_too_large", "campaign_not_found"),
    ),
)
