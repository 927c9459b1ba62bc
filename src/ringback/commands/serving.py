"""What makes and runs a server: `init`, `serve`, and the processes that `serve` starts."""

import json
from dataclasses import replace
from typing import Annotated

import typer

from ringback import config
from ringback.commands.options import AsJson, Data
from ringback.config import Settings

app = typer.Typer()

Workspace = Annotated[str, typer.Option(help="Its name; a second workspace takes another.", metavar="NAME")]
Host = Annotated[str, typer.Option(help="The address that the API listens on.", metavar="ADDRESS")]
Port = Annotated[int, typer.Option(help="Its port; 0 takes a free one.", min=0, max=65535, metavar="N")]
Api = Annotated[bool, typer.Option("--api", help="Serve the API, and dial only with --dial.")]
Dial = Annotated[bool, typer.Option("--dial", help="Dial, and serve the API only with --api.")]
NodeName = Annotated[
    str | None,
    typer.Option(
        help="A name that no other node on this database has; when left out, one is made and kept.", metavar="NAME"
    ),
]
DrainSec = Annotated[float, typer.Option(help="How long live calls may go on after SIGTERM.", min=0, metavar="SEC")]
LameSec = Annotated[
    float | None,
    typer.Option(
        help="How long requests are still taken after SIGTERM, while /readyz sends them elsewhere; "
        "5 with a PostgreSQL of your own, else 0.",
        min=0,
        metavar="SEC",
    ),
]
LeaseSec = Annotated[
    float, typer.Option(help="How long a node may dial after its last heartbeat.", min=2, max=300, metavar="SEC")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(help="Where /metrics is answered, instead of on the port of the API.", min=1, max=65535, metavar="N"),
]


@app.command(epilog="Example: ringback init --data ./calls --json")
def init(data: Data, workspace: Workspace = "default", as_json: AsJson = False) -> None:
    """Make a database with a workspace and its first keys.

    One live key and one test key; they are shown this once.
    """
    from ringback.installation import initialise

    made = initialise(Settings(data, config.database_url()), workspace)
    if as_json:
        names = ("workspace_id", "name", "live_key", "test_key")
        typer.echo(json.dumps({name: getattr(made, name) for name in names}, indent=2))
        return
    typer.echo(f"workspace  {made.name}  {made.workspace_id}\nlive key   {made.live_key}\ntest key   {made.test_key}")
    typer.echo(f"\nKeep the keys: they are not shown again. Next:\n  ringback serve --data {data}")


@app.command(epilog="Example: ringback serve --data ./calls --port 8321")
def serve(
    data: Data,
    host: Host = config.DEFAULT_HOST,
    port: Port = config.DEFAULT_PORT,
    api: Api = False,
    dial: Dial = False,
    node_name: NodeName = None,
    drain_sec: DrainSec = 30.0,
    lame_sec: LameSec = None,
    lease_sec: LeaseSec = 10.0,
    metrics_port: MetricsPort = None,
) -> None:
    """Run the server: database, API and dialling node.

    It goes on until SIGTERM or Ctrl-C, and then lets live calls end. Any number of servers may share one
    RINGBACK_DATABASE_URL.
    """
    from ringback.installation import serve as run
    from ringback.processes import log_to_stderr

    log_to_stderr()
    roles = {"api": api or not dial, "dial": dial or not api}
    settings = Settings(data, config.database_url(), host, port, node_name, drain_sec, lame_sec, lease_sec, **roles)
    settings = replace(settings, metrics_port=metrics_port)
    run(settings, lambda what: typer.echo(f"ready {what}"))
