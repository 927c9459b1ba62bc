"""`ringback policies`: named retry policies, said in words, and made of a file."""

import json
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console

from ringback.errors import Invalid
from ringback.remote.client import Client

PATH = "/v1/retry-policies"
PAGE = 100
_EXAMPLE = '{"max_attempts": 3, "after": {"no-answer": ["30m", "2h"]}}'


def show_policies(url: str, key: str, *, as_json: bool) -> None:
    """Print the named policies, all pages of them."""
    policies = _all(Client(url, key))
    if as_json:
        Console().print_json(data=policies)
    elif not policies:
        _say("there are no named policies; `ringback policies create FILE` makes one")
    else:
        _say("\n".join(map(_headed, policies)))


def show_one_policy(url: str, key: str, policy_id: str, *, as_json: bool) -> None:
    """Print a policy with all its versions, oldest first, and the newest as it is written."""
    policy = Client(url, key).get(f"{PATH}/{policy_id}")
    if as_json:
        Console().print_json(data=policy)
        return
    _say(f"{policy['id']}  {policy['name']}")
    for version in policy["versions"]:
        made_at = version["created_at"][:16].replace("T", " ")
        _say(f"version {version['version']}, {made_at} UTC\n  {version['in_words']}")
    Console().print_json(data=policy["retry"])


def create_policy(url: str, key: str, file: Path, name: str | None, *, as_json: bool) -> None:
    """Name the policy in a file.

    Raises:
        Invalid: the file is neither JSON nor TOML, or the server takes it for no policy.
    """
    retry = read_policy_file(file)
    kept_name = retry.pop("name", None)
    made = Client(url, key).post(PATH, {"name": name or kept_name or file.stem, "retry": retry})
    Console().print_json(data=made) if as_json else _say(_headed(made))


def read_policy_file(file: Path) -> dict[str, Any]:
    """The object in a file of JSON or, where its name ends so, of TOML.

    Raises:
        Invalid: it is none, with what is wrong or an example.
    """
    try:
        text = file.read_text(encoding="utf-8")
        found = tomllib.loads(text) if file.suffix.lower() == ".toml" else json.loads(text)
    except ValueError as wrong:  # of both readers, and of a text that is not UTF-8
        raise Invalid([f"{file} is neither JSON nor, by a name that ends in .toml, TOML: {wrong}"]) from wrong
    if not isinstance(found, dict):
        raise Invalid([f"{file} must hold one policy, such as {_EXAMPLE}"])
    return found


def _all(client: Client) -> list[Any]:
    listed = client.get(PATH, limit=PAGE)
    policies = list(listed["data"])
    while (after := listed["meta"]["next_cursor"]) is not None:
        listed = client.get(PATH, limit=PAGE, cursor=after)
        policies += listed["data"]
    return policies


def _headed(policy: dict[str, Any]) -> str:
    return f"{policy['id']}  {policy['name']}, version {policy['version']}\n  {policy['in_words']}"


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
