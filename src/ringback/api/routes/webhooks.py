"""/v1/webhooks: where a workspace is told what happens, and what was not taken there yet."""

import base64
import random
import re
from dataclasses import replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from whenever import Instant

from ringback.api import examples, examples_webhooks
from ringback.api.fields import Field, Fields, one_of, text, truth, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import MOST_PER_PAGE, list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show_webhooks import show_delivery, show_webhook
from ringback.checking.network import literal, may_ask, parse_networks
from ringback.config import WEBHOOK_NETWORKS, webhook_networks
from ringback.domain.pre_dial_check import LONGEST_URL, host_of, parse_url
from ringback.domain.webhooks import OLD_SECRET, Event, parse_events
from ringback.errors import Impossible, Invalid
from ringback.ids import EVENT, WEBHOOK, read, show
from ringback.store import webhooks
from ringback.store.database import Record
from ringback.store.keys import Scope
from ringback.store.older import check_no_older
from ringback.store.outbox import hasten
from ringback.store.webhooks import WebhookPlan

SECRET_BYTES = 32
MOST_WEBHOOKS = 20
"""Of a workspace: each fact is written down once for each of them that is told of it."""

MOST_REDELIVERED = 10_000
MOST_NAMED = 100
_WORD = "webhook"
_EXAMPLE = "https://example.com/ringback"
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


class State(StrEnum):
    """What became of an event that was not taken."""

    WAITING = "waiting"
    DEAD = "dead"


def _url(raw: Any, name: str) -> str:
    url = parse_url(raw, name, _EXAMPLE)
    address = literal(host_of(url))
    if address is not None and not may_ask(address, parse_networks(webhook_networks(), WEBHOOK_NETWORKS)):
        raise Invalid(
            [f"{name} must not have a private address, unless the operator allows its network in {WEBHOOK_NETWORKS}"]
        )
    return url


def _event_ids(raw: Any, name: str) -> list[UUID]:
    ids = [read(EVENT, one) for one in raw if isinstance(one, str)] if isinstance(raw, list) else []
    known = [one for one in ids if one is not None]
    if not known or len(known) < len(raw) or len(raw) > MOST_NAMED:
        raise Invalid([f"{name} must be a list of 1 to {MOST_NAMED} ids such as '{EVENT}_01h455vb4pex5vsknk084sn02q'"])
    return known


_URL = Field(_url, {"type": "string", "format": "uri", "maxLength": LONGEST_URL}, required=True)
_EVENTS = Field(
    parse_events,
    {"type": "array", "minItems": 1, "items": {"type": "string", "enum": [str(event) for event in Event]}},
    required=True,
)
CREATE = Fields(url=_URL, events=_EVENTS, name=text(required=True))
CHANGE = Fields(
    url=replace(_URL, required=False), events=replace(_EVENTS, required=False), name=text(), enabled=truth(True)
)
LIST = list_fields(WEBHOOK)
DELIVERIES = Fields(
    state=one_of(State),
    limit=whole(1, MOST_PER_PAGE, default=20),
    cursor=text(50),
)
REDELIVER = Fields(
    events=Field(
        _event_ids,
        {"type": ["array", "null"], "maxItems": MOST_NAMED, "items": {"type": "string", "pattern": f"^{EVENT}_"}},
        null=None,
    )
)


async def post_webhook(api: Api, ask: Ask) -> Answer:
    """Have the workspace told of what happens from now on. The secret is shown now, and never again."""
    webhook_id, secret = api.ids.new(ask.now), make_secret(api.settings.chance)
    plan = WebhookPlan(ask.body["url"], ask.body["name"], ask.body["events"])
    async with api.database.transaction() as db:
        await check_no_older(db, "webhooks", ask.now)
        sealed = api.settings.sealer.seal(secret)
        if not await webhooks.create_webhook(db, ask.workspace_no, webhook_id, plan, sealed, MOST_WEBHOOKS, ask.now):
            raise Impossible("too_many_webhooks", f"a workspace has at most {MOST_WEBHOOKS} webhooks: delete one first")
        row = found(await webhooks.find_webhook(db, ask.workspace_no, webhook_id), _WORD)
        await ask.changing(WEBHOOK, webhook_id).note(db, None, show_webhook(row))
    return Answer(show_webhook(row, secret), 201)


async def get_webhooks(api: Api, ask: Ask) -> Answer:
    """The webhooks."""
    async with api.database.connection() as db:
        listing = await webhooks.list_webhooks(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, WEBHOOK, "webhook_id", show_webhook))


async def get_webhook(api: Api, ask: Ask) -> Answer:
    """One webhook."""
    return Answer(show_webhook(await _webhook(api, ask)))


async def patch_webhook(api: Api, ask: Ask) -> Answer:
    """Change what is sent. One that is switched on again is told what waited for it first."""
    async with api.database.transaction() as db:
        row = found(await webhooks.hold_webhook(db, ask.workspace_no, path_id(ask, WEBHOOK)), _WORD)
        before = show_webhook(row)
        plan = WebhookPlan(*(ask.body.get(name, row[name]) for name in WebhookPlan._fields))
        enabled = ask.body.get("enabled", row["off_at"] is None)
        await webhooks.change_webhook(db, ask.workspace_no, row["webhook_no"], plan, ask.now, enabled=enabled)
        if enabled and row["off_at"] is not None:
            await hasten(db, [(ask.workspace_no, row["webhook_no"])], ask.now)
        row = found(await webhooks.find_webhook(db, ask.workspace_no, row["webhook_id"]), _WORD)
        await ask.changing(WEBHOOK, row["webhook_id"]).note(db, before, show_webhook(row))
    return Answer(show_webhook(row))


async def delete_webhook(api: Api, ask: Ask) -> Answer:
    """Tell it nothing more; what waits for it goes as well."""
    async with api.database.transaction() as db:
        row = found(await webhooks.hold_webhook(db, ask.workspace_no, path_id(ask, WEBHOOK)), _WORD)
        await webhooks.delete_webhook(db, ask.workspace_no, row["webhook_id"])
        await ask.changing(WEBHOOK, row["webhook_id"]).note(db, show_webhook(row))
    return Answer(None, 204)


async def post_ping(api: Api, ask: Ask) -> Answer:
    """Have an event sent that tells of nothing."""
    async with api.database.transaction() as db:
        event_id = found(await webhooks.ping(db, ask.workspace_no, path_id(ask, WEBHOOK), ask.now), _WORD)
    return Answer({"id": show(EVENT, event_id)}, 202)


async def post_secret(api: Api, ask: Ask) -> Answer:
    """Sign by a new secret; for a day each event is signed by the one before as well."""
    secret = make_secret(api.settings.chance)
    async with api.database.transaction() as db:
        row = found(await webhooks.hold_webhook(db, ask.workspace_no, path_id(ask, WEBHOOK)), _WORD)
        sealed, until = api.settings.sealer.seal(secret), ask.now + OLD_SECRET
        await webhooks.rotate_secret(db, ask.workspace_no, row["webhook_no"], sealed, until)
        row = found(await webhooks.find_webhook(db, ask.workspace_no, row["webhook_id"]), _WORD)
        await ask.changing(WEBHOOK, row["webhook_id"]).note(db, {"secret": "before"}, {"secret": "now"})
    return Answer(show_webhook(row, secret), 201)


async def get_deliveries(api: Api, ask: Ask) -> Answer:
    """What was not taken yet: what waits, the longest due first, or the dead letters, oldest first."""
    row, limit = await _webhook(api, ask), ask.query["limit"]
    key = (ask.workspace_no, row["webhook_no"])
    async with api.database.connection() as db:
        if ask.query["state"] == State.DEAD:
            rows = await webhooks.dead(db, *key, _after_event(ask.query["cursor"]), limit + 1)
        else:
            rows = await webhooks.waiting(db, *key, _after_place(ask.query["cursor"]), limit + 1)
    cursor = _cursor(rows[limit - 1], ask.query["state"]) if len(rows) > limit else None
    return Answer({"data": list(map(show_delivery, rows[:limit])), "meta": {"limit": limit, "next_cursor": cursor}})


async def post_redelivery(api: Api, ask: Ask) -> Answer:
    """Have dead letters sent again, with the ids that they had."""
    row = await _webhook(api, ask)
    async with api.database.transaction() as db:
        key, named = (ask.workspace_no, row["webhook_no"]), ask.body["events"]
        count = await webhooks.revive(db, *key, named, ask.now, MOST_REDELIVERED)
        await ask.changing(WEBHOOK, row["webhook_id"]).note(db, None, {"redelivered": count})
    return Answer({"redelivered": count})


async def _webhook(api: Api, ask: Ask) -> Record:
    async with api.database.connection() as db:
        row: Record = found(await webhooks.find_webhook(db, ask.workspace_no, path_id(ask, WEBHOOK)), _WORD)
    return row


def make_secret(chance: random.Random) -> str:
    """A key in the form of the Standard Webhooks.

    Args:
        chance: the system's generator.
    """
    return f"whsec_{base64.b64encode(chance.randbytes(SECRET_BYTES)).decode()}"


def _cursor(row: Record, state: State | None) -> str:
    if state == State.DEAD:
        return show(EVENT, row["event_id"])
    return f"{row['due_at'].timestamp(unit='nanosecond') // 1000}-{row['event_no']}"


def _after_event(cursor: str | None) -> UUID | None:
    found_id = None if cursor is None else read(EVENT, cursor)
    if cursor is not None and found_id is None:
        raise _WRONG_CURSOR
    return found_id


def _after_place(cursor: str | None) -> webhooks.Place:
    if cursor is None:
        return webhooks.START
    parts = _PLACE.fullmatch(cursor)
    try:
        micros, event_no = map(int, parts.groups() if parts else ())
        return Instant.from_timestamp(micros * 1000, unit="nanosecond"), event_no
    except (ValueError, OverflowError):
        raise _WRONG_CURSOR from None


_WRONG_CURSOR = Invalid(["cursor must be the next_cursor of an earlier answer"])
_PATH = "/v1/webhooks"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("webhook_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.WEBHOOKS_WRITE,
        "Have a server of your own told of what happens; the secret that events are signed by is shown once.",
        post_webhook,
        body=CREATE,
        status=201,
        example=examples_webhooks.MADE,
        codes=("older_release_lives", "too_many_webhooks"),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.WEBHOOKS_WRITE,
        "The webhooks, newest first.",
        get_webhooks,
        query=LIST,
        example=examples.listed(examples_webhooks.WEBHOOK),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.WEBHOOKS_WRITE,
        "One webhook: whether it is told, and since when it takes nothing.",
        get_webhook,
        example=examples_webhooks.WEBHOOK,
        codes=_NOT_FOUND,
    ),
    Operation(
        "PATCH",
        _ONE,
        Scope.WEBHOOKS_WRITE,
        "Change a webhook, or switch it off or on; one that is switched on is told what waited for it.",
        patch_webhook,
        body=CHANGE,
        example=examples_webhooks.WEBHOOK,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.WEBHOOKS_WRITE,
        "Delete a webhook, and what waits for it.",
        delete_webhook,
        status=204,
        codes=_NOT_FOUND,
    ),
    Operation(
        "POST",
        f"{_ONE}/ping",
        Scope.WEBHOOKS_WRITE,
        "Send a webhook an event that tells of nothing, to try it out.",
        post_ping,
        status=202,
        example=examples_webhooks.PINGED,
        codes=_NOT_FOUND,
    ),
    Operation(
        "POST",
        f"{_ONE}/secret",
        Scope.WEBHOOKS_WRITE,
        "Make a new secret; for 24 hours events are signed by the one before as well.",
        post_secret,
        status=201,
        example=examples_webhooks.ROTATED,
        codes=_NOT_FOUND,
    ),
    Operation(
        "GET",
        f"{_ONE}/deliveries",
        Scope.WEBHOOKS_WRITE,
        "What a webhook has not taken: what waits, or with `state=dead` the dead letters.",
        get_deliveries,
        query=DELIVERIES,
        example=examples_webhooks.DELIVERIES,
        codes=_NOT_FOUND,
    ),
    Operation(
        "POST",
        f"{_ONE}/redelivery",
        Scope.WEBHOOKS_WRITE,
        "Send dead letters again, with the ids that they had: those of `events`, or all.",
        post_redelivery,
        body=REDELIVER,
        example=examples_webhooks.REDELIVERED,
        codes=_NOT_FOUND,
    ),
)
