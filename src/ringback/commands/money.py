"""What is charged and what may be spent: rate decks and budgets on a server, over its API."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Limit, Url
from ringback.commands.options import AsJson

app = typer.Typer()
rates_app = typer.Typer(help="Say what carriers charge.", no_args_is_help=True, rich_markup_mode=None)

RateFile = Annotated[
    Path,
    typer.Argument(help="CSV, XLSX or XLS with columns prefix and per_minute.", exists=True, metavar="FILE"),
]
DeckId = Annotated[
    str, typer.Argument(help="The deck's id, such as deck_01h455vb4pex5vsknk084sn02q.", metavar="DECK_ID")
]
OfDeck = Annotated[
    str | None,
    typer.Option("--deck", help="Replace the rates of this deck; a deck is made when left out.", metavar="ID"),
]
ForTrunks = Annotated[
    list[str] | None,
    typer.Option("--trunk", help="Charge calls over this trunk by it: its id or name.", metavar="NAME"),
]
Name = Annotated[str | None, typer.Option(help="The name of a deck that is made; the file's when left out.")]
Currency = Annotated[
    str | None, typer.Option(help="Of a deck that is made, such as USD; the workspace's when left out.")
]
ValidFrom = Annotated[
    str | None, typer.Option(help="From when the rates hold, such as 2026-04-01T00:00:00Z; now when left out.")
]
Version = Annotated[int | None, typer.Option(help="Of its versions; the newest when left out.", min=1, metavar="N")]
OfNumber = Annotated[
    str | None, typer.Option(help="Only those that this number begins with: the last one counts.", metavar="NUMBER")
]
Amount = Annotated[
    str | None,
    typer.Argument(help="In whole units or with a point, such as 250.00; none for no budget. Shown when left out."),
]
OfCampaign = Annotated[
    str | None, typer.Option("--campaign", help="Of this campaign; of the workspace when left out.", metavar="ID")
]


@rates_app.command("import", epilog="Example: ringback rates import carrier-a.csv --trunk main --currency USD")
def import_file(
    file: RateFile,
    key: Key,
    url: Url = DEFAULT_URL,
    deck: OfDeck = None,
    trunk: ForTrunks = None,
    name: Name = None,
    currency: Currency = None,
    valid_from: ValidFrom = None,
    as_json: AsJson = False,
) -> None:
    """Make a rate deck of a file, or replace the rates of one from a date on."""
    from ringback.remote.money import import_rates

    given = {"currency": currency, "valid_from": valid_from}
    import_rates(url, key, file, deck, name, given, trunk or [], as_json=as_json)


@rates_app.command("list", epilog="Example: ringback rates list --json")
def list_decks(key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the rate decks, newest first, with their versions."""
    from ringback.remote.money import show_decks

    show_decks(url, key, as_json=as_json)


@rates_app.command("show", epilog="Example: ringback rates show deck_01h455vb4pex5vsknk084sn02q --limit 100")
def show_one(
    deck_id: DeckId,
    key: Key,
    url: Url = DEFAULT_URL,
    version: Version = None,
    number: OfNumber = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show the first rates of a deck."""
    from ringback.remote.money import show_rates

    show_rates(url, key, deck_id, version, number, limit, as_json=as_json)


@app.command(epilog="Example: ringback budget 250.00 --campaign cmp_01h455vb4pex5vsknk084sn02q")
def budget(
    key: Key, amount: Amount = None, url: Url = DEFAULT_URL, campaign: OfCampaign = None, as_json: AsJson = False
) -> None:
    """Say what the workspace or a campaign may spend, or show what it has spent.

    A campaign that has spent its budget goes on by itself once it is raised.
    """
    from ringback.remote.money import give_budget

    give_budget(url, key, campaign, amount, as_json=as_json)
