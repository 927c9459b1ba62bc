"""What tells from the past when to call, and how often."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, OfCampaign, Url
from ringback.commands.options import AsJson

app = typer.Typer()

From = Annotated[str | None, typer.Option("--from", help="The first day; the last 30 when left out.", metavar="DAY")]
To = Annotated[str | None, typer.Option(help="The last day, in UTC; today when left out.", metavar="DAY")]
OverTrunk = Annotated[str | None, typer.Option(help="Over this trunk.", metavar="TRUNK_ID")]
Group = Annotated[
    str | None, typer.Option(help="A table by one or two sides instead, such as region,attempt.", metavar="SIDES")
]
Svg = Annotated[
    Path | None, typer.Option(help="Write the heat map and the curve as SVG into this directory too.", metavar="DIR")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, a row for each group.")]


@app.command(epilog="Example: ringback analytics --from 2026-03-01 --to 2026-03-31 --svg pictures")
def analytics(
    key: Key,
    url: Url = DEFAULT_URL,
    campaign: OfCampaign = None,
    trunk: OverTrunk = None,
    since: From = None,
    to: To = None,
    group_by: Group = None,
    svg: Svg = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show when calling reaches people, and what each attempt adds."""
    from ringback.remote.analytics import Wish, show_analytics

    wanted = {"from": since, "to": to, "campaign_id": campaign, "trunk_id": trunk}
    filters = {name: value for name, value in wanted.items() if value is not None}
    show_analytics(url, key, Wish(filters, group_by, svg, as_json, as_csv))
