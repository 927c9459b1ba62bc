"""What looks after an installation: who works on it, what is wrong with it, and copies of it."""

from pathlib import Path
from typing import Annotated

import typer

from ringback import __version__, config
from ringback.commands.options import AsJson, Data
from ringback.config import Settings
from ringback.errors import Invalid

app = typer.Typer()
trunk_app = typer.Typer(help="Look after trunks.", no_args_is_help=True, rich_markup_mode=None)

RunningData = Annotated[
    Path | None, typer.Option(help="Of an embedded database that runs; else the environment's.", metavar="DIR")
]
SomeData = Annotated[
    Path | None, typer.Option(help="Directory of an embedded database; else the environment's.", metavar="DIR")
]
NewData = Annotated[Path, typer.Option(help="A data directory that is not there yet.", metavar="DIR")]
To = Annotated[Path, typer.Argument(help="A folder that is not there yet.", metavar="TO")]
From = Annotated[Path, typer.Argument(help="What `ringback backup` made.", metavar="FROM")]

# of `trunk test`
TestedTrunk = Annotated[str, typer.Argument(help="The trunk's id, or its name.", metavar="TRUNK")]
ToNumber = Annotated[str, typer.Option("--to", help="Whom to call; a phone rings there.", metavar="NUMBER")]
FromNumber = Annotated[str | None, typer.Option("--from", help="Who calls; else the trunk's own.", metavar="NUMBER")]
Whole = Annotated[bool, typer.Option("--verbose", "-v", help="Print whole messages.")]


@app.command(epilog="Example: ringback nodes --data ./calls")
def nodes(data: RunningData = None, as_json: AsJson = False) -> None:
    """Show who dials and answers on a database.

    Since when, how busy, when last heard of, and in which state.
    """
    from ringback.nodes import show_nodes

    if data is None and config.database_url() is None:
        raise Invalid([f"give --data DIR, or set {config.DATABASE_URL}"])
    show_nodes(Settings(data or Path(), config.database_url()), as_json=as_json)


@app.command(epilog="Example: ringback backup --data ./calls /var/backups/calls-monday")
def backup(data: Data, to: To, as_json: AsJson = False) -> None:
    """Save the embedded database, while its server runs or not.

    One instant of it, with the files of trunks; the folder is not there unless the backup is whole.
    """
    from ringback.backup.command import backup as run

    run(Settings(data, config.database_url()), to, as_json=as_json)


@app.command(epilog="Example: ringback restore --data ./calls-again /var/backups/calls-monday")
def restore(data: NewData, source: From, as_json: AsJson = False) -> None:
    """Make a new data directory of a backup.

    Its campaigns are paused, so that nobody is dialled again who was dialled since.
    """
    from ringback.backup.command import restore as run

    run(Settings(data, config.database_url()), source, as_json=as_json)


@app.command(epilog="Example: ringback doctor --data ./calls")
def doctor(data: Data, as_json: AsJson = False) -> None:
    """Look for what is wrong, and say what to do about it.

    Works while the server runs and while it does not. Exit code 1 where something fails.
    """
    from ringback.doctor.command import doctor as run

    if not run(Settings(data, config.database_url()), as_json=as_json):
        raise typer.Exit(1)


@trunk_app.command("test", epilog="Example: ringback trunk test main --to +14155550100 --data ./calls")
def trunk_test(
    trunk: TestedTrunk,
    to_number: ToNumber,
    from_number: FromNumber = None,
    data: SomeData = None,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Dial once over a trunk, and print all that was said.

    The SIP messages with their times, how it ended, and what to change. Who picks up hears a short tone and is hung
    up on; Ctrl-C hangs up at once. The call is of no campaign: neither caps nor calling hours count it or hold it
    back, and nothing of it is stored. Works while a server runs and while none does. Exit code 1 where the trunk fails.
    """
    from ringback.trial.command import Order, check_trunk

    if data is None and config.database_url() is None:
        raise Invalid([f"give --data DIR, or set {config.DATABASE_URL}"])
    order = Order(trunk, to_number, from_number, as_json, whole)
    if not check_trunk(Settings(data or Path(), config.database_url()), order):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
