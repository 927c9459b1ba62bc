"""`ringback webhooks`: where a workspace is told what happens, over the API."""

from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Url
from ringback.commands.options import AsJson

app = typer.Typer(
    help="Show webhooks and what they did not take, and send it again.", no_args_is_help=True, rich_markup_mode=None
)

WebhookId = Annotated[
    str, typer.Argument(help="The webhook's id, such as hook_01h455vb4pex5vsknk084sn02q.", metavar="WEBHOOK_ID")
]
Events = Annotated[
    list[str] | None,
    typer.Argument(help="Dead letters, such as evt_01h455vb4pex5vsknk084sn02q; all when left out.", metavar="EVENT_ID"),
]
Dead = Annotated[bool, typer.Option("--dead", help="Show the dead letters, in place of what is tried again.")]
Limit = Annotated[int, typer.Option(help="Show at most so many.", min=1)]


@app.command("list", epilog="Example: ringback webhooks list --json")
def webhooks_list(key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the webhooks: where they lead, what they are told of, and whether they take it."""
    from ringback.remote.webhooks import show_webhooks

    show_webhooks(url, key, as_json=as_json)


@app.command("deliveries", epilog="Example: ringback webhooks deliveries hook_01h455vb4pex5vsknk084sn02q --dead")
def webhooks_deliveries(
    webhook_id: WebhookId,
    key: Key,
    url: Url = DEFAULT_URL,
    dead: Dead = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the events that a webhook has not taken: what waits, or its dead letters."""
    from ringback.remote.webhooks import show_deliveries

    show_deliveries(url, key, webhook_id, limit, dead=dead, as_json=as_json)


@app.command("redeliver", epilog="Example: ringback webhooks redeliver hook_01h455vb4pex5vsknk084sn02q")
def webhooks_redeliver(webhook_id: WebhookId, key: Key, event_id: Events = None, url: Url = DEFAULT_URL) -> None:
    """Send dead letters again, with the ids that they had: those that are named, or all."""
    from ringback.remote.webhooks import redeliver

    redeliver(url, key, webhook_id, event_id or [])


@app.command("ping", epilog="Example: ringback webhooks ping hook_01h455vb4pex5vsknk084sn02q")
def webhooks_ping(webhook_id: WebhookId, key: Key, url: Url = DEFAULT_URL) -> None:
    """Send a webhook an event that tells of nothing, to try it out."""
    from ringback.remote.webhooks import ping

    ping(url, key, webhook_id)
