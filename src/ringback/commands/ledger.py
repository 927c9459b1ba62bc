"""The commands of the ledger: how it stands, packets out of it, and whether one is what it was."""

from pathlib import Path
from typing import Annotated

import typer

from ringback import config
from ringback.commands.options import AsJson
from ringback.config import Settings
from ringback.errors import Invalid

ledger_app = typer.Typer(help="The verifiable record of every attempt.", no_args_is_help=True, rich_markup_mode=None)

SomeData = Annotated[
    Path | None, typer.Option(help="Directory of an embedded database; else the environment's.", metavar="DIR")
]
Workspace = Annotated[
    str | None, typer.Option(help="The workspace's name; not needed where there is one only.", metavar="NAME")
]
Packet = Annotated[Path, typer.Argument(help="A packet.", metavar="FILE")]
Out = Annotated[Path, typer.Option(help="The packet that is written.", metavar="FILE")]
Number = Annotated[str | None, typer.Option(help="All attempts to this number.", metavar="NUMBER")]
Call = Annotated[str | None, typer.Option(help="All attempts of this call.", metavar="CALL_ID")]
Campaign = Annotated[str | None, typer.Option(help="All attempts of this campaign.", metavar="CAMPAIGN_ID")]
All = Annotated[bool, typer.Option("--all", help="The whole ledger.")]
Fingerprint = Annotated[str | None, typer.Option(help="Of the key that must have signed it.", metavar="SHA256:HEX")]


@ledger_app.command("status", epilog="Example: ringback ledger status --data ./calls")
def ledger_status(data: SomeData = None, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Show how many entries a ledger has, how far behind it is, and what was signed last."""
    from ringback.record.command import show_status

    show_status(_settings(data), workspace, as_json=as_json)


@ledger_app.command("export", epilog="Example: ringback ledger export --number +14155550100 --out packet.zip --data .")
def ledger_export(
    out: Out,
    number: Number = None,
    call: Call = None,
    campaign: Campaign = None,
    whole: All = False,
    data: SomeData = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write a packet that proves what a ledger has of a number, a call or a campaign.

    Tables to read, entries, and proofs that they are in the signed ledger. Works while the server runs or not.
    """
    from ringback.record.command import Wanted, write_packet

    write_packet(_settings(data), workspace, Wanted(number, call, campaign, whole), out, as_json=as_json)


@ledger_app.command("verify", epilog="Example: ringback ledger verify packet.zip")
def ledger_verify(file: Packet, key_fingerprint: Fingerprint = None, as_json: AsJson = False) -> None:
    """Hold a packet to its proofs, with no server and no database.

    Every entry that was changed, removed or moved is named. Exit code 1 where there is one.
    """
    from ringback.record.command import check_packet

    if not check_packet(file, key_fingerprint, as_json=as_json):
        raise typer.Exit(1)


def _settings(data: Path | None) -> Settings:
    if data is None and config.database_url() is None:
        raise Invalid([f"give --data DIR, or set {config.DATABASE_URL}"])
    return Settings(data or Path(), config.database_url())
