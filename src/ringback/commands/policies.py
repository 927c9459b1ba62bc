"""What shows and makes named retry policies on a server."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Url
from ringback.commands.options import AsJson

app = typer.Typer(help="Show and name retry policies.", no_args_is_help=True, rich_markup_mode=None)

PolicyId = Annotated[
    str, typer.Argument(help="The policy's id, such as pol_01h455vb4pex5vsknk084sn02q.", metavar="POLICY_ID")
]
PolicyFile = Annotated[
    Path, typer.Argument(help="A retry policy as JSON or TOML.", exists=True, dir_okay=False, metavar="FILE")
]
Name = Annotated[
    str | None, typer.Option(help="Its name; that in the file, or the file's own, when left out.", metavar="NAME")
]


@app.command("list", epilog="Example: ringback policies list --json")
def policies_list(key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the named policies, newest first, each said in words."""
    from ringback.remote.policies import show_policies

    show_policies(url, key, as_json=as_json)


@app.command("show", epilog="Example: ringback policies show pol_01h455vb4pex5vsknk084sn02q")
def policies_show(policy_id: PolicyId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show a named policy with all its versions."""
    from ringback.remote.policies import show_one_policy

    show_one_policy(url, key, policy_id, as_json=as_json)


@app.command("create", epilog="Example: ringback policies create patient.toml --name patient")
def policies_create(
    file: PolicyFile, key: Key, url: Url = DEFAULT_URL, name: Name = None, as_json: AsJson = False
) -> None:
    """Name a policy that is in a JSON or TOML file."""
    from ringback.remote.policies import create_policy

    create_policy(url, key, file, name, as_json=as_json)
