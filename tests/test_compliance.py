import tomllib

import pytest
from scripts import compliance

from ringback.rules.parse import parse_pack

TEXT = compliance.PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_packs_as_they_are():
    """`python scripts/compliance.py` mends it."""
    assert compliance.page(TEXT) == TEXT


def test_the_script_writes_the_page(tmp_path, monkeypatch, capsys):
    """What stands around the tables is left as it is."""
    monkeypatch.setattr(compliance, "PAGE", tmp_path / "compliance.md")
    compliance.PAGE.write_text(f"before\n{compliance.BEGIN}\nas it was\n{compliance.END}\nafter\n", encoding="utf-8")
    compliance.main()
    assert capsys.readouterr().out == "wrote docs/compliance.md\n"
    written = compliance.PAGE.read_text(encoding="utf-8")
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "as it was" not in written
    assert "| `three-a-day` | marketing; US-FL | at most 3 dials in 24 hours, by number |" in written


def test_the_example_of_a_pack_is_one():
    """Whoever copies it begins with something that parses."""
    example = TEXT.partition("```toml\n")[2].partition("```")[0]
    assert parse_pack(tomllib.loads(example), "us-md", "2026.1").label == "us-md@2026.1"


@pytest.mark.parametrize("word", ["no legal advice", "not confirmed"])
def test_the_page_says_what_it_is_not(word):
    """It is what we read, and some of it we could not look up."""
    assert word in TEXT
