"""/v1/retry-policies/compare: what two retry policies come to, by the same past calls."""

import asyncio
from typing import Any

from whenever import Date, TimeDelta

from ringback.api import examples_why
from ringback.api.fields import Field, Fields, identifier
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.analytics import NO_SUCH, SPAN, days_of, midnight
from ringback.api.show_comparison import show_comparison
from ringback.domain.comparison import Estimate, estimate
from ringback.domain.past import Past, walk
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import RetryPolicy
from ringback.ids import CAMPAIGN
from ringback.store.analytics import Scope
from ringback.store.campaigns import find_campaign
from ringback.store.keys import Scope as KeyScope
from ringback.store.pasts import read_pasts


def _policy() -> Field:
    schema = {"type": "object", "description": "A retry policy, in its long or its short form."}
    return Field(parse_policy, schema, required=True)


_BODY = Fields(a=_policy(), b=_policy(), **SPAN, campaign_id=identifier(CAMPAIGN, optional=True))


async def post_policy_comparison(api: Api, ask: Ask) -> Answer:
    """Walk the calls that were made in a span of days along both policies."""
    days = days_of(ask, ask.body)
    begins, ends = midnight(Date.parse_iso(days[0])), midnight(Date.parse_iso(days[-1])) + TimeDelta(hours=24)
    scope = Scope(ask.workspace_no, begins, ends, await _campaign_no(api, ask))
    a, b = ask.body["a"], ask.body["b"]
    async with api.analyses:
        pasts = await read_pasts(api.database, scope)
        # a second or two for many calls: others are answered meanwhile
        of_a, of_b = await asyncio.to_thread(_along_both, a, b, pasts.calls)
    told: dict[str, Any] = {
        "from": days[0],
        "to": days[-1],
        "calls_made": pasts.made,
        "calls_compared": len(pasts.calls),
    }
    return Answer({**told, **show_comparison(a, b, of_a, of_b)})


def _along_both(a: RetryPolicy, b: RetryPolicy, pasts: list[Past]) -> tuple[Estimate, Estimate]:
    return estimate([walk(a, past) for past in pasts]), estimate([walk(b, past) for past in pasts])


async def _campaign_no(api: Api, ask: Ask) -> int | None:
    """A campaign that is not there has no calls."""
    if ask.body["campaign_id"] is None:
        return None
    async with api.database.connection() as db:
        campaign = await find_campaign(db, ask.workspace_no, ask.body["campaign_id"])
    return campaign.campaign_no if campaign else NO_SUCH


OPERATIONS = (
    Operation(
        "POST",
        "/v1/retry-policies/compare",
        KeyScope.CALLS_READ,
        "What two retry policies come to, by the calls of a span of days: expected reach, attempts and minutes.",
        post_policy_comparison,
        body=_BODY,
        example=examples_why.COMPARISON,
        codes=("analysis_too_large",),
    ),
)
