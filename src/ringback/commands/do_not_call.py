"""`ringback do-not-call`: the numbers that nobody in a workspace dials, over the API."""

from pathlib import Path
from typing import Annotated

import typer

from ringback.commands.campaigns import DEFAULT_URL, Key, Limit, Region, Url
from ringback.commands.options import AsJson

list_app = typer.Typer(help="Say whom nobody dials.", no_args_is_help=True, rich_markup_mode=None)

Numbers = Annotated[
    list[str], typer.Argument(help="Numbers, or beginnings of numbers such as '+1900*'.", metavar="NUMBER...")
]
Note = Annotated[str | None, typer.Option(help="Kept with the entry.", metavar="TEXT")]
ExpiresAt = Annotated[str | None, typer.Option(help="Until when it counts; for good when left out.", metavar="TIME")]
OneNumber = Annotated[str | None, typer.Option(help="Only entries that forbid this number.", metavar="NUMBER")]
EntryId = Annotated[
    str, typer.Argument(help="The entry's id, such as dnc_01h455vb4pex5vsknk084sn02q.", metavar="ENTRY_ID")
]
EntryFile = Annotated[
    Path, typer.Argument(help="CSV, XLSX or XLS with a column phone_number.", exists=True, metavar="FILE")
]


@list_app.command("add", epilog="Example: ringback do-not-call add +14155552671 --note 'asked on the phone'")
def add(
    numbers: Numbers,
    key: Key,
    url: Url = DEFAULT_URL,
    note: Note = None,
    expires_at: ExpiresAt = None,
    as_json: AsJson = False,
) -> None:
    """Put numbers on the do-not-call list."""
    from ringback.remote.do_not_call import add_numbers

    add_numbers(url, key, numbers, note, expires_at, as_json=as_json)


@list_app.command("list", epilog="Example: ringback do-not-call list --number +14155552671")
def list_entries(
    key: Key, url: Url = DEFAULT_URL, number: OneNumber = None, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """The do-not-call list, newest first."""
    from ringback.remote.do_not_call import show_entries

    show_entries(url, key, number, limit, as_json=as_json)


@list_app.command("remove", epilog="Example: ringback do-not-call remove dnc_01h455vb4pex5vsknk084sn02q")
def remove(entry_id: EntryId, key: Key, url: Url = DEFAULT_URL) -> None:
    """Take an entry off the do-not-call list."""
    from ringback.remote.do_not_call import remove_entry

    remove_entry(url, key, entry_id)


@list_app.command("import", epilog="Example: ringback do-not-call import opted-out.csv --default-region US")
def import_file(
    file: EntryFile, key: Key, url: Url = DEFAULT_URL, default_region: Region = None, as_json: AsJson = False
) -> None:
    """Put the numbers of a file on the do-not-call list."""
    from ringback.remote.do_not_call import import_numbers

    import_numbers(url, key, file, default_region, as_json=as_json)
