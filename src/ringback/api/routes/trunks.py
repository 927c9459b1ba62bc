"""/v1/trunks: the ways to place calls."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

import msgspec

from ringback.api import examples
from ringback.api.fields import Fields, identifier, json_object, pace, parsed, text, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import show_trunk
from ringback.domain.billing import Billing, parse_billing
from ringback.errors import Impossible
from ringback.ids import DECK, TRUNK
from ringback.store.budgets import check_currency
from ringback.store.database import Connection
from ringback.store.keys import Scope
from ringback.store.older import check_no_older
from ringback.store.rates import give_deck, lock_deck
from ringback.store.trunks import change_trunk, create_trunk, find_trunk, list_trunks

DEFAULT_CONCURRENT_CALLS, DEFAULT_DIALS_PER_SEC = 30, 10.0
LONGEST_HOLD_SEC = 86_400

OF_FILES = ("record", "ca_file")
"""Settings that name a file on the server."""

SECRETS = ("password",)
"""Settings that are kept sealed, and never shown."""

_BILLING_SCHEMA = {
    "type": ["object", "null"],
    "properties": {
        "per_minute_micros": {"type": "integer"},
        "currency": {"type": "string"},
        "first_sec": {"type": "integer"},
        "next_sec": {"type": "integer"},
        "connect_micros": {"type": "integer"},
    },
}
_CAPS = {
    "max_concurrent_calls": whole(0, 1_000_000, default=DEFAULT_CONCURRENT_CALLS, optional=True),
    "dials_per_sec": pace(DEFAULT_DIALS_PER_SEC),
    "lost_call_hold_sec": whole(0, LONGEST_HOLD_SEC, optional=True),
    "rate_deck_id": identifier(DECK, optional=True),
}
NEW = Fields(
    name=text(required=True),
    kind=text(required=True),
    settings=json_object(),
    billing=parsed(parse_billing, _BILLING_SCHEMA),
    **_CAPS,
)
CHANGES = Fields(name=text(), billing=parsed(parse_billing, _BILLING_SCHEMA), **_CAPS)
LIST = list_fields(TRUNK)


async def post_trunk(api: Api, ask: Ask) -> Answer:
    """Make a trunk."""
    body = ask.body
    _check_settings(api, body["kind"], body["settings"])
    ask.key.require_trunk(body["kind"])
    if any(body["settings"].get(name) is not None for name in OF_FILES):
        ask.key.require(Scope.ADMIN)  # the server will write or read the file of that name
    trunk_id = api.ids.new(ask.now)
    async with api.database.transaction() as db:
        await _check_price(db, ask, body["billing"])
        trunk_no = await create_trunk(
            db,
            ask.workspace_no,
            trunk_id,
            body["name"],
            body["kind"],
            _written(_sealed(api, body["settings"])),
            _written(asdict(body["billing"])),
            body["max_concurrent_calls"],
            body["dials_per_sec"],
            ask.now,
            body["lost_call_hold_sec"],
        )
        if body["rate_deck_id"] is not None:
            await _charge_by(db, ask, trunk_no, body["rate_deck_id"])
        made = show_trunk(found(await find_trunk(db, ask.workspace_no, trunk_id), "trunk"))
        await ask.changing(TRUNK, trunk_id).note(db, None, made)
    return Answer(made, 201)


async def get_trunks(api: Api, ask: Ask) -> Answer:
    """The trunks."""
    async with api.database.connection() as db:
        listing = await list_trunks(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, TRUNK, "trunk_id", show_trunk))


async def get_trunk(api: Api, ask: Ask) -> Answer:
    """One trunk."""
    async with api.database.connection() as db:
        return Answer(show_trunk(found(await find_trunk(db, ask.workspace_no, path_id(ask, TRUNK)), "trunk")))


async def patch_trunk(api: Api, ask: Ask) -> Answer:
    """Change what was sent. Its settings stay as they were made: calls that are up depend on them."""
    changes = dict(ask.body)
    async with api.database.transaction() as db:
        trunk = found(await find_trunk(db, ask.workspace_no, path_id(ask, TRUNK)), "trunk")
        ask.key.require_trunk(trunk["kind"])
        if "billing" in changes:
            await _check_price(db, ask, changes["billing"])
            changes["billing"] = _written(asdict(changes["billing"]))
        if "rate_deck_id" in changes:
            await _charge_by(db, ask, trunk["trunk_no"], changes.pop("rate_deck_id"))
        changed = show_trunk(found(await change_trunk(db, trunk, changes), "trunk"))
        await ask.changing(TRUNK, trunk["trunk_id"]).note(db, show_trunk(trunk), changed)
    return Answer(changed)


async def _check_price(db: Connection, ask: Ask, billing: Billing) -> None:
    """Refuse a price in another currency than the workspace counts in; what is free has none."""
    if billing.per_minute_micros or billing.connect_micros:
        await check_currency(db, ask.workspace_no, billing.currency)


async def _charge_by(db: Connection, ask: Ask, trunk_no: int, deck_id: UUID | None) -> None:
    """Charge by a deck of the workspace, or by none.

    Raises:
        Conflict: `older_release_lives`: a server lives that would charge by the tariff.
        Impossible: `unknown_rate_deck`.
    """
    if deck_id is not None:
        await check_no_older(db, "rate decks", ask.now)
        if await lock_deck(db, ask.workspace_no, deck_id) is None:
            raise Impossible("unknown_rate_deck", "rate_deck_id names no rate deck of this workspace")
    await give_deck(db, ask.workspace_no, trunk_no, deck_id)


def _check_settings(api: Api, kind: str, settings: Mapping[str, Any]) -> None:
    check = api.settings.trunk_kinds.get(kind)
    if check is None:
        known = ", ".join(api.settings.trunk_kinds)
        raise Impossible("trunk_kind_unknown", f"the kinds of trunk of this release are: {known}")
    check(settings)


def _sealed(api: Api, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**settings, **{name: api.settings.sealer.seal(settings[name]) for name in SECRETS if name in settings}}


def _written(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


_PATH = "/v1/trunks"
_MONEY = ("another_currency", "older_release_lives", "unknown_rate_deck")
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Make a trunk.",
        post_trunk,
        body=NEW,
        status=201,
        example=examples.TRUNK,
        codes=(*_MONEY, "test_key", "trunk_kind_unknown"),
    ),
    Operation(
        "GET", _PATH, Scope.CALLS_READ, "The trunks.", get_trunks, query=LIST, example=examples.listed(examples.TRUNK)
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        Scope.CALLS_READ,
        "One trunk.",
        get_trunk,
        example=examples.TRUNK,
        codes=("trunk_not_found",),
    ),
    Operation(
        "PATCH",
        f"{_PATH}/{{id}}",
        Scope.CALLS_WRITE,
        "Change a trunk's name, tariff, rate deck or caps.",
        patch_trunk,
        body=CHANGES,
        example=examples.TRUNK,
        codes=(*_MONEY, "test_key", "trunk_not_found"),
    ),
)
