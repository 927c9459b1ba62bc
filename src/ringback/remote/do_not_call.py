"""The do-not-call list over the API."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.client import Client

PATH = "/v1/do-not-call"


def add_numbers(
    url: str, key: str, numbers: list[str], note: str | None, expires_at: str | None, *, as_json: bool
) -> None:
    """Put numbers on the list, and say what came of it."""
    given = {"numbers": numbers, "note": note, "expires_at": expires_at}
    _report(Client(url, key).post(PATH, {name: value for name, value in given.items() if value}), as_json=as_json)


def import_numbers(url: str, key: str, file: Path, default_region: str | None, *, as_json: bool) -> None:
    """Put the numbers of a file on the list, and say what came of it."""
    fields = {"default_region": default_region} if default_region else {}
    with file.open("rb") as content:
        _report(Client(url, key).upload(PATH, (file.name, content), fields), as_json=as_json)


def show_entries(url: str, key: str, number: str | None, limit: int, *, as_json: bool) -> None:
    """Print the entries that count."""
    found = Client(url, key).get(PATH, limit=limit, **({"number": number} if number else {}))
    if as_json:
        Console().print_json(data=found)
        return
    table = Table("id", "number", "source", "since", "until", "note", box=None)
    for entry in found["data"]:
        shown = (entry[name] or "" for name in ("id", "number", "source", "created_at", "expires_at", "note"))
        table.add_row(*shown)
    Console().print(table)


def remove_entry(url: str, key: str, entry_id: str) -> None:
    """Take an entry off the list."""
    Client(url, key).delete(f"{PATH}/{entry_id}")
    _say(f"{entry_id} is off the list")


def _report(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        Console().print_json(data=told)
        return
    counts = {"added": "added", "present": "on the list before", "cancelled": "calls cancelled", "rejected": "rejected"}
    _say(", ".join(f"{told[name]:,} {word}" for name, word in counts.items()))
    for reason in told["reasons"]:
        rows = ", ".join(map(str, reason["rows"][:10]))
        _say(f"  {reason['count']:,} {reason['code']} (rows {rows}): {reason['message']}")


def _say(line: str) -> None:
    Console().print(line, soft_wrap=True, markup=False, highlight=False)
