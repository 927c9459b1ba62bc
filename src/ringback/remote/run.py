"""`ringback campaign run`: from a file of leads to a campaign that runs, and its progress."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import Progress

from ringback.domain.policy_form import kept_policy
from ringback.domain.policy_words import policy_in_words
from ringback.errors import Invalid, RingbackError
from ringback.remote.client import Client
from ringback.remote.money import read_amount
from ringback.remote.watch import count, progress_view

POLL_SEC = 0.5
OVER = ("completed", "cancelled")
NEW_SIMULATOR = {"seed": 1, "speed": 1.0}
"""What the options say when nobody gives them."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run.

    Attributes:
        leads: the file.
        trunks: the id or name of each, the preferred first.
        name: the campaign's.
        retry: the policy as JSON text, None for the default.
        window: local calling hours, HH:MM-HH:MM.
        default_region: of national numbers.
        max_concurrent_calls: None is no cap of the campaign's own.
        budget: what it may spend, None for no bound.
        seed: of a simulator that is made for it.
        speed: likewise.
        check: say what the import would do, and stop there.
        watch: follow it to its end.
    """

    leads: Path
    trunks: tuple[str, ...]
    name: str
    retry: str | None
    window: str
    default_region: str | None
    max_concurrent_calls: int | None
    budget: str | None
    seed: int
    speed: float
    check: bool
    watch: bool


def run_campaign(url: str, key: str, order: Order, *, as_json: bool) -> None:
    """Make the campaign, import the leads, start it, and follow it when asked to.

    Ctrl-C while it is followed leaves it running, and says so.
    """
    client, console = Client(url, key), Console(stderr=True)
    campaign = client.post("/v1/campaigns", _campaign(client, order, console))
    report = _import(client, campaign["id"], order, console)
    if order.check:
        _cancel(client, campaign["id"])
        _print({"campaign_id": campaign["id"], "import": report}, as_json, _show_import(report, order))
        return
    started = client.patch(f"/v1/campaigns/{campaign['id']}/status", {"action": "start"})
    if not as_json:
        _say(Console(), _show_import(report, order))
        _say(Console(), _show_start(started["campaign"]))
    progress = _watch(client, campaign["id"], console) if order.watch else None
    if as_json:
        _print({"campaign_id": campaign["id"], "import": report, "progress": progress}, True, "")


def _campaign(client: Client, order: Order, console: Console) -> dict[str, Any]:
    start, dash, end = order.window.partition("-")
    if not dash:
        raise Invalid(["--window must be HH:MM-HH:MM, such as 09:00-20:00"])
    body = {
        "name": order.name,
        **_trunks(client, order, console),
        "calling_window": {"start": start, "end": end},
        "max_concurrent_calls": order.max_concurrent_calls,
        "budget_micros": None if order.budget is None else read_amount(order.budget),
        "retry": _policy(order.retry),
    }
    return {name: value for name, value in body.items() if value is not None}


def _policy(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError as wrong:
        raise Invalid(
            [f'--retry must be JSON, such as \'{{"max_retries": 3, "wait_minutes": 60}}\': {wrong}']
        ) from wrong


def _trunks(client: Client, order: Order, console: Console) -> dict[str, Any]:
    """The trunk, or all of them in the order in which they were named."""
    ids = [_trunk_id(client, wanted, order, console) for wanted in order.trunks]
    if len(ids) == 1:
        return {"trunk_id": ids[0]}
    return {"trunks": [{"trunk_id": trunk_id, "priority": place} for place, trunk_id in enumerate(ids, 1)]}


def _trunk_id(client: Client, wanted: str, order: Order, console: Console) -> str:
    """The trunk of that id or name; a simulator is made where there is none."""
    trunks = client.get("/v1/trunks", limit=100)["data"]
    for trunk in trunks:
        if wanted in (trunk["id"], trunk["name"]):
            _say_what_it_keeps(trunk, order, console)
            return str(trunk["id"])
    if wanted != "simulator":
        names = ", ".join(trunk["name"] for trunk in trunks) or "none"
        raise Invalid([f"--trunk {wanted} is not known; there are: {names}"])
    settings = {"seed": order.seed, "speed": order.speed}
    made = client.post("/v1/trunks", {"name": "simulator", "kind": "simulator", "settings": settings})
    return str(made["id"])


def _say_what_it_keeps(trunk: dict[str, Any], order: Order, console: Console) -> None:
    kept, asked = {**NEW_SIMULATOR, **trunk["settings"]}, {"seed": order.seed, "speed": order.speed}
    if trunk["kind"] == "simulator" and asked != NEW_SIMULATOR and any(kept[name] != asked[name] for name in asked):
        seed, speed = kept["seed"], kept["speed"]
        _say(console, f"trunk {trunk['name']} is there already: its seed stays {seed}, its speed {speed}")


def _import(client: Client, campaign_id: str, order: Order, console: Console) -> Any:
    """Send the file; a file that is refused leaves no draft behind."""
    fields = {"default_region": order.default_region} if order.default_region else {}
    path, flag = f"/v1/campaigns/{campaign_id}/leads", "true" if order.check else "false"
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("sending leads", total=order.leads.stat().st_size)
        with bars.open(order.leads, "rb", task_id=task) as body:
            try:
                return client.upload(path, (order.leads.name, body), fields, dry_run=flag)
            except RingbackError:
                _cancel(client, campaign_id)
                raise


def _cancel(client: Client, campaign_id: str) -> None:
    client.patch(f"/v1/campaigns/{campaign_id}/status", {"action": "cancel"})


def _watch(client: Client, campaign_id: str, console: Console) -> Any:
    """Show the progress until the campaign is over, or until Ctrl-C."""
    path = f"/v1/campaigns/{campaign_id}/progress"
    progress = client.get(path)
    with (
        _leaving_it(campaign_id, console),
        Live(progress_view(progress), console=console, refresh_per_second=8) as live,
    ):
        while progress["status"] not in OVER:
            time.sleep(POLL_SEC)
            progress = client.get(path)
            live.update(progress_view(progress))
    return progress


@contextmanager
def _leaving_it(campaign_id: str, console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _say(console, f"campaign {campaign_id} goes on; `ringback campaign pause {campaign_id}` stops new dials")


def _show_import(report: Any, order: Order) -> str:
    done = "would be imported" if order.check else "imported"
    lines = [f"{count(report['created'], 'lead')} {done}, {count(report['rejected'], 'row')} rejected"]
    lines += [f"  {r['count']:,} {r['code']} ({_rows(r)}): {r['message']}" for r in report["reasons"]]
    return "\n".join(lines)


def _rows(reason: Any, most: int = 5) -> str:
    shown = ", ".join(map(str, reason["rows"][:most]))
    return f"row{'' if reason['count'] == 1 else 's'} {shown}{', ...' if reason['count'] > most else ''}"


def _show_start(campaign: Any) -> str:
    window, campaign_id = campaign["calling_window"], campaign["id"]
    policy = policy_in_words(kept_policy(campaign["retry"]))
    return (
        f"campaign {campaign_id} is {campaign['status']}: it dials from {window['start']} to {window['end']} of each "
        f"lead's own day\nits policy:   {policy}\nits progress: GET /v1/campaigns/{campaign_id}/progress\n"
        f"its calls:    GET /v1/call-logs/campaign/{campaign_id}"
    )


def _print(value: Any, as_json: bool, text: str) -> None:
    Console().print_json(data=value) if as_json else _say(Console(), text)


def _say(console: Console, text: str) -> None:
    """Plain text as it is: nothing in it is markup, and lines are the terminal's to wrap."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)
