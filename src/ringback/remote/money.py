"""`ringback rates` and `ringback budget`: rate decks and budgets over the API."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.errors import Invalid
from ringback.remote.client import Client

PATH = "/v1/rate-decks"
UNIT = 1_000_000


def import_rates(
    url: str,
    key: str,
    file: Path,
    deck_id: str | None,
    name: str | None,
    given: dict[str, str | None],
    trunks: list[str],
    *,
    as_json: bool,
) -> None:
    """Send the file, charge by it over these trunks, and say what came of it."""
    client = Client(url, key)
    trunk_ids = [_trunk_id(client, wanted) for wanted in trunks]  # before anything is made
    fields = {field: value for field, value in given.items() if value}
    where = f"{PATH}/{deck_id}/versions" if deck_id else PATH
    with file.open("rb") as content:
        told = client.upload(where, (file.name, content), fields if deck_id else {"name": name or file.stem, **fields})
    for trunk_id in trunk_ids:
        client.patch(f"/v1/trunks/{trunk_id}", {"rate_deck_id": told["rate_deck"]["id"]})
    Console().print_json(data=told) if as_json else _say("\n".join(imported(told, trunks)))


def imported(told: dict[str, Any], trunks: list[str]) -> list[str]:
    """What came of an import, in lines."""
    deck = told["rate_deck"]
    newest = deck["versions"][-1]
    lines = [
        f"{deck['id']}  {deck['name']}, version {newest['version']}: {told['created']:,} rates in {deck['currency']} "
        f"from {_moment(newest['valid_from'])} on, {told['rejected']:,} rows rejected"
    ]
    for reason in told["reasons"]:
        rows = ", ".join(map(str, reason["rows"][:10]))
        lines.append(f"  {reason['count']:,} {reason['code']} (rows {rows}): {reason['message']}")
    return [*lines, *([f"calls over {', '.join(trunks)} are charged by it"] if trunks else [])]


def show_decks(url: str, key: str, *, as_json: bool) -> None:
    """Print the decks with their versions."""
    found = Client(url, key).get(PATH, limit=100)
    if as_json:
        Console().print_json(data=found)
    elif not found["data"]:
        _say("there are no rate decks; `ringback rates import FILE` makes one")
    for deck in [] if as_json else found["data"]:
        trunks = ", ".join(deck["trunks"]) or "no trunk"
        _say(f"{deck['id']}  {deck['name']}, in {deck['currency']}, for {trunks}")
        for version in deck["versions"]:
            _say(f"  version {version['version']}: {version['rates']:,} rates from {_moment(version['valid_from'])} on")


def show_rates(
    url: str, key: str, deck_id: str, version: int | None, number: str | None, limit: int, *, as_json: bool
) -> None:
    """Print the first rates of a deck's version, or those that a number begins with."""
    wanted = {name: value for name, value in (("version", version), ("number", number)) if value}
    found = Client(url, key).get(f"{PATH}/{deck_id}/rates", limit=limit, **wanted)
    if as_json:
        Console().print_json(data=found)
        return
    table = Table("prefix", "per minute", "connect", "increments", title=f"version {found['version']}", box=None)
    for rate in found["data"]:
        prices = (f"{rate[name] / UNIT:.6f}" for name in ("per_minute_micros", "connect_micros"))
        table.add_row(rate["prefix"], *prices, f"{rate['first_sec']}/{rate['next_sec']}")
    Console().print(table)
    if found["meta"]["next_cursor"]:
        _say(f"there are more than {limit:,}")


def give_budget(url: str, key: str, campaign_id: str | None, amount: str | None, *, as_json: bool) -> None:
    """Set a budget, or only show it where no amount is given.

    Raises:
        Invalid: the amount is none.
    """
    client, where = Client(url, key), f"/v1/campaigns/{campaign_id}" if campaign_id else "/v1/workspace"
    told = client.get(where) if amount is None else client.patch(where, {"budget_micros": read_amount(amount)})
    if as_json:
        names = ("id", "budget_micros", "spent_micros", "currency")
        Console().print_json(data={name: told[name] for name in names})
        return
    _say(budget_line(told, "campaign" if campaign_id else "workspace"))


def read_amount(text: str) -> int | None:
    """Millionths of an amount; None for `none`.

    Raises:
        Invalid: it is neither, with an example.
    """
    if text.lower() == "none":
        return None
    try:
        micros = Decimal(text) * UNIT
    except InvalidOperation:
        micros = Decimal(-1)
    if not micros.is_finite() or micros < 0 or micros != micros.to_integral_value():
        raise Invalid([f"AMOUNT must be a number with at most six decimals, such as 250.00, or none; it is {text!r}"])
    return int(micros)


def budget_line(told: dict[str, Any], what: str) -> str:
    """What was spent of a budget, in a line."""
    amount, spent = told["budget_micros"], told["spent_micros"]
    if amount is None:
        return f"{what} {told['id']} has no budget"
    over = "; nothing is dialled on it until it is raised" if spent >= amount else ""
    return f"{what} {told['id']} has spent {spent / UNIT:,.2f} of {amount / UNIT:,.2f} {told['currency']}{over}"


def _trunk_id(client: Client, wanted: str) -> str:
    trunks = client.get("/v1/trunks", limit=100)["data"]
    found = next((trunk["id"] for trunk in trunks if wanted in (trunk["id"], trunk["name"])), None)
    if found is None:
        names = ", ".join(trunk["name"] for trunk in trunks) or "none"
        raise Invalid([f"--trunk {wanted} is not known; there are: {names}"])
    return str(found)


def _moment(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
