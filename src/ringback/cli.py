"""The commands. Each says what it wants and hands over; what it does lives elsewhere."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ringback import __version__, config
from ringback.config import Settings
from ringback.errors import Invalid, RingbackError

app = typer.Typer(
    help="Outbound calling campaigns that redial by a policy, never dial twice, and show every attempt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
campaign_app = typer.Typer(help="Run campaigns on a server.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(campaign_app, name="campaign")

Data = Annotated[Path, typer.Option(help="Directory of the database and all else.", metavar="DIR")]
Host = Annotated[str, typer.Option(help="The address that the API listens on.", metavar="ADDRESS")]
Port = Annotated[int, typer.Option(help="Its port; 0 takes a free one.", min=0, max=65535, metavar="N")]
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Url = Annotated[str, typer.Option(envvar=config.URL, help="The server.", metavar="URL")]
Key = Annotated[str, typer.Option(envvar=config.KEY, help="The API key, as `ringback init` printed it.", metavar="KEY")]
CallId = Annotated[
    str, typer.Argument(help="The call's id, such as call_01h455vb4pex5vsknk084sn02q.", metavar="CALL_ID")
]
CampaignId = Annotated[
    str, typer.Argument(help="The campaign's id, such as cmp_01h455vb4pex5vsknk084sn02q.", metavar="CAMPAIGN_ID")
]
HangUp = Annotated[bool, typer.Option("--hang-up", help="Hang up the calls that ring; those that talk go on.")]
Workspace = Annotated[str, typer.Option(help="Its name; a second workspace takes another.", metavar="NAME")]

DEFAULT_URL = f"http://{config.DEFAULT_HOST}:{config.DEFAULT_PORT}"


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and exit code 1."""
    try:
        app()
    except Invalid as wrong:
        sys.exit("\n".join(f"error: {line}" for line in wrong.lines))
    except RingbackError as failed:
        sys.exit(f"error: {failed}")


@app.command(epilog="Example: ringback init --data ./calls --json")
def init(data: Data, workspace: Workspace = "default", as_json: AsJson = False) -> None:
    """Make a database with a workspace and its first keys.

    One live key and one test key; they are shown this once.
    """
    from ringback.installation import initialise

    made = initialise(Settings(data, config.database_url()), workspace)
    if as_json:
        _print_json({name: getattr(made, name) for name in ("workspace_id", "name", "live_key", "test_key")})
        return
    typer.echo(f"workspace  {made.name}  {made.workspace_id}\nlive key   {made.live_key}\ntest key   {made.test_key}")
    typer.echo(f"\nKeep the keys: they are not shown again. Next:\n  ringback serve --data {data}")


@app.command(epilog="Example: ringback serve --data ./calls --port 8321")
def serve(
    data: Data,
    host: Host = config.DEFAULT_HOST,
    port: Port = config.DEFAULT_PORT,
    api: Annotated[bool, typer.Option("--api", help="Serve the API, and dial only with --dial.")] = False,
    dial: Annotated[bool, typer.Option("--dial", help="Dial, and serve the API only with --api.")] = False,
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


@campaign_app.command("run", epilog="Example: ringback campaign run leads.csv --trunk simulator --watch")
def campaign_run(
    leads: Annotated[
        Path, typer.Argument(help="CSV, XLSX or XLS with a column phone_number.", exists=True, metavar="LEADS")
    ],
    trunk: Annotated[
        str, typer.Option(help="A trunk's id or name; `simulator` is made where there is none.", metavar="NAME")
    ],
    key: Key,
    url: Url = DEFAULT_URL,
    name: Annotated[
        str | None, typer.Option(help="The campaign's name; the file's when left out.", metavar="NAME")
    ] = None,
    retry: Annotated[
        str | None, typer.Option(help="The retry policy as JSON; the default when left out.", metavar="JSON")
    ] = None,
    window: Annotated[
        str, typer.Option(help="Calling hours of the lead's own day.", metavar="HH:MM-HH:MM")
    ] = "09:00-20:00",
    default_region: Annotated[
        str | None, typer.Option(help="Country of national numbers, such as US.", metavar="CC")
    ] = None,
    max_concurrent_calls: Annotated[
        int | None, typer.Option(help="The campaign's cap; none when left out.", min=1, metavar="N")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of a simulator that is made.", metavar="N")] = 1,
    speed: Annotated[
        float, typer.Option(help="Its speed: 1 is life, 60 is a minute a second, 0 no delay.", min=0, metavar="X")
    ] = 1.0,
    check: Annotated[bool, typer.Option("--check", help="Say what the import would do, and dial nobody.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the campaign until it is complete.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a campaign of a file of leads and start it."""
    from ringback.remote.run import Order, run_campaign

    order = Order(
        leads, trunk, name or leads.stem, retry, window, default_region, max_concurrent_calls, seed, speed, check, watch
    )
    run_campaign(url, key, order, as_json=as_json)


@campaign_app.command("pause", epilog="Example: ringback campaign pause cmp_01h455vb4pex5vsknk084sn02q")
def campaign_pause(campaign_id: CampaignId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Begin no new dial; calls that are up end by themselves."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "pause", as_json=as_json)


@campaign_app.command("resume", epilog="Example: ringback campaign resume cmp_01h455vb4pex5vsknk084sn02q")
def campaign_resume(campaign_id: CampaignId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Go on with a campaign that was paused."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "resume", as_json=as_json)


@campaign_app.command("cancel", epilog="Example: ringback campaign cancel --hang-up cmp_01h455vb4pex5vsknk084sn02q")
def campaign_cancel(
    campaign_id: CampaignId,
    key: Key,
    url: Url = DEFAULT_URL,
    hang_up: HangUp = False,
    as_json: AsJson = False,
) -> None:
    """End a campaign for good: nothing that waits is dialled any more."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "cancel", hang_up=hang_up, as_json=as_json)


@app.command(epilog="Example: ringback calls --final-reason reached --limit 5")
def calls(
    key: Key,
    url: Url = DEFAULT_URL,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.", metavar="CAMPAIGN_ID")] = None,
    status: Annotated[str | None, typer.Option(help="In this state, such as scheduled.", metavar="STATUS")] = None,
    final_reason: Annotated[str | None, typer.Option(help="Over, such as reached.", metavar="REASON")] = None,
    to_number: Annotated[str | None, typer.Option(help="To this number.", metavar="NUMBER")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100, metavar="N")] = 20,
    as_json: AsJson = False,
) -> None:
    """List calls with how they stand, newest first."""
    from ringback.remote.calls import show_calls

    wanted = {"campaign_id": campaign, "status": status, "final_reason": final_reason, "to_number": to_number}
    show_calls(url, key, limit, wanted, as_json=as_json)


@app.command(epilog="Example: ringback retries call_01h455vb4pex5vsknk084sn02q")
def retries(call_id: CallId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show every attempt of a call."""
    from ringback.remote.retries import show_retries

    show_retries(url, key, call_id, as_json=as_json)


@app.command(epilog="Example: ringback demo --leads 2000 --days 5 --seed 7")
def demo(
    leads: Annotated[int, typer.Option(help="Leads from the top of the file.", min=1, metavar="N")] = 5_000,
    days: Annotated[int, typer.Option(help="Virtual days.", min=1, max=60, metavar="N")] = 5,
    seed: Annotated[int, typer.Option(help="Of all chance: the same seed gives the same report.", metavar="N")] = 7,
    file: Annotated[Path | None, typer.Option(help="Leads of your own.", exists=True, metavar="FILE")] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the database in this new directory.", metavar="DIR")] = None,
    as_json: AsJson = False,
) -> None:
    """Run days of a campaign in seconds, and report them.

    Simulated people on a virtual clock, through the real engine and a real database.
    """
    from ringback.demo.command import run

    run(leads, days, seed, file, data, as_json=as_json)


@app.command(epilog="Example: ringback nodes --data ./calls")
def nodes(
    data: Annotated[
        Path | None, typer.Option(help="Of an embedded database that runs; else the environment's.", metavar="DIR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who dials and answers on a database.

    Since when, how busy, when last heard of, and in which state.
    """
    from ringback.nodes import show_nodes

    if data is None and config.database_url() is None:
        raise Invalid([f"give --data DIR, or set {config.DATABASE_URL}"])
    show_nodes(Settings(data or Path(), config.database_url()), as_json=as_json)


@app.command(epilog="Example: ringback backup --data ./calls /var/backups/calls-monday")
def backup(
    data: Data,
    to: Annotated[Path, typer.Argument(help="A folder that is not there yet.", metavar="TO")],
    as_json: AsJson = False,
) -> None:
    """Save the embedded database, while its server runs or not.

    One instant of it, with the files of trunks; the folder is not there unless the backup is whole.
    """
    from ringback.backup.command import backup as run

    run(Settings(data, config.database_url()), to, as_json=as_json)


@app.command(epilog="Example: ringback restore --data ./calls-again /var/backups/calls-monday")
def restore(
    data: Annotated[Path, typer.Option(help="A data directory that is not there yet.", metavar="DIR")],
    source: Annotated[Path, typer.Argument(help="What `ringback backup` made.", metavar="FROM")],
    as_json: AsJson = False,
) -> None:
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


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command(hidden=True)
def node(
    data: Data,
    node_name: Annotated[str, typer.Option()],
    drain_sec: DrainSec = 30.0,
    lease_sec: LeaseSec = 10.0,
    alone: bool = False,
) -> None:
    """One dialling node, as `serve` starts it."""
    from ringback.processes import log_to_stderr, run_node

    log_to_stderr()
    settings = Settings(data, node_name=node_name, drain_sec=drain_sec, lease_sec=lease_sec, alone=alone)
    asyncio.run(run_node(_own_database(), settings))


@app.command(hidden=True)
def api(
    data: Data,
    node_name: Annotated[str, typer.Option()],
    host: Host = config.DEFAULT_HOST,
    port: Port = config.DEFAULT_PORT,
    lame_sec: LameSec = None,
    metrics_port: MetricsPort = None,
) -> None:
    """The API, as `serve` starts it."""
    from ringback.processes import log_to_stderr, run_api

    log_to_stderr()
    settings = Settings(data, host=host, port=port, node_name=node_name, lame_sec=lame_sec or 0.0)
    asyncio.run(run_api(_own_database(), replace(settings, metrics_port=metrics_port)))


def _own_database() -> str:
    return os.environ[config.DATABASE_URL]


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
