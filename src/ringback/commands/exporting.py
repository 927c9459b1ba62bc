"""The commands that bring calls, attempts and decisions out as files."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, OfCampaign, Url
from ringback.commands.options import AsJson
from ringback.domain.export import Format, Kind

export_app = typer.Typer(
    help="Write calls, attempts or decisions to a file.", no_args_is_help=True, rich_markup_mode=None
)

Out = Annotated[Path, typer.Option(help="The file that is written.", metavar="FILE")]
AsFormat = Annotated[
    Format | None, typer.Option("--format", help="csv, jsonl or parquet; else by the file's ending.", metavar="FORMAT")
]
Columns = Annotated[str | None, typer.Option(help="Only these, such as id,status; else all.", metavar="NAMES")]
From = Annotated[str | None, typer.Option("--from", help="Made at this time or later.", metavar="TIME")]
To = Annotated[str | None, typer.Option(help="Made before this time.", metavar="TIME")]
ToNumber = Annotated[str | None, typer.Option(help="To this number.", metavar="NUMBER")]
Status = Annotated[str | None, typer.Option(help="In this state, such as completed.", metavar="STATUS")]
FinalReason = Annotated[str | None, typer.Option(help="Over, such as reached.", metavar="REASON")]
EndReason = Annotated[str | None, typer.Option(help="Over, such as user_busy.", metavar="REASON")]
Rule = Annotated[str | None, typer.Option(help="By this rule, such as calling_window.", metavar="RULE")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the export on the server; else it is deleted there.")]


@export_app.command("calls", epilog="Example: ringback export calls --out calls.csv --final-reason reached")
def export_calls(
    out: Out,
    key: Key,
    url: Url = DEFAULT_URL,
    format: AsFormat = None,  # noqa: A002 # the option's name
    columns: Columns = None,
    campaign: OfCampaign = None,
    since: From = None,
    to: To = None,
    to_number: ToNumber = None,
    status: Status = None,
    final_reason: FinalReason = None,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Write calls to a file, each with how it stands and the sums of its attempts."""
    narrowed = _narrowed(campaign, since, to, to_number) | {"status": status, "final_reason": final_reason}
    _export(Kind.CALLS, out, format, columns, narrowed, url, key, keep=keep, as_json=as_json)


@export_app.command(
    "attempts", epilog="Example: ringback export attempts --out attempts.parquet --from 2026-03-01T00:00:00Z"
)
def export_attempts(
    out: Out,
    key: Key,
    url: Url = DEFAULT_URL,
    format: AsFormat = None,  # noqa: A002 # the option's name
    columns: Columns = None,
    campaign: OfCampaign = None,
    since: From = None,
    to: To = None,
    to_number: ToNumber = None,
    status: Status = None,
    end_reason: EndReason = None,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Write attempts to a file, a row for each dial."""
    narrowed = _narrowed(campaign, since, to, to_number) | {"status": status, "end_reason": end_reason}
    _export(Kind.ATTEMPTS, out, format, columns, narrowed, url, key, keep=keep, as_json=as_json)


@export_app.command("decisions", epilog="Example: ringback export decisions --out withheld.jsonl --rule calling_window")
def export_decisions(
    out: Out,
    key: Key,
    url: Url = DEFAULT_URL,
    format: AsFormat = None,  # noqa: A002 # the option's name
    columns: Columns = None,
    campaign: OfCampaign = None,
    since: From = None,
    to: To = None,
    to_number: ToNumber = None,
    rule: Rule = None,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Write decisions to a file: dials that were due and withheld, and why."""
    narrowed = _narrowed(campaign, since, to, to_number) | {"rule": rule}
    _export(Kind.DECISIONS, out, format, columns, narrowed, url, key, keep=keep, as_json=as_json)


def _narrowed(campaign: str | None, since: str | None, to: str | None, number: str | None) -> dict[str, str | None]:
    return {"campaign_id": campaign, "from": since, "to": to, "to_number": number}


def _export(
    kind: Kind,
    out: Path,
    file_format: Format | None,
    columns: str | None,
    narrowed: dict[str, str | None],
    url: str,
    key: str,
    *,
    keep: bool,
    as_json: bool,
) -> None:
    from ringback.remote.export import Wish, export

    wanted = {name: value for name, value in narrowed.items() if value is not None}
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    export(url, key, Wish(kind, out, file_format, names, wanted, keep, as_json))
