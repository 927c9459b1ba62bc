"""/v1/analytics: what attempts came to, by what they have in common."""

import re
from typing import Any

from whenever import Date, Instant, TimeDelta

from ringback.api import examples_why
from ringback.api.fields import Field, Fields, identifier
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.show_analytics import show_attempts
from ringback.domain.analytics import Side
from ringback.errors import Invalid
from ringback.ids import CAMPAIGN, TRUNK
from ringback.store.analytics import Scope, read_attempts
from ringback.store.campaigns import find_campaign
from ringback.store.keys import Scope as KeyScope
from ringback.store.trunks import find_trunk

DEFAULT_DAYS, MOST_DAYS = 30, 366
MOST_SIDES = 2
NO_SUCH = -1

_DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


def a_day() -> Field:
    """A day of this century."""

    def read(raw: Any, name: str) -> Date:
        try:
            if isinstance(raw, str) and _DATE.fullmatch(raw):
                return Date.parse_iso(raw)
        except ValueError:
            pass  # a 30th of February
        raise Invalid([f"{name} must be a day, such as '2026-03-01'"])

    return Field(read, {"type": "string", "format": "date"})


def _sides() -> Field:
    known = ", ".join(Side)

    def read(raw: Any, name: str) -> tuple[Side, ...]:
        words = [word.strip() for word in str(raw).split(",")]
        wrong = [word for word in words if word not in list(Side)]
        if wrong or not 1 <= len(set(words)) == len(words) <= MOST_SIDES:
            raise Invalid([f"{name} must be one or two of {known}, such as 'attempt' or 'weekday,hour'"])
        return tuple(map(Side, words))

    schema = {"type": "string", "examples": ["attempt", "weekday,hour"], "description": f"One or two of {known}."}
    return Field(read, schema, default=(Side.ATTEMPT,))


SPAN = {"from": a_day(), "to": a_day()}
_QUERY = Fields(group_by=_sides(), **SPAN, campaign_id=identifier(CAMPAIGN), trunk_id=identifier(TRUNK))


def days_of(ask: Ask, asked: dict[str, Any]) -> tuple[str, ...]:
    """The days of the span, the last one included, in UTC: the last 30 where none is named.

    Raises:
        Invalid: it ends before it begins, or is too long.
    """
    last = asked["to"] or ask.now.to_tz("UTC").date()
    first = asked["from"] or last.add(days=1 - DEFAULT_DAYS)
    later = round((midnight(last) - midnight(first)).total("hours") / 24)
    if not 0 <= later < MOST_DAYS:
        example = "such as from=2026-03-01 and to=2026-03-31"
        raise Invalid([f"to must be the day of from, or up to {MOST_DAYS - 1} days later, {example}"])
    return tuple(first.add(days=n).format_iso() for n in range(later + 1))


def midnight(day: Date) -> Instant:
    """The beginning of a day in UTC."""
    return Instant.from_utc(day.year, day.month, day.day)


async def get_attempts(api: Api, ask: Ask) -> Answer:
    """The sums of the ended attempts of a span of days. A campaign or a trunk that is not there has none."""
    days, sides = days_of(ask, ask.query), ask.query["group_by"]
    begins, ends = midnight(Date.parse_iso(days[0])), midnight(Date.parse_iso(days[-1])) + TimeDelta(hours=24)
    campaign_no, trunk_no = await _numbers(api, ask)
    scope = Scope(ask.workspace_no, begins, ends, campaign_no, trunk_no)
    async with api.analyses:
        found = await read_attempts(api.database, scope, sides)
    return Answer(show_attempts(found, sides, days))


async def _numbers(api: Api, ask: Ask) -> tuple[int | None, int | None]:
    campaign_id, trunk_id = ask.query["campaign_id"], ask.query["trunk_id"]
    campaign_no = trunk_no = None
    async with api.database.connection() as db:
        if campaign_id is not None:
            campaign = await find_campaign(db, ask.workspace_no, campaign_id)
            campaign_no = campaign.campaign_no if campaign else NO_SUCH
        if trunk_id is not None:
            trunk = await find_trunk(db, ask.workspace_no, trunk_id)
            trunk_no = trunk["trunk_no"] if trunk else NO_SUCH
    return campaign_no, trunk_no


OPERATIONS = (
    Operation(
        "GET",
        "/v1/analytics/attempts",
        KeyScope.CALLS_READ,
        "What the attempts of a span of days came to, by one or two of their sides.",
        get_attempts,
        query=_QUERY,
        example=examples_why.ANALYTICS,
        codes=("analysis_too_large", "too_many_groups"),
    ),
)
