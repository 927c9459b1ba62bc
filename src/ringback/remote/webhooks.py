"""`ringback webhooks`: where a workspace is told what happens, and what was not taken there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.client import Client

PATH = "/v1/webhooks"
PAGE = 100


def show_webhooks(url: str, key: str, *, as_json: bool) -> None:
    """Print the webhooks, all pages of them."""
    _print(list(_all(Client(url, key), PATH)), webhooks_table, as_json=as_json)


def show_deliveries(url: str, key: str, webhook_id: str, limit: int, *, dead: bool, as_json: bool) -> None:
    """Print what waits for a webhook, or its dead letters, at most so many."""
    every = _all(Client(url, key), f"{PATH}/{webhook_id}/deliveries", state="dead" if dead else "waiting")
    _print([one for _, one in zip(range(limit), every, strict=False)], deliveries_table, as_json=as_json)


def redeliver(url: str, key: str, webhook_id: str, event_ids: Sequence[str]) -> None:
    """Have dead letters sent again: those that are named, or all."""
    told = Client(url, key).post(f"{PATH}/{webhook_id}/redelivery", {"events": list(event_ids) or None})
    count = told["redelivered"]
    _say(f"{count} dead {'letter is' if count == 1 else 'letters are'} sent again")


def ping(url: str, key: str, webhook_id: str) -> None:
    """Have a webhook sent an event that tells of nothing."""
    _say(f"{Client(url, key).post(f'{PATH}/{webhook_id}/ping', {})['id']} is on its way")


def webhooks_table(webhooks: Iterable[Mapping[str, Any]]) -> Table:
    """A row for each webhook."""
    table = _table("id", "name", "url", "events", "state")
    for one in webhooks:
        table.add_row(one["id"], one["name"], one["url"], ", ".join(one["events"]), state(one))
    return table


def deliveries_table(events: Iterable[Mapping[str, Any]]) -> Table:
    """A row for each event that was not taken."""
    table = _table("id", "event", "of", "happened", "tries", "last failure", "next try")
    for one in events:
        next_at = "none: it is dead" if one["dead_at"] else _minute(one["next_try_at"])
        failure = one["last_failure"] or ""
        happened = _minute(one["happened_at"])
        table.add_row(one["id"], one["type"], one["subject"], happened, str(one["tries"]), failure, next_at)
    return table


def state(webhook: Mapping[str, Any]) -> str:
    """Whether a webhook is told, and if not, why."""
    if not webhook["enabled"]:
        return f"off: {webhook['off_reason']}, {_minute(webhook['off_at'])}"
    if webhook["failing_since"] is not None:
        return f"failing since {_minute(webhook['failing_since'])}: {webhook['last_failure']}"
    return "on"


def _table(first: str, *headers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for header in headers:
        table.add_column(header)
    return table


def _all(client: Client, path: str, **wanted: str) -> Iterator[Mapping[str, Any]]:
    listed = client.get(path, limit=PAGE, **wanted)
    yield from listed["data"]
    while (after := listed["meta"]["next_cursor"]) is not None:
        listed = client.get(path, limit=PAGE, cursor=after, **wanted)
        yield from listed["data"]


def _print(listed: list[Mapping[str, Any]], table: Any, *, as_json: bool) -> None:
    Console().print_json(data=listed) if as_json else Console().print(table(listed))


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
