import csv
from pathlib import Path

import openpyxl
from scripts import make_examples

from ringback.domain.phone import parse_number
from ringback.intake.leads import read_leads

EXAMPLES = Path(__file__).parents[1] / "examples" / "leads.csv"


def test_the_example_leads_are_valid_and_cover_the_world():
    """Distinct numbers, with the library's own examples of every region among them."""
    chunks = list(read_leads(EXAMPLES))
    numbers = [lead.e164 for chunk in chunks for lead in chunk.leads]
    assert not any(chunk.rejects for chunk in chunks)
    assert len(set(numbers)) == len(numbers) >= 2_000
    dialable = {number for number in make_examples.example_numbers() if parse_number(number).zones}
    assert dialable == make_examples.example_numbers() & set(numbers)
    assert len(dialable) > 450


def test_the_example_leads_are_what_the_script_writes(tmp_path):
    """The same seed makes the same file, as CSV and as a workbook."""
    lines = list(make_examples.leads_of(200, make_examples.SEED))
    with EXAMPLES.open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)][1:201] == lines
    assert make_examples.write_workbook(tmp_path / "leads.xlsx", iter(lines)) == 200
    book = openpyxl.load_workbook(tmp_path / "leads.xlsx")
    assert book.active.max_row == 201
