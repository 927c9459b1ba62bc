"""The pages keep up with the code: whatever a user can type or read is in them."""

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import typer

from ringback import config, events
from ringback.api.app import OPERATIONS
from ringback.api.problems import CODES
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.carriers.sip.settings import SipSettings
from ringback.carriers.sip.settings import parse_settings as parse_sip_settings
from ringback.cli import app
from ringback.domain.call import FinalReason
from ringback.intake.report import MESSAGES

ROOT = Path(__file__).parent.parent
FRONT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES = [*FRONT, *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = typer.main.get_command(app)
VARIABLES = (
    config.DATABASE_URL,
    config.URL,
    config.KEY,
    config.SPEECH_COMMAND,
    config.PLAIN_WEBSOCKETS,
    config.SECRET_KEY,
    config.RULES_DIR,
    config.CHECK_NETWORKS,
    config.WEBHOOK_NETWORKS,
    config.TRUSTED_PROXIES,
    config.REQUESTS_PER_MIN,
    config.CORS_ORIGINS,
    config.LEDGER_KEY,
)
LONGEST_DECISION = 40


@cache
def text(path: Path) -> str:
    """A file's text, read once."""
    return path.read_text(encoding="utf-8")


def page(name: str) -> str:
    """A page of docs/."""
    return text(ROOT / "docs" / name)


def commands(command=COMMAND, path=("ringback",)):
    """Each command that is shown, with its name in full."""
    for name, sub in getattr(command, "commands", {}).items():
        if not sub.hidden:
            yield from commands(sub, (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path), command


def options():
    """Each option that is shown, with its command."""
    return sorted(
        {(name, opt) for name, sub in commands() for param in sub.params for opt in param.opts if "--" in opt}
    )


def test_every_command_is_described():
    """The operator's page has each command in its table."""
    for name, _ in commands():
        assert f"| `{name}` |" in page("operate.md")


@pytest.mark.parametrize(("command", "option"), [pair for pair in options() if pair[1] != "--help"])
def test_every_option_is_described(command, option):
    """The operator's page has each option in a row of a table, with the command that it belongs to."""
    rows = [row for row in page("operate.md").splitlines() if row.startswith("|") and f"`{option}`" in row]
    short = command.removeprefix("ringback ")
    ours = [row for row in rows if f"`{short}`" in row or (short in ("init", "serve") and row.count("|") == 4)]
    assert ours, f"{option} of {command}"


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_environment_variable_is_described(variable):
    """The operator's page has each environment variable in a table."""
    assert f"| `{variable}` |" in page("operate.md")


def test_no_other_environment_variable_is_read():
    """A variable of ours that the code names is one of those above."""
    named = {name for file in (ROOT / "src").rglob("*.py") for name in re.findall(r"RINGBACK_[A-Z_]+", text(file))}
    assert named <= set(VARIABLES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_every_route_is_described_and_shown(operation):
    """The guide to the API lists each route, and has an example of it."""
    route = f"{operation.method} {operation.path}"
    assert f"| `{route}` |" in page("api.md")
    example = re.escape(route).replace(r"\{id\}", r"[a-z]+_[0-9a-z]{26}").replace(r"\{attempt\}", r"\d+")
    example += r"(\?\S+)?\n"
    assert re.search(f"^{example}", page("api.md"), re.MULTILINE), f"no example of {route}"


def test_no_route_is_described_that_is_not_there():
    """A route that is gone leaves the guide too."""
    listed = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", page("api.md"), re.MULTILINE))
    assert listed == {f"{operation.method} {operation.path}" for operation in OPERATIONS}


def test_error_codes_are_those_of_the_api():
    """Each code has its row, with its status and its meaning, and there is no other."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*) \|$", page("errors.md"), re.MULTILINE)
    assert {code: (int(status), meaning) for code, status, meaning in rows} == dict(CODES)


@pytest.mark.parametrize("reason", FinalReason)
def test_why_a_call_is_over_is_described(reason):
    """Each reason has its row."""
    assert f"\n| `{reason}` | " in page("api.md")


def test_settings_of_the_simulator_are_those_it_takes():
    """Each setting has its row, and there is no other."""
    table = page("simulator.md").partition("## Settings")[2].partition("\n`never_share`")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(SimulatorSettings.__dataclass_fields__)


def test_settings_of_a_sip_trunk_are_those_it_takes():
    """Each setting has its row with its default, and there is no other."""
    table = page("carriers.md").partition("## Settings")[2].partition("\nA trunk that")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", table, re.MULTILINE)
    wanted = SipSettings("none: it must be given").as_json()
    assert [name for name, _ in rows] == list(wanted)
    assert {name: default.strip("`") for name, default in rows} == {
        name: default if isinstance(default, str) else json.dumps(default) for name, default in wanted.items()
    }


def test_examples_of_sip_trunks_are_taken():
    """A trunk, or its settings alone."""
    shown = re.findall(r"^```json\n(.*?)```$", page("carriers.md"), re.MULTILINE | re.DOTALL)
    for example in map(json.loads, shown):
        assert parse_sip_settings(example.get("settings", example))


def test_reasons_of_an_import_are_those_it_gives():
    """Each reason has its row with its message, and there is no other."""
    table = page("import.md").partition("## Reasons")[2].partition("## Limits")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)) == dict(MESSAGES)


def test_events_are_those_that_happen():
    """Each event has its row on the operator's page, and there is no other."""
    table = page("operate.md").partition("## The log")[2].partition("## Watching")[0]
    known = {event.__name__ for event in get_args(events.Event)}
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", table, re.MULTILINE)) == known


@pytest.mark.parametrize("path", FRONT, ids=lambda path: path.name)
def test_make_targets_that_are_named_are_there(path):
    """What the front pages tell to make, the Makefile makes."""
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text(path), re.MULTILINE))
    assert named <= targets


def test_commands_of_the_readme_are_there():
    """Each `ringback ...` that the README types is a command, with options that it has."""
    known = {name: {opt for param in sub.params for opt in param.opts} for name, sub in commands()}
    typed = re.findall(r"^(?:\$ )?(ringback [a-z].*(?:\\\n.*)?)$", text(ROOT / "README.md"), re.MULTILINE)
    assert typed
    for line in typed:
        name = next(name for name in known if line.startswith(name))
        line_of_options = line.partition("#")[0].partition("'")[0]
        assert set(re.findall(r"--[a-z-]+", line_of_options)) <= known[name], line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    """Each link to a file leads to one, and each to a heading leads to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text(path)):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        if heading:
            assert heading in headings(found), target


def headings(path: Path) -> set[str]:
    """What a link may name after its #."""
    lines = re.findall(r"^#+ (.*)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_are_of_no_one_machine(path):
    """No page names a folder of somebody's machine, nor the host of a package registry."""
    hosts = re.findall(r"pyp[i]\.org|pythonhoste[d]\.org|anacond[a]\.org|npmj[s]", text(path))
    places = re.findall(r"(?<![\w.])/(?:home|root|work|tmp|opt|Users|mnt)/\S*", text(path))
    assert not places
    assert not hosts


def test_figures_of_the_readme_are_those_of_the_bench():
    """The README quotes rows of docs/benchmarks.md; after a new run, copy them anew."""
    quoted = re.findall(
        r"^\| ((?:engine|peers|nodes|lateness|backlog|memory|caps|import|history read): [^|]*) \| ([^|]*) \|$",
        text(ROOT / "README.md"),
        re.MULTILINE,
    )
    assert quoted
    for name, measured in quoted:
        assert f"| {name} | {measured} |" in page("benchmarks.md")


def test_decisions_are_numbered_and_a_page_each():
    """Numbers count up without a gap, and each page says what was decided and what was refused."""
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:3]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        assert "**Decided.**" in text(file)
        assert "**Refused.**" in text(file)
        assert len(text(file).splitlines()) <= LONGEST_DECISION


def test_help_names_each_command():
    """The program's own help has the commands of the pages."""
    shown = output("--help")
    for name, _ in commands():
        assert f"  {name.split()[1]} " in shown


def output(*arguments: str) -> str:
    """What the program prints."""
    command = [sys.executable, "-m", "ringback", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_version_has_its_entry_in_the_changelog():
    """The release that is being built is in the changelog."""
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    assert f"## {output('version').strip()}" in text(ROOT / "CHANGELOG.md")
    assert project["license"] in text(ROOT / "README.md")
