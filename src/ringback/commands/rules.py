"""What shows the rule packs."""

import json
from typing import Annotated

import typer

from ringback import config
from ringback.commands.options import AsJson
from ringback.errors import NotFound

rules_app = typer.Typer(help="Look at the rule packs.", no_args_is_help=True, rich_markup_mode=None)

PackName = Annotated[str, typer.Argument(help="Its name, with a version for one of them.", metavar="PACK")]


@rules_app.command("list", epilog="Example: ringback rules list --json")
def list_packs(as_json: AsJson = False) -> None:
    """List the rule packs of this release and of the folder of your own.

    Exit code 1 where a file of a pack cannot be read.
    """
    from ringback.rules.shelf import Shelf
    from ringback.rules.show import show_pack

    library = Shelf(config.rules_dir()).library()
    packs = [pack for versions in library.packs.values() for pack in versions]
    if as_json:
        faulty = [{"name": file.name or None, "version": file.version, "faults": file.lines} for file in library.faulty]
        typer.echo(json.dumps({"data": [show_pack(pack) for pack in packs], "faulty": faulty}, indent=2))
    else:
        width = max(len(pack.label) for pack in packs)
        for pack in packs:
            typer.echo(f"{pack.label:<{width}}  from {pack.effective_from}  {pack.title}")
        for line in (line for file in library.faulty for line in file.lines):
            typer.echo(f"error: {line}", err=True)
    if library.faulty:
        raise typer.Exit(1)


@rules_app.command("show", epilog="Example: ringback rules show us-fl")
def show(pack: PackName, as_json: AsJson = False) -> None:
    """Show a rule pack: what its clauses ask for, where that is written, and what it does not cover."""
    from ringback.rules.shelf import Shelf
    from ringback.rules.show import in_words, scope_in_words, show_pack

    name, _, version = pack.partition("@")
    library = Shelf(config.rules_dir()).library()
    found = [one for one in library.packs.get(name, ()) if version in ("", one.version)]
    if not found:
        raise NotFound("rule_pack_not_found", f"there is no rule pack {pack}: see ringback rules list")
    if as_json:
        typer.echo(json.dumps([show_pack(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(f"{one.label}, in force from {one.effective_from}\n{one.title}")
        for clause in one.clauses:
            until = "" if clause.effective_until is None else f" until {clause.effective_until}"
            typer.echo(f"\n{clause.clause_id}: {in_words(clause.value)}")
            typer.echo(f"  for        {scope_in_words(clause.scope)}")
            typer.echo(f"  text       {clause.text}")
            typer.echo(f"  citation   {clause.citation} ({clause.authority}), from {clause.effective_from}{until}")
            typer.echo(f"  source     {clause.source}{'' if clause.confirmed else ' (not confirmed)'}")
            if clause.note:
                typer.echo(f"  note       {clause.note}")
        typer.echo("\nnot covered:" + "".join(f"\n  - {line}" for line in one.not_covered))
