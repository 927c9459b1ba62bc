import json

from typer.testing import CliRunner

from ringback.cli import app
from ringback.config import RULES_DIR
from ringback.errors import NotFound

RUN = CliRunner()


def test_packs_are_listed(monkeypatch):
    """Each version with the day from which it is in force."""
    monkeypatch.delenv(RULES_DIR, raising=False)
    result = RUN.invoke(app, ["rules", "list"])
    assert result.exit_code == 0
    assert "us-fl@2026.1       from 2026-01-01  Florida: commercial telephone solicitation\n" in result.stdout


def test_a_broken_file_is_told(monkeypatch, tmp_path):
    """Beside the packs that are none the worse for it; the exit code says so too."""
    (tmp_path / "house@2026.1.toml").write_text("pack = ")
    monkeypatch.setenv(RULES_DIR, str(tmp_path))
    result = RUN.invoke(app, ["rules", "list"])
    assert result.exit_code == 1
    assert "us-fl@2026.1" in result.stdout
    assert "error: house@2026.1.toml: Invalid value" in result.stderr
    told = json.loads(RUN.invoke(app, ["rules", "list", "--json"]).stdout)
    assert [file["name"] for file in told["faulty"]] == ["house"]
    assert "us-fl" in {pack["name"] for pack in told["data"]}


def test_a_pack_is_shown(monkeypatch):
    """Each clause with what it asks for, where it is written and what is in doubt; then what is not covered."""
    monkeypatch.delenv(RULES_DIR, raising=False)
    shown = RUN.invoke(app, ["rules", "show", "us-federal"]).stdout
    assert "solicitation-hours: Mon-Sun 08:00-21:00\n" in shown
    assert "seven-in-seven: at most 7 dials in 7 days, by debt\n" in shown
    assert "after-a-conversation: none for 7 days after a conversation, by debt\n" in shown
    assert "  citation   12 CFR 1006.14(b)(2)(i)(A) (regulation), from 2021-11-30\n" in shown
    assert "(not confirmed)\n" in shown
    assert "\nnot covered:\n  - " in shown
    (pack,) = json.loads(RUN.invoke(app, ["rules", "show", "us-federal@2026.1", "--json"]).stdout)
    assert (pack["name"], pack["version"]) == ("us-federal", "2026.1")


def test_a_pack_that_ends_and_one_that_states(monkeypatch, tmp_path):
    """The last day is shown, and a clause that only states something says so."""
    (tmp_path / "house@2026.1.toml").write_text(
        """
pack = "house"
version = "2026.1"
effective_from = 2026-01-01
title = "A house"
not_covered = []
[[clause]]
id = "once"
text = "Said once."
citation = "House rules"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-01-01
effective_until = 2026-12-31
applies_to = { countries = ["DE"] }
[[clause]]
id = "seldom"
text = "Seldom."
citation = "House rules"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-01-01
applies_to = { countries = ["DE"] }
frequency = { most = 1, within = "90m", per = "number" }
"""
    )
    monkeypatch.setenv(RULES_DIR, str(tmp_path))
    shown = RUN.invoke(app, ["rules", "show", "house"]).stdout
    assert "once: nothing that is kept by not dialling\n  for        every purpose; DE\n" in shown
    assert "from 2026-01-01 until 2026-12-31\n" in shown
    assert "seldom: at most 1 dial in 90 minutes, by number\n" in shown


def test_a_pack_that_is_not_there_is_refused():
    """With where to look."""
    result = RUN.invoke(app, ["rules", "show", "us-fl@2020.1"])
    assert isinstance(result.exception, NotFound)
    assert str(result.exception) == "there is no rule pack us-fl@2020.1: see ringback rules list"
