"""`ringback explain`: what happens next with a call, and why."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from ringback.remote.client import Client


def show_explanation(url: str, key: str, call_id: str, *, as_json: bool) -> None:
    """Print what happens next with a call, and what it has to keep to."""
    explained = Client(url, key).get(f"/v1/call-logs/{call_id}/explain")
    if as_json:
        Console().print_json(data=explained)
        return
    for line in lines(explained):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def lines(explained: dict[str, Any]) -> Iterator[str]:
    """The sentence, then a line for each constraint that does not bind at present."""
    yield f"{explained['call_id']} is {explained['status']}: {explained['in_words']}"
    for one in explained["constraints"]:
        if not one["binding"]:
            yield f"  also: {one['in_words']}"
