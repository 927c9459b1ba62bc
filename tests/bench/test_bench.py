import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = {
    "engine: attempts from intent to outcome": "at least 3,000 attempts/s",
    "engine: share of the bare SQL": "of bare",
    "engine: a claim in batches of at most 500, to its commit": "ms",
    "engine: a settlement in batches of at most 500, to its commit": "ms",
    "engine: CPU of its own process for 1,000 attempts": "bare: ",
    "engine: CPU of PostgreSQL for 1,000 attempts": "bare: ",
    "import: CSV of 3,000 leads": "at most 30 s",
    "import: CSV of 3,000 leads, resident memory at most": "at most 300 MB",
    "import: XLSX of 1,000 leads": "at most 10 s",
    "import: XLSX of 1,000 leads, resident memory at most": "MB",
    "history read: share of a bare handler, at 400 calls and 2,000 attempts": "at least 0.6 of bare",
    "history read: answers": "requests/s",
    "history read: time to answer at 4 connections, median": "bare: ",
    "history read: time to answer at 4 connections, 99 of 100 within": "bare: ",
    "history read: CPU of the server's process for 1,000 answers": "bare: ",
}


@pytest.mark.slow
def test_a_quick_bench_prints_every_figure():
    """Each figure stands beside its limit or its peer, small sizes are not judged, and the page stays as it is."""
    page = ROOT / "docs" / "benchmarks.md"
    before = page.read_bytes() if page.exists() else None
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "bench", "--quick"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in run.stdout.splitlines()]
    rows = {row[0]: " ".join(row[1:]) for row in cells if len(row) == 6}
    assert {name: beside in rows.get(name, "") for name, beside in FIGURES.items()} == dict.fromkeys(FIGURES, True)
    assert "not judged" in run.stdout
    assert " NO " not in run.stdout
    assert (page.read_bytes() if page.exists() else None) == before
