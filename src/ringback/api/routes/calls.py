"""/v1/calls: one call at a time."""

from typing import Any

import msgspec

from ringback.api import examples
from ringback.api.fields import Field, Fields, identifier, json_object, phone, text, time_zone
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.routes.caller_pools import CHOICE, chosen_caller
from ringback.api.routes.campaigns import WINDOW_SCHEMA
from ringback.api.routes.finding import check_agent, found, usable_trunk
from ringback.api.routes.retry_policies import INLINE, VERSION, as_kept, chosen_policy
from ringback.api.show import show_call
from ringback.domain.consent import Consent, check_consent, parse_moment
from ringback.domain.contact import LONGEST_DEBT, parse_debt
from ringback.domain.window import ZoneSource
from ringback.domain.window_form import parse_region_code, parse_window, show_window
from ringback.errors import BudgetSpent, Impossible
from ringback.ids import AGENT, CALL, POLICY, TRUNK, show
from ringback.store.budgets import read_budget
from ringback.store.calls import NewCall, create_call, find_call
from ringback.store.database import Connection
from ringback.store.do_not_call import hold_lists, listed
from ringback.store.keys import Scope
from ringback.store.older import check_no_older
from ringback.store.retry_policies import Pin
from ringback.store.workspaces import find_workspace
from ringback.store.zones import zone_set_numbers

_MOMENT = Field(parse_moment, {"type": "string", "examples": ["2026-03-01T10:00:00Z", "2026-03-01"]}, null=None)
NEW = Fields(
    to_number=phone(required=True),
    trunk_id=identifier(TRUNK, required=True),
    agent_id=identifier(AGENT, optional=True),
    **CHOICE,
    name=text(optional=True),
    retry=INLINE,
    retry_policy_id=identifier(POLICY, optional=True),
    retry_policy_version=VERSION,
    calling_window=Field(parse_window, WINDOW_SCHEMA, null=None),
    timezone=time_zone(),
    region=Field(parse_region_code, {"type": "string", "examples": ["US-CA"]}, null=None),
    consent_at=_MOMENT,
    consent_expires_at=_MOMENT,
    debt_id=Field(parse_debt, {"type": "string", "maxLength": LONGEST_DEBT}, null=None),
    variables=json_object(),
)


async def post_call(api: Api, ask: Ask) -> Answer:
    """Queue a call; it is dialled as soon as the caps allow."""
    body = ask.body
    check_consent(Consent(body["consent_at"], body["consent_expires_at"]), ask.now)
    async with api.database.connection() as db:
        trunk = await usable_trunk(db, ask, body["trunk_id"])
        await check_agent(db, ask, body["agent_id"])
        await _check_budget(db, ask)
        if body["calling_window"] is not None:
            await check_no_older(db, "hours of a single call", ask.now)
        if body["consent_expires_at"] is not None:
            await check_no_older(db, "consent that ends", ask.now)
        zone_set_no, source = await _zones(db, ask)
        async with db.transaction():
            await _check_list(db, ask)
            if source is ZoneSource.NONE:  # from here on nobody gives the workspace one until the call can be found
                zone_set_no, source = await _zones(db, ask)
            chosen = await chosen_policy(db, ask, body)
            caller = await chosen_caller(db, ask, body)
            call = NewCall(
                workspace_no=ask.workspace_no,
                call_id=api.ids.new(ask.now),
                trunk_no=trunk["trunk_no"],
                agent_id=body["agent_id"],
                to_number=body["to_number"].e164,
                name=body["name"],
                zone_set_no=zone_set_no,
                variables=msgspec.json.encode(dict(body["variables"])).decode(),
                retry=as_kept(chosen["retry"]),
                created_at=ask.now,
                calling_window=_window(body),
                region=body["region"],
                zone_source=source,
                consent_at=body["consent_at"],
                consent_expires_at=body["consent_expires_at"],
                debt_id=body["debt_id"],
                **caller,
                **_named(chosen["pin"]),
            )
            await create_call(db, call)
            row = found(await find_call(db, ask.workspace_no, call.call_id), "call")
            await ask.changing(CALL, call.call_id).note(db, None, {"trunk_id": show(TRUNK, trunk["trunk_id"])})
    return Answer(show_call(row), 201)


def _named(pin: Pin | None) -> dict[str, Any]:
    return {} if pin is None else {"retry_policy_id": pin.policy_id, "retry_policy_version": pin.version}


async def _check_budget(db: Connection, ask: Ask) -> None:
    budget = await read_budget(db, ask.workspace_no)
    if budget is not None and budget.is_spent:
        raise BudgetSpent(
            "budget_spent",
            f"the workspace has spent {budget.spent_micros} of its budget of {budget.amount_micros} millionths of "
            f"{budget.currency}: raise budget_micros in PATCH /v1/workspace",
        )


async def _check_list(db: Connection, ask: Ask) -> None:
    """Refuse a number on the do-not-call list; held until the call is made, so that an entry that comes finds it."""
    if not (await hold_lists(db, [ask.workspace_no])).versions:
        return
    number = (ask.workspace_no, ask.body["to_number"].e164)
    if await listed(db, [number], ask.now):
        raise Impossible("do_not_call", "to_number is on the do-not-call list of this workspace")


async def _zones(db: Connection, ask: Ask) -> tuple[int, ZoneSource]:
    """Where the number may ring, and who says so."""
    zones, source = ask.body["to_number"].zones, ZoneSource.NUMBER
    if ask.body["timezone"]:
        zones, source = (ask.body["timezone"],), ZoneSource.LEAD
    elif not zones:
        own = (await find_workspace(db, ask.workspace_no))["timezone"]
        zones, source = ((own,), ZoneSource.WORKSPACE) if own else ((), ZoneSource.NONE)
    return (await zone_set_numbers(db, [zones]))[zones], source


def _window(body: dict[str, Any]) -> str | None:
    window = body["calling_window"]
    return None if window is None else msgspec.json.encode(show_window(window)).decode()


OPERATIONS = (
    Operation(
        "POST",
        "/v1/calls",
        Scope.CALLS_WRITE,
        "Place a call. At a cap it waits in the queue; nothing is refused for want of a slot.",
        post_call,
        body=NEW,
        status=201,
        example=examples.CALL,
        codes=(
            "agent_has_no_message",
            "budget_spent",
            "do_not_call",
            "older_release_lives",
            "test_key",
            "unknown_agent",
            "unknown_caller_pool",
            "unknown_retry_policy",
            "unknown_trunk",
        ),
    ),
)
