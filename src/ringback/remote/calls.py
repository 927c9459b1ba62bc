"""`ringback calls`: calls with how they stand, newest first, as a table."""

from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.client import Client
from ringback.remote.watch import count


def show_calls(url: str, key: str, limit: int, filters: dict[str, str | None], *, as_json: bool) -> None:
    """Print the newest calls that pass the filters of `GET /v1/call-logs`."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    listed = Client(url, key).get("/v1/call-logs", limit=limit, **wanted)
    if as_json:
        Console().print_json(data=listed)
        return
    if listed["data"]:
        Console().print(_table(listed["data"]))
    shown, total = len(listed["data"]), listed["meta"]["total"]
    Console().print(f"{shown:,} of {count(total, 'call')}", highlight=False)


def _table(calls: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("id", "to", "status", "final reason"):
        table.add_column(header, no_wrap=True)
    for call in calls:
        table.add_row(call["id"], call["to_number"], call["status"], call["final_reason"] or "")
    return table
