"""What shows and makes caller pools on a server."""

from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Url
from ringback.commands.options import AsJson

app = typer.Typer(
    help="Show and make caller pools: numbers to call from that stand in for one another.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PoolId = Annotated[
    str, typer.Argument(help="The pool's id, such as pool_01h455vb4pex5vsknk084sn02q.", metavar="POOL_ID")
]
Name = Annotated[str, typer.Argument(help="What people call it.", metavar="NAME")]
Numbers = Annotated[list[str], typer.Argument(help="Its numbers in E.164, such as +14155550100.", metavar="NUMBER...")]
DialsPerNumber = Annotated[
    str | None, typer.Option(help="A number rests after so many dials, such as '100 per 1d'.", metavar="RATE")
]
Rest = Annotated[
    str | None, typer.Option(help="It rests at least so long, such as 2d; to the span's end when left out.")
]
Anywhere = Annotated[bool, typer.Option("--anywhere", help="Let all numbers take turns, wherever the lead is.")]


@app.command("list", epilog="Example: ringback callers list --json")
def callers_list(key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the caller pools, newest first."""
    from ringback.remote.callers import show_pools

    show_pools(url, key, as_json=as_json)


@app.command("show", epilog="Example: ringback callers show pool_01h455vb4pex5vsknk084sn02q")
def callers_show(pool_id: PoolId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show a pool's numbers: dials of today, the answer rate of 30 days, and until when each rests."""
    from ringback.remote.callers import show_one_pool

    show_one_pool(url, key, pool_id, as_json=as_json)


@app.command(
    "create", epilog="Example: ringback callers create US +14155550100 +12125550100 --dials-per-number '100 per 1d'"
)
def callers_create(
    name: Name,
    numbers: Numbers,
    key: Key,
    url: Url = DEFAULT_URL,
    dials_per_number: DialsPerNumber = None,
    rest: Rest = None,
    anywhere: Anywhere = False,
    as_json: AsJson = False,
) -> None:
    """Make a pool of these numbers; those that are not registered are."""
    from ringback.remote.callers import create_pool

    wanted = {"dials_per_number": dials_per_number, "rest": rest, "local_presence": not anywhere}
    create_pool(url, key, {"name": name, "numbers": numbers, **wanted}, as_json=as_json)
