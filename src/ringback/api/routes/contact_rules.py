"""/v1/contact-rules: how often a number and a lead may be dialled, whatever the campaign."""

from typing import Any

import msgspec

from ringback.api import examples
from ringback.api.fields import Field, Fields
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.domain.contact import ContactRules, parse_contact_rules, show_contact_rules
from ringback.store.contacts import read_rules, set_rules
from ringback.store.keys import Scope


def _as_given(raw: Any, _: str) -> Any:
    """Read together with the others, by the domain."""
    return raw


_RATES = Field(_as_given, {"type": "array", "items": {"type": "string", "examples": ["3 per 24h"]}}, null=None)
_DURATION = Field(_as_given, {"type": "string", "examples": ["2h"]}, null=None)
RULES = Fields(per_number=_RATES, per_lead=_RATES, min_gap=_DURATION, quiet_after_conversation=_DURATION)


async def get_contact_rules(api: Api, ask: Ask) -> Answer:
    """The rules that hold."""
    async with api.database.connection() as db:
        text = await read_rules(db, ask.workspace_no)
    return Answer(_shown(text))


async def put_contact_rules(api: Api, ask: Ask) -> Answer:
    """Replace the rules: they bind every claim after this, and what was dialled within their spans counts."""
    rules = parse_contact_rules(ask.body)
    async with api.database.transaction() as db:
        before = _shown(await read_rules(db, ask.workspace_no))
        await set_rules(db, ask.workspace_no, rules, ask.now)
        await ask.changing("contact_rules").note(db, before, show_contact_rules(rules))
    return Answer(show_contact_rules(rules))


def _shown(text: str | None) -> dict[str, Any]:
    return show_contact_rules(parse_contact_rules(msgspec.json.decode(text)) if text else ContactRules())


_PATH = "/v1/contact-rules"
OPERATIONS = (
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "How often a number and a lead may be dialled, whatever the campaign.",
        get_contact_rules,
        example=examples.CONTACT_RULES,
    ),
    Operation(
        "PUT",
        _PATH,
        Scope.ADMIN,
        "Replace the contact rules; what is left out is no rule.",
        put_contact_rules,
        body=RULES,
        example=examples.CONTACT_RULES,
    ),
)
