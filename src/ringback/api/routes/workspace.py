"""/v1/workspace: the workspace that the key belongs to."""

from typing import Any

from ringback.api import examples, examples_sent
from ringback.api.fields import Fields, currency, money, one_of, pack_names, parsed, text, time_zone, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.packs import check_packs, count_for
from ringback.api.show import Json, show_workspace
from ringback.api.show_money import show_budget
from ringback.domain.pack import Purpose
from ringback.errors import Invalid
from ringback.ids import WORKSPACE, read
from ringback.store.budgets import WORKSPACE as WHOLE
from ringback.store.budgets import change_currency, read_budget, set_budget
from ringback.store.database import Connection
from ringback.store.keys import Scope
from ringback.store.workspaces import Retention, change_workspace, find_workspace, settle_in_zone
from ringback.store.zones import zone_set_numbers

LONGEST_DAYS = 36_500
MOST_REQUESTS = 10_000_000
MODES = ("delete", "anonymise")
_RETENTION = Fields(days=whole(1, LONGEST_DAYS), mode=one_of(MODES))
_RETENTION_SCHEMA = {
    "type": ["object", "null"],
    "properties": {name: field.schema for name, field in _RETENTION.items()},
    "required": ["days"],
    "additionalProperties": False,
}


def parse_retention(raw: Any, name: str) -> Retention:
    """How long calls are kept, from `{"days": 90, "mode": "delete"}`; None is for ever.

    Raises:
        Invalid: one line for each fault.
    """
    if raw is None:
        return Retention(None)
    if not isinstance(raw, dict) or raw.get("days") is None:
        raise Invalid([f"{name} must be an object such as {{'days': 90, 'mode': 'delete'}}, or null for ever"])
    try:
        values = _RETENTION.parse(raw)
    except Invalid as wrong:
        raise Invalid([f"{name}.{line}" for line in wrong.lines]) from wrong
    return Retention(values["days"], values["mode"] or MODES[0])


CHANGES = Fields(
    name=text(),
    max_concurrent_calls=whole(0, 1_000_000, optional=True),
    retention=parsed(parse_retention, _RETENTION_SCHEMA),
    rule_packs=pack_names(),
    purpose=one_of(Purpose, optional=True),
    timezone=time_zone(),
    currency=currency(),
    budget_micros=money(),
    requests_per_min=whole(1, MOST_REQUESTS, optional=True),
)


async def read_workspace(api: Api, ask: Ask) -> Answer:
    """The workspace with its cap and its retention."""
    async with api.database.connection() as db:
        return Answer(await _shown(db, ask))


async def patch_workspace(api: Api, ask: Ask) -> Answer:
    """Change what was sent. Leads who wait for want of a time zone have the one that is given here."""
    zone = ask.body.get("timezone")
    async with api.database.connection() as db:
        zone_set_no = (await zone_set_numbers(db, [(zone,)]))[zone,] if zone else None
    async with api.database.transaction() as db:
        await check_packs(api, ask, db, ask.body.get("rule_packs"))
        before = await _shown(db, ask)
        await change_workspace(db, ask.workspace_no, ask.body)
        await count_for(api, ask, db, ask.body.get("rule_packs"))
        if zone_set_no is not None:
            await settle_in_zone(db, ask.workspace_no, zone_set_no, ask.now)
        if ask.body.get("currency"):
            await change_currency(db, ask.workspace_no, ask.body["currency"])
        if "budget_micros" in ask.body:
            await set_budget(db, ask.workspace_no, WHOLE, ask.body["budget_micros"], ask.now)
        changed = await _shown(db, ask)
        await ask.changing(WORKSPACE, read(WORKSPACE, changed["id"])).note(db, before, changed)
    return Answer(changed)


async def _shown(db: Connection, ask: Ask) -> Json:
    return show_workspace(
        await find_workspace(db, ask.workspace_no), show_budget(await read_budget(db, ask.workspace_no))
    )


_PATH = "/v1/workspace"
OPERATIONS = (
    Operation("GET", _PATH, Scope.CALLS_READ, "The workspace.", read_workspace, example=examples.WORKSPACE),
    Operation(
        "PATCH",
        _PATH,
        Scope.ADMIN,
        "Change the workspace's name, cap, budget, currency, retention, time zone, rule packs, purpose or rate limit.",
        patch_workspace,
        body=CHANGES,
        example={**examples.WORKSPACE, **examples_sent.BODIES["patch_workspace"]},
        codes=("another_currency", "older_release_lives"),
    ),
)
