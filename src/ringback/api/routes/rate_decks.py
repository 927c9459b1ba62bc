"""/v1/rate-decks: what carriers charge by the beginning of the number."""

from typing import Any
from uuid import UUID

from ringback.api import examples_money as examples
from ringback.api.fields import Field, Fields, text, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import MOST_PER_PAGE, list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show import Json
from ringback.api.show_money import show_deck, show_rate
from ringback.api.upload import DECK_FIELDS, VERSION_FIELDS, rates_in
from ringback.domain.rates import parse_prefix
from ringback.errors import Invalid
from ringback.ids import DECK
from ringback.intake.report import Report
from ringback.store import rates
from ringback.store.budgets import check_currency, settle_currency
from ringback.store.database import Connection
from ringback.store.keys import Scope

_WORD = "rate deck"
MOST_VERSIONS = 1_000_000


def _prefix(raw: Any, name: str) -> str:
    prefix = parse_prefix(raw) if isinstance(raw, str) else None
    if prefix is None:
        raise Invalid([f"{name} must be the beginning of a number, such as '+4420'"])
    return prefix


CHANGES = Fields(name=text())
LIST = list_fields(DECK)
RATES = Fields(
    version=whole(1, MOST_VERSIONS),
    limit=whole(1, MOST_PER_PAGE, default=20),
    cursor=Field(_prefix, {"type": "string", "examples": ["+4420"]}),
    number=Field(_prefix, {"type": "string", "examples": ["+442079460000"]}),
)


async def post_deck(api: Api, ask: Ask) -> Answer:
    """Make a deck of the good rows; the others come back with their reasons."""
    deck_id, report = api.ids.new(ask.now), Report()
    async with rates_in(ask.request, DECK_FIELDS) as (body, read), api.imports:
        found_rates = await read(report)
        # claims wait for whoever holds the workspace: not for as long as it takes to write a hundred thousand rates
        async with api.database.transaction() as db:
            currency = await settle_currency(db, ask.workspace_no, body["currency"])
        async with api.database.transaction() as db:
            await rates.create_deck(db, ask.workspace_no, deck_id, body["name"], currency, ask.now)
            valid_from = body["valid_from"] or ask.now
            await rates.add_version(db, ask.workspace_no, deck_id, found_rates, valid_from, ask.now)
            await check_currency(db, ask.workspace_no, currency)
            return await _told(db, ask, deck_id, report, None)


async def post_deck_version(api: Api, ask: Ask) -> Answer:
    """Replace all rates of a deck from an instant on; what was dialled before is charged as it was."""
    deck_id, report = path_id(ask, DECK), Report()
    async with rates_in(ask.request, VERSION_FIELDS) as (body, read), api.imports:
        found_rates = await read(report)
        async with api.database.transaction() as db:
            found(await rates.lock_deck(db, ask.workspace_no, deck_id), _WORD)
            before = (await _shown(db, ask, [deck_id]))[deck_id]
            valid_from = body["valid_from"] or ask.now
            await rates.add_version(db, ask.workspace_no, deck_id, found_rates, valid_from, ask.now)
            return await _told(db, ask, deck_id, report, before)


async def get_decks(api: Api, ask: Ask) -> Answer:
    """The decks, each with its versions."""
    async with api.database.connection() as db:
        listing = await rates.list_decks(db, ask.workspace_no, part_of(ask.query))
        shown = await _shown(db, ask, [row["deck_id"] for row in listing.rows])
    return Answer(list_body(listing, ask.query, DECK, "deck_id", lambda row: shown[row["deck_id"]]))


async def get_deck(api: Api, ask: Ask) -> Answer:
    """One deck with its versions."""
    deck_id = path_id(ask, DECK)
    async with api.database.connection() as db:
        return Answer(found((await _shown(db, ask, [deck_id])).get(deck_id), _WORD))


async def patch_deck(api: Api, ask: Ask) -> Answer:
    """Rename a deck; rates are changed by a new version."""
    deck_id = path_id(ask, DECK)
    async with api.database.transaction() as db:
        found(await rates.lock_deck(db, ask.workspace_no, deck_id), _WORD)
        before = (await _shown(db, ask, [deck_id]))[deck_id]
        if "name" in ask.body:
            await rates.rename_deck(db, ask.workspace_no, deck_id, ask.body["name"])
        changed = (await _shown(db, ask, [deck_id]))[deck_id]
        await ask.changing(DECK, deck_id).note(db, before, changed)
    return Answer(changed)


async def delete_deck(api: Api, ask: Ask) -> Answer:
    """Delete a deck by which no trunk is charged."""
    deck_id = path_id(ask, DECK)
    async with api.database.transaction() as db:
        found(await rates.lock_deck(db, ask.workspace_no, deck_id), _WORD)
        before = (await _shown(db, ask, [deck_id]))[deck_id]
        await rates.delete_deck(db, ask.workspace_no, deck_id)
        await ask.changing(DECK, deck_id).note(db, before)
    return Answer(None, 204)


async def get_rates(api: Api, ask: Ask) -> Answer:
    """The rates of a version, the newest if none is named, in the order of their beginnings."""
    deck_id, limit = path_id(ask, DECK), ask.query["limit"]
    async with api.database.connection() as db:
        versions = [row["version"] for row in await rates.read_versions(db, ask.workspace_no, [deck_id])]
        version = ask.query["version"] or max(versions, default=0)
        found(version if version in versions else None, _WORD)
        after = ask.query["cursor"] or ""
        rows = await rates.read_rates(db, ask.workspace_no, deck_id, version, after, limit + 1, ask.query["number"])
    more = rows[limit - 1]["prefix"] if len(rows) > limit else None
    data = [show_rate(row) for row in rows[:limit]]
    return Answer({"version": version, "data": data, "meta": {"limit": limit, "next_cursor": more}})


async def _told(db: Connection, ask: Ask, deck_id: UUID, report: Report, before: Json | None) -> Answer:
    deck = (await _shown(db, ask, [deck_id]))[deck_id]
    await ask.changing(DECK, deck_id).note(db, before, deck)
    return Answer({"rate_deck": deck, **report.to_dict()}, 201)


async def _shown(db: Connection, ask: Ask, deck_ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    decks = await rates.find_decks(db, ask.workspace_no, deck_ids)
    versions = await rates.read_versions(db, ask.workspace_no, deck_ids)
    trunks = await rates.trunks_of(db, ask.workspace_no, deck_ids)
    return {row["deck_id"]: show_deck(row, versions, trunks) for row in decks}


_PATH = "/v1/rate-decks"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("rate_deck_not_found",)
_FILE = ("empty_file", "file_too_large", "malformed_json", "password_protected", "unknown_file_type", "unreadable_file")
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CALLS_WRITE,
        "Make a rate deck, of JSON or of a CSV, XLSX or XLS file. A trunk is charged by it once its `rate_deck_id` "
        "says so.",
        post_deck,
        reads_body=True,
        status=201,
        example=examples.DECK_MADE,
        codes=(*_FILE, "another_currency"),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "The rate decks, newest first.",
        get_decks,
        query=LIST,
        example=examples.listed(examples.DECK),
    ),
    Operation("GET", _ONE, Scope.CALLS_READ, "One rate deck.", get_deck, example=examples.DECK, codes=_NOT_FOUND),
    Operation(
        "PATCH",
        _ONE,
        Scope.CALLS_WRITE,
        "Change a rate deck's name.",
        patch_deck,
        body=CHANGES,
        example=examples.DECK,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CALLS_WRITE,
        "Delete a rate deck by which no trunk is charged.",
        delete_deck,
        status=204,
        codes=(*_NOT_FOUND, "rate_deck_in_use"),
    ),
    Operation(
        "POST",
        f"{_ONE}/versions",
        Scope.CALLS_WRITE,
        "Replace all rates of a deck from `valid_from` on; what was dialled before is charged by the version before.",
        post_deck_version,
        reads_body=True,
        status=201,
        example=examples.VERSION_MADE,
        codes=(*_FILE, *_NOT_FOUND),
    ),
    Operation(
        "GET",
        f"{_ONE}/rates",
        Scope.CALLS_READ,
        "The rates of a version, by default the newest, in the order of their beginnings; with `number`, those that it "
        "begins with: the last one counts.",
        get_rates,
        query=RATES,
        example=examples.RATES,
        codes=_NOT_FOUND,
    ),
)
