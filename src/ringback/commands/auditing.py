"""What tells who changed what on a server."""

from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Url
from ringback.commands.options import AsJson

app = typer.Typer()

Operation = Annotated[
    str | None, typer.Option(help="By this request, such as 'PATCH /v1/agents/{id}'.", metavar="OPERATION")
]
Kind = Annotated[str | None, typer.Option(help="Of this kind of thing, such as campaign.", metavar="KIND")]
Thing = Annotated[str | None, typer.Option(help="Of the thing with this id.", metavar="ID")]
ByKey = Annotated[str | None, typer.Option(help="By this API key.", metavar="KEY_ID")]
Since = Annotated[str | None, typer.Option(help="Since then, such as 2026-03-01T00:00:00Z.", metavar="TIME")]
Until = Annotated[str | None, typer.Option(help="Before then.", metavar="TIME")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="At most so many.")]


@app.command(epilog="Example: ringback audit --kind campaign --since 2026-03-01T00:00:00Z")
def audit(
    key: Key,
    url: Url = DEFAULT_URL,
    operation: Operation = None,
    kind: Kind = None,
    thing: Thing = None,
    by_key: ByKey = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, newest first; takes a key with `admin`."""
    from ringback.remote.audit import show_audit

    wanted = {"operation": operation, "kind": kind, "thing_id": thing, "key_id": by_key, "since": since, "until": until}
    filters = {name: value for name, value in wanted.items() if value is not None}
    show_audit(url, key, filters, limit, as_json=as_json)
