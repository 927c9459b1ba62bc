"""`ringback explain` and `ringback campaign blockers`: what happens next, and what is waited for."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from ringback.remote.client import Client
from ringback.remote.watch import count


def show_explanation(url: str, key: str, call_id: str, *, as_json: bool) -> None:
    """Print what happens next with a call, and what it has to keep to."""
    explained = Client(url, key).get(f"/v1/call-logs/{call_id}/explain")
    if as_json:
        Console().print_json(data=explained)
        return
    for line in lines(explained):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def show_blockers(url: str, key: str, campaign_id: str, *, as_json: bool) -> None:
    """Print what the leads of a campaign wait for."""
    found = Client(url, key).get(f"/v1/campaigns/{campaign_id}/blockers")
    if as_json:
        Console().print_json(data=found)
        return
    for line in counted(found):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def counted(found: dict[str, Any]) -> Iterator[str]:
    """How many wait, and a line for each thing that is waited for."""
    yield (
        f"campaign {found['campaign_id']} is {found['status']}: {count(found['waiting'], 'lead')} in the queue, "
        f"{found['ready']:,} of them due and held up by nothing"
    )
    for one in found["blockers"]:
        yield f"  {one['in_words']}"


def lines(explained: dict[str, Any]) -> Iterator[str]:
    """The sentence, then a line for each constraint that does not bind at present."""
    yield f"{explained['call_id']} is {explained['status']}: {explained['in_words']}"
    for one in explained["constraints"]:
        if not one["binding"]:
            yield f"  also: {one['in_words']}"
