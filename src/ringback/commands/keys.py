"""`ringback keys`: who may ask a server, and what for, over the API."""

from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Url
from ringback.commands.options import AsJson

app = typer.Typer(
    help="Show, make, rotate and revoke the API keys of a workspace.", no_args_is_help=True, rich_markup_mode=None
)

KeyId = Annotated[str, typer.Argument(help="The key's id, such as key_01h455vb4pex5vsknk084sn02q.", metavar="KEY_ID")]
Name = Annotated[str, typer.Argument(help="What people call it.", metavar="NAME")]
Scopes = Annotated[
    list[str], typer.Option("--scope", help="What it may do, such as calls:read; one --scope each.", metavar="SCOPE")
]
Test = Annotated[bool, typer.Option("--test", help="Make a test key: it works on simulator trunks only.")]
ExpiresAt = Annotated[
    str | None, typer.Option(help="Until when it is good, such as 2031-01-01T00:00:00Z; for good when left out.")
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--network", help="Take it from there alone, such as 203.0.113.0/24; one --network each.", metavar="NETWORK"
    ),
]
KeepOld = Annotated[bool, typer.Option("--keep-old", help="Let the old key work for 24 hours more; else it ends now.")]


@app.command("list", epilog="Example: ringback keys list --json")
def keys_list(key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the API keys, newest first: what each may do, when it was used last, and until when it is good."""
    from ringback.remote.keys import show_keys

    show_keys(url, key, as_json=as_json)


@app.command("create", epilog="Example: ringback keys create reporting --scope calls:read --scope campaigns:read")
def keys_create(
    name: Name,
    scope: Scopes,
    key: Key,
    url: Url = DEFAULT_URL,
    test: Test = False,
    expires_at: ExpiresAt = None,
    network: Networks = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key. Its secret is printed now and never again."""
    from ringback.remote.keys import create_key

    wanted = {"name": name, "scopes": scope, "live": not test, "expires_at": expires_at, "networks": network or None}
    create_key(url, key, wanted, as_json=as_json)


@app.command("rotate", epilog="Example: ringback keys rotate key_01h455vb4pex5vsknk084sn02q --keep-old")
def keys_rotate(
    key_id: KeyId,
    key: Key,
    url: Url = DEFAULT_URL,
    keep_old: KeepOld = False,
    expires_at: ExpiresAt = None,
    as_json: AsJson = False,
) -> None:
    """Make a key that takes the place of one. Its secret is printed now and never again."""
    from ringback.remote.keys import rotate_key

    wanted = {"old_key_ends": "in-24h" if keep_old else "now", "expires_at": expires_at}
    rotate_key(url, key, key_id, wanted, as_json=as_json)


@app.command("revoke", epilog="Example: ringback keys revoke key_01h455vb4pex5vsknk084sn02q")
def keys_revoke(key_id: KeyId, key: Key, url: Url = DEFAULT_URL) -> None:
    """Revoke an API key: nobody is answered who presents it."""
    from ringback.remote.keys import revoke_key

    revoke_key(url, key, key_id)
