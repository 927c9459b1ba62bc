"""`ringback keys`: the API keys of a workspace."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.client import Client

PATH = "/v1/api-keys"
PAGE = 100


def show_keys(url: str, key: str, *, as_json: bool) -> None:
    """Print the keys, all pages of them."""
    keys = list(_all(Client(url, key)))
    Console().print_json(data=keys) if as_json else Console().print(table(keys))


def create_key(url: str, key: str, wanted: Mapping[str, Any], *, as_json: bool) -> None:
    """Make a key.

    Raises:
        Invalid: the server takes it for none.
    """
    _print_new(Client(url, key).post(PATH, dict(wanted)), as_json=as_json)


def rotate_key(url: str, key: str, key_id: str, wanted: Mapping[str, Any], *, as_json: bool) -> None:
    """Make a key that takes the place of one."""
    _print_new(Client(url, key).post(f"{PATH}/{key_id}/rotate", dict(wanted)), as_json=as_json)


def revoke_key(url: str, key: str, key_id: str) -> None:
    """Revoke a key."""
    Client(url, key).delete(f"{PATH}/{key_id}")
    _say(f"{key_id} is revoked")


def table(keys: Iterable[Mapping[str, Any]]) -> Table:
    """A row for each key."""
    table = Table(box=None, pad_edge=False)
    for header in ("id", "ends in"):
        table.add_column(header, no_wrap=True)
    for header in ("name", "scopes", "made", "used last", "state"):
        table.add_column(header)
    for one in keys:
        made, used = one["created_at"], one["last_used_at"]
        scopes = ", ".join(one["scopes"])
        table.add_row(one["id"], one["last_four"], one["name"], scopes, _minute(made), _minute(used), state(one))
    return table


def state(key: Mapping[str, Any]) -> str:
    """Whether a key is live or of tests, from where it is taken, and until when it is good."""
    told = ["live" if key["live"] else "test"]
    if key["revoked_at"] is not None:
        told.append(f"revoked {_minute(key['revoked_at'])}")
    elif key["expires_at"] is not None:
        told.append(f"until {_minute(key['expires_at'])}")
    if key["replaced_by"] is not None:
        told.append(f"replaced by {key['replaced_by']}")
    if key["networks"] is not None:
        told.append(f"from {', '.join(key['networks'])}")
    return ", ".join(told)


def _minute(at: str | None) -> str:
    return "never" if at is None else at[:16].replace("T", " ")


def _print_new(made: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        Console().print_json(data=made)
        return
    _say(f"{made['id']}  {made['name']}, {', '.join(made['scopes'])}, {state(made)}\n{made['secret']}")
    _say("This is shown now and never again: keep it where secrets are kept.")


def _all(client: Client) -> Iterable[Mapping[str, Any]]:
    listed = client.get(PATH, limit=PAGE)
    yield from listed["data"]
    while (after := listed["meta"]["next_cursor"]) is not None:
        listed = client.get(PATH, limit=PAGE, cursor=after)
        yield from listed["data"]


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
