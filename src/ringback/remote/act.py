"""`ringback campaign pause`, `resume` and `cancel`: what the owner of a campaign that is there may do."""

from typing import Any

from rich.console import Console

from ringback.remote.client import Client


def act_on_campaign(url: str, key: str, campaign_id: str, action: str, *, hang_up: bool = False, as_json: bool) -> None:
    """Move a campaign, and say what is left of it.

    Args:
        url: the server's.
        key: the API key.
        campaign_id: which.
        action: of `PATCH /v1/campaigns/{id}/status`.
        hang_up: with a cancel: hang up the calls that ring.
        as_json: print the answer as it is.
    """
    body = {"action": action, **({"hang_up": True} if hang_up else {})}
    moved = Client(url, key).patch(f"/v1/campaigns/{campaign_id}/status", body)
    if as_json:
        Console().print_json(data=moved)
        return
    Console().print(_summary(moved), soft_wrap=True, markup=False, highlight=False)


def _summary(moved: dict[str, Any]) -> str:
    campaign, affected = moved["campaign"], moved["affected"]
    counts = [f"{affected['queued']:,} queued", f"{affected['live']:,} live"]
    if affected["cancelled"]:
        counts.append(f"{affected['cancelled']:,} cancelled")
    return f"campaign {campaign['id']} is {campaign['status']}: {', '.join(counts)}"
