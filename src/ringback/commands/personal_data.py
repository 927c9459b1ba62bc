"""The commands for a person who asks what is kept of them, or to be forgotten."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, CallId, Key, Url
from ringback.commands.options import AsJson
from ringback.errors import Invalid

personal_app = typer.Typer(help="Tell and erase what is kept of a person.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[str, typer.Argument(help="In international form, such as +14155552671.", metavar="NUMBER")]
Out = Annotated[Path, typer.Option(help="The JSON file that is written.", metavar="FILE")]
MayCall = Annotated[bool, typer.Option("--may-call", help="Do not leave it on the do-not-call list.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@personal_app.command("export", epilog="Example: ringback personal-data export +14155552671 --out ada.json")
def personal_export(number: Number, out: Out, key: Key, url: Url = DEFAULT_URL) -> None:
    """Write everything that the workspace has of a number to a JSON file."""
    from ringback.remote.personal_data import export_person

    export_person(url, key, number, out)


@personal_app.command("erase", epilog="Example: ringback personal-data erase +14155552671 --yes")
def personal_erase(
    number: Number,
    key: Key,
    url: Url = DEFAULT_URL,
    may_call: MayCall = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase a number from everything that the workspace has. It cannot be undone."""
    from ringback.remote.personal_data import erase_person

    if as_json and not yes:
        raise Invalid(["--json asks nobody: give --yes with it"])
    if not yes:
        typer.confirm(f"Erase {number} from all calls, recordings and transcripts?", abort=True)
    erase_person(url, key, number, stays_listed=not may_call, as_json=as_json)


@personal_app.command("redact", epilog="Example: ringback personal-data redact call_01h455vb4pex5vsknk084sn02q")
def personal_redact(call_id: CallId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Take what tells who was called out of one call that is over. It cannot be undone."""
    from ringback.remote.personal_data import redact_call

    redact_call(url, key, call_id, as_json=as_json)
