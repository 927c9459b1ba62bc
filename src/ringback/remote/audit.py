"""`ringback audit`: who changed what."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from ringback.remote.client import Client

PATH = "/v1/audit"


def show_audit(url: str, key: str, filters: Mapping[str, str], limit: int, *, as_json: bool) -> None:
    """Print the newest changes."""
    changes = Client(url, key).get(PATH, limit=limit, **filters)["data"]
    if as_json:
        Console().print_json(data=changes)
        return
    told = "\n".join(map(headed, changes)) or "nothing was changed"
    Console().print(told, soft_wrap=True, markup=False, highlight=False)


def headed(change: Mapping[str, Any]) -> str:
    """A change in a few lines: when, who, what, on what, and each field before and after."""
    at = change["at"][:19].replace("T", " ")
    lines = [f"{at}  {_who(change['by'])}  {change['operation']}  {change['thing_id'] or change['kind']}"]
    before, after = change["before"] or {}, change["after"] or {}
    for name in {**before, **after}:
        lines.append(f"  {name}: {_side(before, name)} -> {_side(after, name)}")
    return "\n".join(lines)


def _who(by: Mapping[str, Any]) -> str:
    return by["kind"] if by["key_id"] is None else f"{by['key_id']} (...{by['last_four']})"


def _side(fields: Mapping[str, Any], name: str) -> str:
    return json.dumps(fields[name], ensure_ascii=False) if name in fields else "nothing"
