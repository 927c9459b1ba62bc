from pathlib import Path

import pytest
from scripts import diagrams

from ringback.domain.outcome import EndReason

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["states.md", "outcomes.md"])
def test_the_page_is_the_one_the_script_makes(name):
    """The diagrams and the outcomes in docs/ are those of the tables; `python scripts/diagrams.py` mends them."""
    assert (DOCS / name).read_text(encoding="utf-8") == diagrams.pages()[name]


def test_every_page_of_the_script_is_held():
    """A page that the script learns to make joins the test above."""
    assert set(diagrams.pages()) == {"states.md", "outcomes.md"}


def test_the_script_writes_its_pages(tmp_path, monkeypatch, capsys):
    """Running the script writes each page and says so."""
    monkeypatch.setattr(diagrams, "DOCS", tmp_path)
    diagrams.main()
    assert {page.name: page.read_text(encoding="utf-8") for page in tmp_path.iterdir()} == diagrams.pages()
    assert capsys.readouterr().out == "wrote docs/states.md\nwrote docs/outcomes.md\n"


def test_every_end_reason_has_its_row():
    """No way for an attempt to end is left out of the table."""
    page = diagrams.pages()["outcomes.md"]
    assert all(page.count(f"\n| `{reason}` |") == 1 for reason in EndReason)
