"""The command line: the commands of all subjects as one program, and how it fails."""

import sys

import typer

from ringback.commands import (
    analysing,
    auditing,
    callers,
    campaigns,
    do_not_call,
    exporting,
    keeping,
    keys,
    money,
    personal_data,
    policies,
    rules,
    serving,
    webhooks,
)
from ringback.commands.ledger import ledger_app
from ringback.errors import Invalid, RingbackError

app = typer.Typer(
    help="Outbound calling campaigns that redial by a policy, never dial twice, and show every attempt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for subject in (serving, campaigns, analysing, auditing, money, keeping):
    app.add_typer(subject.app)
app.add_typer(campaigns.campaign_app, name="campaign")
app.add_typer(policies.app, name="policies")
app.add_typer(callers.app, name="callers")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(do_not_call.list_app, name="do-not-call")
app.add_typer(money.rates_app, name="rates")
app.add_typer(keeping.trunk_app, name="trunk")
app.add_typer(exporting.export_app, name="export")
app.add_typer(personal_data.personal_app, name="personal-data")
app.add_typer(rules.rules_app, name="rules")
app.add_typer(ledger_app, name="ledger")


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and exit code 1."""
    try:
        app()
    except Invalid as wrong:
        sys.exit("\n".join(f"error: {line}" for line in wrong.lines))
    except RingbackError as failed:
        sys.exit(f"error: {failed}")
