"""What is kept of a person, told and erased over the API."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from ringback.remote.client import Client

PATH = "/v1/personal-data"


def export_person(url: str, key: str, number: str, out: Path) -> None:
    """Write everything that there is of a number to a file."""
    told = Client(url, key).post(f"{PATH}/export", {"number": number})
    out.write_text(f"{json.dumps(told, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    found = told["found"]
    _say(f"{out}: {len(found['calls']):,} calls, {len(found['do_not_call']):,} entries on the do-not-call list")


def erase_person(url: str, key: str, number: str, *, stays_listed: bool, as_json: bool) -> None:
    """Erase a number, and say how far that has come."""
    told = Client(url, key).post(f"{PATH}/erasures", {"number": number, "do_not_call": stays_listed})
    left = "" if told["status"] == "done" else "; the rest when the call that is up has ended"
    _answer(told, f"{told['id']}: {told['status']}, {told['calls']:,} calls erased{left}", as_json=as_json)


def redact_call(url: str, key: str, call_id: str, *, as_json: bool) -> None:
    """Take what tells who it was out of one call."""
    told = Client(url, key).post(f"/v1/call-logs/{call_id}/redact", None)
    _answer(told, f"{told['id']} tells of nobody any more", as_json=as_json)


def _answer(told: Any, line: str, *, as_json: bool) -> None:
    if as_json:
        Console().print_json(data=told)
    else:
        _say(line)


def _say(line: str) -> None:
    Console().print(line, soft_wrap=True, markup=False, highlight=False)
